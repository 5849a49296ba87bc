"""What is on the slides of a notebook, decided by rules from what its page has already.

    title                the heading, what you end with, minutes; then the sections and the map
    ## heading           the sentences that state the idea
    formula, table,      each, with the sentences beside it
      list
    words in bold        five or more: the sentence
    predict              the question, what one has to know for it, and its choices
    outcome              what the cell prints, the result, and the sentences that explain it
    picture              each, with its caption; its code stays on the page
    other code           up to 15 lines, with what it prints; of longer code, only what it prints; of code that prints
                         nothing, definitions that stand directly below text
    exercise             its title and its task

What no rule takes is for the speaker: it becomes notes of the slide before. The metadata that JupyterLab and RISE
write, {"slideshow": {"slide_type": "skip"}}, comes before all rules: skip leaves a cell out, notes makes it one for
the speaker, and slide, subslide or fragment shows the whole of it.
"""
import re

from mistral_edu.classroom.slides.deck import Deck
from mistral_edu.classroom.slides.fitting import Part, fit
from mistral_edu.classroom.slides.from_code import take_code
from mistral_edu.classroom.slides.from_text import take_text

WHOLE = ("slide", "subslide", "fragment")


def slides_of(notebook, ends: str = "") -> list:
    """The slides of a notebook, as its file has it. ends: what its reader has at the end."""
    deck = Deck(ends)
    for cell in notebook["cells"]:
        take(deck, cell)
    plan = fit("Sections", [Part("plan", "\n".join(deck.sections))]) if deck.sections else []
    return deck.slides[:1] + plan + deck.slides[1:]


def take(deck: Deck, cell) -> None:
    """Add the slides of one cell."""
    source = "".join(cell["source"]).strip()
    kind = cell.get("metadata", {}).get("slideshow", {}).get("slide_type", "-")
    if kind == "skip" or not source:
        return
    if kind == "notes":
        deck.note(source)
    elif cell["cell_type"] == "markdown":
        for piece in re.split(r"\n(?=#{1,3} )", source):
            take_text(deck, piece, whole=kind in WHOLE)
    elif cell["cell_type"] == "code":
        take_code(deck, cell, source, whole=kind in WHOLE)
