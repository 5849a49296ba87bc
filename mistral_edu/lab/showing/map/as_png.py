"""The map as a figure, for the README and for places that show nothing else."""
from matplotlib.patches import FancyBboxPatch

from mistral_edu.lab.showing.figures import figure
from mistral_edu.lab.showing.map.boxes import (
    ARROWS,
    BOXES,
    CACHES,
    LINE,
    LOOP_NAME,
    LOOP_NAME_AT,
    SIZE,
    STREAM,
    STREAM_NAME,
    STREAM_NAME_AT,
    STREAM_Y,
    SUMS,
    TITLE,
    legend,
)
from mistral_edu.language import _
from mistral_edu.palette import BLUE, GREY, INK, PALE, PALE_YELLOW, PALEST, YELLOW

UNITS_PER_INCH = 12.0
DASHES = (0, (4, 3))


def draw(current):
    """The map as a matplotlib figure, the boxes of notebook `current` lit."""
    fig, ax = figure(SIZE[0] / UNITS_PER_INCH, SIZE[1] / UNITS_PER_INCH)
    ax.set(xlim=(0, SIZE[0]), ylim=(0, SIZE[1]))
    ax.axis("off")
    for box in BOXES:
        _draw_box(ax, box, lit=current is not None and box.notebook == current)
    _draw_flow(ax)
    return fig


def _draw_box(ax, box, lit):
    """One box with its name and number: one above the other, or on one line if there is little height."""
    outer = box.frame and box.w > 30
    fill = (PALE_YELLOW if box.frame else YELLOW) if lit else PALEST if outer else "white"
    ax.add_patch(FancyBboxPatch(
        (box.x, box.y), box.w, box.h, boxstyle="round,pad=0,rounding_size=0.9", facecolor=fill,
        edgecolor=INK if lit else GREY, linewidth=2.2 if lit else 0.9,
        linestyle=DASHES if box.planned else "-", zorder=1 if outer else 2 if box.frame else 3))
    middle, weight, number = box.x + box.w / 2, "bold" if lit else "normal", INK if lit else BLUE
    one_line = box.frame or box.h < 5
    name_y = box.y + box.h - 1.9 if box.frame else box.y + box.h * (0.5 if one_line or not box.notebook else 0.68)

    def write(x, y, text, align, **style):
        ax.text(x, y, text, ha=align, va="center", fontsize=9, zorder=4, **style)

    if box.notebook is None:
        write(middle, name_y, box.label, "center", style="italic")
    elif one_line:
        write(box.x + 1, name_y, box.label, "left", weight=weight)
        write(box.x + box.w - 1, name_y, box.notebook, "right", weight="bold", color=number)
    else:
        write(middle, name_y, box.label, "center", weight=weight)
        write(middle, box.y + box.h * 0.28, box.notebook, "center", weight="bold", color=number)


def _draw_flow(ax):
    """Everything that is not a box: the residual stream, the arrows, the two sums, and what is written beside them."""
    ax.text(107, 56.6, _(TITLE), fontsize=11.5, weight="bold", ha="right", va="center")
    ax.text(107, 53.7, legend(), fontsize=8.5, ha="right", va="center")
    ax.plot(STREAM, [STREAM_Y, STREAM_Y], color=BLUE, linewidth=3, solid_capstyle="butt", zorder=2)
    ax.text(*STREAM_NAME_AT, _(STREAM_NAME), fontsize=8.5, color=BLUE, ha="center", va="bottom", zorder=4)
    for corners in ARROWS:
        x, y = zip(*corners)
        ax.plot(x[:-1], y[:-1], color=INK, linewidth=1.1, zorder=2.5)
        ax.annotate("", xy=corners[-1], xytext=corners[-2], zorder=2.5,
                    arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0})
    for x, low, high in CACHES:
        ax.annotate("", xy=(x, low), xytext=(x, high), zorder=2.5,
                    arrowprops={"arrowstyle": "<|-|>", "color": INK, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0})
    for x in SUMS:
        ax.plot([x], [STREAM_Y], marker="o", markersize=12, color="white", markeredgecolor=INK, zorder=4)
        ax.text(x, STREAM_Y - 0.1, "+", ha="center", va="center", fontsize=11, zorder=5)
    ax.text(*LOOP_NAME_AT, _(LOOP_NAME), fontsize=8.5, ha="right", va="bottom")
    ax.plot(LINE[:2], [LINE[2], LINE[2]], color=PALE, linewidth=1)
