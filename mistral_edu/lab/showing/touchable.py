"""A picture that something interactive replaces where HTML works; it needs no kernel."""
from mistral_edu.lab.showing.figures import Picture
from mistral_edu.language import _


class Touchable(Picture):
    """touch: the HTML, with HIDE_STILL in a style of its own (see live.py). what: the picture's name, part: what is
    clicked on in it."""

    def __init__(self, fig, caption, alt, touch, what, part):
        super().__init__(fig, caption, alt)
        self.touch, self.what, self.part = touch, what, part

    def show(self) -> None:
        from IPython.display import display
        super().show()
        words = _("[Here each {part} can be clicked on once this cell is run. The picture above shows the {what}.]",
                  part=_(self.part), what=_(self.what))
        display({"text/html": self.touch, "text/plain": words}, raw=True)

    _ipython_display_ = show
