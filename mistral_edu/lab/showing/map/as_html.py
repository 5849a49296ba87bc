"""The map as interactive HTML: a click on a box, or Tab and the arrow keys, shows its facts below.

It needs no kernel and no script but one attribute: each box is the label of a radio button, and the style shows the
facts of the one that is chosen (`:checked`). Arrows are an SVG without words. If styles, drawings and buttons are lost
(GitHub, a page that is not trusted), the still picture stays, and below it a plain list of the boxes with their facts.
It has the same bytes on every machine: pages store it, and tests compare it.
"""
import html

from mistral_edu.lab.showing.live import HIDE_STILL, LIVE
from mistral_edu.lab.showing.map.boxes import (
    ARROWS,
    BOXES,
    CACHES,
    LINE,
    SIZE,
    STREAM,
    STREAM_Y,
    SUMS,
    TITLE,
    legend,
)
from mistral_edu.lab.showing.map.facts import BYTES, facts_of, size
from mistral_edu.lab.showing.map.style import OPENS, style
from mistral_edu.language import N_, _
from mistral_edu.language import current as current_language

HEAD = 0.6                             # half the width of an arrowhead; its length is twice that
ARROWS_STAY = "if (event.key.startsWith('Arrow')) event.stopPropagation()"      # else JupyterLab leaves the cell
HINT = N_("Click on a box, or press Tab and then the arrow keys, to see what it holds.")


def render(current, config, told, caption) -> str:
    """The map as HTML. current: a notebook's number or None. told: {box key: the page's own line}."""
    facts = facts_of(config)
    chosen = next((box for box in BOXES if current and box.notebook == current), None)
    items = "\n".join(_item(box, facts[box.key], told.get(box.key), config, current, box is chosen) for box in BOXES)
    below = legend()
    return f"""<div class="mistral-map {LIVE}">
<style>
@supports {OPENS} {{{HIDE_STILL}}}
{style()}</style>
<details><summary>{_("The boxes of the map in words")}</summary>
<form onkeydown="{ARROWS_STAY}">
<p class="title"><b>{_(TITLE)}</b> <span>{html.escape(caption)}</span> <span>{below[0].upper()}{below[1:]}.</span></p>
{_drawing()}
<ul aria-live="polite">
{items}
</ul><p class="hint" hidden="hidden">{_(HINT)}</p></form></details></div>"""


def _item(box, facts, told, config, current, chosen):
    """One box: the label with its button, and its facts, as an item of the list."""
    kind = " ".join(name for name, holds in (
        ("frame", box.frame), ("outer", box.frame and box.w > 30), ("flat", box.h < 5),
        ("lit", current and box.notebook == current), ("planned", box.planned), ("told", told)) if holds)
    place = f"--x:{box.x};--y:{SIZE[1] - box.y - box.h:g};--w:{box.w};--h:{box.h}"
    number = f" <em>{box.notebook}</em>" if box.notebook else ""
    rows = [(_("Formula"), facts.formula), (_("Shapes"), facts.shapes), (_("Parameters"), _parameters(facts, config)),
            (_("Memory"), _memory(facts)), (_("On this page"), html.escape(told or ""))]
    lines = "".join(f'<span class="dot"> · </span><span class="row"><i>{name}:</i> <span>{text}</span></span>'
                    for name, text in rows if text)
    return (f'<li><label class="{kind}" style="{place}"><input type="radio" name="box" hidden="hidden" '
            f'aria-label="{box.full_label}"{" checked" if chosen else ""}><b>{box.label}</b>{number}</label> '
            f'<span class="facts"><b hidden="hidden">{box.full_label}</b> {_page(box, current)}'
            f'<span class="what">{facts.what}</span>{lines}</span></li>')


def _page(box, current):
    """Which notebook builds the box, as a link if it is written."""
    if box.page is None:
        return ""
    title = html.escape(_(box.page.title))
    if not box.page.ready:
        title += _(", not written yet")
    elif box.notebook == current:
        title += _(", this page")
    else:
        title = f'<a href="{box.page.page_in(current_language()).name}">{title}</a>'
    words = _("notebook {number}: {title}", number=box.notebook, title=title)
    return f'<span class="page">({words})</span> '


def _parameters(facts, config):
    if not facts.parameters:
        return ""
    if facts.parameters == config.n_parameters:
        return f"{facts.parameters:,}"
    share = f"{facts.parameters / config.n_parameters:.2%}"
    words = (N_("{each:,} in each of {times} blocks, {sum:,} in all: {share} of {model:,}") if facts.times > 1
             else N_("{sum:,}: {share} of {model:,}"))
    return _(words, each=facts.each, times=facts.times, sum=facts.parameters, share=share, model=config.n_parameters)


def _memory(facts):
    return facts.memory or (_("{size} in 16 bit", size=size(facts.parameters * BYTES)) if facts.parameters else "")


def _drawing():
    """The residual stream, the arrows and the sums. y points down in an SVG."""
    lines = [_line((LINE[0], LINE[2]), (LINE[1], LINE[2]), of="faint"),
             _line((STREAM[0], STREAM_Y), (STREAM[1], STREAM_Y), of="stream")]
    for corners in ARROWS:
        lines += [_line(*corners), _head(corners[-2], corners[-1])]
    for x, low, high in CACHES:
        lines += [_line((x, low), (x, high)), _head((x, low), (x, high)), _head((x, high), (x, low))]
    for x in SUMS:
        lines.append(f'<circle cx="{x}" cy="{SIZE[1] - STREAM_Y}" r="1.2"/>')
        lines += [_line((x - 0.6, STREAM_Y), (x + 0.6, STREAM_Y)), _line((x, STREAM_Y - 0.6), (x, STREAM_Y + 0.6))]
    return f'<svg viewBox="0 0 {SIZE[0]} {SIZE[1]}" aria-hidden="true">\n' + "\n".join(lines) + "\n</svg>"


def _line(*corners, of=""):
    points = " ".join(f"{x:g},{SIZE[1] - y:g}" for x, y in corners)
    return f'<polyline points="{points}"' + (f' class="{of}"' if of else "") + "/>"


def _head(start, end):
    """The head of an arrow that runs straight up, down, left or right from start to end."""
    (x, y), (dx, dy) = end, ((end[n] > start[n]) - (end[n] < start[n]) for n in (0, 1))
    back, side = (x - 2 * HEAD * dx, y - 2 * HEAD * dy), (HEAD * dy, HEAD * dx)
    corners = (end, (back[0] + side[0], back[1] + side[1]), (back[0] - side[0], back[1] - side[1]))
    return '<polygon points="' + " ".join(f"{x:g},{SIZE[1] - y:g}" for x, y in corners) + '"/>'
