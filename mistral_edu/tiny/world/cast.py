"""Who and what a text is about: heroes, companions, things and places, both known and never heard of before.

    roles   n hero, a companion, o thing, c its colour, p place, h friend (always a child of the village)

`cast(r)` draws them all from the village; `cast(r, new="ao")` lets the companion and the thing come from the open
vocabulary. The result knows how the grammar may speak of each (slots), how to ask for it, and which words a story that
was asked for it must contain.
"""
from typing import NamedTuple

from mistral_edu.tiny.world.grammar import cap
from mistral_edu.tiny.world.words import (
    ADJECTIVES,
    ANIMALS,
    BOYS,
    COLOURS,
    CREATURES,
    DAYS,
    FAMILY,
    FEARS,
    FOODS,
    GIRLS,
    GUEST_PLACES,
    MEN,
    NEW_BOYS,
    NEW_COLOURS,
    NEW_GIRLS,
    OBJECTS,
    PEOPLE,
    PLACES,
    THINGS,
    TRAITS,
    WEATHER,
    WOMEN,
    made_up,
    new_name,
)

FORMS = {"she": ("she", "her", "her"), "he": ("he", "his", "him"), "it": ("it", "its", "it")}


class Role(NamedTuple):
    """Somebody or something that a story is about, and that one may ask for."""
    ask: str           # "a fox", "my uncle", "a red ball", "the river"
    words: list        # what a story that was asked for it must contain
    decides: str       # what the choices of the story-teller depend on (see stories.py)
    slots: dict


def being(role: str, one: str, the: str, he: str) -> dict:
    """Slots of a being: "a fox", then "the fox", then "it".

    The hero's pronouns are {he}, {his}, {him}; those of others begin with the letter of the role.
    """
    who, mark = ("who" if role == "n" else role + "n"), ("" if role == "n" else role)
    slots = {who: one, cap(who): cap(one), role: the, cap(role): cap(the)}
    for form, word in zip(("he", "his", "him"), FORMS[he]):
        slots[mark + form], slots[cap(mark + form)] = word, cap(word)
    return slots


def initial(words: str) -> str:
    """A new word has no habits of its own: all words that begin with the same letter share theirs."""
    return words[0].lower()


def child(r, role: str, new=False, unlike=(), girl=None) -> Role:
    """A girl or a boy of the village, or one who is new there."""
    girl = r.random() < 0.5 if girl is None else girl
    name = new_name(r, NEW_GIRLS if girl else NEW_BOYS) if new else r.choice(GIRLS if girl else BOYS)
    while name in unlike:
        name = r.choice(GIRLS if girl else BOYS)
    kid = "girl" if girl else "boy"
    slots = being(role, name, name, "she" if girl else "he")
    if role == "n":
        adjective = r.choice(("", "", "little ", "young ", r.choice(TRAITS) + " "))
        slots.update(hero=name, kid=f"a {adjective}{kid}", noun=kid, opening="named")
    ask = name if r.random() < 0.9 else f"a {kid} called {name}"
    return Role(ask, [name], initial(name) if new else name, slots)


def stranger(r) -> tuple[str, str]:
    """A being from elsewhere, and its pronoun."""
    x = r.random()
    if x < 0.35:
        noun, he = made_up(r, two_words=0.25), r.choice(("it", "it", "it", "he", "she"))
    elif x < 0.65:
        noun, he = r.choice(CREATURES), "it"
    elif x < 0.82:
        noun, he = r.choice(PEOPLE), r.choice(("he", "she"))
    else:
        noun, he = r.choice([(w, "she") for w in WOMEN] + [(w, "he") for w in MEN])
    if " " not in noun and r.random() < 0.2:
        noun = f"{r.choice(ADJECTIVES)} {noun}"
    return noun, he


def relative(r) -> tuple[str, str]:
    """One of the family, and the pronoun."""
    noun = r.choice(list(FAMILY)) if r.random() < 0.7 else made_up(r)
    return noun, FAMILY.get(noun) or r.choice(("he", "she"))


def some_being(r, role: str, noun: str, he: str, named=None, decides=None) -> Role:
    """A hero or companion that is not a child: "a wizard", or "a wizard called Zubel", who is Zubel from then on."""
    one, the = f"a {noun}", f"the {noun}"
    slots = being(role, one, the if not named else named, he)
    words, ask = [noun], one
    if named:
        words, ask = [noun, named], f"{one} {'called' if r.random() < 0.7 else 'named'} {named}"
        slots.update(being(role, ask, named, he))
    if role == "n":
        slots.update(hero=ask, kid=one, noun=noun, opening="named" if named else "unnamed")
    return Role(ask, words, decides or initial(noun), slots)


