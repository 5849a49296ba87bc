"""What the views share: which tokens they are about, and the picture of a text in which each token has its mark."""
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mistral_edu.lab.showing.figures import WIDTH, figure
from mistral_edu.lab.showing.pieces import BOX, GAP, boxes, draw_pieces, label
from mistral_edu.language import _
from mistral_edu.palette import GREY, INK, RED
from mistral_edu.text.prompt import check_known, prompt_ids

TITLE, LEGEND, MARGIN = 0.42, 0.34, 0.1          # inches above, below, and beside the tokens
HATCH = "///"                                    # over tokens that cannot be seen
TOP = 0.03                                       # inches that a thick frame needs above the first line
ALL = WIDTH - 2 * MARGIN


def tokens_of(text_or_ids, model, tokenizer, raw=False) -> tuple[list, list]:
    """The ids of a text, and a label for each.

    text_or_ids: a string, sent as a user's message (raw=True: as it is), messages, whose last may be an answer, or ids.
    Raises ValueError if there are none, one is unknown, or there are more than the context holds.
    """
    ids = prompt_ids(text_or_ids, tokenizer, raw)
    n, config = len(ids), model.config
    if not 1 <= n <= config.context_len:         # all of it: no answer follows
        raise ValueError(f"a text of 1 to {config.context_len:,} tokens fits into the context of this model; got {n:,}")
    check_known(ids, config)
    n_ids = tokenizer.n_ids
    return ids, [label(tokenizer.token_bytes(id)) if id < n_ids else "" for id in ids]


def place_of(position, n) -> int:
    """A position among n tokens, counted from the front: None is the last one, -2 the one before it.

    >>> place_of(None, 5), place_of(-2, 5), place_of(0, 5)
    (4, 3, 0)
    """
    if position is None:
        return n - 1
    if isinstance(position, bool) or not hasattr(position, "__index__") or not -n <= position < n:
        raise ValueError(f"position should be that of one of the {n} tokens, 0 to {n - 1}, or counted from the end, "
                         f"-1 to {-n}; got {position!r}")
    return int(position) % n


def draw_tokens(labels, tints, hatches, below, framed, title, legend, number="", edges=()):
    """A figure with a box for each token; `framed` has a thick frame. edges: tokens with a red line on their left.

    legend: {words: (tint, hatch, thick frame or not)}, in one line below. number: what the numbers below tokens mean.
    """
    height = boxes(labels, below, ALL)[1]
    total = height + TITLE + LEGEND
    fig, ax = figure(height=total)
    fig.set_layout_engine(None)                  # the places are known in inches; working them out would be slow
    ax.set_position([MARGIN / WIDTH, LEGEND / total, ALL / WIDTH, (height + TOP) / total])
    placed = draw_pieces(ax, labels, tints, below, ALL, framed, hatches)
    ax.set(xlim=(-0.02, ALL + 0.02), ylim=(height, -TOP))
    for edge in edges:
        x, y, _width = placed[edge]
        ax.plot([x - GAP / 2] * 2, [y - TOP, y + BOX + 0.04], color=RED, linewidth=3, solid_capstyle="butt",
                clip_on=False)
    fig.text(MARGIN / WIDTH, 1 - 0.14 / total, title, fontsize=11.5, fontweight="bold", va="top", parse_math=False)
    handles = [Line2D([], [], color=RED, linewidth=3, label=_("edge"))] * bool(edges)
    handles += [Patch(facecolor=tint, hatch=hatch, edgecolor=INK if thick else GREY, linewidth=1.8 if thick else 0.6,
                      label=words) for words, (tint, hatch, thick) in legend.items()]
    handles += [Line2D([], [], linestyle="none", marker="$0.1$", markersize=14, markerfacecolor=GREY,
                       markeredgecolor="none", label=number)] * any(below)
    fig.legend(handles=handles, loc="lower left", fontsize=8.5, ncols=len(handles), borderaxespad=0.3,
               columnspacing=1.2, handlelength=1.6)
    return fig
