"""Slides of a Markdown cell, or of the part of one that begins with a heading."""
import re

from mistral_edu.classroom.slides.deck import Deck
from mistral_edu.classroom.slides.fitting import Part
from mistral_edu.classroom.slides.prose import CALL, blocks, idea, key_sentences, sentences

MINUTES = re.compile(r" \((\d+ minutes?)\b[^)]*\)$")     # at the end of a section's heading
NAME = re.compile(r"\*\*([^*]{1,40})\*\*[,.:]")          # what a list is called: **Terms you need**, each with ...


def take_text(deck: Deck, source: str, whole: bool = False) -> None:
    """Add its slides. whole: all of it, not only what the rules take."""
    first, _, rest = source.partition("\n")
    level = len(first) - len(first.lstrip("#"))
    title, text = (first.lstrip("# "), rest.strip()) if level else ("", source)
    explains, deck.explains = deck.explains, False
    if level in (1, 2):
        deck.heading, deck.opens = MINUTES.sub("", title), True
    if level == 2:
        deck.sections.append(title)
    if whole or level == 3:                                  # ### is an exercise
        deck.add([Part(*block) for block in blocks(text)], title if level == 3 else None, notes=text)
    elif level == 1:
        _title(deck, text)
    elif level == 2:
        _section(deck, text)
    elif text.startswith("**Next:**"):
        _next(deck, text)
    else:
        if explains and paragraphs(text):
            deck.extend([Part("prose", idea(paragraphs(text)[0]))])
        deck.note(text)
        _structured(deck, text)
    deck.text = text


def paragraphs(text: str) -> list:
    """The blocks of prose in a text."""
    return [block for kind, block in blocks(text) if kind == "prose"]


def _title(deck, text):
    """The page's own first paragraph, what its reader ends with, and its minutes."""
    parts = [Part("prose", idea(paragraph)) for paragraph in paragraphs(text)[:1]]
    if deck.ends:
        parts.append(Part("prose", f"**You end with** {deck.ends}."))
    if minutes := re.search(r"takes about (\d+ minutes)", text):
        parts.append(Part("prose", f"{minutes[1]}, with the exercises"))
    deck.add(parts or [Part("prose", "")], notes=text)


def _section(deck, text):
    """The idea of a section: how its first paragraph begins, unless that is a question."""
    kind, first = (blocks(text) or [("", "")])[0]
    if kind == "prose" and not CALL.match(first):
        deck.add([Part("idea", idea(first))], notes=text)
        _structured(deck, text, joins=True)
    else:
        _structured(deck, text)
        deck.note(text)


def _structured(deck, text, joins=False):
    """Each formula, table and list, with the sentences beside it, and each sentence in bold.

    joins: the first of them goes onto the slide before, if it fits there.
    """
    page = blocks(text)
    for before, (kind, block), after in zip([("", ""), *page], page, [*page[1:], ("", "")]):
        if kind == "prose":
            continue
        lead = sentences(before[1])[-1] if before[0] == "prose" else ""
        named = NAME.match(lead)
        tail = [Part("prose", sentences(after[1])[0])] if (kind, after[0]) == ("formula", "prose") else []
        parts = [*([Part("prose", lead)] if lead and not named else []), Part(kind, block), *tail]
        if joins and deck.fits([*deck.slides[-1].parts, *parts]):
            deck.extend(parts)
        else:
            deck.add(parts, named and named[1])
        joins = False
    for sentence in key_sentences(text):
        if not deck.said(sentence):
            deck.add([Part("key", sentence)])


def _next(deck, text):
    """What comes after this page. Where the solutions are is nothing for a slide."""
    said = sentences(CALL.sub("", blocks(text)[0][1]))
    said = " ".join(sentence for sentence in said if "solution" not in sentence)
    deck.add([Part("idea", said[:1].upper() + said[1:])], "What comes next")
