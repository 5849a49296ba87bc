"""Pictures of notebook 12: what the slots of a ring have absorbed, and memory against the length of a text."""
import numpy as np
from matplotlib.patches import Rectangle

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLACK, BLUE, GREY, INK, ORANGE, PALE, SEQUENTIAL


def draw_ring(absorbed, window, seen):
    """The slots of each layer's ring after `seen` tokens: which token lies there, and which ones it has absorbed.

    absorbed (n_layers, n): the earliest token that has gone into the key of each position. Colour: how many tokens
    that spans. A black frame with a white edge: token 0 is among them.
    """
    n_layers = len(absorbed)
    held = [max((p for p in range(seen) if p % window == slot), default=None) for slot in range(window)]
    longest = (n_layers - 1) * (window - 1) + 1
    spans = np.full((n_layers, window), np.nan)
    fig, ax = figure(width=6.4, height=3.9)
    traced = []
    for slot, position in enumerate(held):
        for layer in range(n_layers if position is not None else 0):
            first = int(absorbed[layer][position])
            spans[layer, slot] = span = position - first + 1
            came = f"{first} to {position}" if first < position else f"{position} alone"
            ax.text(slot, layer, came, ha="center", va="center", color=INK if span > 0.45 * longest else "white")
            if first == 0:
                traced.append(layer)
                for colour, width in (("white", 5), (BLACK, 2.5)):    # to be seen on any field
                    ax.add_patch(Rectangle((slot - 0.46, layer - 0.44), 0.92, 0.88, fill=False, edgecolor=colour,
                                           linewidth=width))
    image = ax.imshow(spans, cmap=SEQUENTIAL, vmin=1, vmax=longest, aspect="auto", origin="lower")
    bar = fig.colorbar(image, ax=ax, pad=0.02)
    bar.set_label("tokens absorbed", color=INK)
    bar.outline.set_edgecolor(GREY)
    names = [f"slot {slot}\n" + ("empty" if p is None else f"token {p}" + ", new" * (p == seen - 1))
             for slot, p in enumerate(held)]
    there = [p for p in held if p is not None]
    layers = sorted(set(traced))
    told = ("in no layer" if not layers else f"in layer {layers[0]}" if len(layers) == 1
            else f"in layers {layers[0]} {'and' if len(layers) == 2 else 'to'} {layers[-1]}")
    ax.set(title=f"After {seen} token{'s' * (seen > 1)}, token 0 lives on {told}", xticks=range(window),
           xticklabels=names, yticks=range(n_layers), ylabel="layer")
    ax.tick_params(length=0)
    oldest = ", ".join(str(min(int(absorbed[layer][p]) for p in there)) for layer in range(n_layers))
    return Picture(fig, f"After {seen} token{'s' * (seen > 1)} the slots hold token{'s' * (len(there) > 1)} "
                        f"{', '.join(map(str, sorted(there)))}. The earliest token absorbed, from layer 0 up: "
                        f"{oldest}. Token 0 lives on {told}.")


def draw_memory(lengths, without, within, published, bits):
    """GB of weights and cache against tokens: without and with a window, and published figures.

    without, within (n,): GB at these lengths (n,). published: [(tokens, GB, half of the last digit given)].
    """
    lengths = np.array(lengths)
    fig, ax = figure(height=3.4)
    ax.plot(lengths, without, color=ORANGE, linestyle="--", linewidth=2, label="no window")
    ax.plot(lengths, within, color=BLUE, linewidth=2, label="window 4096")
    tokens, figures, rounding = zip(*published)
    ax.errorbar(tokens, figures, yerr=rounding, fmt="s", color=INK, capsize=4, label="published, ± its rounding")
    low = min(min(within), min(f - r for f, r in zip(figures, rounding)))
    high = max(max(without), max(f + r for f, r in zip(figures, rounding)))
    ax.set(title=f"Weights in {bits} bit: the window stops the growth at {within[-1]:.2f} GB",
           xlabel="tokens in the text", ylabel="weights and cache, GB", ylim=(low - 0.3, high + 0.3),
           xticks=range(0, int(lengths[-1]) + 1, 2048))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.grid(axis="y", color=PALE)
    ax.legend(fontsize=9, loc="upper left")
    shown = ", ".join(f"{figure:g} at {n:,}" for n, figure, _ in published)
    return Picture(fig, f"Weights in {bits} bit, with the cache after {lengths[-1]:,} tokens: {without[-1]:.2f} GB "
                        f"without a window, {within[-1]:.2f} GB with 4096. Published GB: {shown} tokens.")
