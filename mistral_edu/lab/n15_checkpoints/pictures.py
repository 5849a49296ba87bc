"""Pictures of notebook 15: what a model needs in memory, and how far six broken ones stray from the right one."""
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE, PALETTE

MACHINES = (8, 16, 24, 32)       # GiB
GIB = 2**30 / 1e9                # GB
MARKS = "osD^vP"


def draw_need(name, needs):
    """Stacked bars, one for each choice of bits. needs: {bits: memory.Need} of the same context."""
    fig, ax = figure(height=2.7)
    rows = np.arange(len(needs))
    parts = (("weights", BLUE, ""), ("cache", ORANGE, "//"), ("work", GREEN, ".."))
    begin = np.zeros(len(needs))
    for part, colour, hatch in parts:
        size = np.array([getattr(each, part) / 1e9 for each in needs.values()])
        ax.barh(rows, size, 0.6, left=begin, color=colour, hatch=hatch, edgecolor="white", label=part)
        begin = begin + size
    for row, total in zip(rows, begin):
        ax.text(total + 0.3, row, f"{total:.1f} GB", va="center", color=INK,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    for size in MACHINES:
        ax.axvline(size * GIB, color=GREY, linestyle=":", linewidth=1, zorder=0)
        ax.text(size * GIB + 0.2, 0.03, f"{size} GiB", transform=ax.get_xaxis_transform(), color=GREY, fontsize=9)
    tokens = next(iter(needs.values())).context
    ax.set(title=f"{name} with {tokens:,} tokens: {begin.min():.1f} to {begin.max():.1f} GB", yticks=rows,
           yticklabels=[f"{bits} bit" for bits in needs], xticks=range(0, 36, 5), xlim=(0, 38), xlabel="GB",
           ylabel="weights in")
    ax.set_ylim(len(rows) - 0.25, -0.4)               # from top to bottom, with room for the names of the machines
    ax.tick_params(axis="y", length=0)
    fig.legend(loc="outside lower center", ncols=3)
    told = "; ".join(f"{bits} bit: {each.weights / 1e9:.1f} + {each.cache / 1e9:.1f} + {each.work / 1e9:.1f} = "
                     f"{each.total / 1e9:.1f}" for bits, each in needs.items())
    return Picture(fig, f"{name}, {tokens:,} tokens, GB of weights + cache + work, each rounded: {told}.")


def draw_apart(paths):
    """How far each model is from the right one along the computation. paths: {letter: (2 n_layers + 2,)}, the
    embedding first, then the stream after each attention and each feed-forward, and the logits last."""
    n_layers = (len(next(iter(paths.values()))) - 2) // 2
    inside = np.arange(n_layers)[:, None] + (1 / 3, 2 / 3)          # of each layer: attention, then feed-forward
    where = np.concatenate([[0], inside.flatten(), [n_layers + 0.5]])
    fig, ax = figure(height=3.7)
    for n, (letter, path) in enumerate(paths.items()):
        path = np.array(path)
        wrong = path > 1e-3                          # what two right ways to compute differ by is far below
        colour, mark = PALETTE[(0, 1, 2, 3, 5, 7)[n]], MARKS[n]
        ax.plot(where[wrong], path[wrong], color=colour, marker=mark, markersize=5, linewidth=1.5, label=letter)
    for layer in range(n_layers + 1):
        ax.axvline(layer, color=PALE, linewidth=1, zorder=0)
    centres = [layer + 0.5 for layer in range(n_layers)]
    ax.set(title="Each file is right up to its fault; some return part of the way", yscale="log", ylim=(0.05, 20),
           yticks=(0.1, 1, 10), yticklabels=("0.1", "1", "10"), xlim=(-0.1, n_layers + 0.9),
           xticks=[*centres, where[-1]], xticklabels=[*map(str, range(n_layers)), "logits"], xlabel="layer",
           ylabel="off by, as a share of the right size")
    ax.tick_params(length=0, which="both")
    ax.legend(fontsize=9, loc="upper left", ncols=6)
    told = []
    for letter, path in paths.items():
        first = next(n for n, size in enumerate(path) if size > 1e-3)
        place = "at the logits" if first == 2 * n_layers + 1 else f"in layer {(first - 1) // 2}"
        told.append(f"{letter} leaves {place}, its logits are off by {path[-1]:.1f}")
    return Picture(fig, f"Off by, as a share of the right numbers' size: {'; '.join(told)}.")
