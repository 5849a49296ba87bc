"""Pictures of masks, and of what a stack of layers makes of them."""
import numpy as np
from matplotlib.colors import ListedColormap, LogNorm

from .plots import BLUE, GREY, INK, PALE, RED, Picture, figure

LOOK = ListedColormap(["white", BLUE])
FAINTEST = 1e-6                 # of the nudge: what is smaller is drawn as this


def draw_mask(ax, mask, title="", names=None):
    """Draw (L, S) True = may look: one row a query, one column a key, with lines between them."""
    mask = np.array(mask)
    L, S = mask.shape
    ax.imshow(mask, cmap=LOOK, vmin=0, vmax=1, aspect="equal")
    ax.hlines(np.arange(L + 1) - 0.5, -0.5, S - 0.5, color=PALE, linewidth=0.8)
    ax.vlines(np.arange(S + 1) - 0.5, -0.5, L - 0.5, color=PALE, linewidth=0.8)
    ax.set(title=title, xlabel="key: who is looked at", ylabel="query: who looks")
    ax.tick_params(length=0)
    if names:
        ax.set_xticks(range(S), names)
        ax.set_yticks(range(L), names)
    return ax


def draw_influence(sizes, source, window, names=()):
    """sizes (n_layers + 1, L) from reach.influence, as a map on a logarithmic scale with the edge of the reach.

    names: (position, text) pairs to write below the map.
    """
    rows, L = sizes.shape
    fig, ax = figure(height=3.3)
    seen = np.where(sizes > 0, np.clip(sizes, FAINTEST, None), np.nan)      # an exact zero stays white
    image = ax.imshow(seen, norm=LogNorm(FAINTEST, 10), aspect="auto", origin="lower", interpolation="nearest")
    edge = [min(source + k * (window - 1), L - 1) + 0.5 for k in range(rows)]
    ax.step([edge[0], *edge], [-0.5, *np.arange(rows) + 0.5], where="pre", color=RED, linewidth=2)
    ax.set(xlabel="position in the text", ylabel="after layer", yticks=range(rows), xlim=(-0.5, L - 0.5),
           ylim=(-0.5, rows - 0.5))
    for position, text in names:
        ax.annotate(text, (position, -0.5), (position, 0.6), color=INK, fontsize=8.5, ha="center")
    bar = fig.colorbar(image, ax=ax, pad=0.02)
    bar.set_label("size of the change", color=INK)
    bar.outline.set_edgecolor(GREY)
    return fig, ax


def reach_picture(mask, depth):
    """The mask of one layer, and beside it what `depth` such layers let through, from the bottom to the top."""
    one = np.array(mask, dtype=int)
    through = np.linalg.matrix_power(one, depth) > 0 if depth > 1 else one > 0
    fig, (left, right) = figure(height=3.7, columns=2)
    seen, reached = int(one[-1].sum()), int(through[-1].sum())
    draw_mask(left, one, f"One layer: {seen} key{'s' * (seen > 1)} a row")
    draw_mask(right, through, f"{depth} layer{'s' * (depth > 1)}: {reached} token{'s' * (reached > 1)} reached")
    right.set(xlabel="token that went in", ylabel="token that comes out")
    L = len(one)
    caption = (f"One layer: the last of {L} tokens sees {seen}, its own included. {depth} "
               f"layer{'s' * (depth > 1)}: it depends on {reached}, the furthest {reached - 1} places back.")
    return Picture(fig, caption)
