"""Pictures of notebook 16: the first steps of Adam, a training run, losses by window, and `tiny` as it grew."""
import math

import numpy as np

from mistral_edu.lab.n16_training.echo_task import LETTERS
from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, BLUES, GREEN, GREY, INK, ORANGE, PINK

LINES = ((ORANGE, "-"), (BLUE, "--"), (GREEN, "-."), (PINK, ":"))
SHOWN, STRONG = 0.3, 0.5                                      # weights that are written out; that count as looking
STAGES = ("40", "60", "100", "120", "1,268")                  # millions of tokens seen


def placed(fig, **margins):
    """Fixed margins in place of those that matplotlib computes: a slider's picture is drawn in half the time."""
    fig.set_layout_engine(None)
    fig.subplots_adjust(**margins)


def draw_first_steps(corrected, without, beta1, beta2):
    """The size of each of Adam's first steps, in units of the rate, with correction and without: (T,) each."""
    steps = np.arange(1, len(corrected) + 1)
    fig, ax = figure(height=3.0)
    placed(fig, left=0.09, right=0.99, bottom=0.16, top=0.88)
    ax.plot(steps, without, color=ORANGE, linewidth=2, label="without correction")
    ax.plot(steps, corrected, color=BLUE, linewidth=2, linestyle="--", label="with correction")
    ax.plot([1], without[:1], "o", color=ORANGE)
    ax.set(xscale="log", xlabel="step", ylabel="size of the step / rate", ylim=(0, max(2.0, 1.1 * max(without))),
           title=f"Without correction, the first step is {without[0]:.2f} times the rate")
    ax.legend(fontsize=9)
    far = int(np.argmax(np.round(without, 6)))                 # of equal ones the first
    return Picture(fig, f"beta1 {beta1:g}, beta2 {beta2:g}: without correction the first step is {without[0]:.2f} "
                        f"times the rate, and the largest {without[far]:.2f} times, at step {far + 1}. With it, each "
                        "is 1.00.")


def draw_schedule(rates, peak, every):
    """The rate over the steps of a run. rates: of every step whose number, less one, `every` divides.

    peak: the rate that shares are given of; after a long warm-up, the fall may begin before it is reached.
    """
    rates = np.asarray(rates)
    fig, ax = figure(height=2.4)
    placed(fig, left=0.11, right=0.97, bottom=0.22, top=0.85)
    steps, share = 1 + every * np.arange(len(rates)), rates.mean() / peak
    ax.plot(steps, rates, color=GREEN, linewidth=2)
    ax.axhline(peak / 2, color=GREY, linestyle=":", linewidth=1.2)
    ax.set(xlabel="step", ylabel="rate", ylim=(0, 1.1 * peak),
           title=f"Over the whole run, the mean rate is {share:.0%} of the peak")
    half = int(round(steps[rates >= peak / 2][-1], -2))
    return Picture(fig, f"The rate starts at {rates[0] / peak:.1%} of its peak, falls below half of it at about "
                        f"step {half:,}, and its mean is {share:.2f} of the peak.")


def draw_run(rates, sizes, losses, limit):
    """Three curves of one run over its steps: the rate, the size of the gradient before clipping, and the loss."""
    fig, axes = figure(height=5.0, rows=3, sharex=True)
    placed(fig, left=0.1, right=0.99, bottom=0.1, top=0.92, hspace=0.28)
    for ax, values, colour, name in zip(axes, (rates, sizes, losses), (GREEN, ORANGE, BLUE),
                                        ("rate", "gradient", "loss")):
        ax.plot(range(1, len(values) + 1), values, color=colour, linewidth=1.8)
        ax.set(ylabel=name, ylim=(0, None))
    axes[1].axhline(limit, color=INK, linestyle="--", linewidth=1)
    axes[1].text(len(sizes) - 1, limit + 0.05, f"clipped at {limit:g}", ha="right", color=INK, fontsize=9)
    axes[2].axhline(math.log(LETTERS), color=GREY, linestyle=":", linewidth=1.2)
    axes[2].text(len(losses) - 1, math.log(LETTERS) - 0.42, f"ln {LETTERS}", ha="right", color=GREY, fontsize=9)
    axes[2].set(xlabel="step")
    half = next((n for n, loss in enumerate(losses) if loss < math.log(LETTERS) / 2), None)
    axes[0].set(title="The loss never falls by half" if half is None else
                "The rate goes up, stays, and goes down; meanwhile the loss falls")
    clipped = sum(size > limit for size in sizes)
    fall = "It never falls to half." if half is None else f"It has fallen to half after about {round(half, -1)} steps."
    return Picture(fig, f"The loss begins at {losses[0]:.1f}; knowing nothing costs ln {LETTERS} = "
                        f"{math.log(LETTERS):.2f}. {fall} Gradients were clipped "
                        f"{'in some steps' if clipped else 'in no step'}.")


