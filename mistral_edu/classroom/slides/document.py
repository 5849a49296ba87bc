"""Slides as one HTML file: everything is in it, down to the pictures, and nothing is asked of a network."""
import base64
import html
import math
import re
import struct
from pathlib import Path

from mistral_edu.classroom.slides.fitting import ACROSS, letters, room_below
from mistral_edu.classroom.slides.from_text import MINUTES
from mistral_edu.classroom.slides.prose import unlinked
from mistral_edu.course.markdown import as_html

HERE = Path(__file__).parent
KEYS = "→ and ← move, f fills the screen, d is for a dark room, b makes it black, n opens your notes"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, minimum-scale=1">
<title>{title}</title>
<style>
{css}</style>
<main>
{slides}
</main>
<script>
{js}</script>
</html>
"""


def document(slides, title: str) -> str:
    """The whole file. title: of the deck, in plain text; it also stands below every slide."""
    places = {slide.heading: n for n, slide in reversed(list(enumerate(slides, 1))) if slide.opens}
    shown = "\n".join(_slide(n, slide, len(slides), title, places) for n, slide in enumerate(slides, 1))
    css, js = ((HERE / name).read_text(encoding="utf-8") for name in ("deck.css", "deck.js"))
    return PAGE.format(title=html.escape(title), css=css, js=js, slides=shown)


def _slide(n, slide, count, title, places):
    level = "h1" if n == 1 else "h2"
    room = room_below(slide.heading)
    body = "\n".join(_part(part, places, room) for part in slide.parts)
    mono = letters(slide.parts, room)
    notes = f'<aside class="notes">{as_html(unlinked(slide.notes))}</aside>\n' if slide.notes else ""
    keys = f'<p class="help">{KEYS}</p>\n' if n == 1 else ""
    return (f'<section class="slide" id="{n}" tabindex="-1" aria-label="Slide {n} of {count}">\n'
            f'<{level}>{inline(slide.heading)}</{level}>\n'
            f'<div class="body" style="--mono: {mono}px">\n{body}\n</div>\n{keys}{notes}'
            f'<footer><span>{html.escape(title)}</span><span>{n} / {count}</span></footer>\n</section>')


def inline(text: str) -> str:
    """One line of Markdown, without the paragraph around it."""
    return re.sub(r"^<p>|</p>\n?$", "", as_html(text))


def _part(part, places, room):
    if part.kind == "picture":
        return _picture(room, part.text, *part.more)
    if part.kind == "code":
        return '<div class="code">' + as_html(f"```ipython3\n{part.text}\n```") + "</div>"
    if part.kind == "output":
        return f'<pre class="output">{html.escape(part.text)}</pre>'
    if part.kind == "plan":
        return _plan(part.text.split("\n"), places)
    if part.kind == "question":
        return f'<div class="question">{as_html(part.text)}{_choices(part.more)}</div>'
    if part.kind == "result":
        found = _choices(part.more, part.text) if part.text in part.more else \
            f'<p class="answer">{html.escape(part.text)}</p>'
        return f'<div class="result">{found}</div>'
    return f'<div class="{part.kind}">{as_html(part.text)}</div>'


def _choices(choices, right=None):
    """A list; the right one is marked for eyes and for screen readers."""
    found = "".join(f'<li class="right">{html.escape(each)}<span class="hidden-from-eyes"> (the result)</span></li>'
                    if each == right else f"<li>{html.escape(each)}</li>" for each in choices)
    return f'<ul class="choices">{found}</ul>' if choices else ""


def _picture(room, png, alt, caption=""):
    """As large as the caption leaves room for."""
    width, height = struct.unpack(">II", base64.b64decode(png[:32])[16:24])     # where a png says how large it is
    room -= (12 + 34 * math.ceil(len(caption) / 74) if caption else 0)
    scale = min(ACROSS / width, room / height)
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return (f'<figure><img alt="{html.escape(alt)}" width="{scale * width:.0f}" height="{scale * height:.0f}" '
            f'src="data:image/png;base64,{png}">{below}</figure>')


def _plan(titles, places):
    """The sections with their minutes, each a link to its slide."""
    rows = []
    for title in titles:
        heading, minutes = MINUTES.sub("", title), MINUTES.search(title)
        place = places.get(heading)
        name = f'<a href="#{place}">{inline(heading)}</a>' if place else f"<span>{inline(heading)}</span>"
        rows.append(f"<li>{name}<span>{minutes[1] if minutes else ''}</span></li>")
    return f'<div class="plan"><ol>{"".join(rows)}</ol></div>'
