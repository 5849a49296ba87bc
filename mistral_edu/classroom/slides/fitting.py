"""What fits on a slide of 1280 by 720, by rules that need no browser. Too much for one goes on to the next.

Heights are estimates in pixels, on the safe side for the usual fonts; deck.css has the sizes of letters.
"""
import math
import re
from dataclasses import dataclass, replace

from mistral_edu.classroom.slides.prose import sentences

ACROSS, ROOM = 1192, 556                     # below the heading, above the footer
GAP = 22                                     # below each part
MONO, MONO_LARGEST = 24, 34                  # size of the letters of code and output
WIDEST = 105                                 # such letters in a line, where deck.js makes them narrower by a quarter
# Height of a line, and letters in one, of each kind of text.
LINES = {"prose": (42, 70), "list": (42, 67), "plan": (45, 90), "idea": (50, 58), "question": (50, 58),
         "result": (54, 50), "key": (56, 50)}
MARKS = re.compile(r"[*`${}^_]|\\\w+")         # what Markdown and formulas are written with, and nobody sees


@dataclass(frozen=True)
class Part:
    """Something on a slide.

    kind: plan, idea, prose, key (a sentence in bold), list, table, formula, code, output, picture, question or result.
    text: Markdown, code, or a png in base64. more: the choices of a question; of a picture its description, and its
    caption where it has one.
    """
    kind: str
    text: str
    more: tuple = ()


@dataclass(frozen=True)
class Slide:
    """heading and notes: Markdown. notes: what the page says here, for the speaker. opens: begins a section."""
    heading: str
    parts: tuple
    notes: str = ""
    opens: bool = False


def height(part: Part, mono: int = MONO) -> int:
    """So many pixels high, at most, with the gap below it. mono: the size of letters of code and output.

    >>> height(Part("output", "one\\ntwo")), height(Part("prose", "Short."))
    (98, 64)
    """
    if part.kind in ("code", "output"):
        return round((part.text.count("\n") + 1) * mono * 1.167) + 20 + GAP
    if part.kind == "picture":
        return ROOM + GAP
    if part.kind == "table":
        return sum(map(_row, part.text.split("\n"))) + GAP
    if part.kind == "formula":
        return 66 + 50 * bool(re.search(r"frac|sum|sqrt", part.text)) + GAP
    line, letters = LINES[part.kind]
    lines = sum(math.ceil(len(MARKS.sub("", item)) / letters) for item in items(part.text))
    choices = math.ceil((sum(map(len, part.more)) + 6 * len(part.more)) / 70)
    return line * lines + 76 * choices + 10 * (len(items(part.text)) if part.kind == "list" else 0) + GAP


def room_below(heading: str) -> int:
    """What a heading of one line, or of more, leaves for the parts below it."""
    return ROOM - 46 * (math.ceil(len(heading) / 58) - 1)


def total(parts, mono: int = MONO) -> int:
    """How high they are, one below the other."""
    return sum(height(part, mono) for part in parts) - GAP


def letters(parts, room: int = ROOM) -> int:
    """The size of letters of code and output with which these parts just fill a slide, within limits."""
    widest = max((len(line) for part in parts if part.kind in ("code", "output") for line in part.text.split("\n")),
                 default=0)
    sizes = [mono for mono in range(MONO, MONO_LARGEST + 1) if total(parts, mono) <= room
             and widest * mono * 0.61 <= ACROSS - 40]
    return max(sizes, default=MONO)


def _row(line):
    """A row of a table, whose columns are taken to be of one width."""
    cells = line.strip("|").split("|")
    if set(line) <= set("|-: "):
        return 0
    return 32 * max(math.ceil(len(cell.strip()) * len(cells) / 78) for cell in cells) + 12


def items(text: str) -> list:
    """Of a list, with their continuation lines; other text is one item."""
    return re.split(r"\n(?=- |\d+\. )", text)


def fit(heading: str, parts, notes: str = "", opens: bool = False) -> list:
    """The slides that these parts take, all with this heading; the notes go to the first.

    A part that does not fit below the others begins a slide, and one that is too high by itself is cut: prose between
    sentences, lists between items, tables between rows (their head is repeated), code between lines.
    """
    slides, room = [[]], room_below(heading)
    for part in (piece for whole in parts for piece in cut(whole, room)):
        if slides[-1] and total([*slides[-1], part]) > room:
            slides.append([])
        slides[-1].append(part)
    return [Slide(heading, tuple(each), notes if n == 0 else "", opens and n == 0) for n, each in enumerate(slides)]


def cut(part: Part, room: int = ROOM) -> list:
    """The part itself if there is room for it, otherwise the fewest pieces of about one size."""
    pieces, glue, head = _pieces(part)
    parts = [part]
    for n in range(1, len(pieces) + 1):
        size = math.ceil(len(pieces) / n)
        parts = [replace(part, text=head + glue.join(pieces[start:start + size]))
                 for start in range(0, len(pieces), size)]
        if max(map(height, parts)) - GAP <= room:
            return parts
    return parts                             # one piece is higher than a slide: deck.js makes the slide smaller


def _pieces(part):
    """(what it may be cut into, what joins them, what each piece begins with)"""
    if part.kind in ("code", "output"):
        return part.text.split("\n"), "\n", ""
    if part.kind == "table":
        lines = part.text.split("\n")
        return lines[2:], "\n", "\n".join(lines[:2]) + "\n"
    if part.kind == "list":
        return items(part.text), "\n", ""
    if part.kind == "prose":
        return sentences(part.text), " ", ""
    return [part.text], "", ""
