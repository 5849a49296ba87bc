"""Pictures of notebook 10: one for each of five ways to look into a model that answers a question."""
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, DIVERGING, GREEN, GREY, INK, ORANGE, ORANGES, PALE, RED

KINDS = {"the right place": (BLUE, ""), "the other place mentioned": (ORANGE, "///"),
         "a place not mentioned": (GREEN, "..."), "no place": (PALE, "")}
MOST_COLOUR = 4.0            # shares from here on have the strongest colour; one part is far beyond


def draw_lens(chances, kinds, names, layers, most=7):
    """What the output layer reads in a row after each layer, and which tokens it names after `layers` of them.

    chances (n_layers + 1, vocab_size): probabilities. kinds (vocab_size,): for each token, which of KINDS it is. names:
    a function from a token's id to its text.
    """
    chances, kinds = np.array(chances), np.array(kinds)
    share = np.array([chances[:, kinds == kind].sum(axis=1) for kind in range(len(KINDS))])     # (kinds, n_layers + 1)
    top = np.argsort(-chances[layers], kind="stable")[:most]
    leader = list(KINDS)[kinds[top[0]]]
    fig, (left, right) = figure(height=3.9, columns=2, width_ratios=(3, 2))
    steps = np.arange(len(chances))
    for kind, (label, (colour, hatch)) in enumerate(KINDS.items()):
        left.bar(steps, share[kind], 0.8, bottom=share[:kind].sum(axis=0), color=colour, hatch=hatch, edgecolor="white",
                 label=label)
    left.bar([layers], [1], 0.9, color="none", edgecolor=INK, linewidth=2)
    left.set(xlabel="layers that have run", ylabel="probability", xticks=steps, ylim=(0, 1.02))
    colours = [list(KINDS.values())[kinds[token]] for token in top]
    for place, (token, (colour, hatch)) in enumerate(zip(top, colours)):
        right.barh([place], [chances[layers, token]], color=colour, hatch=hatch, edgecolor="white")
    right.set(xlabel=f"probability after {_layers(layers)}", xlim=(0, 1), ylim=(len(top) - 0.5, -0.5))
    right.set_yticks(range(len(top)), [names(int(token)).strip() or "(space)" for token in top])
    fig.suptitle(f"After {_layers(layers)} the likeliest token is {leader}", x=0.01, ha="left", fontsize=11.5,
                 fontweight="bold")
    fig.legend(*left.get_legend_handles_labels(), fontsize=9, loc="outside lower center", ncols=2)
    told = ", ".join(f"{names(int(token)).strip()} {chances[layers, token]:.3f}" for token in top[:3])
    places = share[:3, layers]
    return Picture(fig, f"After {_layers(layers)}: {told}. All places together {places.sum():.3f}; the right one "
                        f"{places[0]:.3f}, the other one mentioned {places[1]:.3f}.")


def draw_shares(shares, embedding):
    """shares (n_layers, n_heads + 1): what each head, and in the last column each feed-forward, writes."""
    shares = np.array(shares)
    total = float(shares.sum() + embedding)
    fig, ax = figure(height=3.9)
    _shares_on(ax, shares)
    layer, column = np.unravel_index(np.abs(shares).argmax(), shares.shape)
    title = f"{_part(layer, column, shares)} writes {shares[layer, column] / total:.0%} of the difference"
    ax.set(title=title[0].upper() + title[1:])
    return Picture(fig, f"The difference of {total:.2f} as a sum: heads {shares[:, :-1].sum():.2f}, feed-forwards "
                        f"{shares[:, -1].sum():.2f}, embedding {embedding:.2f}. The largest part: "
                        f"{_part(layer, column, shares)}, {shares[layer, column]:.2f}.")


