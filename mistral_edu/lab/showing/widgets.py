"""Sliders over a plain function: `explore(fn, temperature=(0.1, 2.0, 0.1))`.

fn returns a Picture (or text) and is useful without a slider. Under explore it is called once for the picture that
GitHub and a printed page show, and again at each move, on the thread on which cells run. Where the sliders are live,
the moving picture takes the place of the still one (see live.py).
"""
import html
import inspect
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import display
from ipywidgets import Layout

from mistral_edu.lab.showing.error_line import describe
from mistral_edu.lab.showing.figures import Picture
from mistral_edu.lab.showing.live import CHOICE, DRAWN, HIDE_STILL, LIVE, NAME_HANDLES, WHOLE_WORDS
from mistral_edu.lab.showing.main_thread import MainThread
from mistral_edu.lab.showing.reruns import takes_the_place_of_earlier
from mistral_edu.language import N_, _

WIDE = {"description_width": "130px"}
CAPTION = '<pre style="white-space: pre-wrap; word-break: normal; margin: 0">'     # JupyterLab would break words


class Explorer(ipywidgets.VBox):
    """Controls over a picture and a caption. `values` are those of the controls, `caption` the text below.

    `picture` is the Picture that is shown, or None if the function returns text.
    """

    def __init__(self, fn, controls: dict, taken=()):
        """taken: the names of the controls that were made elsewhere."""
        self.fn, self.controls = fn, controls
        self.own = [control for name, control in controls.items() if name not in taken]
        self.main = MainThread()
        self.image, self.text = ipywidgets.HTML(), ipywidgets.HTML()
        sliders = sum(hasattr(control, "readout") for control in controls.values())
        page = ipywidgets.HTML(f"<style>{HIDE_STILL}{WHOLE_WORDS}</style>{NAME_HANDLES.format(sliders=sliders)}",
                               layout=Layout(display="none"))
        self.own += [self.image, self.text, page]
        super().__init__([*controls.values(), self.image, self.text, page])
        self.add_class(LIVE)
        for control in controls.values():
            control.observe(self._changed, names="value")
        self._put(fn(**self.values))            # what goes wrong here stops the cell, as a plain call would
        if self.picture:
            self.image.add_class(DRAWN)
            self.text.add_class(DRAWN)

    @property
    def values(self) -> dict:
        return {name: control.value for name, control in self.controls.items()}

    @property
    def caption(self) -> str:
        return html.unescape(self.text.value.removeprefix(CAPTION).removesuffix("</pre>"))

    def draw(self) -> None:
        """Call the function with the values of this moment, and show what it returns; an error is shown, not lost."""
        try:
            self._put(self.fn(**self.values))
        except Exception as error:
            self._put(_("The function stopped with {error}", error=describe(error, self.fn)))

    def let_go(self) -> None:
        """Stop listening to controls, and leave the kernel; a control that was made elsewhere stays."""
        for control in self.controls.values():
            control.unobserve(self._changed, names="value")
        close(self, *self.own)

    def _put(self, result):
        self.picture = result if isinstance(result, Picture) else None
        self.image.layout.display = None if self.picture else "none"
        self.image.value = self.picture.html() if self.picture else ""
        self.text.value = f"{CAPTION}{html.escape(self.picture.caption if self.picture else str(result))}</pre>"

    def _changed(self, _change):
        self.main.run_soon(self.draw)

    def _repr_mimebundle_(self, **kwargs):
        """The stored output says in words what a live kernel would show."""
        bundle = super()._repr_mimebundle_(**kwargs)
        names = ", ".join(f"{control.description} = {control.value}" for control in self.controls.values())
        words = (N_("[Live once this cell is run: {values}. The picture above shows it without a kernel.]")
                 if self.picture else
                 N_("[Live once this cell is run: {values}. The cell above shows it without a kernel.]"))
        bundle["text/plain"] = _(words, values=names)
        return bundle

    def _ipython_display_(self):
        """First the still picture with its caption, for those who see no widget; then the widget."""
        if self.picture:
            self.picture.show()
        display(self._repr_mimebundle_(), raw=True)


def explore(fn: Callable, **controls: Any) -> Explorer:
    """Put controls over fn, one per keyword argument. As the last value of a cell it shows itself or, where there are
    no widgets, fn's picture with its caption.

    (1, 8) or (0.1, 2.0, 0.1) is a slider: from, to, in steps of; True or False is a checkbox; a list or dict is a
    choice; a widget is taken as it is. Values start at fn's own defaults, so the first picture is that of the plain
    call.
    """
    if not controls:
        raise ValueError("explore needs a control, for example explore(fn, window=(1, 8))")
    arguments = inspect.signature(fn).parameters
    unknown = [name for name in controls if name not in arguments]
    if unknown:
        raise ValueError(f"{fn.__name__} takes {', '.join(arguments)}; it has no {', '.join(unknown)} to set")
    start = {name: None if arguments[name].default is inspect.Parameter.empty else arguments[name].default
             for name in controls}
    taken = [name for name, what in controls.items() if isinstance(what, ipywidgets.Widget)]
    made = {name: _control(name, what, start[name]) for name, what in controls.items()}
    explorer = Explorer(fn, made, taken)
    takes_the_place_of_earlier(explorer, key=(fn.__module__, fn.__qualname__, *(id(controls[name]) for name in taken)))
    return explorer


def _control(name, what, value):
    """The widget for one argument, with a description: a slider without a name tells a screen reader nothing."""
    if isinstance(what, ipywidgets.Widget):
        return what
    words = name.replace("_", " ")
    common = {"description": words, "tooltip": words, "style": WIDE}        # without a tooltip the label says "null"
    if isinstance(what, bool):
        return ipywidgets.Checkbox(value=what if value is None else value, indent=True, **common)
    common["layout"] = Layout(width="460px", max_width="100%")
    if isinstance(what, (list, dict)):
        options = list(what.items()) if isinstance(what, dict) else [(str(option), option) for option in what]
        slider = ipywidgets.SelectionSlider(options=options, value=options[0][1] if value is None else value, **common)
        slider.add_class(CHOICE)
        return slider
    low, high, step = what if len(what) == 3 else (*what, 1)
    whole = all(isinstance(v, int) for v in (low, high, step))
    slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    places = {} if whole else {"readout_format": ".2f" if round(step, 1) != step else ".1f"}
    return slider(value=low if value is None else value, min=low, max=high, step=step, **common, **places)


def text_box(text):
    """A field to type in, for `explore`; the picture follows when Enter is pressed or the field is left."""
    box = TextBox(value=text, description=_("text"), tooltip=_("text"), continuous_update=False,
                  layout=Layout(width="95%"), style={"description_width": "40px"})
    takes_the_place_of_earlier(box)
    return box


class TextBox(ipywidgets.Text):
    """A field whose cell may run again."""

    def let_go(self):
        close(self)


def close(*widgets) -> None:
    """Take widgets out of the kernel, with their layouts and styles, which are widgets as well."""
    for widget in widgets:
        for part in (widget, widget.layout, getattr(widget, "style", None)):
            if isinstance(part, ipywidgets.Widget):
                part.close()
