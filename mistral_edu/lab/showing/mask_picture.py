"""The picture of a mask: who looks at whom."""
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator

from mistral_edu.language import _
from mistral_edu.palette import BLUE, PALE

LOOK = ListedColormap(["white", BLUE])


def draw_mask(ax, mask, title="", names=None):
    """Draw (L, S) True = may look: one row per query, one column per key, with lines between them."""
    mask = np.array(mask)
    L, S = mask.shape
    ax.imshow(mask, cmap=LOOK, vmin=0, vmax=1, aspect="equal")
    ax.hlines(np.arange(L + 1) - 0.5, -0.5, S - 0.5, color=PALE, linewidth=0.8)
    ax.vlines(np.arange(S + 1) - 0.5, -0.5, L - 0.5, color=PALE, linewidth=0.8)
    ax.set(title=title, xlabel=_("key: who is looked at"), ylabel=_("query: who looks"))
    ax.tick_params(length=0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if names:
        ax.set_xticks(range(S), names)
        ax.set_yticks(range(L), names)
    return ax
