"""Pictures of notebook 11: a cache that fills, the work of each token, and how close the likeliest two tokens are."""
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE

LIMITS = 2e9, 1e14          # multiplications: from less than one token of Mistral-7B to 4,300 tokens read at once
FREE, READ, COMPUTED = 0, 1, 2
COLOURS = ListedColormap(["white", BLUE, ORANGE])


def draw_filling(texts, n_prompt, step, n_layers, bytes_per_token):
    """What one step computes and reads, without a cache (above) and with one (below): rows layers, columns tokens.

    texts: of the prompt's n_prompt tokens, then of the answer's. Step 0 reads the prompt; step s reads the answer's
    token s, and gives the next one.
    """
    total = n_prompt + step                                  # tokens known in this step
    new = n_prompt if step == 0 else 1
    without, cached = (np.full((n_layers, len(texts)), FREE) for _ in range(2))
    without[:, :total] = COMPUTED
    cached[:, :total] = READ
    cached[:, total - new:total] = COMPUTED
    fig, axes = figure(height=4.6, rows=2, sharex=True)
    for ax, grid, name in zip(axes, (without, cached), ("without a cache", "with a cache")):
        ax.imshow(grid, cmap=COLOURS, vmin=0, vmax=2, aspect="auto")
        ax.hlines(np.arange(n_layers + 1) - 0.5, -0.5, len(texts) - 0.5, color=PALE, linewidth=0.8)
        ax.vlines(np.arange(len(texts) + 1) - 0.5, -0.5, n_layers - 0.5, color=PALE, linewidth=0.8)
        ax.set(ylabel=f"{name}\nlayer", yticks=range(0, n_layers, max(1, n_layers // 4)))
        ax.tick_params(length=0)
    axes[1].set_xticks(range(len(texts)), texts, rotation=90, fontsize=8.5)
    axes[1].set_xlabel("token of the text")
    axes[0].set_title(f"Step {step}: {total} token{'s' * (total > 1)} to compute without a cache, {new} with it")
    kinds = (Patch(color=ORANGE, label="computed in this step"), Patch(color=BLUE, label="read from the cache"),
             Patch(facecolor="white", edgecolor=GREY, label="not there yet"))
    fig.legend(handles=kinds, loc="outside lower center", ncols=3, fontsize=9)
    read = total - new
    return Picture(fig, f"Step {step}: {total} tokens in the text. Without a cache all {total} are computed; with it, "
                        f"{new}, and the keys and values of {read} are read, {read * bytes_per_token:,} bytes. "
                        f"After the step the cache holds {total}.")


def draw_work(without, cached, n_prompt):
    """without, cached (n,): multiplications for each new token, the first with the prompt; on a logarithmic scale."""
    tokens, times = np.arange(1, len(without) + 1), sum(without) / sum(cached)
    fig, ax = figure(height=3.2)
    few = "s" if len(tokens) <= 10 else ""                    # a line of one or two points would not be seen
    ax.plot(tokens, without, color=ORANGE, linestyle="--", marker=few, markersize=11, linewidth=2,
            label="without a cache")
    ax.plot(tokens, cached, color=BLUE, linewidth=2, marker=few and "o", markersize=5, label="with a cache")
    ax.plot(1, cached[0], "o", color=BLUE, markersize=7, label=f"first token: reads the prompt of {n_prompt}")
    ax.set(title=f"In all, {times:.1f} times as many multiplications without a cache", yscale="log",
           xlabel="new token", ylabel="multiplications", ylim=LIMITS, xlim=(0.4, len(tokens) + 0.6))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(tokens) == 1:
        ax.set_xticks([1])
    ax.grid(axis="y", color=PALE)
    fig.legend(fontsize=9, loc="outside lower center", ncols=3)
    return Picture(fig, f"{n_prompt} tokens of prompt, {len(without)} new: {sum(without):.2e} multiplications "
                        f"without a cache, {sum(cached):.2e} with one. For the last token alone: {without[-1]:.2e} and "
                        f"{cached[-1]:.2e}.")


def draw_margins(lead, gap, gap_cached, flipped, names):
    """lead (n,): by how much the likeliest token leads, at each step; gap: how far the logits of another way are off.

    flipped: the steps at which that way chooses another token; names: the two tokens of each, as text.
    """
    steps, lead = np.arange(len(lead)), np.array(lead)
    fig, ax = figure(height=3.8)
    ax.axhline(2 * gap, color=ORANGE, linestyle="--", linewidth=1.6, label=f"2 g of bfloat16, {2 * gap:.2f}")
    ax.axhline(2 * gap_cached, color=GREEN, linestyle=":", linewidth=1.8,
               label=f"2 g of float32 with a cache, about {2 * gap_cached:.0e}")
    stays = np.setdiff1d(steps, flipped)
    ax.plot(stays, lead[stays], "o", color=BLUE, markersize=3.5, label="same token")
    ax.plot(flipped, lead[flipped], "X", color=ORANGE, markersize=10, markeredgecolor=INK,
            label="other token in bfloat16")
    for step, (name, other) in zip(flipped, names):
        ax.annotate(f"{name} / {other}", (step, lead[step]), (6, -12), textcoords="offset points", fontsize=9,
                    color=INK)
    ax.set(title=f"{len(flipped)} of {len(lead)} steps flip, where several tokens are equally good",
           yscale="log", ylim=(3e-6, 60), xlabel="step of the story", ylabel="lead of the likeliest token")
    fig.legend(fontsize=9, loc="outside lower center", ncols=2)
    pairs = "; ".join(f"step {step}, {name} or {other}, lead {lead[step]:.3f}"
                      for step, (name, other) in zip(flipped, names))
    return Picture(fig, f"{len(flipped)} of {len(lead)} steps differ: {pairs}. At the other steps the likeliest token "
                        f"leads by {lead[stays].min():.2g} at least.")