def draw_attention(words, weights, layer, head, asking):
    """weights (L,): how the token `asking` spreads its attention over the words, in one head."""
    weights, n = np.array(weights), len(words)
    fig, ax = figure(height=3.0)
    ax.bar(range(1, n), weights[1:], 0.8, color=BLUE)
    ax.bar([0], weights[:1], 0.8, color="white", edgecolor=GREY, hatch="////", linewidth=1)     # <s>: where heads rest
    ax.axvspan(asking + 0.5, n - 0.4, color=PALE, linewidth=0)
    ax.plot([asking], [-0.035], marker="^", linestyle="none", color=RED, markersize=9, clip_on=False,
            label="the token that looks")
    first, second = (int(place) for place in np.argsort(-weights, kind="stable")[:2])
    ax.set(title=f"Layer {layer} head {head}: “{words[asking]}” ({asking}) gives {weights[first]:.2f} "
                 f"to “{words[first]}” ({first})",
           ylabel="attention weight", ylim=(0, 1.02), xlim=(-0.6, n - 0.4))
    ax.set_xticks(range(n), [f"{place} {word}" for place, word in enumerate(words)], rotation=60, ha="right",
                  rotation_mode="anchor", fontsize=9)
    ax.tick_params(axis="x", pad=9)
    fig.legend(fontsize=9, loc="outside lower right")
    return Picture(fig, f"Layer {layer} head {head}, from token {asking}, \"{words[asking]}\": {weights[first]:.2f} to "
                        f"token {first}, \"{words[first]}\"; {weights[second]:.2f} to token {second}, "
                        f"\"{words[second]}\".")


def draw_both(shares, lost, asked):
    """Two maps of the same parts, (n_layers, n_heads + 1) each: what a part writes, and what is lost without it."""
    shares, lost = np.array(shares), np.array(lost)
    most, needed = (np.unravel_index(np.abs(each).argmax(), each.shape) for each in (shares, lost))
    apart = lost[most] == 0 and abs(shares[needed]) < 0.05 * abs(shares.sum())
    fig, (left, right) = figure(width=7.6, height=3.9, columns=2)
    _shares_on(left, shares, fontsize=8, least=0.3)
    left.set(title="What it writes")
    right.imshow(lost, cmap=ORANGES, vmin=0, vmax=max(1, lost.max()) * 1.4, aspect="auto")
    _frame(right, lost, lost.flat, fontsize=8)
    right.set(title=f"Places lost of {asked} without it")
    fig.suptitle("What writes most is not missed; what is missed writes next to nothing" if apart else
                 "What each part writes, and what is lost without it", x=0.01, ha="left", fontsize=11.5,
                 fontweight="bold")
    return Picture(fig, f"Writes most: {_part(*most, shares)}, {shares[most]:.2f}; without it {lost[most]} of {asked} "
                        f"places are lost. Missed most: {_part(*needed, shares)}, {lost[needed]} of {asked}; it writes "
                        f"{shares[needed]:.2f}. {int((lost == 0).sum())} of {lost.size} parts can go one at a time "
                        "without a loss.")


def _shares_on(ax, shares, fontsize=9, least=0.0):
    """Blue for what speaks for the answer, red for what speaks against it; numbers below `least` are left out."""
    ax.imshow(shares, cmap=DIVERGING, vmin=-MOST_COLOUR, vmax=MOST_COLOUR, aspect="auto")
    _frame(ax, shares, [f"{round(number, 1) + 0.0:.1f}" if abs(number) >= least else "" for number in shares.flat],
           fontsize)


def _frame(ax, numbers, texts, fontsize):
    """A grid of numbers: layers down, heads and the feed-forward across."""
    n_layers, n_columns = numbers.shape
    for (layer, column), text in zip(np.ndindex(n_layers, n_columns), texts):
        dark = abs(numbers[layer, column]) > 2 * MOST_COLOUR
        ax.text(column, layer, text, ha="center", va="center", fontsize=fontsize, color="white" if dark else INK)
    ax.set(xlabel="head; feed-forward (f)", ylabel="layer", yticks=range(n_layers))
    ax.set_xticks(range(n_columns), [*map(str, range(n_columns - 1)), "f"])
    ax.axvline(n_columns - 1.5, color=INK, linewidth=1.2)
    ax.tick_params(length=0)


def _layers(n):
    return f"{n} layer" if n == 1 else f"{n} layers"


def _part(layer, column, numbers):
    return f"layer {layer} feed-forward" if column == numbers.shape[1] - 1 else f"layer {layer} head {column}"
