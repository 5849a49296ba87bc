"""Where a loss sits, what was said beside what is true, and a text coloured by surprise."""
import numpy as np
from matplotlib.patches import Rectangle

from mistral_edu.lab.showing.figures import WIDTH, Picture, figure
from mistral_edu.palette import BLUE, GREY, INK, ORANGE, RED

GROUPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.9, 1.01)     # of said probabilities, to take means over
BEYOND = 5.0                                # nats above what was expected: then it is no longer a free choice
CHARACTER, LINE = 0.086, 0.46               # inches: how wide a letter of the coloured text is, how high a line


def scale_picture(scales, measured, by_formula, scale, ln_v):
    """The first loss of a model whose output table was multiplied by each of these scales, drawn up to one of them."""
    at = int(np.argmin(np.abs(np.array(scales) - scale)))
    above = max(measured[at] - ln_v, 0)
    fig, ax = figure(height=3.0)
    ax.axhline(ln_v, color=GREY, linestyle=":", linewidth=1.2)
    ax.text(scales[-1], ln_v - 0.15, f"ln V = {ln_v:.2f}", ha="right", va="top", color=INK, fontsize=9)
    ax.plot(scales[:at + 1], by_formula[:at + 1], color=ORANGE, linestyle="--", linewidth=2,
            label="ln V + variance / 2")
    ax.plot(scales[:at + 1], measured[:at + 1], color=BLUE, marker="o", markersize=4, linewidth=1.5, label="measured")
    ax.plot([scales[at]], [measured[at]], color=BLUE, marker="o", markersize=11)
    ax.set(xlabel="output table multiplied by", ylabel="first loss, nats", ylim=(ln_v - 0.8, max(measured) + 0.4),
           xlim=(scales[0] - 0.1, scales[-1] + 0.1),
           title=f"Scale {scale:g}: a first loss of {measured[at]:.2f}, {above:.2f} above ln V")
    ax.legend(loc="upper left", fontsize=9)
    return Picture(fig, f"Scale {scale:g}: first loss {measured[at]:.2f}, by the formula {by_formula[at]:.2f}; "
                        f"ln V is {ln_v:.2f}.")


def costs_picture(labels, costs):
    """What each token of a text costs: one bar per token, the costliest named above their bars where there is room."""
    costs = np.array(costs)
    named, order = [], np.argsort(-costs).tolist()
    for n in order:
        if len(named) < 6 and all(abs(n - other) > 8 for other in named):     # names side by side would overlap
            named.append(n)
    needed = 1 + int((np.cumsum(costs[order]) < 0.9 * costs.sum()).sum())
    fig, ax = figure(height=3.0)
    ax.bar(range(len(costs)), costs, width=1.0, color=BLUE)
    for n in named:
        ax.text(n, costs[n] + 0.08, labels[n].strip(), rotation=45, ha="left", va="bottom", fontsize=8.5, color=INK)
    ax.set(xlim=(-1, len(costs) + 4), ylim=(0, costs.max() * 1.35),
           title=f"{needed} of {len(costs)} tokens carry nine tenths of this story's loss", xlabel="token of the story",
           ylabel="cost, nats")
    told = ", ".join(f"{labels[n].strip()} {costs[n]:.1f}" for n in order[:6])
    free = int((costs < 0.05).sum())
    return Picture(fig, f"{free} of the {len(costs)} tokens cost less than 0.05 nats. The costliest: {told}.")


def choice_picture(before, names, said, true, possible):
    """What may come at a position: tiny's probabilities beside the village's, the likeliest of `possible`."""
    rows = np.arange(len(names))
    gap = max(abs(s - t) for s, t in zip(said, true))
    fig, ax = figure(height=1.3 + 0.3 * len(names))
    ax.barh(rows - 0.2, true, 0.38, color=ORANGE, hatch="///", edgecolor="white", label="true: counted in the village")
    ax.barh(rows + 0.2, said, 0.38, color=BLUE, label="said by tiny")
    ax.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), yticks=rows, yticklabels=names, xlabel="probability",
           title=f"{len(names)} of {possible} alternatives; the largest difference is {gap:.2f}")
    ax.legend(loc="lower right", fontsize=9)
    told = "; ".join(f"{name} {s:.2f} / {t:.2f}" for name, s, t in zip(names, said, true))
    return Picture(fig, f"… {before} … {possible} alternatives. Said / true: {told}.")


