"""What one of N devices holds, reads and waits for. Source: Shoeybi et al. 2019, "Megatron-LM" (arXiv:1909.08053).

Tensor parallelism: each device has 1 / N of the heads and of the hidden units of every layer. It computes with them as
a smaller model would, and twice per layer, after attention and after the feed-forward layer, all devices add up their
vectors of `dim` numbers. Embedding, norms and output layer are whole on each device, so that each one has all logits.

So a device is treated as that smaller model, with the same functions as any other: memory.need and bytes_per_step.
"""
from functools import cache

import mlx.core as mx

from mistral_edu.bench.work import bytes_per_step
from mistral_edu.checkpoints import memory
from mistral_edu.parallel.counted import SUMS_PER_LAYER
from mistral_edu.parallel.split import rank_config, split
from mistral_edu.quantize import quantize
from mistral_edu.transformer import unfilled

NUMBER = 2  # bytes of a number in caches and in sums


def share_of(config, n):
    """The configuration of the smaller model that one of n devices computes.

    If there are more devices than key and value heads, several hold a copy of the same one. Raises ValueError if the
    heads or the hidden units cannot be divided evenly.

    >>> from mistral_edu.config import MistralConfig
    >>> half = share_of(MistralConfig.preset("7b-v0.3"), 2)
    >>> half.n_heads, half.n_kv_heads, half.hidden_dim, half.dim
    (16, 4, 7168, 4096)
    >>> share_of(MistralConfig.preset("tiny"), 4).n_kv_heads    # it has two, each held by two devices
    1
    """
    shares = {rank_config(config, part) for part in split(config, n)}
    if len(shares) > 1:
        raise ValueError(f"{config.n_heads} query heads, {config.n_kv_heads} key heads and {config.hidden_dim} hidden "
                         f"units cannot be divided evenly among {n} devices")
    return shares.pop()


def memory_of(config, n, context, bits=16) -> memory.Need:
    """What each of n devices needs for a text of `context` tokens."""
    return memory.need(share_of(config, n), context, NUMBER, None if bits == 16 else bits)


@cache
def bytes_read(config, n, context, bits=16):
    """Bytes that each of n devices reads for the token after `context` others: its weights, and its keys and values."""
    model = unfilled(share_of(config, n))  # lazily: no number of it is ever computed
    model.set_dtype(mx.bfloat16)
    if bits != 16:
        quantize(model, bits)
    return bytes_per_step(model, context, n_tokens=2, bytes_per_number=NUMBER)


def seconds_of_sum(link, n, n_bytes):
    """Seconds until n devices have added up a vector of n_bytes each.

    Each device sends 2 (n - 1) / n of it: in n parts, once while the sum grows, once while it is passed around.

    >>> from mistral_edu.bench.scale.shapes import ETHERNET
    >>> seconds_of_sum(ETHERNET, 1, 8192), round(1e6 * seconds_of_sum(ETHERNET, 2, 8192), 1)
    (0.0, 306.6)
    """
    if n == 1:
        return 0.0
    return link.latency * (n - 1 if link.is_ring else 1) + 2 * (n - 1) / n * n_bytes / link.bandwidth


def seconds_of_token(config, device, link, n, context, bits=16):
    """The least (seconds that each of n devices reads, seconds that they wait for sums) for one token.

    The two do not overlap: a layer needs the sum before it can go on.
    """
    sums = SUMS_PER_LAYER * config.n_layers * seconds_of_sum(link, n, config.dim * NUMBER)
    return bytes_read(config, n, context, bits) / device.read, sums


def tokens_per_second(config, device, link, n, context, bits=16):
    """The most tokens per second that n devices decode for one user; None if the model does not fit into them."""
    if memory_of(config, n, context, bits).total > device.memory:
        return None
    return 1 / sum(seconds_of_token(config, device, link, n, context, bits))
