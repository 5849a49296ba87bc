"""The course as a drawn map of the model: each box is a part of Mistral and names the notebook that builds it.

Data flows from the text, up through tokens to the residual stream, along it through the blocks, down to the next
token, and round again. `course_map("05")` lights the boxes of notebook 05; every notebook opens with it.
"""
from dataclasses import dataclass

from matplotlib.patches import FancyBboxPatch

from mistral_edu.course import COURSE, find

from .figures import BLUE, GREY, INK, PALE, YELLOW, Picture, figure

UNITS_PER_INCH = 12.0
SIZE = (108, 59)                       # the canvas in units; boxes are placed by hand on it
LIT_FRAME = "#FBF7B5"                  # a paler yellow, for the boxes that hold others
STREAM_Y = 42                          # height of the residual stream


@dataclass(frozen=True)
class Box:
    """A part of the model on the map: lower left corner, width, height; `notebook` is None for what needs none."""
    name: str
    notebook: str | None
    x: float
    y: float
    w: float
    h: float
    frame: bool = False                # a frame holds other boxes, so its name stands at the top


BOXES = (
    Box("Start here", "00", 1, 52.5, 15, 5.5), Box("The whole model", "01", 18, 52.5, 18, 5.5),
    Box("Text so far", None, 1, 15, 15, 5.5), Box("Tokens", "02", 1, 27, 15, 5.5),
    Box("Embedding", "03", 1, STREAM_Y - 3, 15, 6),
    Box("Block, many times over", "10", 22, 21, 62, 28, frame=True),
    Box("RMSNorm", "04", 24, 27, 10, 6),
    Box("Attention", "05", 36.5, 22.5, 17, 16.5, frame=True),
    Box("RoPE", "06", 38, 31.4, 14, 3.8),
    Box("Groups", "07", 38, 27.4, 14, 3.8),
    Box("Window", "08", 38, 23.4, 14, 3.8),
    Box("RMSNorm", "04", 59, 27, 10, 6), Box("SwiGLU", "09", 71, 27, 9, 6),
    Box("KV cache", "11", 30, 13, 14, 5.5), Box("Rolling buffer", "12", 46, 13, 14, 5.5),
    Box("RMSNorm", "04", 91, STREAM_Y - 3, 15, 6), Box("Logits", "03", 91, 28, 15, 5.5),
    Box("Sampling", "13", 91, 15, 15, 5.5),
    Box("Quantization", "14", 1, 1, 16.6, 5.5), Box("Checkpoints", "15", 18.9, 1, 16.6, 5.5),
    Box("Training", "16", 36.8, 1, 16.6, 5.5), Box("Speed", "17", 54.7, 1, 16.6, 5.5),
    Box("Prompt lab", "18", 72.6, 1, 16.6, 5.5), Box("More machines", "19", 90.4, 1, 16.6, 5.5),
)
ARROWS = (                             # each a line of corners, ending in an arrowhead
    ((8.5, 20.5), (8.5, 27)), ((8.5, 32.5), (8.5, STREAM_Y - 3)),
    ((29, STREAM_Y), (29, 33)), ((34, 30), (36.5, 30)), ((53.5, 30), (56, 30), (56, STREAM_Y - 1.3)),
    ((64, STREAM_Y), (64, 33)), ((69, 30), (71, 30)), ((80, 30), (81.8, 30), (81.8, STREAM_Y - 1.3)),
    ((98.5, STREAM_Y - 3), (98.5, 33.5)), ((98.5, 28), (98.5, 20.5)),
    ((98.5, 15), (98.5, 10), (8.5, 10), (8.5, 15)),
)
SUMS = (56, 81.8)                      # where a branch is added back to the stream
CACHES = (40, 50)                      # where attention writes to a cache, and reads from it


