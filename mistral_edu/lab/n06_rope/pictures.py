"""Pictures of notebook 06: two turned pairs, sixteen dials, what each stopped clock costs, and where texts go wrong."""
import math

import numpy as np
from matplotlib.patches import Circle

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE, RED

NEARLY = 10                                     # degrees: what still looks like the beginning on a small dial
STYLES = ((BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (RED, ":", "D"))


def draw_arrows(query, key, distances, scores, distance):
    """Two pairs before and after turning, and the score at every distance.

    query, key: ((a, b) before, (a, b) after); scores (n,) at distances (n,); distance: that of the two pairs now.
    """
    fig, (left, right) = figure(height=3.3, columns=2, width_ratios=(2, 3))
    left.add_patch(_circle((0, 0), 1))
    for (before, after), colour, line, name in ((query, BLUE, "-", "query"), (key, ORANGE, "--", "key")):
        left.plot((0, before[0]), (0, before[1]), color=colour, linestyle=line, linewidth=1, alpha=0.5)
        left.plot((0, after[0]), (0, after[1]), color=colour, linestyle=line, linewidth=3, label=name)
        left.plot(*after, marker="o" if name == "query" else "s", color=colour, markersize=8)
    left.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1),
             xlabel="first number of the pair", ylabel="second number")
    left.legend(fontsize=9, loc="upper left", bbox_to_anchor=(-0.05, 1.2), ncols=2)
    score = float(np.dot(query[1], key[1])) + 0.0
    right.axvspan(min(distances), -0.5, color=PALE)
    right.text(-15, -1.32, "masked: the key is later", ha="center", fontsize=9, color=INK)
    right.plot(distances, scores, color=INK, linewidth=1.5)
    right.plot(distance, score, marker="D", color=RED, markersize=9, linestyle="none", label="now")
    right.axhline(0, color=GREY, linewidth=0.8)
    right.set(title=f"Distance {distance}: the score is {score:.2f}", ylim=(-1.5, 1.2), ylabel="score",
              xlabel="distance: query's position - key's position")
    right.legend(fontsize=9, loc="lower right")
    return Picture(fig, f"The query is turned to ({_pair(query[1])}), the key to ({_pair(key[1])}). "
                        f"Distance {distance}, score {score:.2f}.")


