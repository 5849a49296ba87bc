"""Pictures of what a stack of layers makes of a mask."""
import numpy as np
from matplotlib.colors import LogNorm

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.lab.showing.mask_picture import draw_mask
from mistral_edu.palette import GREY, INK, PALETTE, RED

FAINTEST = 1e-6                 # anything smaller, but not zero, is drawn as this


def draw_influence(sizes, source, window):
    """sizes (n_layers + 1, L) from reach.influence, as a map on a logarithmic scale; a line marks the reach.

    Returns (figure, axes). Exact zeros stay white.
    """
    rows, L = sizes.shape
    fig, ax = figure(height=3.3)
    seen = np.where(sizes > 0, np.clip(sizes, FAINTEST, None), np.nan)
    image = ax.imshow(seen, norm=LogNorm(FAINTEST, 1), aspect="auto", origin="lower", interpolation="nearest")
    edges = [min(source + k * (window - 1), L - 1) + 0.5 for k in range(rows)]
    ax.plot(np.repeat(edges, 2), np.repeat(np.arange(rows + 1), 2)[1:-1] - 0.5, color=RED, linewidth=2)
    ax.set(xlabel="position in the text", ylabel="layers that have run", yticks=range(rows), xlim=(-0.5, L),
           ylim=(-0.5, rows - 0.5))
    bar = fig.colorbar(image, ax=ax, pad=0.02)
    bar.set_label("change, as a share of the state", color=INK)
    bar.outline.set_edgecolor(GREY)
    return fig, ax


def reach_picture(mask, depth):
    """The mask of one layer, and next to it what `depth` such layers let through, from the bottom to the top."""
    one = np.array(mask, dtype=int)
    through = np.linalg.matrix_power(one, depth) > 0 if depth > 1 else one > 0
    fig, (left, right) = figure(height=3.7, columns=2)
    seen, reached = int(one[-1].sum()), int(through[-1].sum())
    draw_mask(left, one, f"One layer: up to {seen} key{'s' * (seen > 1)} per row")
    draw_mask(right, through, f"{depth} layer{'s' * (depth > 1)}: up to {reached} token{'s' * (reached > 1)}")
    right.set(xlabel="token that went in", ylabel="token that comes out")
    L = len(one)
    caption = (f"One layer: the last of {L} tokens sees {seen}, its own included. {depth} "
               f"layer{'s' * (depth > 1)}: it depends on {reached}, the furthest {reached - 1} "
               f"token{'s' * (reached != 2)} back.")
    if reached == L:
        caption += " That is where the text begins."
    return Picture(fig, caption)


def draw_reach(ax, lengths, window, title="A fall, a plateau, then a cliff at the edge of the reach"):
    """lengths (n_layers + 1, L) of gradients: a line per depth, against tokens back, on a logarithmic scale.

    Returns how far back the deepest line goes, and the length there as a share of that at the last token itself. A
    dotted line marks each reach.
    """
    n_layers, L = len(lengths) - 1, lengths.shape[1]
    for depth, colour in ((1, PALETTE[0]), (2, PALETTE[1]), (4, PALETTE[2]), (n_layers, PALETTE[3])):
        line = lengths[n_layers - depth][::-1]                  # from the last token back
        line = np.where(line > 0, line / line[0], np.nan)       # an exact zero is not drawn
        ax.semilogy(range(L), line, color=colour, linewidth=1, label=f"{depth} layer{'s' * (depth > 1)}")
        ax.axvline(depth * (window - 1), color=colour, linewidth=1.2, linestyle=":")
    far = int(np.nonzero(~np.isnan(line))[0][-1])
    ax.set(title=title, xlabel="tokens back", ylabel="length of the gradient, last token = 1")
    ax.legend(fontsize=8.5, loc="lower left", frameon=True, framealpha=1, edgecolor="none")
    return far, float(line[far])
