"""The house style of figures, and the Picture: a figure with its caption and its description in words.

Every figure comes with a one-line caption that holds its numbers: it can be read aloud, and compared by tests, which
cannot look at pixels.
"""
import base64
import io
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from PIL import Image

from mistral_edu.course.alt_texts import img_tag
from mistral_edu.lab.showing.say import say
from mistral_edu.language import _
from mistral_edu.palette import BLUE, GREY, INK, PALE, PALETTE, RED, SEQUENTIAL  # noqa: F401  notebook 00 takes two here

WIDTH, HEIGHT, DPI = 7.0, 3.4, 110                      # inches; 770 pixels wide fits a notebook's column

STYLE: dict = {
    "figure.dpi": DPI, "figure.facecolor": "white", "font.family": "DejaVu Sans", "font.size": 10,
    "axes.prop_cycle": cycler(color=PALETTE), "axes.edgecolor": GREY, "axes.labelcolor": INK,
    "axes.titlesize": 11.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "xtick.color": GREY, "ytick.color": GREY, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "grid.color": PALE, "legend.frameon": False, "image.cmap": SEQUENTIAL,
}


def figure(width: float = WIDTH, height: float = HEIGHT, rows: int = 1, columns: int = 1,
           **options: Any) -> tuple[Figure, Any]:
    """A figure in the house style: (figure, axes) as from `plt.subplots`, whose options it takes.

    The figure is not registered with pyplot: nothing shows it a second time, and nothing has to close it.
    """
    matplotlib.rcParams.update(STYLE)
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.subplots(rows, columns, **options)


class Picture:
    """A figure, its caption (one line, with the numbers) and its description for those who cannot see it.

    As the last value of a cell, it shows itself: the picture, then the caption as text.
    """

    def __init__(self, fig: Figure, caption: str, alt: str = ""):
        self.fig, self.caption, self.alt = fig, caption, alt or caption
        self._png: bytes | None = None

    def image(self) -> Image.Image:
        """The figure, drawn in one go. savefig gives the same pixels, but draws twice: first for the layout alone."""
        self.fig.set_dpi(DPI)
        canvas = FigureCanvasAgg(self.fig)
        canvas.draw()
        return Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())

    def png(self) -> bytes:
        """The figure, drawn once. Equal figures give equal bytes: no date and no version is written into them."""
        if self._png is None:
            buffer = io.BytesIO()
            self.image().save(buffer, "PNG", dpi=(DPI, DPI))
            self._png = buffer.getvalue()
        return self._png

    def html(self) -> str:
        """The picture as an HTML element with its description as alternative text."""
        return img_tag(base64.b64encode(self.png()).decode(), self.alt)

    def show(self) -> None:
        """Display the picture with its description, and print the caption."""
        from IPython.display import display
        data = {"text/html": self.html(), "image/png": base64.b64encode(self.png()).decode(),
                "text/plain": _("Picture: {alt}", alt=self.alt)}
        display(data, raw=True, metadata={"image/png": {"alt": self.alt}})
        say(self.caption)

    _ipython_display_ = show


def show(fig: Figure, caption: str, alt: str = "") -> None:
    """Show a matplotlib figure with a caption: for figures that no slider redraws."""
    Picture(fig, caption, alt).show()
