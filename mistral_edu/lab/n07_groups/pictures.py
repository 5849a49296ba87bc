"""Pictures of notebook 07: which query head reads which kv head, one layer miswired at a time, what a token reads."""
import numpy as np

from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE

KINDS = {"MHA": (ORANGE, "--"), "GQA": (BLUE, "-"), "MQA": (GREEN, ":")}


def kind_of(config):
    """What the field calls a model with this many kv heads.

    >>> from mistral_edu import MistralConfig
    >>> kind_of(MistralConfig.preset("7b-v0.3"))
    'GQA'
    """
    return {config.n_heads: "MHA", 1: "MQA"}.get(config.n_kv_heads, "GQA")


def draw_wiring(config):
    """Query heads above, kv heads below, a line from each query head to the kv head that it reads.

    Neighbouring groups have two colours in turn, and two marks: round and square.
    """
    n_heads, n_kv_heads, kind = config.n_heads, config.n_kv_heads, kind_of(config)
    n_rep, kept = n_heads // n_kv_heads, f"{n_kv_heads} kv head{'s' * (n_kv_heads > 1)}"
    fig, ax = figure(height=2.3)
    for h in range(n_heads):
        group = h // n_rep
        colour, mark = ((BLUE, "o"), (ORANGE, "s"))[group % 2]
        middle = n_rep * (group + 0.5) - 0.5                 # of the group's query heads: there its kv head stands
        ax.plot([h, middle], [1, 0], color=colour, linewidth=1)
        ax.plot(h, 1, mark, color=colour, markersize=7)
        ax.plot(middle, 0, mark, color=colour, markersize=11)
    share = "has a kv head of its own" if n_rep == 1 else f"shares a kv head with {n_rep - 1} other{'s' * (n_rep > 2)}"
    ax.set(title=f"{kind}: each of {n_heads} query heads {share}", xlim=(-0.8, n_heads - 0.2), ylim=(-0.35, 1.35),
           xticks=[], yticks=(0, 1), yticklabels=(kept, f"{n_heads} query heads"))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return Picture(fig, f"{kind}, {n_heads} query heads, {kept}: a token leaves "
                        f"{config.kv_bytes_per_token():,} bytes of keys and values in 16 bit; the model has "
                        f"{config.n_parameters / 1e9:.2f} billion parameters.")


def draw_layers(losses, recalls, before):
    """losses, recalls (n_layers): of a model with one layer changed; before: the loss of the model as it is."""
    losses, layers = np.array(losses), np.arange(len(losses))
    fig, ax = figure(height=3.2)
    ax.bar(layers, losses, 0.7, color=BLUE)
    ax.axhline(before, color=ORANGE, linestyle="--", linewidth=1.6, label=f"as it is: {before:.2f}, recall 1")
    for layer, loss, answered in zip(layers, losses, recalls):
        ax.text(layer, loss + 0.06, f"loss {loss:.2f}\nrecall {answered:.2g}", ha="center", va="bottom", fontsize=9,
                color=INK)
    worst = int(losses.argmax())
    ax.set(title=f"Tiled alone, only layer {worst} breaks the model", xlabel="the one layer that is tiled",
           ylabel="story loss", xticks=layers, ylim=(0, 1.22 * losses.max()))
    ax.legend(fontsize=9, loc="upper right")
    others, lowest = np.delete(losses, worst), np.delete(np.array(recalls), worst).min()
    return Picture(fig, f"One layer tiled: layer {worst} gives a story loss of {losses[worst]:.1f} and a recall of "
                        f"{recalls[worst]:.2g}; any other layer a loss of {others.max():.2f} at most, and a recall of "
                        f"{lowest:.2g}{' at least' if lowest < 1 else ''}.")


def draw_shares(shares, lengths, context):
    """shares {kind: (n,)}: percent of the bytes read for a token that are cache, at texts of these lengths (n,).

    The caption, and a dot on each line, tell them at the length `context`, which is one of the lengths.
    """
    lengths, at = np.array(lengths), list(lengths).index(context)
    fig, ax = figure(height=3.3)
    for kind, line in shares.items():
        colour, style = KINDS[kind]
        ax.plot(lengths, line, color=colour, linestyle=style, linewidth=2, label=kind)
        ax.plot(context, line[at], "o", color=colour, markersize=6)
    ax.axhline(50, color=GREY, linewidth=1, label="as many bytes as the weights")
    told = ", ".join(f"{kind} {line[at]:.0f} %" for kind, line in shares.items())
    ax.set(title=f"After {context:,} tokens: {told}", xlabel="tokens in the cache", ylim=(0, 100),
           ylabel="cache, % of the bytes read")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.grid(axis="y", color=PALE)
    ax.legend(fontsize=9, loc="upper left", ncols=4)
    return Picture(fig, f"After {context:,} tokens, the share of the cache in the bytes read for the next token: "
                        f"{told}.")
