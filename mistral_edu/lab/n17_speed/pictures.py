"""Pictures of notebook 17: a roof with dots under it, memory and speed over a text's length, predicted and measured."""
import numpy as np
from matplotlib.ticker import NullFormatter

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE, PINK, RED, SKY

OF_BITS = {16: (BLUE, "-", "o"), 8: (ORANGE, "--", "s"), 4: (GREEN, "-.", "^")}     # colour, line, marker
MARKERS = "os^DvPX*"
BESIDE = ((-18, 2), (7, -3), (-17, 2), (8, -3), (-5, -17), (10, -3))    # where a machine's numbers stand, in points


def plain_numbers(ax):
    """1, 10, 100 on logarithmic axes, in place of powers; no numbers between them."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_formatter(NullFormatter())


def draw_roofline(read, operations, asked, dots, machine):
    """The roof of one machine, and points under it.

    read, operations: bytes and operations a second. asked: (label, operations per byte), a place on the roof, or None.
    dots: (label, operations per byte, operations a second), measured.
    """
    knee = operations / read
    right = max([2000, *(2 * at for _, at, _ in dots)])  # the same for all rows, so that only what is asked moves
    x = np.geomspace(0.3, right, 200)
    fig, ax = figure(height=3.7)
    ax.plot(x, np.minimum(read * x, operations) / 1e9, color=INK, linewidth=2)
    ax.axvline(knee, color=GREY, linestyle=":", linewidth=1)
    beside = "left" if knee < 50 else "right"           # further right the legend begins
    ax.text(knee, 0.3 * read / 1e9, f" {knee:.1f} ", color=GREY, va="bottom", ha=beside)
    for n, (label, intensity, speed) in enumerate(dots):
        ax.plot(intensity, speed / 1e9, MARKERS[n % len(MARKERS)], color=(BLUE, ORANGE, GREEN, PINK)[n % 4],
                markersize=9, label=label)
    told = ""
    if asked:
        most = min(read * asked[1], operations)
        bound = "reading" if asked[1] < knee else "arithmetic"
        ax.plot(asked[1], most / 1e9, "o", markerfacecolor="none", markeredgecolor=RED, markeredgewidth=2,
                markersize=11, label=asked[0])
        told = f" {asked[0]}: {asked[1]:.1f} operations per byte, bound by {bound}."
    ax.set(xscale="log", yscale="log", xlabel="operations per byte that is read (log scale)",
           ylabel="billion operations a second (log)",
           title=f"{machine}: the roof bends at {knee:.1f} operations per byte", xlim=(0.3, right))
    plain_numbers(ax)
    ax.grid(color=PALE)
    if dots or asked:
        ax.legend(loc="lower right", fontsize=9)
    shown = " ".join(f"{label}: {speed / min(read * at, operations):.0%} of the roof." for label, at, speed in dots)
    return Picture(fig, f"{machine}: reads {read / 1e9:.1f} GB/s, computes {operations / 1e9:.0f} billion operations a "
                        f"second; {knee:.1f} per byte.{told} {shown}".strip())


def draw_over_context(lengths, memory, speed, bits, room, title):
    """Two panels over the length of a text. memory, speed: {bits: (n,) GB or tokens a second}; bits: drawn boldly.

    room: GB that the machine has, or None.
    """
    fig, (left, right) = figure(height=3.5, columns=2)
    for each in memory:
        colour, line, _ = OF_BITS[each]
        width = 3 if each == bits else 1.3
        left.plot(lengths, memory[each], color=colour, linestyle=line, linewidth=width, label=f"{each} bit")
        right.plot(lengths, speed[each], color=colour, linestyle=line, linewidth=width)
    if room:
        left.axhline(room, color=RED, linewidth=1)
        left.text(0, room, "the machine's memory", color=RED, va="bottom", ha="left", fontsize=9)
    else:
        left.set_title("memory: depends on the model bought", color=GREY, fontsize=9, fontweight="normal")
    left.set(ylabel="weights and cache, GB", xlabel="tokens in the text", ylim=(0, None))
    right.set(ylabel="tokens a second at most, all texts", xlabel="tokens in the text", ylim=(0, None))
    for ax in (left, right):
        ax.xaxis.set_major_formatter(lambda tokens, _: f"{tokens / 1024:.0f}K")
        ax.set_xticks(range(0, int(lengths[-1]) + 1, 8192))
        ax.grid(axis="y", color=PALE)
    left.legend(fontsize=9, handlelength=4)
    first, last = memory[bits][0], memory[bits][-1]
    fig.suptitle(f"{title}: {bits} bit, {speed[bits][0]:.1f} down to {speed[bits][-1]:.1f} tokens a second",
                 x=0.01, ha="left", fontweight="bold", fontsize=10)
    return Picture(fig, f"{title}. In {bits} bit, from {lengths[0]:,} to {lengths[-1]:,} tokens: {first:.1f} to "
                        f"{last:.1f} GB, {speed[bits][0]:.1f} to {speed[bits][-1]:.1f} tokens a second at most.")


def is_near(one, other):
    """Whether two dots all but cover each other."""
    return max(one.most / other.most, other.most / one.most, one.came / other.came, other.came / one.came) < 1.2


def draw_dots(dots):
    """Tokens a second at most, from bytes, against what came. Published figures are hollow stars, all others filled."""
    fig, ax = figure(height=4.4)
    ends = np.array([0.7 * min(min(d.most, d.came) for d in dots), 1.5 * max(max(d.most, d.came) for d in dots)])
    ax.plot(ends, ends, color=INK, linewidth=1.5)
    ax.text(ends[1] / 3, ends[1] / 3, "the limit  ", ha="right", va="bottom", color=INK)
    names, labelled = list(dict.fromkeys(d.machine for d in dots)), []
    for n, name in enumerate(names):
        own = [d for d in dots if d.machine == name]
        quoted = own[0].quoted
        colour = (BLUE, ORANGE, GREEN, PINK, SKY)[n % 5]
        style = (dict(marker="*", markersize=15, markerfacecolor="white", markeredgecolor=RED, markeredgewidth=1.5)
                 if quoted else dict(marker=MARKERS[n % 7], markersize=8, color=colour))
        ax.plot([d.most for d in own], [d.came for d in own], linestyle="none",
                label=f"{name}, published there" if quoted else f"{name}, measured", **style)
        for d in {d.bits: d for d in own}.values():         # one number for several lengths of the prompt,
            if any(d.bits == other.bits and is_near(d, other) for other in labelled):   # and for neighbours
                continue
            labelled.append(d)
            ax.annotate(f"{d.bits}", (d.most, d.came), xytext=(10, -3) if quoted else BESIDE[n % len(BESIDE)],
                        textcoords="offset points", fontsize=8, color=INK, zorder=5,
                        bbox=dict(facecolor="white", edgecolor="none", alpha=0.8, pad=0.6))
    above = [d for d in dots if d.came > d.most]
    ax.set(xscale="log", yscale="log", xlabel="tokens a second at most, from bytes", ylabel="tokens a second that came",
           xlim=ends, ylim=ends, title=f"{len(above)} of {len(dots)} figures above the limit; beside them, their bits")
    plain_numbers(ax)
    ax.grid(color=PALE)
    ax.legend(fontsize=8.5, loc="upper left")
    of = {}
    for d in dots:
        of.setdefault(f"{d.machine} {d.bits} bit", set()).add(f"{d.came / d.most:.2f}")
    told = "; ".join(f"{name} {' to '.join(sorted({min(shares), max(shares)}))}" for name, shares in of.items())
    return Picture(fig, f"What came, as a share of the most that the bytes allow: {told}.")
