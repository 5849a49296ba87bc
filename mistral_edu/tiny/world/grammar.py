"""A grammar in a line: "[One day|Once] {n} saw [a fox|an owl[ and a frog|]]." says one of several sentences.

    [a|b|]      one of the alternatives, which may be empty and may hold further brackets
    {slot}      the slot's text
    %name       a macro: a template that several templates share

Templates are parsed once. Every bracket has a number, and a `pick(number, n)` chooses one of its n alternatives, so
the same picks tell a story again with other slots, and a story-teller can let the wishes decide (see `stories.py`).
"""
import re
from functools import lru_cache

MACROS = {}  # name -> template; modules add theirs


class Text(str):
    """A piece of a template to be said as it is."""


class Slot(str):
    """A piece of a template to be looked up."""


class Choice:
    """A bracket: its number in the template, and the alternatives, each a list of pieces."""

    def __init__(self, number, options):
        self.number, self.options, self.n = number, options, len(options)


def expand(template: str) -> str:
    """Put the macros in, longest name first; macros may hold macros."""
    names = sorted(MACROS, key=len, reverse=True)
    while "%" in template:
        before = template
        for name in names:
            template = template.replace("%" + name, MACROS[name])
        if template == before:
            raise ValueError(f"no such macro: {template[template.index('%'):][:20]!r}; there are {names}")
    return template


@lru_cache(None)
def parse(template: str) -> list:
    """A template as a list of Text, Slot and Choice.

    Raises ValueError when brackets do not match or a macro is unknown.
    """
    parts = re.findall(r"[\[\]|]|\{\w+\}|[^\[\]|{}]+", expand(template))
    if "".join(parts) != expand(template):
        raise ValueError(f"a brace that belongs to no slot in {template!r}")
    count = iter(range(len(parts)))

    def options(i, inside):
        """Read alternatives from part i on, to the closing bracket or the end. Returns them and where they end."""
        found = [[]]
        while i < len(parts) and not (inside and parts[i] == "]"):
            part = parts[i]
            if part == "[":
                number = next(count)
                inner, i = options(i + 1, True)
                found[-1].append(Choice(number, inner))
            elif part == "|" and inside:
                found.append([])
            elif part in "]|":
                raise ValueError(f"{part!r} outside of brackets in {template!r}")
            else:
                found[-1].append(Slot(part[1:-1]) if part[0] == "{" else Text(part))
            i += 1
        if inside and i == len(parts):
            raise ValueError(f"a bracket stays open in {template!r}")
        return found, i

    return options(0, False)[0][0]


def by_chance(r):
    """A `pick` that leaves every choice to the random generator r."""
    random = r.random
    return lambda number, n: int(random() * n)


def fill(pick, template: str, slots: dict) -> str:
    """Say a template without tidying: `pick(number, n)` chooses, the slots fill."""
    said = []

    def walk(pieces):
        for piece in pieces:
            kind = type(piece)
            if kind is Text:
                said.append(piece)
            elif kind is Slot:
                said.append(slots[piece])
            else:
                walk(piece.options[pick(piece.number, piece.n)])

    walk(parse(template))
    return "".join(said)


def say(r, template: str, slots: dict) -> str:
    """Say a template: r is a random.Random, or a `pick(number, n)` of your own.

    >>> import random
    >>> say(random.Random(0), "[there|here] was a {what}  by {place}", {"what": "owl", "place": "the river"})
    'Here was an owl by the river'
    """
    return tidy(fill(r if callable(r) else by_chance(r), template, slots))


A_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aiAI]|[eE](?!u|w)|[oO](?!ne\b)|[uU](?!ni[a-z]|ku|s[eu])|hou?r\b|honest)")
SENTENCE_START = re.compile(r'(^"?|[.!?:] "|[.!?] |\." |\n)([a-z])')
BLANKS = re.compile(r"  +")


def tidy(text: str) -> str:
    """Single spaces, "an" before a vowel, and a capital where a sentence begins.

    After a quotation that ends in "!" or "?" the sentence may go on ('"Oh!" said the fox'), so that word stays.

    >>> tidy('the fox  saw a owl. "a apple!" said it. it ate a unicycle.')
    'The fox saw an owl. "An apple!" said it. It ate a unicycle.'
    """
    if "  " in text:
        text = BLANKS.sub(" ", text)
    text = A_BEFORE_VOWEL.sub(r"\1n ", text.strip())
    return SENTENCE_START.sub(lambda m: m[1] + m[2].upper(), text)


def cap(text: str) -> str:
    """The first letter as a capital, the rest as it is (str.capitalize would make the rest lower case).

    >>> cap("the house of Mia")
    'The house of Mia'
    """
    return text[:1].upper() + text[1:]


def listed(items: list[str]) -> str:
    """
    >>> listed(["a cat", "a dog", "Mia"])
    'a cat, a dog and Mia'
    """
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def vary(r, question: str) -> str:
    """The question as people type it: mostly unchanged, else in lower case, without a full stop, or politely."""
    x = r.random()
    if x < 0.76:
        return question
    if x < 0.88:
        question = question.lower()
    if 0.82 < x < 0.94:
        question = question.rstrip(".?!")
    if x > 0.91:
        head = r.choice(("Please ", "please ", "Hi! ", "Hello! ", "Good day! ", "Hey, ", "Hi, ", "hi ", "Ok, ", "Oh, "))
        question = head + (question if head.endswith("! ") else question[:1].lower() + question[1:])
    elif x > 0.89:
        question = question.rstrip(".?!") + r.choice((", please.", " please", "!", "...", " :)", "??"))
    return question