def draw_dials(frequencies, distance):
    """One dial a clock: a grey hand at distance 0, a blue one at this distance; the rim is orange where it is back."""
    angles = np.asarray(frequencies) * distance
    off = np.abs((np.degrees(angles) + 180) % 360 - 180)
    back = [int(i) for i in np.flatnonzero(off <= NEARLY)]
    fig, axes = figure(height=3.4, rows=2, columns=8)
    for i, ax in enumerate(axes.flat):
        ax.add_patch(_circle((0, 0), 1, RED if i in back else GREY, 2.4 if i in back else 1))
        ax.plot((0, 0), (0, 0.9), color=GREY, linewidth=1.2)
        ax.plot((0, 0.9 * math.sin(angles[i])), (0, 0.9 * math.cos(angles[i])), color=BLUE, linewidth=2.6)
        turns = 2 * math.pi / frequencies[i]
        ax.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal", xticks=(), yticks=())
        ax.set_title(f"clock {i}", fontsize=9, fontweight="normal", loc="center", pad=3)
        ax.set_xlabel(f"{turns:,.1f}" if turns < 100 else f"{turns:,.0f}", fontsize=8.5, color=GREY)
        for side in ax.spines.values():
            side.set_visible(False)
    fig.suptitle(f"At distance {distance}, {len(back)} of {len(angles)} clocks look as at distance 0 (orange rim)",
                 x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    fig.supxlabel("below each clock: positions for a full turn", fontsize=9.5)
    named = ", ".join(map(str, back)) or "none"
    return Picture(fig, f"Distance {distance}. Within {NEARLY} degrees of where they began: {named}.")


def draw_stopped(losses, as_is, wavelengths, furthest):
    """losses (n,): the story loss with one clock stopped; wavelengths (n,): positions for a full turn of each."""
    losses, n = np.asarray(losses), len(losses)
    whole = np.asarray(wavelengths) <= furthest
    fig, ax = figure(height=3.3)
    for which, colour, hatch, label in ((whole, BLUE, "", f"makes a full turn within {furthest} positions"),
                                        (~whole, ORANGE, "///", "makes none")):
        ax.bar(np.arange(n)[which], losses[which], 0.75, color=colour, hatch=hatch, edgecolor="white", label=label)
    ax.axhline(as_is, color=INK, linestyle="--", linewidth=1.2, label=f"no clock stopped: {as_is:.2f}")
    order = np.argsort(losses)[::-1][:3]
    ax.set(title=f"One clock alone costs {losses.max() - as_is:.2f} at most", xticks=range(n), ylim=(0, 0.42),
           xlabel="the one clock that is stopped (0 is the fastest)", ylabel="story loss")
    ax.legend(fontsize=9, loc="upper right", ncols=1)
    told = ", ".join(f"clock {i}: {losses[i]:.2f}" for i in order)
    little = int((losses - as_is < 0.01).sum())
    return Picture(fig, f"Story loss with one clock stopped, the largest three: {told}. As it is: {as_is:.2f}. "
                        f"{little} of {n} clocks cost less than 0.01.")


def draw_outgrown(at, curves, periods, limit=0.5):
    """curves {name: (n,)}: loss above that of the whole model at positions (n,); periods {name: positions for a turn}.

    A vertical line in the colour of each curve marks the period of the slowest clock that still turns there.
    """
    fig, ax = figure(height=3.5)
    told = []
    for (name, extra), (colour, line, marker) in zip(curves.items(), STYLES):
        ax.plot(at, extra, color=colour, linestyle=line, marker=marker, markersize=4, label=name)
        ax.axvline(periods[name], color=colour, linestyle=line, linewidth=1.2)
        above = [position for position, loss in zip(at, extra) if loss > limit]
        told.append(f"{name}: period {periods[name]:.0f}, above {limit} from {min(above):.0f} on" if above
                    else f"{name}: period {periods[name]:.0f}, never above {limit}")
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set(title="The slower the slowest clock, the longer the text stays right", ylabel="loss above that of tiny",
           xlabel="position (vertical lines: one full turn of the slowest clock that turns)",
           xlim=(min(at) - 4, max(at) + 4))
    ax.legend(fontsize=9, loc="upper left", bbox_to_anchor=(0.33, 1))      # between the second line and the third
    return Picture(fig, "; ".join(told) + ".")


def draw_beyond(marks, curves, trained):
    """curves {name: losses}: mean loss between neighbouring marks, as many as were read; trained: furthest distance."""
    fig, ax = figure(height=3.6)
    middle = np.sqrt(np.asarray(marks[1:]) * np.asarray(marks[:-1]))
    for (name, losses), (colour, line, marker) in zip(curves.items(), STYLES):
        ax.plot(middle[:len(losses)], losses, color=colour, linestyle=line, marker=marker, markersize=5, label=name)
    ax.axvline(trained, color=INK, linewidth=1.2)
    ax.text(trained * 0.97, 5.4, "furthest distance in training", ha="right", va="top", fontsize=9, color=INK)
    ax.set_xscale("log", base=2)
    ax.set(title="Without its window, tiny fails at distances it was not trained on", ylabel="loss per token",
           xlabel="position", ylim=(0.8, 5.5))
    ticks = [mark for mark in marks if mark & (mark - 1) == 0]           # powers of two
    ax.set_xticks(ticks, [f"{mark:,}" for mark in ticks])
    ax.set_xticks((), minor=True)
    ax.legend(fontsize=9, loc="upper left", bbox_to_anchor=(0, 0.92))
    ax.grid(axis="y")
    told = [f"{name}: {losses[0]:.1f} at first, {losses[-1]:.1f} at the end" for name, losses in curves.items()]
    return Picture(fig, f"Loss per token. {'; '.join(told)}.")


def _circle(centre, radius, colour=GREY, width=1):
    return Circle(centre, radius, fill=False, edgecolor=colour, linewidth=width)


def _pair(numbers):
    return ", ".join(f"{number + 0.0:.2f}" for number in numbers)
