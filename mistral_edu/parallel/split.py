"""Which part of each weight a rank holds. Source: Shoeybi et al. 2019, "Megatron-LM" (arXiv:1909.08053), section 3.

Tensor parallelism divides every layer among N processes, the ranks:

    q, k, v, gate, up            by rows: a rank computes its own heads and its own hidden units, without communication
    o, down                      by columns: what a rank multiplies gives one term of a sum over all ranks
    embedding, norms, lm_head    whole, on every rank

So the ranks meet twice per layer, in two sums of a vector as wide as the residual stream. Between the sums, a rank
computes as a smaller model would, one with fewer heads and fewer hidden units (`rank_config`).

The embedding is whole because a token looks up one row of it. The output layer is whole so that every rank has all
logits and chooses the same next token without asking. Cut, it would save each rank (N - 1) / N of its 134 million
weights in Mistral-7B, 1.9 % of the model, and would send vocab_size logits per token, an eighth more than all the sums.
"""
import math
from dataclasses import replace
from typing import NamedTuple


class Part(NamedTuple):
    """What one rank holds of every layer."""

    heads: range      # query heads
    kv_heads: range   # key and value heads; if several ranks share one, each holds it whole
    hidden: range     # units of the feed-forward layer


def split(config, size, group_size=1) -> list[Part]:
    """The parts of `size` ranks, in their order.

    group_size: of quantized weights; no cut goes through a group, since its numbers share a scale. 1 for floats.
    If shares cannot be equal, they differ by one kv head or one group of hidden units. Raises ValueError if there are
    more ranks than query heads, or than groups.

    >>> from mistral_edu.config import MistralConfig
    >>> tiny = MistralConfig.preset("tiny")                # 8 query heads, 2 kv heads, 896 hidden units
    >>> for part in split(tiny, 2):
    ...     print(*part)
    range(0, 4) range(0, 1) range(0, 448)
    range(4, 8) range(1, 2) range(448, 896)
    >>> [part.kv_heads for part in split(tiny, 4)]         # four ranks: two share a kv head
    [range(0, 1), range(0, 1), range(1, 2), range(1, 2)]
    >>> [len(part.heads) for part in split(tiny, 3)]       # three ranks: the last one has more work
    [2, 2, 4]
    """
    if size < 1:
        raise ValueError(f"a model is divided among at least 1 rank; got {size}")
    if size > config.n_heads:
        raise ValueError(f"{size} ranks are too many: the model has {config.n_heads} query heads, and a head stays on "
                         f"one rank; start at most {config.n_heads}")
    try:
        hidden = shares(config.hidden_dim, size, group_size)
        return [Part(*heads, units) for heads, units in zip(heads_of(config, size, group_size), hidden)]
    except ValueError as error:
        raise ValueError(f"{size} ranks do not fit: {error}. Start fewer, or load weights in smaller groups, or "
                         "without quantization") from None


def heads_of(config, size, group_size=1):
    """(query heads, kv heads) of each rank. A kv head goes where its query heads go."""
    n_rep, width = config.n_rep, config.head_dim
    if size <= config.n_kv_heads:
        runs = shares(config.n_kv_heads, size, unit(group_size, n_rep * width))
        return [(times(kv_heads, n_rep), kv_heads) for kv_heads in runs]
    pairs = []
    for kv_head, ranks in enumerate(shares(size, config.n_kv_heads)):  # these ranks share it
        for heads in shares(n_rep, len(ranks), unit(group_size, width)):
            pairs.append((shifted(heads, kv_head * n_rep), range(kv_head, kv_head + 1)))
    return pairs


def shares(n, size, unit=1) -> list[range]:
    """range(n), cut into `size` runs of whole units, as even as possible, the longer ones first.

    >>> shares(8, 3)
    [range(0, 3), range(3, 6), range(6, 8)]
    >>> [len(run) for run in shares(896, 4, unit=64)]
    [256, 256, 192, 192]
    """
    units = n // unit
    if n % unit or units < size:
        raise ValueError(f"{n} can be cut into at most {units} pieces of {unit}" if n % unit == 0 else
                         f"{n} is not a multiple of {unit}, and no group may be cut")
    each, more = divmod(units, size)
    ends = [(each * rank + min(rank, more)) * unit for rank in range(size + 1)]
    return [range(start, end) for start, end in zip(ends, ends[1:])]


def unit(group_size, width):
    """How many blocks of this width make whole groups: 2 heads of 32 make a group of 64, one head of 128 makes two."""
    return group_size // math.gcd(group_size, width)


def times(run, factor):
    """The run of a finer count, such as the query heads of kv heads."""
    return range(run.start * factor, run.stop * factor)


def shifted(run, by):
    return range(run.start + by, run.stop + by)


def rank_config(config, part):
    """The configuration of the smaller model that a rank runs.

    >>> from mistral_edu.config import MistralConfig
    >>> config = MistralConfig.preset("7b-v0.3")
    >>> half = rank_config(config, split(config, 2)[0])
    >>> half.n_heads, half.n_kv_heads, half.hidden_dim, half.dim
    (16, 4, 7168, 4096)
    """
    return replace(config, n_heads=len(part.heads), n_kv_heads=len(part.kv_heads), hidden_dim=len(part.hidden))


def place(name, shape, config, part):
    """(rows, columns) of a stored array that belong to a part; None stands for all of them.

    name: Hugging Face's. shape: as stored; packed integers hold several numbers each, and scales and biases belong to a
    whole group, so an array may have fewer columns than its matrix.

    >>> from mistral_edu.config import MistralConfig
    >>> tiny = MistralConfig.preset("tiny")
    >>> second = split(tiny, 2, group_size=64)[1]
    >>> place("model.layers.0.mlp.up_proj.weight", (896, 256), tiny, second)
    (range(448, 896), None)
    >>> place("model.layers.0.mlp.down_proj.weight", (256, 896), tiny, second)
    (None, range(448, 896))
    >>> place("model.layers.0.mlp.down_proj.scales", (256, 14), tiny, second)
    (None, range(7, 14))
    """
    heads, kv_heads = times(part.heads, config.head_dim), times(part.kv_heads, config.head_dim)
    match name.split(".")[-2]:
        case "q_proj":
            return heads, None
        case "k_proj" | "v_proj":
            return kv_heads, None
        case "gate_proj" | "up_proj":
            return part.hidden, None
        case "o_proj":
            return None, stored_columns(heads, shape[1], config.n_heads * config.head_dim)
        case "down_proj":
            return None, stored_columns(part.hidden, shape[1], config.hidden_dim)
    return None, None


def stored_columns(columns, stored, width):
    """Where the columns of a matrix of this width are in an array with `stored` columns."""
    return range(columns.start * stored // width, columns.stop * stored // width)


def part_shape(name, shape, config, part):
    """The shape of what a part takes of a stored array.

    >>> from mistral_edu.config import MistralConfig
    >>> tiny = MistralConfig.preset("tiny")
    >>> part_shape("model.layers.0.self_attn.k_proj.weight", (64, 256), tiny, split(tiny, 4)[3])
    (32, 256)
    """
    taken = place(name, shape, config, part)
    return tuple(length if run is None else len(run) for run, length in zip(taken, shape))
