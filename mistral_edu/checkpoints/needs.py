"""What a model needs in memory: arithmetic on its configuration alone.

Three things lie in memory at once: the weights, the caches of keys and values, which grow with the text, and the work
space of the chunk of a prompt that is being read.
"""
from dataclasses import dataclass

from mistral_edu.prefill import CHUNK

CONTEXT = 2048   # tokens that should fit at least, where load() is not told otherwise


@dataclass(frozen=True)
class Need:
    """Bytes. `context`: the tokens that the cache is counted for."""

    weights: int
    cache: int
    work: int
    context: int

    @property
    def total(self):
        return self.weights + self.cache + self.work

    def __str__(self):
        return (f"{gb(self.total)}: {gb(self.weights)} for the weights, {gb(self.cache)} for the keys and values of "
                f"{self.context:,} tokens, {gb(self.work)} to work in")


def need(config, context=None, bytes_per_number=2, bits=None, group_size=64, weights=None) -> Need:
    """What a model of this configuration needs for a text of `context` tokens.

    config: a MistralConfig.
    context: tokens; None for CONTEXT, or for all that the model is meant for if that is less.
    bytes_per_number: of weights, keys and values.
    bits: of quantized weights; None for floats.
    group_size: quantized weights that share a scale.
    weights: their bytes, where they are known better than by the formula.

    >>> from mistral_edu import MistralConfig
    >>> config = MistralConfig.preset("7b-v0.3")
    >>> print(need(config, context=32768))
    20.0 GB: 14.5 GB for the weights, 4.3 GB for the keys and values of 32,768 tokens, 1.2 GB to work in
    >>> print(need(config, bits=4))
    5.2 GB: 4.1 GB for the weights, 0.3 GB for the keys and values of 2,048 tokens, 0.8 GB to work in
    """
    if context is None:
        context = min(CONTEXT, config.context_len)
    if weights is None:
        weights = config.n_parameters * bytes_per_weight(bytes_per_number, bits, group_size)
    held = min(context, config.window_size or context)  # tokens: a window forgets the others
    cache = held * config.kv_bytes_per_token(bytes_per_number)
    return Need(round(weights), cache, work_space(config, held, bytes_per_number), context)


def bytes_per_weight(bytes_per_number, bits=None, group_size=64):
    """Bytes of one number in a matrix; quantized, its share of the group's scale and bias included (see quantize.py).

    >>> bytes_per_weight(2), bytes_per_weight(2, bits=4)
    (2, 0.5625)
    """
    return bytes_per_number if bits is None else bits / 8 + 2 * bytes_per_number / group_size


def work_space(config, held, bytes_per_number):
    """Bytes that a chunk of CHUNK tokens needs while it passes a layer, or one weight while it is loaded.

    The chunk: scores against the keys held and the chunk's own, in float32; the wide inner rows of the feed-forward
    layer; and logits. The weight: the largest one, as read and as computed with.
    """
    scores = 4 * config.n_heads * CHUNK * (held + CHUNK)
    rows = 4 * CHUNK * (4 * config.dim + 3 * config.hidden_dim + config.vocab_size)
    largest_weight = config.dim * max(config.vocab_size, config.hidden_dim) * (bytes_per_number + 4)
    return max(scores + rows, largest_weight)


def gb(n_bytes):
    """As people say it: GB are 10**9 bytes.

    >>> gb(14_483_464_192), gb(52_000_000)
    ('14.5 GB', '0.05 GB')
    """
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e9:.2f} GB"