def calibration_picture(said, true):
    """What was said and how often it is so: a dot per token at a position, and the mean of each group of said ones."""
    said, true = np.array(said), np.array(true)
    means = [(said[inside].mean(), true[inside].mean()) for low, high in zip(GROUPS, GROUPS[1:])
             if (inside := (said >= low) & (said < high)).any()]
    fig, ax = figure(width=5.6, height=4.6)
    ax.plot([0.002, 1], [0.002, 1], color=GREY, linewidth=1, zorder=1)
    ax.scatter(said, true, s=9, color=BLUE, alpha=0.25, linewidths=0, label="a token at a position", zorder=2)
    ax.scatter(*zip(*means), s=70, color=ORANGE, marker="D", edgecolor=INK, label="mean of a group", zorder=3)
    ticks = (0.01, 0.03, 0.1, 0.3, 1)
    ax.set(xscale="log", yscale="log", xlim=(0.008, 1.15), ylim=(0.002, 1.15), xticks=ticks, yticks=ticks,
           xticklabels=ticks, yticklabels=ticks, xlabel="said: tiny's probability",
           ylabel="true: how often the village says it",
           title=f"tiny says what is true, from {means[0][0]:.1%} to {means[-1][0]:.0%}")
    ax.minorticks_off()
    ax.legend(loc="upper left", fontsize=9)
    told = "; ".join(f"{s:.3f} / {t:.3f}" for s, t in means)
    never = f" {(true == 0).sum()} of them never came in the tellings (not shown)." if (true == 0).any() else ""
    return Picture(fig, f"{len(said):,} probabilities.{never} Means of groups, said / true: {told}.")


def surprise_picture(labels, costs, expected):
    """A text coloured by surprise: white is certain, grey a free choice, orange costs far more than expected."""
    places, height = lines_of(labels)
    beyond = [cost - free > BEYOND for cost, free in zip(costs, expected)]
    fig, ax = figure(height=height + 0.5)
    ax.set(xlim=(0, WIDTH), ylim=(height, 0))
    ax.axis("off")
    taken = []                              # where numbers stand: those of short tokens would overlap
    by_weight = sorted(zip(labels, costs, expected, beyond, places), key=lambda row: (not row[3], -row[1]))
    for label, cost, free, red, (x, y) in by_weight:
        wide, shade = CHARACTER * len(label), 1 - 0.09 * min(free, 4)
        ax.add_patch(Rectangle((x, y - 0.2), wide - 0.015, 0.23, facecolor=RED if red else (shade,) * 3))
        ax.text(x, y, label, va="baseline", fontsize=10, family="DejaVu Sans Mono", color="white" if red else INK,
                fontweight="bold" if red else "normal", parse_math=False)
        middle = x + wide / 2
        if cost >= 0.5 and all(y != other or abs(middle - at) > 0.3 for at, other in taken):
            taken.append((middle, y))
            ax.text(middle, y + 0.05, f"{cost:.1f}", ha="center", va="top", fontsize=8,
                    color=RED if red else GREY)
    costing = "token costs" if sum(beyond) == 1 else "tokens cost"
    ax.set_title(f"{sum(beyond)} {costing} over {BEYOND:.0f} nats more than expected")
    marked = [f"{label.strip()} cost {cost:.1f}, expected {free:.1f}"
              for label, cost, free, red in zip(labels, costs, expected, beyond) if red]
    marked = marked[:5] + [f"and {len(marked) - 5} more"] * (len(marked) > 5)
    return Picture(fig, f"Loss {np.mean(costs):.2f} nats a token, expected {np.mean(expected):.2f}. "
                        f"Marked: {'; '.join(marked) or 'nothing'}.",
                   alt="The text in boxes, one per token. Orange, for a surprise beyond a free choice: "
                       f"{'; '.join(marked) or 'none'}. Grey boxes are free choices, white ones certain; "
                       "the costs stand below.")


def lines_of(labels, width=WIDTH - 0.1):
    """Where each label goes, in as many lines as it takes: [(x, y), ...], and the height of all, in inches."""
    places, x, y = [], 0.0, 0.25
    for label in labels:
        wide = CHARACTER * len(label)
        if x and x + wide > width:
            x, y = 0.0, y + LINE
        places.append((x, y))
        x += wide
    return places, y + 0.25
