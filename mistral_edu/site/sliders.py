"""A recorded slider as HTML: the first picture and its text, and what the page's script needs to show the others."""
import html
import json
from pathlib import Path

from mistral_edu.language import _
from mistral_edu.site.recorder import PICTURES


def slider_html(file: Path, name: str, measured: bool = False) -> str:
    """file: what recorder.record has written. name: an id that is free on the page. measured: whether what is shown
    depends on the machine and the moment."""
    found = json.loads(file.read_text(encoding="utf-8"))
    picture, text = found["frames"][first(found["controls"])]
    controls = "".join(control_html(control, f"{name}-{n}") for n, control in enumerate(found["controls"]))
    image = ""
    if found["pictures"]:
        src, width, height, alt = found["pictures"][picture or 0]
        image = (f'<img class="picture" src="{PICTURES}/{src}" width="{width}" height="{height}" '
                 f'alt="{html.escape(alt)}"{"" if picture is not None else " hidden"}>\n')
    data = {"frames": found["frames"], "pictures": found["pictures"], "texts": found["texts"],
            "sizes": [len(control["labels"]) for control in found["controls"]]}
    in_script = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (f'<figure class="slider" id="{name}">\n<script type="application/json">{in_script}</script>\n'
            f'<div class="controls" hidden>\n{controls}</div>\n{image}'
            f'<figcaption aria-live="polite">{html.escape(found["texts"][text])}</figcaption>\n'
            f'<p class="note">{html.escape(note(found["controls"], measured))}</p></figure>\n')


def first(controls) -> int:
    """The number of the frame that is shown first."""
    number = 0
    for control in controls:
        number = number * len(control["labels"]) + control["start"]
    return number


def control_html(control, id) -> str:
    """A slider over the positions of the recorded values, with its name and the value; nothing for a single value."""
    labels, start = control["labels"], control["start"]
    if len(labels) == 1:
        return ""
    words = html.escape(json.dumps(labels, ensure_ascii=False))
    return (f'<div class="control"><label for="{id}">{html.escape(control["name"])}</label>'
            f'<input type="range" id="{id}" min="0" max="{len(labels) - 1}" step="1" value="{start}" '
            f'aria-valuetext="{html.escape(labels[start])}" data-labels="{words}" autocomplete="off">'
            f'<output for="{id}">{html.escape(labels[start])}</output></div>\n')


def note(controls, measured) -> str:
    """What was recorded, and what only the notebook can do.

    >>> note([{"name": "window", "labels": ["1", "8"], "offered": 8}], False)
    'Recorded for 2 of the 8 values of window.'
    >>> note([{"name": "text", "labels": ["One day"], "offered": 1}], False)
    'text can be changed in the notebook only.'
    """
    moving = [control for control in controls if len(control["labels"]) > 1]
    some = [_("{few} of the {many} values of {name}", few=len(control["labels"]), many=control["offered"],
              name=control["name"]) for control in moving if len(control["labels"]) < control["offered"]]
    fixed = _(" and ").join(control["name"] for control in controls if len(control["labels"]) == 1)
    recorded = _("Recorded for {values}.", values=", ".join(some)) if some else _("Recorded for every value.")
    return " ".join(filter(None, [
        recorded if moving else "",
        _("The times are those of the machine that recorded it.") if measured else "",
        _("{names} can be changed in the notebook only.", names=fixed) if fixed else ""]))
