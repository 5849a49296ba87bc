"""Pictures of notebook 04: what two norms notice, how the stream grows, two trainings, and where rows swell."""
import numpy as np

from mistral_edu.lab.showing.figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, RED, Picture, figure

IN_DOUBT = 1.0      # nats of entropy: as much as between e = 2.7 equally likely tokens


def draw_against(x, before, after):
    """One row x (n,), and what norms make of it: before and after are {name: (n,)}, of the plain row and of this one.

    Bars are what comes out now; a black line across each shows what came out of the plain row.
    """
    x, n = np.array(x), len(x)
    moved = {name: float(np.abs(np.array(after[name]) - np.array(before[name])).max()) for name in after}
    fig, (left, right) = figure(height=3.3, columns=2, width_ratios=(2, 3))
    left.bar(range(1, n + 1), x, color=GREY)
    left.set(xlabel="place in the row: what comes in", xticks=range(1, n + 1))
    for k, (name, colour, hatch) in enumerate(zip(after, (BLUE, ORANGE), ("", "///"))):
        places = np.arange(1, n + 1) + 0.4 * (k - 0.5)
        right.bar(places, np.array(after[name]), 0.38, color=colour, hatch=hatch, edgecolor="white",
                  label=name)
        right.hlines(np.array(before[name]), places - 0.19, places + 0.19, color=INK, linewidth=1.6,
                     label="from the plain row, either norm" if k else None)
    fig.suptitle(", ".join(f"{name} moves by {far:.2f}" for name, far in moved.items()), x=0.01, ha="left",
                 fontsize=11.5, fontweight="bold")
    right.set(xlabel="place in the row: what comes out", xticks=range(1, n + 1), ylim=(-2.6, 2.6))
    fig.legend(*right.get_legend_handles_labels(), fontsize=9, loc="outside lower center", ncols=3)
    for ax in (left, right):
        ax.axhline(0, color=GREY, linewidth=0.8)
    size, mean = float(np.sqrt((x * x).mean())), float(x.mean()) + 0.0
    told = "; ".join(f"{name}: {far:.2f}" for name, far in moved.items())
    return Picture(fig, f"The row has the size {size:.2f} and the mean {mean:.2f}. The largest move of a number that "
                        f"comes out: {told}.")


def draw_stream(sizes):
    """sizes (n_norms, L): the size of each token's row as each norm finds it; the first column belongs to <s>."""
    sizes = np.array(sizes)
    first, rest = sizes[:, 0], sizes[:, 1:]
    middle, norms = np.median(rest, axis=1), np.arange(len(sizes))
    fig, ax = figure(height=3.6)
    ax.fill_between(norms, rest.min(axis=1), rest.max(axis=1), color=PALE, label="all other tokens")
    ax.semilogy(norms, middle, color=BLUE, marker="o", markersize=4, label="the middle one of them")
    ax.semilogy(norms, first, color=RED, marker="s", markersize=4, label="<s>")
    ax.axhline(1, color=INK, linestyle="--", linewidth=1.2, label="after any of the norms")
    ratio = first / middle
    ax.set(title=f"The stream grows {middle[-1] / middle[0]:.0f}-fold, and every norm brings it back to 1",
           xticks=norms, xlabel="the row as norm number ... finds it (even: before an attention; odd: before a feed-forward)",
           ylabel="size of a token's row")
    ax.legend(fontsize=9, loc="upper left", ncols=2)
    ax.grid(axis="y")
    return Picture(fig, f"Size of the middle row: {middle[0]:.2f} at first, {middle[-1]:.1f} at the last norm. <s>: "
                        f"{first[0]:.2f} and {first[-1]:.1f}, at most {ratio.max():.0f} times the middle row "
                        f"(norm {int(ratio.argmax())}). The largest row of all: {sizes.max():.0f}.")


def draw_losses(curves, chance):
    """curves {name: losses}: one line each on a logarithmic scale; chance: the loss of who can only guess."""
    fig, ax = figure(height=3.3)
    styles = zip(curves.items(), ((BLUE, "-"), (RED, "--"), (GREEN, "-.")))
    told, ends = [], []
    for (name, losses), (colour, line) in styles:
        losses = np.nan_to_num(np.array(losses), nan=1e4, posinf=1e4)
        ax.semilogy(np.clip(losses, 1e-4, 1e4), color=colour, linestyle=line, linewidth=1.8, label=name)
        ends.append(float(losses[-1]))
        end = "below 0.1" if ends[-1] < 0.1 else "off the picture" if ends[-1] > 1000 else "above 0.1"
        told.append(f"{name}: {end}")
    ax.axhline(chance, color=GREY, linestyle=":", linewidth=1.2, label=f"guessing: {chance:.2f}")
    lost = [name for name, end in zip(curves, ends) if end > 1000]
    ax.set(title=f"Only one explodes: {lost[0]}" if len(lost) == 1 else f"{len(lost)} of {len(curves)} explode",
           xlabel="step", ylabel="loss", ylim=(1e-4, 1000))
    ax.legend(fontsize=9, loc="upper right")
    return Picture(fig, f"Loss at the end. {'; '.join(told)}.")


def draw_doubt(words, sizes, entropies):
    """Rows along a text: words (n) that were read, the size of each one's row after the last layer, its entropy (nats).

    Where the next token is in doubt (more than IN_DOUBT), the bar is hatched and orange.
    """
    sizes, entropies, n = np.array(sizes), np.array(entropies), len(words)
    doubtful = entropies > IN_DOUBT
    fig, ax = figure(height=3.6)
    for which, colour, hatch, label in ((~doubtful, BLUE, "", "next token nearly sure"),
                                        (doubtful, ORANGE, "///", "next token in doubt")):
        if which.any():
            ax.bar(np.arange(n)[which], sizes[which], 0.8, color=colour, hatch=hatch, edgecolor="white", label=label)
    ax.set(title="Rows swell where the next token is in doubt" if doubtful.any() else "Nothing is in doubt here",
           ylabel="size of the row", ylim=(0, 290), xlim=(-0.7, n - 0.3), xlabel="the token that has just been read")
    ax.set_xticks(range(n), words, rotation=60, ha="right", rotation_mode="anchor", fontsize=8.5)
    ax.legend(fontsize=9, loc="upper right")
    at = int(sizes.argmax())
    rest = f"{np.median(sizes[~doubtful]):.0f} in the middle where nearly sure" if (~doubtful).any() else "all in doubt"
    return Picture(fig, f"{int(doubtful.sum())} of {n} tokens leave the next one in doubt. The largest row: "
                        f"{sizes[at]:.0f}, after \"{words[at]}\", as much doubt as between {np.exp(entropies[at]):.1f} "
                        f"equally likely tokens; {rest}.")
