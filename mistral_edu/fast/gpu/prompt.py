"""A prompt: many tokens at once through each layer, in pieces whose intermediate results fit into memory.

MLX works off what Python hands over. Python is far ahead, and what it has handed over but MLX has not computed yet may
need memory already, for all layers of a piece at once. So two halves of a layer are under way at a time, no more.
"""
import mlx.core as mx

from mistral_edu.attention import merge_heads
from mistral_edu.fast.gpu import window as within
from mistral_edu.fast.gpu.matrices import ON_NVIDIA

# Tokens of a piece. More than the longest gain nothing: on Apple's GPUs arithmetic is the limit well before that, and
# progress is told after each piece.
LONGEST, SHORTEST = 4096 if ON_NVIDIA else 1024, 256
SHARE = 1 / 8                   # of the free memory that a piece may take
MANY = 256                      # tokens from which on memory is worth waiting for, if no weights are unpacked


def read(layers, x, cache, window, attend=within.attend):
    """x (B, L, dim) through all layers, which take its tokens into their caches; lazily for the most part.

    attend(q, k, v, held, scale) computes attention of a piece whose window begins in the cache.
    """
    before = None

    def begin(layer, x, *others):
        nonlocal before
        if x.shape[0] * x.shape[1] >= MANY or layer.unpacks(x):
            mx.async_eval(x, *others)
            if before is not None:
                mx.eval(before)
            before = x
    for layer, held in zip(layers, cache):
        x = layer.after_attention(x, merge_heads(attention(layer, x, held, window, attend)))    # (B, L, dim)
        begin(layer, x, held.keys, held.values)
        x = layer.feed_forward(x)                                                   # (B, L, dim)
        begin(layer, x)
    return x


def attention(layer, x, held, window, attend):
    """Attention of x (B, L, dim): (B, n_heads, L, head_dim). A function of its own, so that q, k and v are let go."""
    q, k, v = layer.heads(x, held.offset)
    if window is None or held.offset + x.shape[1] <= window:
        held.store(k, v)                                    # slot = position: nothing has left the window
        keys, values = held.keys[..., :held.offset, :], held.values[..., :held.offset, :]
        return mx.fast.scaled_dot_product_attention(q, keys, values, scale=layer.scale, mask="causal")
    out = attend(q, k, v, held, layer.scale)
    held.store(k, v)
    return out


def pieces(L, offset, window, at_once):
    """Where L tokens are cut: at most `at_once` in a piece, and none that begins inside the first window and leaves it.

    >>> pieces(10, 0, None, 4)
    [(0, 4), (4, 8), (8, 10)]
    >>> pieces(10, 3, 8, 4)
    [(0, 4), (4, 5), (5, 9), (9, 10)]
    """
    cut, start = [], 0
    while start < L:
        end = min(L, start + at_once)
        if window is not None and offset + start < window:
            end = min(end, window - offset)
        cut.append((start, end))
        start = end
    return cut


def tokens_at_once(config, itemsize, free, longest=LONGEST):
    """The longest piece whose intermediate results take at most a share of `free` bytes (None: unknown).

    >>> from mistral_edu.config import MistralConfig
    >>> config = MistralConfig.preset("7b-v0.1")
    >>> [tokens_at_once(config, 2, free, 4096) for free in (100e9, 8e9, 4e9, 1e9, None)]
    [4096, 4096, 2048, 512, 2048]
    """
    heads = config.n_heads + 2 * config.n_kv_heads
    numbers = 6 * config.dim + 2 * heads * config.head_dim + 3 * config.hidden_dim          # of a token, in a layer
    bytes_per_token = numbers * itemsize
    length = longest
    while length > SHORTEST and length * bytes_per_token > SHARE * (4e9 if free is None else free):
        length //= 2
    return length
