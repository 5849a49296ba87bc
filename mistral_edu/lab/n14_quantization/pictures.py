"""Pictures of notebook 14: where rounding goes wrong, what fewer bits cost, and how leads are lost."""
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREY, INK, PALE, RED, SEQUENTIAL


def draw_error_map(weight, rounded, bits, group_size):
    """weight, rounded (rows, columns): how far each weight is moved, in typical weights of the matrix."""
    weight, rounded = np.array(weight), np.array(rounded)
    typical = np.median(np.abs(weight))
    errors = np.abs(weight - rounded) / typical
    costs = bits + 32 / group_size
    fig, ax = figure(height=3.9)
    image = ax.imshow(errors, cmap=SEQUENTIAL, vmin=0, vmax=0.5, aspect="auto", interpolation="nearest")
    bar = fig.colorbar(image, ax=ax, pad=0.02, extend="max")
    bar.set_label("error, in typical weights", color=INK)
    bar.outline.set_edgecolor(GREY)
    for border in range(group_size, weight.shape[1], group_size):
        ax.axvline(border - 0.5, color="white", linewidth=1)
    middle = float(np.mean(errors))
    ax.set(xlabel="column (white lines: where a new group begins)", ylabel="row",
           xticks=range(0, weight.shape[1] + 1, 32))
    row, column = np.unravel_index(np.abs(weight).argmax(), weight.shape)
    first = column - column % group_size
    stripe = np.delete(errors[row, first:first + group_size], column - first)
    ax.set_title(f"{bits} bit: mean error {middle:.2f}; beside the largest weight {stripe.mean():.2f}")
    return Picture(fig, f"{bits} bit, groups of {group_size}: {costs:g} bits a weight. The mean error is {middle:.3f} "
                        f"of a typical weight; in the group of the largest weight (row {row}, columns {first} to "
                        f"{first + group_size - 1}) the others are off by {stripe.mean():.3f}.")


def draw_curve(bits, megabytes, losses, right, of):
    """A dot for each precision: loss against size, with a logarithmic scale for the loss.

    bits, megabytes, losses, right (n,): right answers, out of `of`.
    """
    fig, ax = figure(height=3.4)
    ax.plot(megabytes, losses, color=BLUE, linewidth=1, marker="o", markersize=7)
    for place, (b, x, y, n) in enumerate(zip(bits, megabytes, losses, right)):
        above = place != len(bits) - 3              # a dot whose neighbour's words would stand in the way
        ax.annotate(f"{b} bit\n{n} of {of}", (x, y), xytext=(7, 5 if above else -27), textcoords="offset points",
                    fontsize=9)
    worst, last = losses[-1] / losses[0], losses[-2] / losses[0]
    ax.set(yscale="log", ylim=(0.06, 9), xlim=(0, 1.13 * max(megabytes)),
           xlabel="size of the weights, MB",
           ylabel="story loss, nats (log scale)", yticks=(0.1, 0.3, 1, 3), yticklabels=("0.1", "0.3", "1", "3"),
           title=f"{bits[-2]} bit: {last:.1f} times the loss; {bits[-1]} bit: {worst:.0f} times")
    ax.minorticks_off()
    ax.grid(axis="y", color=PALE)
    told = "; ".join(f"{b} bit: {x:.2f} MB, {y:.2f}, {n}" for b, x, y, n in zip(bits, megabytes, losses, right))
    return Picture(fig, f"Size, story loss, right answers of {of}: {told}.")


LEADS = np.arange(-30, 31)


def draw_leads(exact, leads, loss, layers):
    """How many tokens have which lead: exact (N,) as the model is, leads (N,) with `layers` layers in 2 bit."""
    exact, leads = np.array(exact), np.array(leads)
    fig, ax = figure(height=3.4)
    weights = np.full(len(exact), 100 / len(exact))
    ax.hist(exact.clip(LEADS[0], LEADS[-1]), LEADS, weights=weights, color=PALE, edgecolor=GREY, label="as it is")
    ax.hist(leads.clip(LEADS[0], LEADS[-1]), LEADS, weights=weights, histtype="step", color=BLUE, linewidth=2,
            label=f"{layers} layer{'s' * (layers != 1)} in 2 bit")
    ax.axvline(0, color=RED, linewidth=1.5, linestyle="--", label="no lead")
    gone, middle = (leads < 0).mean(), leads.mean()
    ax.set(title=f"{gone:.0%} of the tokens have no lead: the loss is {loss:.2f}", xlim=(-25, 30), ylim=(0, 16),
           xlabel="lead of the token that came", ylabel="tokens, percent")
    ax.legend(loc="upper left", fontsize=9)
    first = f"First {layers} layers" if layers != 1 else "First layer"
    return Picture(fig, f"{first} in 2 bit: the mean lead is {middle:.1f}, and {gone:.0%} of the leads are below "
                        f"zero (as it is: {exact.mean():.1f} and {(exact < 0).mean():.0%}). The story loss is "
                        f"{loss:.2f}.")
