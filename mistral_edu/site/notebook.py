"""A stored notebook as HTML: prose, code and outputs, with sliders and predictions that work without a kernel."""
import base64
import html
import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from mistral_edu.course.refresh import VIEW, is_measured
from mistral_edu.language import _
from mistral_edu.site.markdown import Prose, code_html, parts
from mistral_edu.site.predictions import OPEN, Prediction, outcome_of, predictions, printed_as
from mistral_edu.site.recorder import PICTURES, store_png
from mistral_edu.site.recording import has_slider
from mistral_edu.site.sliders import slider_html


def notebook_html(path: Path, prose: Prose, folder: Path, recorded: Path | None) -> str:
    """The page's main part. Pictures are stored in `folder`. recorded: the folder with the recording of its sliders;
    without one, a slider's cell shows its still picture."""
    cells = cut(nbformat.read(path, as_version=4).cells)
    asked = predictions(cells)
    shown = []
    for n, cell in enumerate(cells):
        shown += ["</div>\n"] * sum(one.end == n for one in asked)
        if cell.cell_type == "markdown":
            shown.append(prose.html(cell.source))
            continue
        here = [one for one in asked if n in (one.asked, one.told)]
        shown.append(cell_html(cell, prose, folder, recorded, here))
        for one in here:
            if one.asked == n:
                shown.append(f'{form_html(one)}<div class="fold" data-fold="{one.label}">\n')
    return "".join(shown + ["</div>\n"] * sum(one.end == len(cells) for one in asked))


def cut(cells) -> list:
    """The cells, those with prose cut before each heading."""
    return [piece for cell in cells for piece in (
        map(new_markdown_cell, parts(cell.source)) if cell.cell_type == "markdown" else [cell])]


def cell_html(cell, prose, folder, recorded, asked) -> str:
    """A cell of code and its outputs."""
    outputs = list(cell.outputs)
    slider, live = "", has_slider(cell)
    if live and recorded:
        at = next(n for n, output in enumerate(outputs) if VIEW in output.get("data", {}))
        first = at - 2 if at > 1 and "image/png" in outputs[at - 2].get("data", {}) else at
        slider = slider_html(recorded / f"{cell.id}.json", f"slider-{cell.id}", is_measured(cell))
        outputs[first:at + 1] = []
    note = _("The slider moves in the notebook; here it stands still.") if live else _(
        "In the notebook you can go on asking here.")
    children = [f'<div class="jp-OutputArea-child">{output_html(output, prose, folder, asked, note)}</div>\n'
                for output in outputs]
    return (f'<div class="cell" id="cell-{cell.id}">\n{code_html(cell.source, "ipython")}'
            f'<div class="outputs">\n{"".join(children)}{slider}</div></div>\n')


def output_html(output, prose, folder, asked, note) -> str:
    """One output, in the richest form that needs no kernel. note: what stands where a widget would be."""
    if output.output_type == "stream":
        return f'<pre class="printed">{with_outcomes(output.text.rstrip(chr(10)), asked)}</pre>'
    data = output.get("data", {})
    if VIEW in data and "text/html" not in data:
        return f'<p class="note">{note}</p>'
    if "text/html" in data:
        return prose.links.rewrite(data["text/html"], prose.source)
    if "image/png" in data:
        name, width, height = store_png(base64.b64decode(data["image/png"]), folder)
        alt = html.escape(output.metadata.get("image/png", {}).get("alt", data.get("text/plain", "")))
        return (f'<img class="picture jp-RenderedImage" src="{PICTURES}/{name}" width="{width}" height="{height}" '
                f'alt="{alt}">')
    if "text/markdown" in data:
        return prose.html(data["text/markdown"])
    if output.output_type == "error":
        return f'<pre class="printed">{html.escape(output.ename)}: {html.escape(output.evalue)}</pre>'
    return f'<pre class="printed">{html.escape(data.get("text/plain", ""))}</pre>'


def with_outcomes(text: str, asked) -> str:
    """Printed text, in which the page's script can find the outcomes and what says that a prediction is open."""
    text = html.escape(text, quote=False)
    for one in asked:
        text = re.sub(outcome_of(one.label), lambda told: f'<span data-outcome="{one.label}">{told[0]}</span>', text)
        text = re.sub(printed_as(OPEN, label=re.escape(one.label)) + r"(?:.|\n)*",
                      lambda still: f'<span data-open="{one.label}">{still[0]}</span>', text)
    return text


def form_html(one: Prediction) -> str:
    """The form that takes a guess; without a script it is not shown."""
    name = f"guess-{one.label}"
    if one.choices:
        fields = "".join(f'<label><input type="radio" name="{name}" value="{html.escape(str(choice))}" '
                         f'data-verdict="{html.escape(one.verdicts[choice])}" required> {html.escape(str(choice))}'
                         "</label>\n" for choice in one.choices)
    else:
        fields = (f'<label>{_("A number:")} <input type="number" step="any" name="{name}" required '
                  f'data-result="{html.escape(one.result)}" data-within="{one.within!r}"></label>\n')
    return (f'<form class="predict" data-predict="{one.label}" hidden>\n'
            f'<fieldset><legend>{_("Prediction {label}", label=one.label)}</legend>\n{fields}'
            f'<p><button>{_("Take this guess")}</button> '
            f'<button type="button" data-skip>{_("Go on without one")}</button></p>'
            f'</fieldset>\n<p role="status"></p></form>\n')
