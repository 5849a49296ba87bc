"""Where the parameters of a model sit, what a text costs its parts, and what model and text take in memory."""
import numpy as np

from mistral_edu.checkpoints.memory import gb, need
from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREEN, GREY, INK, ORANGE, PINK, RED, SKY, YELLOW

LINE = 0.07        # height of a line of text, where the picture's is 1
VERSIONS = {"7b-v0.1": (BLUE, "-", 2.2), "7b-v0.2": (SKY, "-", 5), "7b-v0.3": (RED, "--", 1.8)}  # colour, line, width


def matrices_of_a_layer(config):
    """{name: how many numbers} for the matrices of one layer, as they are stacked in the picture.

    >>> from mistral_edu import MistralConfig
    >>> sum(matrices_of_a_layer(MistralConfig.preset("tiny")).values())
    851968
    """
    queries = config.dim * config.n_heads * config.head_dim
    keys = config.dim * config.n_kv_heads * config.head_dim
    inner = config.dim * config.hidden_dim
    return {"q": queries, "o": queries, "k": keys, "v": keys, "gate": inner, "up": inner, "down": inner}


def draw_to_scale(config):
    """A model as one picture: equal areas are equally many parameters, and each table and each layer has a column."""
    table, layer = config.vocab_size * config.dim, matrices_of_a_layer(config)
    each, total = sum(layer.values()), config.n_parameters
    starts = table + each * np.arange(config.n_layers)
    layers = f"{config.n_layers} layer{'s' * (config.n_layers > 1)}"
    fig, ax = figure(height=3.6)
    ax.bar(0, 1, table, color=GREY, align="edge")
    floor = 0.0
    for name, colour in zip(layer, (BLUE, SKY, ORANGE, YELLOW, GREEN, PINK, RED)):
        height = layer[name] / each
        ax.bar(starts, height, each, floor, color=colour, align="edge", edgecolor="white", linewidth=0.6)
        floor += height
    if not config.tie_embeddings:
        ax.bar(starts[-1] + each, 1, table, color=GREY, align="edge")
    _name_the_bands(ax, layer, each)
    norms = (2 * config.n_layers + 1) * config.dim
    swiglu, attention = (100 * config.n_layers * sum(layer[name] for name in names.split()) / total
                         for names in ("gate up down", "q o k v"))
    tables = 100 * table * (1 if config.tie_embeddings else 2) / total
    ax.set(xlim=(0, total), ylim=(0, 1), yticks=[], xticks=[],
           xlabel=f"grey: embedding and output; between them {layers}",
           title=f"{swiglu:.0f} % of {total / 1e9:.2f} billion parameters sit in the feed-forwards")
    return Picture(fig, f"{layers}, {config.n_kv_heads} kv head{'s' * (config.n_kv_heads > 1)}: {total:,} parameters; "
                        f"attention {attention:.1f} %, SwiGLU {swiglu:.1f} %, embedding and output {tables:.1f} %, "
                        f"norms {norms:,}. A token leaves {config.kv_bytes_per_token():,} bytes of keys and "
                        "values in 16 bit.",
                   alt=f"A rectangle of equal areas for equally many parameters. {config.n_layers} "
                       f"column{'s' * (config.n_layers > 1)}, one per layer, each from the bottom: q, o, k, v, gate, "
                       f"up, down; the feed-forward's three take {swiglu:.0f} % of all. A grey column at either end: "
                       "embedding and output.")


def _name_the_bands(ax, layer, each):
    """Write the name of each matrix, and its share of a layer, at the right of its band; k and v share a line."""
    ax.text(1.02, 1.03, "of a layer:", transform=ax.transAxes, va="bottom", fontsize=9, color=GREY)
    names = {"q": "q", "o": "o", "k": "k and v", "gate": "gate", "up": "up", "down": "down"}
    floor = lowest = 0.0
    for name, text in names.items():
        height = layer[name] / each * (2 if name == "k" else 1)
        y = max(floor + height / 2, lowest)
        ax.text(1.02, y, f"{text}  {100 * height:.0f} %", transform=ax.transAxes, va="center", fontsize=9, color=INK)
        lowest = y + LINE
        floor += height


def draw_shares(costs, title):
    """costs {part: (parameters, operations, bytes)} as shares of their sums: three bars a part."""
    kinds = (("parameters", BLUE, ""), ("operations", ORANGE, "///"), ("bytes read", GREEN, "..."))
    totals = [sum(cost[n] for cost in costs.values()) for n in range(3)]
    shares = [[100 * cost[n] / totals[n] for cost in costs.values()] for n in range(3)]
    rows = np.arange(len(costs))
    fig, ax = figure(height=3.6)
    for n, (kind, colour, hatch) in enumerate(kinds):
        bars = ax.barh(rows + 0.27 * (n - 1), shares[n], 0.25, color=colour, hatch=hatch, edgecolor="white", label=kind)
        ax.bar_label(bars, [f"{share:.1f}" for share in shares[n]], padding=3, fontsize=7.5, color=INK)
    ax.set(xlim=(0, 100), ylim=(len(costs) - 0.5, -0.5), yticks=rows, yticklabels=costs, title=title,
           xlabel="percent of each sum")
    ax.legend(loc="lower right", fontsize=9)
    per_byte = totals[1] / totals[2]
    told = [f"{part} {shares[0][n]:.1f} / {shares[1][n]:.1f} / {shares[2][n]:.1f}" for n, part in enumerate(costs)]
    return Picture(fig, f"Percent of parameters / operations / bytes read: {'; '.join(told)}. "
                        f"{per_byte:,.{0 if per_byte > 10 else 1}f} operations for each byte read.")


def draw_memory(configs, bits=16, rooms=()):
    """Bytes needed against tokens of text. configs: {preset's name: MistralConfig}; rooms: {label: bytes} to fit in."""
    tokens = np.linspace(256, 32_768, 128).astype(int)
    fig, ax = figure(height=3.6)
    ends = []
    for name, config in configs.items():
        colour, line, width = VERSIONS[name]
        total = [need(config, int(n), bits=None if bits == 16 else bits).total for n in tokens]
        ax.plot(tokens, np.array(total) / 1e9, color=colour, linestyle=line, linewidth=width, label=name)
        ends.append(f"{name} {gb(total[-1])}")
    for label, room in dict(rooms).items():
        ax.axhline(room / 1e9, color=GREY, linewidth=1, linestyle=":")
        ax.text(300, room / 1e9 + 0.2, label, va="bottom", fontsize=8.5, color=INK)
    ax.set(xlim=(0, 32_768), ylim=(0, 24), xlabel="tokens of text", ylabel="GB for weights, cache and work",
           xticks=range(0, 32_769, 4096), title=f"{bits} bit: v0.1 stops growing at its window, 4,096 tokens")
    ax.set_xticklabels([f"{n:,}" for n in range(0, 32_769, 4096)], fontsize=9)
    ax.legend(loc="lower left", fontsize=9, ncols=3)
    return Picture(fig, f"{bits} bit, a text of 32,768 tokens: {', '.join(ends)}.")
