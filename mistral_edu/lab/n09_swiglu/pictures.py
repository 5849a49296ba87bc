"""Pictures of notebook 09: a gate at work, skills without a feed-forward, a unit at work, a product, a comparison."""
import mlx.core as mx
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALER, SEQUENTIAL

LINES = ((GREEN, ":"), (ORANGE, "--"), (BLUE, "-"))


def draw_gate(curves, gate, up):
    """curves {name: activation}: what a unit lets pass, activation(gate) * up, for all gates; a dot at this one."""
    z = np.linspace(-4, 4, 161)
    fig, ax = figure(height=3.5)
    told = {}
    for (name, activation), (colour, line) in zip(curves.items(), LINES):
        passed = np.array(activation(mx.array(np.append(z, gate)))) * up + 0.0
        told[name] = float(passed[-1])
        ax.plot(z, passed[:-1], color=colour, linestyle=line, linewidth=2, label=name)
        ax.plot([gate], [told[name]], "o", color=colour, markersize=7)
    ax.axvline(gate, color=GREY, linewidth=0.8)
    ax.axhline(0, color=GREY, linewidth=0.8)
    share = 1 / (1 + np.exp(-gate))
    ax.set(title=f"With SiLU, a gate of {gate:g} passes {share:.0%} of gate times up",
           xlabel="gate: what the unit's row of the gate matrix finds in x", ylabel="what the unit passes on",
           xlim=(-4.2, 4.2), ylim=(-4.2, 4.2))
    ax.legend(loc="upper left", fontsize=9)
    numbers = ", ".join(f"{name} {round(value, 3) + 0.0:.3f}" for name, value in told.items())
    return Picture(fig, f"Gate {gate:g}, up {up:g}. Passed on with {numbers}; gate times up is {gate * up + 0.0:g}.")


def draw_skills(table, rows, columns, asked=8):
    """table (rows, columns): shares of right answers to `asked` questions each. The first row is the whole model."""
    table = np.array(table)
    fig, ax = figure(height=3.9)
    ax.imshow(table, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(table):
        ax.text(column, row, f"{share * asked:.0f}", ha="center", va="center", fontsize=9.5,
                color="white" if share < 0.55 else INK)
    hurt = [column for n, column in enumerate(columns) if (table[0, n] - table[1:, n]).max() >= 0.4]
    ax.set(title=f"{len(hurt)} of {len(columns)} skills lose much without one layer or another",
           ylabel="feed-forward taken out", xticks=range(len(columns)), yticks=range(len(rows)))
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xlabel(f"skill: how many of {asked} questions are answered without a wrong token")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    worst = [f"{name} {table[1:, n].min() * asked:.0f} without {rows[1 + int(table[1:, n].argmin())]}"
             for n, name in enumerate(columns)]
    return Picture(fig, f"The fewest right of {asked} in each skill: {', '.join(worst)}.")


def draw_unit(name, texts, numbers, raised):
    """A unit at its strongest positions: texts, the words so far; numbers, what it holds there, of one sign.

    raised: the tokens that its column, times such a number, raises most; the first one first.
    """
    large, sign = np.abs(numbers), "negative" if min(numbers) < 0 else "positive"
    fig, ax = figure(height=3.4)
    y = np.arange(len(texts))[::-1]
    ax.barh(y, large, color=BLUE, height=0.62)
    ax.set(title=f"{name} writes \"{raised[0].strip()}\"",
           xlabel=f"absolute value of the unit's number ({sign} at all of them)")
    ax.set_yticks(y, texts, family="DejaVu Sans Mono", fontsize=8.5)
    ax.tick_params(axis="y", length=0)
    words = ", ".join(f'"{token}"' for token in raised)
    return Picture(fig, f"{name}, at its {len(texts)} strongest positions, holds {sign} numbers, as large as "
                        f"{large.min():.0f} to {large.max():.0f}. There it raises these tokens most: {words}.")


def draw_product(units, line, true, relu, gated, inside):
    """Along x = y: line (n,) of x, and x * y as it is (true), from ReLU units (relu), from two gated units (gated)."""
    fig, ax = figure(height=3.5)
    ax.axvspan(-inside, inside, color=PALER)
    ax.text(0, 15.4, "fitted here", ha="center", va="top", color=GREY, fontsize=9)
    ax.plot(line, true, color=INK, linewidth=4, alpha=0.3, label="x · y")
    ax.plot(line, relu, color=ORANGE, linestyle="--", linewidth=2, label=f"{units} ReLU units")
    ax.plot(line, gated, color=BLUE, linewidth=1.5, label="2 gated units")
    wrong, right = np.abs(relu - true), np.abs(gated - true)
    ax.set(title=f"{units} ReLU units are {wrong[-1]:.1f} off at the edge, 2 gated units are exact", ylim=(-0.5, 16),
           xlabel="x, and y = x", ylabel="what comes out")
    ax.legend(loc="lower right", fontsize=9)
    return Picture(fig, f"Largest error along this line where it was fitted: {units} ReLU units "
                        f"{wrong[np.abs(line) <= inside].max():.3f}; outside {wrong.max():.2f}. Two gated units: below "
                        f"0.001 everywhere: {bool(right.max() < 1e-3)}.")


def draw_losses(results):
    """results {kind: losses by seed}: a dot for each seed, a line at the mean."""
    fig, ax = figure(height=3.2)
    names = list(results)[::-1]
    for y, name in enumerate(names):
        losses, gated = np.array(results[name]), "no gate" not in name
        ax.plot(losses, np.full(len(losses), y), "o" if gated else "s", color=BLUE if gated else ORANGE, alpha=0.65)
        ax.plot([losses.mean()] * 2, [y - 0.3, y + 0.3], color=INK, linewidth=2)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="loss per letter on unseen stories (a dot per seed, a line at the mean)",
           ylim=(-0.6, len(names) - 0.4))
    ax.grid(axis="x")
    without = [np.mean(losses) for name, losses in results.items() if "no gate" in name]
    with_gate = [np.mean(losses) for name, losses in results.items() if "no gate" not in name]
    ax.set_title("All kinds with a gate do better than those without" if max(with_gate) < min(without) else
                 "Gate or no gate: the kinds overlap")
    told = "; ".join(f"{name} {np.mean(losses):.3f} ± {np.std(losses):.3f}" for name, losses in results.items())
    return Picture(fig, f"Mean and spread over {len(losses)} seeds: {told}.")
