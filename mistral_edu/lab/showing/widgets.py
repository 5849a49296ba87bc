"""Sliders over a plain function: `explore(fn, temperature=(0.1, 2.0, 0.1))`.

fn returns a Picture (or a text) and is of use without a slider: call it, and the cell shows the picture that GitHub and
a printed page show too. Under explore the same function is called at each move, on the thread on which cells run.
"""
import html
import inspect

import ipywidgets
from ipywidgets import Layout

from .figures import Picture
from .threads import MainThread
from .trouble import describe

WIDE = {"description_width": "130px"}
CAPTION = '<pre style="white-space: pre-wrap; word-break: normal; margin: 0">'     # JupyterLab would break words


class Explorer(ipywidgets.VBox):
    """Controls over a picture and a caption. `values` are those of the controls, `caption` the text below."""

    def __init__(self, fn, controls: dict):
        self.fn, self.controls = fn, controls
        self.main = MainThread()
        self.image = ipywidgets.Image(format="png", layout=Layout(max_width="100%", width="max-content"))
        self.text = ipywidgets.HTML()
        super().__init__([*controls.values(), self.image, self.text])
        for control in controls.values():
            control.observe(self._changed, names="value")
        self.draw()

    @property
    def values(self) -> dict:
        return {name: control.value for name, control in self.controls.items()}

    @property
    def caption(self) -> str:
        return html.unescape(self.text.value.removeprefix(CAPTION).removesuffix("</pre>"))

    def draw(self) -> None:
        """Call the function with the values of this moment, and show what it returns; an error is shown, not lost."""
        try:
            result = self.fn(**self.values)
            picture, text = (result.png(), result.caption) if isinstance(result, Picture) else (b"", str(result))
        except Exception as error:
            picture, text = b"", f"The function stopped with {describe(error, self.fn)}"
        self.image.layout.display = None if picture else "none"
        self.image.value = picture
        self.text.value = f"{CAPTION}{html.escape(text)}</pre>"

    def _changed(self, _change):
        self.main.run_soon(self.draw)

    def _repr_mimebundle_(self, **kwargs):
        """What is stored says in words what a live kernel would show."""
        bundle = super()._repr_mimebundle_(**kwargs)
        names = ", ".join(f"{control.description} = {control.value}" for control in self.controls.values())
        bundle["text/plain"] = f"[Live once this cell is run: {names}. The cell above shows it without a kernel.]"
        return bundle


def explore(fn, **controls) -> Explorer:
    """Put controls over fn, one a keyword argument. As the last value of a cell it shows itself.

    (1, 8) or (0.1, 2.0, 0.1) is a slider from, to, in steps of; True or False a box to tick; a list or dict a choice;
    a widget is taken as it is. Values start at fn's own defaults, so the first picture is that of the plain call.
    """
    if not controls:
        raise ValueError("explore needs a control, for example explore(fn, window=(1, 8))")
    arguments = inspect.signature(fn).parameters
    unknown = [name for name in controls if name not in arguments]
    if unknown:
        raise ValueError(f"{fn.__name__} takes {', '.join(arguments)}; it has no {', '.join(unknown)} to set")
    start = {name: None if arguments[name].default is inspect.Parameter.empty else arguments[name].default
             for name in controls}
    return Explorer(fn, {name: _control(name, what, start[name]) for name, what in controls.items()})


def _control(name, what, value):
    """The widget for one argument, with a description, since a slider without a name tells a screen reader nothing."""
    if isinstance(what, ipywidgets.Widget):
        return what
    common = {"description": name.replace("_", " "), "style": WIDE}
    if isinstance(what, bool):
        return ipywidgets.Checkbox(value=what if value is None else value, indent=True, **common)
    common["layout"] = Layout(width="460px", max_width="100%")
    if isinstance(what, (list, dict)):
        options = list(what.items()) if isinstance(what, dict) else [(str(option), option) for option in what]
        return ipywidgets.SelectionSlider(options=options, value=options[0][1] if value is None else value, **common)
    low, high, step = what if len(what) == 3 else (*what, 1)
    whole = all(isinstance(v, int) for v in (low, high, step))
    slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    places = {} if whole else {"readout_format": ".2f" if round(step, 1) != step else ".1f"}
    return slider(value=low if value is None else value, min=low, max=high, step=step, **common, **places)
