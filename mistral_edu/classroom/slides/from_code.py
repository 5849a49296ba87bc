"""Slides of a code cell: of its code, what it printed, its pictures, or of the prediction that it is about."""
import ast
import re
from dataclasses import replace

from mistral_edu.classroom.slides.deck import Deck
from mistral_edu.classroom.slides.fitting import Part
from mistral_edu.classroom.slides.from_text import paragraphs
from mistral_edu.classroom.slides.outputs import OUTCOME, as_parts, live, outputs_of
from mistral_edu.classroom.slides.prose import question, sentences

SHORT = 15                                               # lines of code
SUMMARY = "numbers"                                      # the id of the cell that a page ends in
STUB, OPEN = "NotImplementedError", "○ "                 # an exercise, and what is printed where one was not begun
DEFINES = re.compile(r"^(def|class) ", flags=re.M)


def take_code(deck: Deck, cell, source: str, whole: bool = False) -> None:
    """Add its slides. whole: the cell with all of its outputs, not only what the rules take."""
    deck.explains = False
    calls = calls_of(source)
    pictures, printed = outputs_of(cell)
    if whole:
        deck.add([Part("code", source), *pictures, *as_parts(printed)])
    elif source.startswith("import mistral_edu"):
        return
    elif calls.keys() & {"check", "hint"} or STUB in source or OPEN in printed:
        return                                           # the task of an exercise is a slide already
    elif "predict" in calls:
        _question(deck, calls["predict"])
    elif "outcome" in calls:
        _result(deck, pictures, printed)
    elif "course_map" in calls:
        deck.add([replace(part, more=part.more[:1]) for part in pictures])     # without its caption
    elif pictures:
        for part in pictures:
            deck.add([part])
        if live(cell):
            deck.note(f"In the notebook this picture is live: {live(cell)}.")
        deck.add(as_parts(printed))
    elif cell.get("id") == SUMMARY:
        deck.add(as_parts(printed), "What this notebook ends in")
    else:
        _code(deck, source, printed)


def calls_of(source: str) -> dict:
    """The calls in a cell, by the name that is called; none where it is not Python, but a %%magic with text."""
    try:
        tree = ast.parse(re.sub(r"^%(?!%).*$", "", source, flags=re.M))
    except SyntaxError:
        return {}
    return {node.func.id: node for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def _question(deck, call):
    """The question above a prediction, and its choices."""
    label = str(getattr(call.args[0], "value", "")) if call.args else ""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "choices"), None)
    choices = tuple(str(one.value) for one in getattr(given, "elts", ()) if isinstance(one, ast.Constant))
    deck.choices[label] = choices
    name, known, asked = question(deck.text)
    known = " ".join(sentence for sentence in known if not deck.said(sentence))
    deck.add([*([Part("prose", known)] if known else []), Part("question", asked, choices)], f"{label} {name}")
    deck.text = ""


def _result(deck, pictures, printed):
    """What a cell with an outcome prints, and the outcome by itself, beside the choices that there were."""
    for part in pictures:
        deck.add([part])
    found = OUTCOME.search(printed)
    if not found:                                        # the cell was not run
        deck.add(as_parts(printed))
        return
    label, value = found[1], " ".join(found[2].split())
    deck.add([*as_parts(OUTCOME.sub("", printed)), Part("result", value, deck.choices.get(label, ()))],
             f"{label} The result")
    deck.explains = True


def _code(deck, source, printed):
    """Short code with what it prints; above it the sentence that leads to it, if all of this fits on a slide."""
    above, deck.text = deck.text, ""
    if source.count("\n") >= SHORT or not (printed or above and DEFINES.search(source)):
        deck.add(as_parts(printed))
        return
    parts = [Part("code", source), *as_parts(printed)]
    lead = sentences(paragraphs(above)[-1])[-1] if above.endswith(":") and paragraphs(above) else ""
    if lead.count(" ") >= 3 and not deck.said(lead) and deck.fits([Part("prose", lead), *parts]):
        parts.insert(0, Part("prose", lead))
    deck.add(parts)