def some_relative(r, role: str) -> Role:
    """"my uncle", or "my uncle Ravi", who is Ravi from then on."""
    noun, he = relative(r)
    name = new_name(r, NEW_GIRLS if he == "she" else NEW_BOYS) if r.random() < 0.3 else None
    ask = f"my {noun} {name}" if name else f"my {noun}"
    slots = being(role, ask, name or ask, he)
    if role == "n":
        slots.update(hero=ask, noun=noun, opening="family")
    return Role(ask, [noun, name] if name else [noun], initial(noun), slots)


def new_hero(r) -> Role:
    """A hero whom the village does not know."""
    x = r.random()
    if x < 0.36:
        return child(r, "n", new=True)
    if x < 0.42:
        title, he = r.choice((("Mr.", "he"), ("Mrs.", "she"), ("Captain", "he"), ("Aunt", "she"), ("Uncle", "he"),
                              ("Queen", "she"), ("King", "he"), ("Miss", "she"), ("Doctor", "she"), ("Sir", "he")))
        name = f"{title} {new_name(r, NEW_GIRLS if he == 'she' else NEW_BOYS)}"
        hero = being("n", name, name, he)
        hero.update(hero=name, kid="someone", noun="hero", opening="named")
        return Role(name, [name], initial(name), hero)
    if x < 0.57:
        return some_relative(r, "n")
    noun, he = stranger(r)
    name = None if x < 0.85 else r.choice(GIRLS + BOYS) if x < 0.9 else new_name(r)
    return some_being(r, "n", noun, he, name)


def hero(r, new: bool) -> Role:
    if new:
        return new_hero(r)
    if r.random() < 0.82:
        return child(r, "n")
    animal = r.choice(ANIMALS)
    name = r.choice(GIRLS + BOYS) if r.random() < 0.5 else None
    return some_being(r, "n", animal, "it", name, decides=animal)


def companion(r, new: bool, unlike=()) -> Role:
    if new and r.random() < 0.12:
        return some_relative(r, "a")
    if new:
        return some_being(r, "a", *stranger(r))
    animal = r.choice(ANIMALS)
    while animal in unlike:
        animal = r.choice(ANIMALS)
    return some_being(r, "a", animal, "it", decides=animal)


def thing(r, new: bool) -> Role:
    """The thing; asked for without its colour."""
    if not new:
        noun = r.choice(OBJECTS)
        return Role(f"a {noun}", [noun], noun, {"o": noun})
    noun = r.choice(THINGS) if r.random() < 0.55 else made_up(r, two_words=0.25)
    if " " not in noun and r.random() < 0.1:
        noun = f"{r.choice(ADJECTIVES)} {noun}"
    return Role(f"a {noun}", [noun], initial(noun), {"o": noun})


def colour(r, new: bool) -> Role:
    word = r.choice(COLOURS) if not new else r.choice(NEW_COLOURS) if r.random() < 0.6 else made_up(r, 0)
    return Role("", [word], initial(word) if new else word, {"c": word, "C": cap(word)})


def place(r, new: bool, second="", unlike=()) -> Role:
    """A place: {pl} is "the river", {p} "by the river"."""
    noun = r.choice(list(PLACES))
    while noun in unlike:
        noun = r.choice(list(PLACES))
    at = PLACES[noun]
    if new and r.random() < 0.55:
        noun = r.choice(list(GUEST_PLACES))
        at = GUEST_PLACES[noun]
    elif new:
        noun, at = made_up(r, two_words=0.25), "at"
    where = f"{at} the {noun}"
    slots = {"pl" + second: f"the {noun}", "p" + second: where, "P" + second: cap(where), "place" + second: noun}
    return Role(f"the {noun}", [noun], initial(noun) if new else noun, slots)


def cast(r, new="") -> tuple[dict, dict]:
    """Draws a whole cast. Returns the roles by their letter, and the slots of all of them together.

    new: the letters of the roles that come from the open vocabulary.
    """
    roles = {"n": hero(r, "n" in new)}
    name, noun = roles["n"].slots["n"], roles["n"].slots["noun"]
    roles["a"] = companion(r, "a" in new, unlike=(noun,))
    roles["o"] = thing(r, "o" in new)
    roles["c"] = colour(r, "c" in new)
    roles["p"] = place(r, "p" in new)
    roles["h"] = child(r, "h", unlike=(name,))
    fear = r.choice(FEARS)
    slots = dict(f=r.choice(FOODS), w=r.choice(WEATHER), day=r.choice(DAYS), fear=fear, Fear=cap(fear))
    slots.update(place(r, False, second="2", unlike=(roles["p"].slots["place"], "kitchen")).slots)
    for role in roles.values():
        slots.update(role.slots)
    return roles, slots


def thing_asked(roles: dict, with_colour: bool) -> Role:
    """How to ask for the thing, with or without its colour."""
    o, c = roles["o"], roles["c"]
    if not with_colour:
        return o
    words = f"{c.slots['c']} {o.slots['o']}"
    return Role(f"a {words}", [words], o.decides, {})