def draw_curves(losses, chosen):
    """Loss curves {window: losses}, one of them strong, and the line of no clue."""
    fig, ax = figure(height=3.2)
    placed(fig, left=0.09, right=0.99, bottom=0.15, top=0.88)
    for (colour, line), (window, curve) in zip(LINES, losses.items()):
        ours = window == chosen
        ax.plot(curve, color=colour if ours else GREY, alpha=1 if ours else 0.45, linestyle=line,
                linewidth=2.6 if ours else 1.4, zorder=2 + ours, label=f"window {window}")
    ax.legend(fontsize=9, loc="center right")
    ax.axhline(math.log(LETTERS), color=GREY, linestyle=":", linewidth=1.2)
    ax.text(len(losses[chosen]), math.log(LETTERS) + 0.06, f"ln {LETTERS}", color=GREY, fontsize=9, ha="right")
    end = sum(losses[chosen][-10:]) / 10
    learnt = end < 0.05
    ax.set(xlabel="step", ylabel="loss", ylim=(0, 3.2),
           title=f"Window {chosen}: " + ("the echo is learned" if learnt else f"the loss stays at ln {LETTERS}"))
    return Picture(fig, f"Window {chosen}: reach {2 * (chosen - 1)}, loss at the end "
                        + ("below 0.05." if learnt else f"{end:.1f}, and ln {LETTERS} = {math.log(LETTERS):.2f}."))


def draw_stages(stage, legs, right, loss, says):
    """Where the heads of `tiny` look at one of five moments: legs {"bind", "fetch"}: (n_layers, n_heads) weights.

    right: the share of answers that are right; loss: its story loss; says: a text of its own.
    """
    fig, axes = figure(height=3.7, columns=2)
    placed(fig, left=0.08, right=0.98, bottom=0.14, top=0.8, wspace=0.15)
    titles = {"bind": "binding: “the” looks at the thing", "fetch": "fetching: the end looks at the place"}
    for ax, (leg, title) in zip(axes, titles.items()):
        weights = np.asarray(legs[leg])
        ax.imshow(weights, cmap=BLUES, vmin=0, vmax=1, aspect="auto")
        for layer, head in np.argwhere(weights >= SHOWN):
            ax.text(head, layer, f"{weights[layer, head]:.2f}".lstrip("0"), ha="center", va="center", fontsize=8,
                    color="white" if weights[layer, head] > 0.55 else INK)
        ax.set(xlabel="head", xticks=range(weights.shape[1]), yticks=range(weights.shape[0]))
        ax.set_title(title, fontsize=10, fontweight="normal")
        ax.tick_params(length=0)
    axes[0].set_ylabel("layer")
    strong = {leg: int((np.asarray(legs[leg]) >= STRONG).sum()) for leg in legs}
    binding = "no head binds" if not strong["bind"] else f"{strong['bind']} head{'s' * (strong['bind'] > 1)} bind" + (
        "s" * (strong["bind"] == 1))
    fig.suptitle(f"After {STAGES[stage]} million tokens: {right:.0%} of the places right, {binding}",
                 x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    top = np.unravel_index(np.argmax(legs["bind"]), np.shape(legs["bind"]))
    return Picture(fig, f"After {STAGES[stage]} million tokens: {right:.2f} of the places right, story loss "
                        f"{loss:.2f}. Heads that give more than half of their attention: {strong['bind']} bind (most: "
                        f"layer {top[0]} head {top[1]}, {np.max(legs['bind']):.2f}), {strong['fetch']} fetch. It "
                        f"writes: {says}")
