"""Pictures of notebook 04: what two norms notice, how the stream grows, four trainings, and where rows swell."""
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE, RED

DOUBT = {"nearly sure": (0, 0.1), "some doubt": (0.1, 2), "wide open": (2, 9)}    # nats of entropy: from, to
LARGEST = 290       # the size up to which draw_doubt draws


def draw_against(x, before, after, reach=46):
    """One row x (n,), and what norms make of it: before and after are {name: (n,)}, of the plain row and of this one.

    Bars are what comes out now; a black line across each shows what came out of the plain row. What comes in is drawn
    from -reach to reach, so that its size is seen.
    """
    x, n = np.array(x), len(x)
    moved = {name: float(np.abs(np.array(after[name]) - np.array(before[name])).max()) for name in after}
    fig, (left, right) = figure(height=3.3, columns=2, width_ratios=(2, 3))
    left.bar(range(1, n + 1), x, color=GREY)
    left.set(xlabel="number in the row: what comes in", xticks=range(1, n + 1), ylim=(-reach, reach))
    for k, (name, colour, hatch) in enumerate(zip(after, (BLUE, ORANGE), ("", "///"))):
        places = np.arange(1, n + 1) + 0.4 * (k - 0.5)
        right.bar(places, np.array(after[name]), 0.38, color=colour, hatch=hatch, edgecolor="white",
                  label=name)
        right.hlines(np.array(before[name]), places - 0.19, places + 0.19, color=INK, linewidth=1.6,
                     label="what the plain row gave" if k else None)
    fig.suptitle(", ".join(f"{name} moves by {far:.2f}" for name, far in moved.items()), x=0.01, ha="left",
                 fontsize=11.5, fontweight="bold")
    right.set(xlabel="number in the row: what comes out", xticks=range(1, n + 1), ylim=(-2.6, 2.6))
    fig.legend(*right.get_legend_handles_labels(), fontsize=9, loc="outside lower center", ncols=3)
    for ax in (left, right):
        ax.axhline(0, color=GREY, linewidth=0.8)
    size, mean = float(np.sqrt((x * x).mean())), float(x.mean()) + 0.0
    told = "; ".join(f"{name}: {far:.2f}" for name, far in moved.items())
    return Picture(fig, f"The row has the size {size:.2f} and the mean {mean:.2f}. The largest move of a number that "
                        f"comes out: {told}.")


def draw_stream(sizes, read):
    """sizes (n_norms, L): the size of each token's row as each norm finds it; read (n_norms, L): as it leaves it.

    The first column belongs to <s>.
    """
    sizes, leaving = np.array(sizes), np.median(np.array(read), axis=1)
    first, rest = sizes[:, 0], sizes[:, 1:]
    middle, norms = np.median(rest, axis=1), np.arange(len(sizes))
    fig, ax = figure(height=4.0)
    ax.fill_between(norms, rest.min(axis=1), rest.max(axis=1), color=PALE, label="all other tokens")
    ax.semilogy(norms, first, color=RED, marker="s", markersize=4, label="<s>")
    ax.semilogy(norms, middle, color=BLUE, marker="o", markersize=4, label="the middle one of them")
    ax.axhline(1, color=INK, linestyle="--", linewidth=1.2, label="after the division, before the gains")
    ax.semilogy(norms, leaving, color=GREEN, marker="^", markersize=4, linestyle=":",
                label="after the gains, middle one")
    ratio = first / middle
    last = len(norms) - 1
    ax.set(title=f"The stream grows {middle[-1] / middle[0]:.0f}-fold; every norm divides that away", xticks=norms,
           xlabel=f"norm (even: before an attention; odd: before a feed-forward; {last}: before the output)",
           ylabel="size of a token's row, logarithmic", ylim=(0.1, 3000))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(fontsize=9, loc="upper left", ncols=2)
    ax.grid(axis="y")
    return Picture(fig, f"Size of the middle row: {middle[0]:.2f} at first, {middle[-1]:.1f} at the last norm, "
                        f"{middle[-1] / middle[0]:.0f} times as much; after the gains from {leaving.min():.2f} to "
                        f"{leaving.max():.2f}. <s>: {first[0]:.2f} and {first[-1]:.1f}, at most {ratio.max():.0f} "
                        f"times the middle row (norm {int(ratio.argmax())}). The largest row of all: "
                        f"{sizes.max():.0f}.")


def draw_losses(curves, chance):
    """curves {name: losses}: one line each on a logarithmic scale; chance: the loss of who can only guess."""
    fig, ax = figure(height=3.5)
    styles = zip(curves.items(), ((BLUE, "-"), (RED, "--"), (GREEN, "-."), (ORANGE, ":")))
    told, ends = [], []
    for (name, losses), (colour, line) in styles:
        losses = np.nan_to_num(np.array(losses), nan=1e4, posinf=1e4)
        ax.semilogy(np.clip(losses, 1e-4, 1e4), color=colour, linestyle=line, linewidth=1.8, label=name)
        ends.append(float(losses[-1]))
        end = "below 0.1" if ends[-1] < 0.1 else "off the picture" if ends[-1] > 1000 else "above 0.1"
        told.append(f"{name}: {end}")
    ax.axhline(chance, color=GREY, linestyle="-", linewidth=0.9, label=f"guessing: {chance:.2f}")
    lost = [name for name, end in zip(curves, ends) if end > 1000]
    ax.set(title=f"Only one explodes: {lost[0]}" if len(lost) == 1 else f"{len(lost)} of {len(curves)} explode",
           xlabel="step", ylabel="loss, logarithmic", ylim=(1e-4, 1000))
    ax.legend(fontsize=9, loc="upper right", labelspacing=0.25, borderaxespad=0)
    return Picture(fig, f"Loss at the end. {'; '.join(told)}.")


def draw_doubt(words, sizes, entropies, first=0, of=None):
    """Rows along a text: the words (n) read, the size of each one's row after the last layer, its entropy (nats).

    A bar's colour and hatch say how open the next token is: the three kinds of DOUBT. They begin at position `first`
    of a text of `of` words.
    """
    sizes, entropies, n = np.array(sizes), np.array(entropies), len(words)
    fig, ax = figure(height=3.8)
    kinds = {}
    for (kind, (low, high)), colour, hatch in zip(DOUBT.items(), (BLUE, GREEN, ORANGE), ("", "...", "///")):
        which = (entropies >= low) & (entropies < high)
        kinds[kind] = int(which.sum())
        if which.any():
            ax.bar(np.arange(n)[which], sizes[which], 0.8, color=colour, hatch=hatch, edgecolor="white",
                   label=f"next token: {kind}")
    at = int(sizes.argmax())
    ax.set(title=f"The largest row here is that of \"{words[at]}\"", ylabel="size of the row", ylim=(0, LARGEST),
           xlim=(-0.7, n - 0.3),
           xlabel=f"the token that has just been read: {first + 1} to {first + n} of {of or n}")
    ax.set_xticks(range(n), words, rotation=60, ha="right", rotation_mode="anchor", fontsize=8.5)
    ax.legend(fontsize=9, loc="upper right")
    count = ", ".join(f"{many} {kind}" for kind, many in kinds.items())
    return Picture(fig, f"What comes after these {n} tokens: {count}. The largest row is that of \"{words[at]}\": size "
                        f"{sizes[at]:.0f}, an entropy of {entropies[at] + 0.0:.2f}, as with "
                        f"{np.exp(entropies[at]):.1f} equally likely tokens.")
