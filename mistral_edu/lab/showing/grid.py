"""An interactive grid of numbers: a click on a cell, or Tab and the arrow keys, shows below what it holds.

No kernel is needed: each cell is the label of a radio button, and the style shows the sentence of the one that is
chosen. If styles are lost (GitHub, a page that is not trusted), the still picture stays, and below it the grid in
words, folded.
"""
import html

import numpy as np

from mistral_edu.lab.showing import theme
from mistral_edu.lab.showing.figures import figure
from mistral_edu.lab.showing.live import HIDE_STILL, LIVE
from mistral_edu.lab.showing.map.style import OPENS
from mistral_edu.lab.showing.touchable import Touchable
from mistral_edu.language import N_, _
from mistral_edu.palette import BLUE, BLUES, INK

# Up and down go by rows, which radio buttons alone do not do; and JupyterLab must not take a key as its own command.
KEYS = """if (event.key.length === 1 || event.key.startsWith('Arrow')) event.stopPropagation();
const step = {ArrowDown: %d, ArrowUp: -%d}[event.key];
if (step) { event.preventDefault(); const all = [...this.querySelectorAll('input')],
next = all[all.indexOf(document.activeElement) + step]; if (next) { next.focus(); next.checked = true } }"""

STYLE = f""".mistral-grid {{
  --paper: {theme.PAPER}; --ink: {theme.INK};
  --edge: var(--jp-border-color2, #8884); box-sizing: border-box; max-width: 1000px; padding: 6px; overflow-x: auto;
  background: var(--paper); color: var(--ink); font-family: {theme.FONT};
  @supports {OPENS} {{ summary {{ display: none }} ::details-content {{ content-visibility: visible }} }}
  form {{ position: relative; min-width: 440px; margin: 0; padding-bottom: 4em; font-size: 12px }}
  table {{ border-collapse: collapse; table-layout: fixed; width: 100%; margin: 0; font-size: inherit }}
  table, th, td, .told {{ color: var(--ink) !important }}
  tr, tr:hover {{ background: none !important }}
  th, td {{ padding: 0 !important; text-align: center !important; border: 1px solid var(--edge); font-weight: normal }}
  th {{ border: 0 }} th[scope=col] {{ height: 6.5em; vertical-align: bottom !important }}
  th[scope=col] span {{ display: inline-block; padding-top: 4px; writing-mode: vertical-rl; transform: rotate(180deg) }}
  .key {{ margin: 0 0 4px }}
  thead td, tbody th {{ width: 7.5em; border: 0; vertical-align: bottom !important }}
  label {{ position: relative; display: block; height: 24px; cursor: pointer;
    background: color-mix(in srgb, {BLUE} calc(100% * var(--v)), var(--paper)) }}
  label b {{ display: none }}
  label:hover {{ box-shadow: inset 0 0 0 2px var(--edge) }}
  label:has(:checked) {{ box-shadow: inset 0 0 0 3px {INK}, inset 0 0 0 5px #fff }}
  label:has(:focus-visible) {{ outline: 2px solid var(--ink); outline-offset: 1px }}
  input {{ display: block; position: absolute; inset: 0; margin: 0; opacity: 0; pointer-events: none }}
  .told {{ display: none; position: absolute; text-align: left; left: 0; bottom: 0; width: 100%; line-height: 1.35;
    font-size: 13px }}
  td:has(:checked) .told {{ display: block }}
}}"""


def grid(numbers, rows, columns, told, title, caption, chosen=(0, 0), across="", down="") -> Touchable:
    """numbers (len(rows), len(columns)), 0 to 1, as shades of blue. told(row, column): the sentence of a cell.

    rows, columns: their names; down, across: what these are. chosen: the cell whose sentence is shown at first.
    """
    numbers = np.round(np.array(numbers, dtype=float), 2) + 0.0
    fig, ax = figure(height=1.9 + 0.26 * len(rows))
    ax.imshow(numbers, cmap=BLUES, vmin=0, vmax=1, aspect="auto")
    ax.set(title=title, xlabel=across, ylabel=down)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xticks(range(len(columns)), columns, rotation=90, fontsize=9)
    ax.tick_params(length=0)
    caption_alone, caption = caption, f"{caption} {told(*chosen)}"
    key = " ".join(part for part in (caption_alone, _("Columns: {names}.", names=across) if across else "") if part)
    touch = _touch(numbers, rows, columns, told, title, key, chosen, down)
    return Touchable(fig, caption, f"{title}. {caption}", touch, what=N_("grid"), part=N_("cell"))


def _touch(numbers, rows, columns, told, title, key, chosen, down):
    """The grid as HTML: the same bytes on every machine, as long as the rounded numbers are the same."""
    head = "".join(f'<th scope="col"><span>{html.escape(name)}</span></th>' for name in columns)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(_cell(numbers[r, c], told(r, c), (r, c) == tuple(chosen)) for c in range(len(columns)))
        + "</tr>" for r, name in enumerate(rows))
    return f"""<div class="mistral-grid {LIVE}">
<style>
@supports {OPENS} {{{HIDE_STILL}}}
{STYLE}</style>
<details><summary>{_("The grid in words")}</summary>
<p><b>{html.escape(title)}</b></p>
<p class="key">{html.escape(key)}</p>
<form onkeydown="{html.escape(KEYS % (len(columns), len(columns)))}">
<table><thead><tr><td>{html.escape(down)}</td>{head}</tr></thead>
<tbody>
{body}
</tbody></table></form></details></div>"""


def _cell(number, sentence, chosen):
    sentence = html.escape(sentence)
    return (f'<td><label style="--v:{max(0.0, number):g}"><input type="radio" name="cell" hidden="hidden" '
            f'aria-label="{sentence}"{" checked" if chosen else ""}><b>{number:g}</b></label>'
            f'<span class="told">{sentence}</span></td>')
