"""Pictures of notebook 13: who survives a filter, what was said beside what came, and what variety costs."""
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE, RED

SHOWN = 12          # tokens with a bar of their own; the rest share one
LINES = ((RED, "-", "o"), (ORANGE, "--", "s"), (BLUE, "-.", "^"), (GREEN, ":", "D"))


def draw_survivors(names, model, drawn, what):
    """The likeliest tokens: names (V), what the model says (V,) and what is drawn from (V,), 0 where filtered out.

    what: the stages, in words. The last row holds all tokens that have none of their own.
    """
    model, drawn = np.array(model), np.array(drawn)
    order, kept = np.argsort(-model, kind="stable"), int((drawn > 0).sum())
    best, rest = order[:SHOWN], order[SHOWN:]
    said, now = (np.append(each[best], each[rest].sum()) for each in (model, drawn))
    labels = [repr(names[token]) for token in best] + [f"{len(rest):,} others"]
    rows = np.arange(len(labels))
    fig, ax = figure(height=4.6)
    ax.barh(rows - 0.2, said, 0.38, color=PALE, edgecolor=GREY, label="said by the model")
    ax.barh(rows + 0.2, now, 0.38, color=BLUE, hatch="///", edgecolor="white", label="drawn from")
    for row in rows[:-1][drawn[best] == 0]:
        ax.text(said[row] + 0.005, row + 0.2, "out", va="center", color=RED, fontsize=9)
    ax.set(yticks=rows, yticklabels=labels, ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1.08 * max(*said, *now)),
           xlabel="probability", title=f"{kept:,} of {len(model):,} tokens can be drawn")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    return Picture(fig, f"{what}: {kept:,} token{'s' * (kept > 1)} can be drawn. The {len(best)} likeliest hold "
                        f"{now[:-1].sum():.2f}, the others together {now[-1]:.2f}; "
                        f"the model gave these {said[-1]:.2f}.")


def draw_calibration(groups, temperature, loss):
    """groups: rows (said, came, how many): what was said at this temperature, and how often it then came.

    The last row but one is marked, and named in the title.
    """
    said, came, _ = np.array(groups).T
    fig, ax = figure(width=5.6, height=4.4)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="as said, so it came")
    ax.plot(said, came, color=BLUE, marker="o", linewidth=1, label="tokens, grouped by what was said")
    ax.plot(said[-2], came[-2], color=ORANGE, marker="D", markersize=10, markeredgecolor=INK, linestyle="",
            label="those said to have 50 to 90 %")
    ax.set(xlim=(0, 1.03), ylim=(0, 1.03), xlabel="said: probability", ylabel="came: share of these tokens that came",
           title=f"Temperature {temperature:g}: of what gets {said[-2]:.0%}, {came[-2]:.0%} came")
    ax.legend(loc="lower right", fontsize=9)
    told = "; ".join(f"{s:.2f} / {c:.2f}" for s, c in zip(said, came))
    return Picture(fig, f"Temperature {temperature:g}: loss {loss:.3f}. Said / came, group by group: {told}.")


def draw_price(temperatures, choice, clean):
    """choice and clean: {stages: a number for each temperature}; nats of choice per token, chance of a clean story."""
    fig, axes = figure(height=3.6, columns=2)
    for ax, curves in zip(axes, (choice, clean)):
        for (name, numbers), (colour, line, mark) in zip(curves.items(), LINES):
            hollow = {"markerfacecolor": "none", "markersize": 9} if mark == "D" else {"markersize": 5}
            ax.plot(temperatures, numbers, color=colour, linestyle=line, marker=mark, label=name, **hollow)
        ax.axvline(1, color=GREY, linewidth=0.8)
        ax.set(xlabel="temperature", xticks=temperatures[::2])
    last, ends = temperatures[-1], [numbers[-1] for numbers in choice.values()]
    whole = sum(numbers[-1] > 0.9 for numbers in clean.values())
    axes[0].set(ylabel="entropy, nats per token", ylim=(0, 1.0),
                title=f"At T = {last:g}: {min(ends):.2f} to {max(ends):.2f} nats")
    axes[1].set(ylabel="chance of a clean story", ylim=(-0.03, 1.05),
                title=f"{whole} of {len(clean)} keep stories clean")
    fig.legend(*axes[0].get_legend_handles_labels(), fontsize=9, loc="outside lower center", ncols=4)
    told = "; ".join(f"{name} {choice[name][-1]:.2f} and {clean[name][-1]:.2f}" for name in choice)
    return Picture(fig, f"At temperature {last:g}, nats of choice per token and the chance of a clean story: {told}.")