def course_map(current: str | None = None) -> Picture:
    """The map as a Picture, with the boxes of notebook `current` lit. ValueError for a notebook that is not on it."""
    here = f"You are at {current}, {find(current).title}" if current else "Each box names its notebook"
    fig, ax = figure(SIZE[0] / UNITS_PER_INCH, SIZE[1] / UNITS_PER_INCH)
    ax.set(xlim=(0, SIZE[0]), ylim=(0, SIZE[1]))
    ax.axis("off")
    for box in BOXES:
        _draw_box(ax, box, lit=current is not None and box.notebook == current)
    _draw_flow(ax)
    lit = dict.fromkeys(box.name for box in BOXES if current and box.notebook == current)
    caption = f"{here}. {len(COURSE)} notebooks; the core path is 00 to 11, then 13."
    alt = ("Map of the model: text becomes tokens, then embeddings, then a stream through the blocks (RMSNorm, "
           "attention, SwiGLU), then logits and the next token, and round again.")
    if lit:
        alt += f" Lit: {', '.join(lit)}."
    return Picture(fig, caption, alt)


def _draw_box(ax, box, lit):
    """One box with its name and number: below each other, or on one line where there is little height."""
    outer = box.frame and box.w > 30
    fill = (LIT_FRAME if box.frame else YELLOW) if lit else "#F6F8FA" if outer else "white"
    ax.add_patch(FancyBboxPatch(
        (box.x, box.y), box.w, box.h, boxstyle="round,pad=0,rounding_size=0.9", facecolor=fill,
        edgecolor=INK if lit else GREY, linewidth=2.2 if lit else 0.9, zorder=1 if outer else 2 if box.frame else 3))
    middle, weight, number = box.x + box.w / 2, "bold" if lit else "normal", INK if lit else BLUE
    one_line = box.frame or box.h < 5
    name_y = box.y + box.h - 1.9 if box.frame else box.y + box.h * (0.5 if one_line or not box.notebook else 0.68)

    def write(x, y, text, align, **style):
        ax.text(x, y, text, ha=align, va="center", fontsize=9, zorder=4, **style)

    if box.notebook is None:
        write(middle, name_y, box.name, "center", style="italic")
    elif one_line:
        write(box.x + 1, name_y, box.name, "left", weight=weight)
        write(box.x + box.w - 1, name_y, box.notebook, "right", weight="bold", color=number)
    else:
        write(middle, name_y, box.name, "center", weight=weight)
        write(middle, box.y + box.h * 0.28, box.notebook, "center", weight="bold", color=number)


def _draw_flow(ax):
    """All that is not a box: the residual stream, the arrows, the two sums, and what is written beside them."""
    ax.text(107, 56.6, "Mistral, part by part", fontsize=11.5, weight="bold", ha="right", va="center")
    ax.text(107, 53.7, "the number in a box is the notebook that builds it", fontsize=8.5, ha="right", va="center")
    ax.plot([16, 91], [STREAM_Y, STREAM_Y], color=BLUE, linewidth=3, solid_capstyle="butt", zorder=2)
    ax.text(40.5, STREAM_Y + 1.1, "residual stream", fontsize=8.5, color=BLUE, ha="center", va="bottom", zorder=4)
    for corners in ARROWS:
        x, y = zip(*corners)
        ax.plot(x[:-1], y[:-1], color=INK, linewidth=1.1, zorder=2.5)
        ax.annotate("", xy=corners[-1], xytext=corners[-2], zorder=2.5,
                    arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0})
    for x in CACHES:
        ax.annotate("", xy=(x, 18.5), xytext=(x, 22.5), zorder=2.5,
                    arrowprops={"arrowstyle": "<|-|>", "color": INK, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0})
    for x in SUMS:
        ax.plot([x], [STREAM_Y], marker="o", markersize=12, color="white", markeredgecolor=INK, zorder=4)
        ax.text(x, STREAM_Y - 0.1, "+", ha="center", va="center", fontsize=11, zorder=5)
    ax.text(96.5, 10.6, "the new token joins the text, and all runs again", fontsize=8.5, ha="right", va="bottom")
    ax.plot([1, 107], [8.2, 8.2], color=PALE, linewidth=1)
