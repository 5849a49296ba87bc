"""Pictures of notebook 19: which heads a rank holds, a sum on its way round the ring, ranks that drift apart."""
import numpy as np
from matplotlib.ticker import NullFormatter

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE, PALE_BLUE, PINK, RED, SKY

HEADS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY, INK)    # a colour for each kv head, and for its query heads
TERMS = (PALE, PALE_BLUE, SKY)                              # the more terms, the darker; GREEN where all are in


def draw_holdings(config, parts, name):
    """Which query heads and kv heads each rank holds. A kv head that several ranks hold is marked."""
    fig, (left, right) = figure(height=1.3 + 0.32 * len(parts), columns=2, sharey=True,
                                gridspec_kw={"width_ratios": (config.n_heads, max(2.5, config.n_kv_heads))})
    holders = [sum(head in part.kv_heads for part in parts) for head in range(config.n_kv_heads)]
    for rank, part in enumerate(parts):
        for head in part.heads:
            left.barh(rank, 0.9, left=head - 0.45, color=HEADS[head // config.n_rep % 8], height=0.7)
        for head in part.kv_heads:
            right.barh(rank, 0.9, left=head - 0.45, color=HEADS[head % 8], height=0.7)
            if holders[head] > 1:
                right.text(head, rank, "shared", ha="center", va="center", color=INK, fontsize=7.5,
                           bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})
    left.set(yticks=range(len(parts)), yticklabels=[f"rank {rank}" for rank in range(len(parts))],
             ylim=(len(parts) - 0.5, -0.5), xlim=(-0.6, config.n_heads - 0.4), xlabel="query head")
    right.set(xlim=(-0.6, config.n_kv_heads - 0.4), xlabel="kv head", xticks=range(config.n_kv_heads))
    for ax in (left, right):
        ax.tick_params(length=0)
    most = max(len(part.kv_heads) for part in parts)
    copies = f"each kv head is on {max(holders)} ranks" if max(holders) > 1 else "no kv head is there twice"
    if len(set(holders)) > 1:
        copies = f"kv heads are on {min(holders)} to {max(holders)} ranks"
    left.set_title(f"{name}, {len(parts)} rank{'s' * (len(parts) > 1)}: {copies}")
    heads = sorted({len(part.heads) for part in parts})
    own = f"{' or '.join(map(str, heads))} query head{'s' * (heads != [1])}"
    return Picture(fig, f"{name} on {len(parts)} rank{'s' * (len(parts) > 1)}: {own} and at most {most} of "
                        f"{config.n_kv_heads} kv heads on each; {copies}.")


def draw_ring(states, step):
    """Whose terms each segment of each rank holds after a step. states: after each step, (ranks, segments) of numbers
    whose digits say whose terms are in: 11 holds those of ranks 0 and 1, counted from the right."""
    held, before = np.array(states[step], dtype=int), np.array(states[max(0, step - 1)], dtype=int)
    size = len(held)
    fig, ax = figure(width=5.6, height=1.3 + 0.55 * size)
    for (rank, segment), code in np.ndenumerate(held):
        terms = str(code).count("1")
        colour = GREEN if terms == size else TERMS[min(terms, 3) - 1]
        came = code != before[rank, segment]
        ax.barh(rank, 0.92, left=segment - 0.46, height=0.8, color=colour, edgecolor=INK if came else "none",
                linewidth=2)
        ax.text(segment, rank, f"{code:0{size}d}", ha="center", va="center", color=INK)
    whole = sum(str(code).count("1") == size for code in held.flat)
    kind = "before the first step" if step == 0 else f"step {step} of {len(states) - 1}"
    ax.set(yticks=range(size), yticklabels=[f"rank {rank}" for rank in range(size)], xticks=range(size),
           xlabel="segment", ylim=(size - 0.5, -0.5), xlim=(-0.6, size - 0.4),
           title=f"{kind[0].upper() + kind[1:]}: {whole} of {size * size} segments are whole")
    ax.tick_params(length=0)
    return Picture(fig, f"{kind[0].upper() + kind[1:]}: {whole} of {size * size} segments hold all {size} terms "
                        f"(green); each rank has sent {step} segment{'s' * (step != 1)}, {step / size:g} "
                        f"vector{'s' * (step != size)}. Framed: what has just come.")


def draw_drift(size, between, from_whole, lost):
    """After each layer: the stream's size, how far two ranks are apart, and each of them from one process; (layers,).

    from_whole: for each rank. lost: where a sum is missing, in words.
    """
    fig, ax = figure(height=3.6)
    x = np.arange(len(size))

    def line(values, **style):
        ax.plot(x, np.where(np.array(values) > 1e-2, values, np.nan), **style)

    line(size, color=GREY, linestyle=":", label="size of the stream itself")
    line(from_whole[0], color=ORANGE, linestyle="--", marker="s", markersize=5, label="rank 0 from one process")
    line(from_whole[1], color=GREEN, linestyle="-.", marker="^", markersize=5, label="rank 1 from one process")
    line(between, color=BLUE, marker="o", linewidth=2.5, label="rank 0 from rank 1")
    ax.set(yscale="log", xticks=x, xlabel="after layer", ylabel="distance (log scale)", ylim=(10, 6000),
           title=f"Sum lost in {lost}: the ranks stay {between[-1]:.1f} apart")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.grid(axis="y", color=PALE)
    ax.legend(fontsize=9, loc="upper left", ncols=2)
    first = next((layer for layer, apart in enumerate(between) if apart > 1e-2), None)
    told = f"first apart after layer {first}, by {between[first]:.2f}; " if first is not None else ""
    return Picture(fig, f"Sum lost in {lost}: {told}rank 0 and rank 1 {between[-1]:.2f} apart at the end, "
                        f"{from_whole[0][-1]:.1f} and {from_whole[1][-1]:.1f} away from one process; the stream's size "
                        f"is {size[-1]:,.0f}.")
