"""Pictures of notebook 18: templates by what they cost, the likeliest first tokens, and facts told long ago."""
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREY, INK, RED


def standard_error(right, n):
    """Of a share of n questions, in percent: how far chance alone moves it. None or all right counts as one less.

    >>> round(standard_error(32, 64), 1), round(standard_error(64, 64), 1)
    (6.2, 1.6)
    """
    p = np.clip(right / n, 1 / n, 1 - 1 / n)
    return float(100 * np.sqrt(p * (1 - p) / n))


def draw_ranking(names, right, n):
    """Templates, the least harmful on top. names: letter -> words; right: letter -> how many of n questions are right.

    The letter "" stands for the format of training, drawn in grey. Lines span a standard error on either side.
    """
    order = sorted(right, key=lambda letter: (-right[letter], letter))
    percent = np.array([100 * right[letter] / n for letter in order])
    spread = np.array([standard_error(right[letter], n) for letter in order])
    rows = np.arange(len(order))
    fig, ax = figure(height=4.2)
    ax.barh(rows, percent, 0.7, color=[GREY if letter == "" else BLUE for letter in order],
            xerr=[spread, np.minimum(spread, 100 - percent)], ecolor=INK, capsize=3)       # no share is above 100 %
    for row in rows:
        ax.text(104, row, f"{percent[row]:.0f} %", va="center", fontsize=9, color=INK)
    worst = [letter for letter in order if 2 * right[letter] < n]
    ax.set(yticks=rows, yticklabels=[f"{letter}  {names[letter]}" for letter in order], ylim=(len(rows) - 0.4, -0.6),
           xlim=(0, 113), xticks=range(0, 101, 25), xlabel=f"right answers to {n} questions, percent",
           title=f"{len(worst)} of {len(order) - 1} lose more than half of the answers")
    ax.grid(axis="x")
    told = "; ".join(f"{names[letter]} {right[letter]}" for letter in order)
    return Picture(fig, f"Right answers of {n}: {told}.")


def draw_next(labels, probabilities, digits, ending):
    """The likeliest first tokens of an answer. labels: of the tokens, likeliest first, with their probabilities.

    digits: what the ten digits hold together. ending: how the prompt ends, in words.
    """
    percent = 100 * np.array(probabilities)
    fig, ax = figure(height=2.6)
    ax.barh(np.arange(len(labels)), percent, color=BLUE)
    ax.set(xlim=(0, 100), xlabel="probability in percent", yticks=range(len(labels)), yticklabels=labels,
           ylim=(len(labels) - 0.5, -0.5), title=f"After {ending}: “{labels[0]}” gets {percent[0]:.0f} %")
    ax.grid(axis="x")
    shown = ", ".join(f"“{label}” {p:.0f} %" for label, p in zip(labels, percent) if p >= 1)
    return Picture(fig, f"The prompt ends with {ending}. The first token: {shown}. "
                        f"All ten digits together: {100 * digits:.0f} %.")


def draw_distances(strips, window, reach):
    """Which facts are recalled, over how far back they were told. strips: name -> pairs (tokens back, recalled).

    window, reach: how far back one layer sees, and all layers together; each gets a dotted line. Crosses stand a little
    lower than dots, so that none hides another.
    """
    fig, ax = figure(height=2.9)
    for row, pairs in enumerate(strips.values()):
        for recalled, marker, colour, size, lower in ((True, "o", BLUE, 6, -0.1), (False, "x", RED, 7, 0.15)):
            places = [back for back, right in pairs if bool(right) == recalled]
            ax.plot(places, [row + lower] * len(places), marker, color=colour, markersize=size, linestyle="", alpha=0.8,
                    label=("recalled" if recalled else "lost") if row == 0 else None)
    for place, name in ((window, "the window"), (reach, "all layers")):
        ax.axvline(place, color=GREY, linestyle=":")
        ax.text(place, -0.62, f" {name}: {place:,} ", color=GREY, fontsize=9, ha="left" if place == window else "right")
    kept = {name: furthest_recalled(pairs) for name, pairs in strips.items()}
    ax.set(yticks=range(len(strips)), yticklabels=[f"{name}:\nall up to {back}" for name, back in kept.items()],
           ylim=(len(strips) - 0.4, -0.8), xlim=(0, 1.04 * reach),
           xlabel="tokens between the fact and the end of the prompt",
           title=f"A fact lasts longest when followed by {max(kept, key=kept.get)}")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    told = "; ".join(f"{name}: up to {back}" for name, back in kept.items())
    return Picture(fig, f"So many tokens back, nothing is lost yet: {told}. The window reaches {window} tokens back, "
                        f"all layers {reach:,}.")


def furthest_recalled(pairs) -> int:
    """The largest distance below which nothing is lost; pairs (tokens back, recalled). 0 if there is none.

    >>> furthest_recalled([(20, True), (10, True), (30, False), (40, True)])
    20
    """
    lost = min((back for back, right in pairs if not right), default=float("inf"))
    return max((back for back, right in pairs if right and back < lost), default=0)
