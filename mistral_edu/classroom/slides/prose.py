"""A page's Markdown taken apart: into blocks, into sentences, and down to the sentences that state the idea."""
import re
import textwrap

IDEA = 50                                                # words
BOLD = re.compile(r"\*\*([^*]+)\*\*")
BARE = 30                                                # a question of fewer words needs the paragraph above it
CALL = re.compile(r"\*\*[^*\s]+(?:\s[^*\s]+){0,3}[.:]\*\*\s*")      # what a paragraph is called: **Predict first:**
ASKS = re.compile(r"\*\*([^*]*(?:redict|From )[^*]*)[.:]\*\*\s*")          # **Predict first:** or **From notebook 11.**
LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:)[^)]+\)")      # to another file of the course, which a deck does not have
# Where no sentence ends: in code, formulas, bold, quotations, parentheses (one level inside others), abbreviations.
WHOLE = re.compile(r"`[^`]+`|\$[^$]+\$|\*\*[^*]+\*\*|\"[^\"]+\"|\((?:[^()]|\([^()]*\))*\)|\b(?:et al|e\.g|i\.e|vs)\.")
END = re.compile(r"(?<=[.?!])[*_)\"]*\s+(?=[*_(\[\"]*[A-Z0-9`$])")


def blocks(text: str) -> list:
    """(kind, text) for each block between empty lines. kind: prose, list, table, formula or code.

    >>> blocks("One\\nline.\\n\\n- a\\n- b\\n\\n$$x$$")
    [('prose', 'One line.'), ('list', '- a\\n- b'), ('formula', '$$x$$')]
    """
    pieces = re.findall(r"```.*?```|\$\$.*?\$\$|(?:(?!```|\$\$)[^\n]+\n?)+", unlinked(text), flags=re.S)
    return [_block(piece.rstrip()) for piece in pieces if piece.strip()]


def _block(piece):
    kinds = {"```": "code", "    ": "code", "$$": "formula", "|": "table", "- ": "list", "1. ": "list"}
    kind = next((kind for start, kind in kinds.items() if piece.startswith(start)), "prose")
    if kind == "code":
        return kind, re.sub(r"^```.*\n?", "", textwrap.dedent(piece), flags=re.M).rstrip()
    return kind, " ".join(piece.split()) if kind == "prose" else piece


def unlinked(text: str) -> str:
    """Without links to other files; links to the web stay.

    >>> unlinked("a [query](../docs/glossary.md#query) asks")
    'a query asks'
    """
    return LINK.sub(r"\1", text)


def sentences(text: str) -> list:
    """The sentences of a paragraph, as they are written.

    >>> sentences("Take $x. Y$ (see e.g. 3.5). `tiny` does. Vaswani et al. 2017 say so.")
    ['Take $x. Y$ (see e.g. 3.5).', '`tiny` does.', 'Vaswani et al. 2017 say so.']
    """
    covered = WHOLE.sub(_covered, text)
    cuts = [0, *(found.end() for found in END.finditer(covered)), len(text)]
    return [text[start:end].strip() for start, end in zip(cuts, cuts[1:]) if text[start:end].strip()]


def _covered(found):
    """The same length without a full stop, but for one that ends what is in bold, in quotes or in parentheses."""
    inner, close = re.fullmatch(r"(.*?)([.?!](?:\)|\*\*|\"))?", found[0], flags=re.S).groups()
    return "X" * len(inner) + (close or "")


def idea(text: str, words: int = IDEA) -> str:
    """The first sentences of a paragraph, as far as so many words go, but one at least. Asides in parentheses are left
    out.

    >>> idea("It is short. (An aside.) It is clear. It goes on and on.", words=6)
    'It is short. It is clear.'
    """
    taken = []
    for sentence in sentences(text):
        if aside(sentence):
            continue
        if taken and len(" ".join([*taken, sentence]).split()) > words:
            break
        taken.append(sentence)
    return finished(" ".join(taken))


def aside(sentence: str) -> bool:
    """Whether it stands in parentheses as a whole."""
    return sentence.startswith("(") and sentence.endswith(")")


def finished(text: str) -> str:
    """A text cut before what its colon announced ends in a full stop."""
    return text[:-1] + "." if text.endswith(":") else text


def key_sentences(text: str) -> list:
    """The statements in which the page sets five words or more in bold.

    >>> key_sentences("**Predict first:** which one? Note: **shapes do not prove it right**. It is **late**.")
    ['Note: **shapes do not prove it right**.']
    """
    return [finished(sentence) for kind, block in blocks(text) if kind == "prose"
            for sentence in sentences(CALL.sub("", block))
            if "?" not in sentence and any(len(bold.split()) >= 5 for bold in BOLD.findall(sentence))]


def question(text: str) -> tuple:
    """(its name, the sentences that one has to know, the question) of the text above a prediction.

    >>> question("A cache keeps keys.\\n\\nIt holds 4. **Predict first:** how many come back? (Count.)")
    ('Predict first', ['A cache keeps keys.', 'It holds 4.'], 'How many come back?')
    """
    prose = [block for kind, block in blocks(text) if kind == "prose"] or ["?"]
    place = max((n for n, block in enumerate(prose) if ASKS.search(block)), default=len(prose) - 1)
    above, name, asked = ASKS.split(prose[place], maxsplit=1) if ASKS.search(prose[place]) else \
        ("", "Predict first", prose[place])
    said = [*sentences(above), *sentences(asked[:1].upper() + asked[1:])]
    last = max((n for n, sentence in enumerate(said) if "?" in sentence and not aside(sentence)),
               default=len(said) - 1)
    known = said[:last]
    above = prose[place - 1] if place else ""
    if len(" ".join(said).split()) < BARE and not above.endswith(":"):
        known = [*ending(above), *known]
    return name, known, said[last]


def ending(text: str, words: int = IDEA) -> list:
    """The last sentences of a paragraph, as far as so many words go."""
    taken: list = []
    for sentence in reversed(sentences(text)):
        if aside(sentence):
            continue
        if len(" ".join([sentence, *taken]).split()) > words:
            break
        taken.insert(0, sentence)
    return taken
