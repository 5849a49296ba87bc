"""Pictures of notebook 05: a query among keys, what a merged row holds, and what a head looks at."""
import numpy as np
from matplotlib.colors import ListedColormap

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, DARK_ORANGE, GREEN, GREY, INK, ORANGE, PALE, PALE_ORANGE, RED, SEQUENTIAL

PARTS = ListedColormap([PALE, PALE_ORANGE, DARK_ORANGE])     # right, earlier, later: dark enough for white letters
LOOKS = ((BLUE, "-", ""), (ORANGE, "--", "///"), (GREEN, "-.", "..."))       # colour, line, hatch of each key


def placed(fig, **margins):
    """Fixed margins in place of those that matplotlib computes: a slider's picture is drawn in half the time."""
    fig.set_layout_engine(None)
    fig.subplots_adjust(**margins)


def draw_query(names, query, keys, weights):
    """A query (2,) and keys (n, 2) as arrows, and the weights (n,) that the query gives to each, as bars."""
    query, keys, weights = np.array(query), np.array(keys), np.array(weights)
    fig, (left, right) = figure(height=3.4, columns=2)
    placed(fig, left=0.08, right=0.99, bottom=0.25, top=0.88, wspace=0.25)
    arrows = [(f"key of {name}", key, colour, line, 2) for name, key, (colour, line, _) in zip(names, keys, LOOKS)]
    for label, tip, colour, line, width in [*arrows, ("query", query, INK, "-", 3)]:
        left.plot([], [], color=colour, linestyle=line, linewidth=width, label=label)
        left.annotate("", tip, (0, 0), arrowprops=dict(arrowstyle="-|>", color=colour, linestyle=line, linewidth=width))
    left.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal", xlabel="first number", ylabel="second number")
    fig.legend(fontsize=9, loc="lower center", ncols=4)
    left.axhline(0, color=PALE, linewidth=1)
    left.axvline(0, color=PALE, linewidth=1)
    for n, (weight, (colour, _, hatch)) in enumerate(zip(weights, LOOKS)):
        right.bar(n, weight, 0.7, color=colour, hatch=hatch, edgecolor="white")
        right.text(n, weight + 0.02, f"{weight:.2f}", ha="center", color=INK)
    right.set(ylim=(0, 1.12), xticks=range(len(names)), ylabel="weight")
    right.set_xticklabels(names)
    most = int(weights.argmax())
    even = np.allclose(weights, weights[0])
    fig.suptitle("All keys get the same weight" if even else f"{weights[most]:.0%} of the weight goes to {names[most]}",
                 x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    told = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(names, weights))
    return Picture(fig, f"The query is [{query[0] + 0.0:.2f}, {query[1] + 0.0:.2f}]. Weights: {told}.")


def draw_merges(merges):
    """What the rows of merged heads hold: merges {title: (L, n_heads, 2)}, (head, position) for each part of a row.

    A place that holds a later token than its row's is dark, with white letters; one that holds an earlier token is
    light orange. The titles name the two ways of merging.
    """
    fig, axes = figure(height=3.6, columns=len(merges), sharey=True)
    placed(fig, left=0.08, right=0.99, bottom=0.15, top=0.9, wspace=0.05)
    told = []
    for ax, (title, codes) in zip(np.atleast_1d(axes), merges.items()):
        L, n_heads, _ = codes.shape
        later = codes[:, :, 1] > np.arange(L)[:, None]
        earlier = codes[:, :, 1] < np.arange(L)[:, None]
        ax.imshow(earlier + 2 * later, cmap=PARTS, vmin=0, vmax=2, aspect="auto")
        ax.hlines(np.arange(1, L) - 0.5, -0.5, n_heads - 0.5, color="white", linewidth=3)
        ax.vlines(np.arange(1, n_heads) - 0.5, -0.5, L - 0.5, color="white", linewidth=3)
        for row, place in np.ndindex(L, n_heads):
            head, position = codes[row, place]
            ax.text(place, row, f"head {head}\ntoken {position}", ha="center", va="center", fontsize=7.5,
                    color="white" if later[row, place] else INK,
                    fontweight="bold" if later[row, place] else "normal")
        ax.set(xlim=(-0.5, n_heads - 0.5), ylim=(L - 0.5, -0.5), xticks=range(n_heads), yticks=range(L),
               xlabel="part of the row")
        ax.set_title(f"{title}: {later.sum()} later, {earlier.sum()} earlier", fontsize=10.5)
        told.append(f"{title}: {later.sum()} of {later.size} parts come from a later token, "
                    f"{earlier.sum()} from an earlier one")
        ax.tick_params(length=0)
    np.atleast_1d(axes)[0].set_ylabel("row of token")
    return Picture(fig, "; ".join(told) + ".")


def draw_head(words, pattern, layer, head):
    """The attention weights of one head, pattern (L, L): a row per query, a column per key, named by words (L)."""
    pattern, n = np.array(pattern), len(words)
    fig, ax = figure(height=5.6)
    placed(fig, left=0.06, right=0.98, bottom=0.16, top=0.93)
    image = ax.imshow(np.where(np.tri(n) > 0, pattern, np.nan), cmap=SEQUENTIAL, vmin=0, vmax=1)
    ax.set_xticks(range(n), words, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    ax.set_yticks(range(n), words, fontsize=8)
    ax.tick_params(length=0)
    most = int(pattern[-1].argmax())
    ax.set(xlabel="key: who is looked at", ylabel="query: who looks",
           title=f'Layer {layer} head {head}: "{words[-1]}" gives most to "{words[most]}", {pattern[-1, most]:.2f}')
    fig.colorbar(image, ax=ax, shrink=0.8, label="weight")
    previous = np.diagonal(pattern, -1)[1:].mean() if n > 2 else 0.0         # the second token's is <s>: no sign of it
    return Picture(fig, f'Layer {layer} head {head}. The last token, "{words[-1]}", gives {pattern[-1, most]:.2f} to '
                        f'"{words[most]}" at position {most}. On average a token gives {previous:.2f} to the one '
                        f"before it, {np.diagonal(pattern)[1:].mean():.2f} to itself, "
                        f"{pattern[1:, 0].mean():.2f} to <s>.")


def draw_sink(shares, sizes):
    """Per layer: the share of attention on <s>, and the length of its value beside the others', sizes (n, 2)."""
    shares, sizes = np.array(shares), np.array(sizes)
    layers = np.arange(len(shares))
    fig, (left, right) = figure(height=3.1, columns=2)
    left.bar(layers, shares, 0.7, color=BLUE)
    left.set(title="Late layers look at <s> most ...", xlabel="layer", ylabel="share of attention", ylim=(0, 1),
             xticks=layers)
    right.plot(layers, sizes[:, 0], color=RED, marker="s", label="<s>")
    right.plot(layers, sizes[:, 1], color=GREY, marker="o", linestyle="--", label="median of the others")
    right.set(title="... where there is little to take", xlabel="layer", ylabel="length of the value", xticks=layers,
              ylim=(0, None))
    right.legend(fontsize=9, loc="upper left")
    smaller = sizes[1:, 1] / sizes[1:, 0]
    return Picture(fig, f"Attention on <s>: {shares[0]:.2f} in layer 0, {shares.max():.2f} at most (layer "
                        f"{int(shares.argmax())}). From layer 1 on its value is {smaller.min():.1f} to "
                        f"{smaller.max():.1f} times shorter than the median of the others.")
