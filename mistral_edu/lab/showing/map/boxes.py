"""Where everything is on the map: boxes, arrows, sums. Units are those of a canvas of SIZE, from its lower left.

Which notebook builds a box is written in the course's own table (mistral_edu.course), and nowhere else.
"""
from dataclasses import dataclass

from mistral_edu.course import COURSE, Notebook
from mistral_edu.language import N_, _

SIZE = (108, 59)
STREAM_Y = 42                          # height of the residual stream
BUILT_BY = {box: notebook for notebook in COURSE for box in notebook.boxes}


@dataclass(frozen=True)
class Box:
    """A part of the model: what is written on it, its lower left corner, width and height."""
    name: str
    x: float
    y: float
    w: float
    h: float
    frame: bool = False                # a frame holds other boxes, so its name is at the top
    which: str = ""                    # tells boxes of the same name apart

    @property
    def key(self) -> str:
        """A name that no other box has: "RMSNorm before attention"."""
        return f"{self.name} {self.which}".strip()

    @property
    def label(self) -> str:
        """What is written on it, in the language of the page."""
        return _(self.name)

    @property
    def full_label(self) -> str:
        """The same for its key."""
        return f"{self.label} {_(self.which) if self.which else ''}".strip()

    @property
    def page(self) -> Notebook | None:
        """The notebook that builds it; None for what needs none."""
        return BUILT_BY.get(self.name)

    @property
    def notebook(self) -> str | None:
        """That notebook's number."""
        return self.page.number if self.page else None

    @property
    def planned(self) -> bool:
        """Whether its notebook is not written yet."""
        return self.page is not None and not self.page.ready


# In the order in which data, and the keyboard, passes them; a frame comes before what it holds.
BOXES = (
    Box("Start here", 1, 52.5, 15, 5.5), Box("The whole model", 18, 52.5, 18, 5.5),
    Box("Text so far", 1, 15, 15, 5.5), Box("Tokens", 1, 27, 15, 5.5),
    Box("Embedding", 1, STREAM_Y - 3, 15, 6),
    Box("Block, many times over", 22, 21, 62, 28, frame=True),
    Box("RMSNorm", 23.5, 27, 10.5, 6, which="before attention"),
    Box("Attention", 36.5, 22.5, 17, 16.5, frame=True),
    Box("RoPE", 38, 31.4, 14, 3.8), Box("Groups", 38, 27.4, 14, 3.8), Box("Window", 38, 23.4, 14, 3.8),
    Box("KV cache", 30, 13, 14, 5.5), Box("Rolling buffer", 46, 13, 14, 5.5),
    Box("RMSNorm", 58, 27, 10.5, 6, which="before SwiGLU"), Box("SwiGLU", 71, 27, 9.5, 6),
    Box("RMSNorm", 91, STREAM_Y - 3, 15, 6, which="after the last block"),
    Box("Logits", 91, 28, 15, 5.5), Box("Sampling", 91, 15, 15, 5.5),
    Box("Quantization", 1, 1, 16.6, 5.5), Box("Checkpoints", 18.9, 1, 16.6, 5.5), Box("Training", 36.8, 1, 16.6, 5.5),
    Box("Speed", 54.7, 1, 16.6, 5.5), Box("Prompt lab", 72.6, 1, 16.6, 5.5), Box("More machines", 90.4, 1, 16.6, 5.5),
)
ARROWS = (                             # each a line of corners, ending in an arrowhead
    ((8.5, 20.5), (8.5, 27)), ((8.5, 32.5), (8.5, STREAM_Y - 3)),
    ((28.75, STREAM_Y), (28.75, 33)), ((34, 30), (36.5, 30)), ((53.5, 30), (56, 30), (56, STREAM_Y - 1.3)),
    ((63.25, STREAM_Y), (63.25, 33)), ((68.5, 30), (71, 30)), ((80.5, 30), (82.2, 30), (82.2, STREAM_Y - 1.3)),
    ((98.5, STREAM_Y - 3), (98.5, 33.5)), ((98.5, 28), (98.5, 20.5)),
    ((98.5, 15), (98.5, 10), (8.5, 10), (8.5, 15)),
)
CACHES = ((40, 18.5, 22.5), (50, 18.5, 22.5))        # x, y, y: attention writes to a cache, and reads from it
STREAM = (16, 91)                      # from embedding to the last norm
SUMS = (56, 82.2)                      # where a branch is added back to the stream
LINE = (1, 107, 8.2)                   # x, x, y: above it the model, below it what is done with one
STREAM_NAME, LOOP_NAME = N_("residual stream"), N_("the new token joins the text, and all runs again")
STREAM_NAME_AT, LOOP_NAME_AT = (40.5, STREAM_Y + 1.1), (96.5, 10.6)      # middle, right end; both by their lower edge
TITLE, LEGEND = N_("Mistral, part by part"), N_("the number in a box is the notebook that builds it")
PLANNED_LEGEND = N_("dashed: not written yet")


def legend() -> str:
    """What is said about the numbers, and about dashed boxes if there are any."""
    return _(LEGEND) + (f"; {_(PLANNED_LEGEND)}" if any(box.planned for box in BOXES) else "")
