"""Pictures of notebook 19: two ways to cut a model, over time; the bytes of a token; speed over devices."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE

OF_TOKEN = (BLUE, ORANGE)
LINES = ((BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"))


def draw_timeline(ranks, message, layers=8):
    """What each rank does while two tokens are written: ranks in a pipeline above, tensor parallel below.

    Time in layers: what one rank needs for a whole layer. message: how long it takes until what is sent has come.
    """
    fig, axes = figure(height=1.6 + 0.5 * ranks, rows=2, sharex=True)
    ends = [pipeline(axes[0], ranks, message, layers), tensor(axes[1], ranks, message, layers)]
    for ax, name, end in zip(axes, ("pipeline", "tensor parallel"), ends):
        ax.set(yticks=range(ranks), yticklabels=[f"rank {rank}" for rank in range(ranks)], ylim=(ranks - 0.5, -0.5),
               xlim=(0, 1.02 * max(*ends, 2 * layers)))
        ax.axvline(2 * layers, color=INK, linestyle=":", linewidth=1.5)
        ax.set_title(f"{name}: a token takes {end / 2:.2f}", fontsize=10.5)
        ax.tick_params(length=0, axis="y")
    axes[1].set_xlabel("time; 1 is what one rank needs for a layer")
    marks = [Patch(color=BLUE, label="first token"), Patch(color=ORANGE, label="second token"),
             Patch(color=GREY, label="a message is on its way"), Patch(facecolor=PALE, label="nothing to do"),
             Line2D([], [], color=INK, linestyle=":", label="both tokens, by one rank alone")]
    fig.legend(handles=marks, loc="outside lower center", ncols=3, fontsize=9)
    return Picture(fig, f"Ranks: {ranks}; a message takes {message:g}. A token takes {ends[0] / 2:.2f} in the "
                        f"pipeline, {ends[1] / 2:.2f} tensor parallel, and {layers} with one rank.")


def pipeline(ax, ranks, message, layers):
    """Each rank does its layers and hands over; the last one hands the token to the first. Returns the end."""
    now, share = 0.0, layers / ranks
    for token in range(2):
        for rank in range(ranks):
            ax.barh(rank, share, left=now, color=OF_TOKEN[token], height=0.7)
            now += share
            if ranks > 1:
                ax.barh(rank, message, left=now, color=GREY, height=0.7)
                now += message
    for rank in range(ranks):
        ax.barh(rank, now, color=PALE, height=0.7, zorder=0)
    return now


def tensor(ax, ranks, message, layers):
    """All ranks do their part of half a layer, then wait for the sum. Returns the end."""
    now, share = 0.0, 0.5 / ranks
    for token in range(2):
        for _ in range(2 * layers):
            ax.barh(range(ranks), share, left=now, color=OF_TOKEN[token], height=0.7)
            now += share
            if ranks > 1:
                ax.barh(range(ranks), message, left=now, color=GREY, height=0.7)
                now += message
    return now


def draw_traffic(sizes, sent, contexts, read, sent_at, name):
    """Left, bytes that a rank sends for a token over the number of ranks; right, read and sent over the context."""
    fig, (left, right) = figure(height=3.2, columns=2)
    left.plot(sizes, np.array(sent) / 1e3, color=BLUE, marker="o", markersize=4)
    left.axhline(2 * sent[1] / 1e3, color=GREY, linestyle=":")
    left.text(sizes[-1], 2 * sent[1] / 1e3, "twice as much as with 2", color=GREY, ha="right", va="bottom", fontsize=9)
    left.set(xlabel="ranks", ylabel="KB a rank sends for a token", ylim=(0, 2.3 * sent[1] / 1e3), xticks=sizes[::2])
    left.set_title(f"{name}: never twice as much", fontsize=10.5)
    right.plot(contexts, np.array(read) / 1e6, color=ORANGE, linestyle="--", label="read, weights and cache")
    right.plot(contexts, [sent_at / 1e6] * len(contexts), color=BLUE, label="sent")
    right.set(xlabel="tokens before it", ylabel="MB a token, each of 2 ranks", yscale="log")
    right.set_title("A longer text: the same is sent", fontsize=10.5)
    right.xaxis.set_major_formatter(lambda tokens, _: f"{tokens / 1024:.0f}K")
    right.yaxis.set_major_formatter("{x:,.0f}")
    right.set_xticks(range(0, contexts[-1] + 1, 8192))
    right.legend(fontsize=9, loc="center right")
    for ax in (left, right):
        ax.grid(axis="y", color=PALE)
    return Picture(fig, f"{name}: a rank sends {sent[1] / 1e3:,.0f} KB for a token with 2 ranks, "
                        f"{sent[sizes.index(4)] / 1e3:,.0f} with 4, {sent[-1] / 1e3:,.0f} with {sizes[-1]}, after any "
                        f"text. Each of 2 ranks reads {read[0] / 1e6:,.0f} MB for the first token, "
                        f"{read[-1] / 1e6:,.0f} after {contexts[-1]:,}.")


def rounded(speed):
    """A number as text, with a decimal where it is small."""
    return f"{speed:.1f}" if speed < 10 else f"{speed:,.0f}"


def draw_speed(sizes, speeds, title):
    """Tokens a second at most over the number of devices. speeds: {name: (n,) numbers, None where it does not fit}."""
    fig, ax = figure(height=3.6)
    told = []
    for n, (name, values) in enumerate(speeds.items()):
        alone = values[0]
        ax.plot(sizes, [np.nan if value is None else value for value in values], color=LINES[n][0],
                linestyle=LINES[n][1], marker=LINES[n][2], label=name)
        if alone and values[1]:
            told.append(f"{name} {rounded(alone)} alone, {rounded(values[1])} with two ({values[1] / alone:.2f} times)")
        else:
            told.append(f"{name}: one is too small")
    alike = [values for values in speeds.values() if values[0]]             # where one device is enough
    paying = sum(bool(values[1] and values[1] > values[0]) for values in alike)
    ax.set(xscale="log", yscale="log", xticks=sizes, xlabel="devices", ylabel="tokens a second at most (log)",
           title=f"{title}: two are faster on {paying} of {len(alike)}"
                 + ("; one GPU is too small" if len(alike) < len(speeds) else ""))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    ax.grid(color=PALE)
    ax.legend(fontsize=9)
    return Picture(fig, f"{title}, tokens a second at most: {'; '.join(told)}.")
