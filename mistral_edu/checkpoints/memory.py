"""What a model needs in memory, and whether this machine has it: asked before the first weight is read.

Three things lie in memory at once: the weights, the caches of keys and values, which grow with the text, and the work
space of the chunk of a prompt that is being read. A computer that runs out of memory swaps, or ends the program
without a word; so load() says it first, with the numbers and a way out.
"""
import os
from dataclasses import dataclass, replace

import mlx.core as mx

from mistral_edu.checkpoints.errors import NotEnoughMemory
from mistral_edu.checkpoints.weights import FLOATS
from mistral_edu.machine import processors
from mistral_edu.prefill import CHUNK

CONTEXT = 2048   # tokens that should fit at least, where load() is not told otherwise
SHORTEST = 256   # a context below this is no advice,
NARROW = 1024    # nor is a window narrower than this


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

    context: None for CONTEXT, or for all that the model is meant for if that is less. bytes_per_number: of weights,
    keys and values. bits: of quantized weights. weights: their bytes, where they are known better than by the formula.

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


def check(name, config, entries, context=None, dtype=None, bits=None, group_size=64):
    """Raise NotEnoughMemory when a checkpoint, loaded with these settings, does not fit into what is free.

    entries: as from weights.read_entries; context: as in need(). MISTRAL_EDU_MEMORY_CHECK=0 turns the check off.
    """
    if os.environ.get("MISTRAL_EDU_MEMORY_CHECK") == "0":
        return
    if context is not None and (not isinstance(context, int) or context < 1):
        raise ValueError(f"context should be a number of tokens, at least 1; got {context!r}")

    def required(config=config, context=context, bits=bits):
        bytes_per_number = activation_bytes(entries, dtype)
        weights = sum(loaded_bytes(entry, dtype, bits, group_size) for entry in entries.values())
        return need(config, context, bytes_per_number, weights=weights)

    total, free = machine_memory()
    wanted = required()
    if free is None or wanted.total <= free:
        return
    ways = ways_out(required, config, wanted.context, free, [n for n in (8, 4) if can_quantize(entries, bits, n)])
    if wanted.total <= total:
        ways.append(f"close other programs, which hold {gb(total - free)}")
    advice = "Ways out: " + "; ".join(ways) if ways else "Take a smaller model, or one quantized to fewer bits"
    raise NotEnoughMemory(f"{name} needs {wanted}. This machine has {gb(free)} free of {gb(total)}. {advice}. "
                          "(MISTRAL_EDU_MEMORY_CHECK=0 tries it all the same)")


def ways_out(required, config, context, free, fewer_bits):
    """The settings that would fit, each with what it needs: the most bits, the longest context, a narrow window.

    required(bits=, context=, config=) -> Need with these changed. Where no single one is enough: bits and context.
    """
    def fits(**changed):
        return required(**changed).total <= free

    def longest(**changed):
        """Half of the context, a quarter, ...: the first that fits, or None."""
        lengths = (context >> n for n in range(1, context.bit_length()))
        return next((length for length in lengths if length >= SHORTEST and fits(context=length, **changed)), None)

    ways = []
    if bits := next((bits for bits in fewer_bits if fits(bits=bits)), None):
        ways.append(f"bits={bits} ({gb(required(bits=bits).total)})")
    if shorter := longest():
        ways.append(f"a shorter context, context={shorter} ({gb(required(context=shorter).total)})")
    narrow = replace(config, window_size=NARROW)
    if min(context, config.window_size or context) > NARROW and fits(config=narrow):
        ways.append(f"a smaller window, window_size={NARROW} ({gb(required(config=narrow).total)})")
    if not ways and fewer_bits and (shorter := longest(bits=fewer_bits[-1])):
        both = {"bits": fewer_bits[-1], "context": shorter}
        ways.append(f"bits={both['bits']} with context={shorter} ({gb(required(**both).total)})")
    return ways


def can_quantize(entries, bits, fewer):
    """Whether bits=fewer is another choice: the files hold floats, and fewer bits are not chosen already."""
    return (bits is None or fewer < bits) and all(entry.dtype in FLOATS for entry in entries.values())


def loaded_bytes(entry, dtype=None, bits=None, group_size=64):
    """Bytes of a weight once it is loaded with these settings."""
    if entry.dtype not in FLOATS:
        return entry.nbytes
    bytes_per_number = FLOATS[dtype or entry.dtype]
    is_matrix = len(entry.shape) == 2
    return entry.size * bytes_per_weight(bytes_per_number, bits if is_matrix else None, group_size)


def activation_bytes(entries, dtype=None):
    """Bytes of a number in the caches: as wide as the widest float weight."""
    return FLOATS[dtype] if dtype else max((FLOATS.get(e.dtype, 2) for e in entries.values()), default=2)


def machine_memory():
    """(total, free) bytes for a model: of the machine, of its container, or of its GPU; None where nobody says."""
    total, free = processors.memory()
    if mx.default_device() != mx.Device(mx.cpu):
        info = mx.device_info()
        # Metal: what it advises a process to take of the memory shared with the processor. CUDA: memory of its own.
        total = info.get("max_recommended_working_set_size", info.get("total_memory", total))
        free = info.get("max_recommended_working_set_size", info.get("free_memory", free))
    return total, total if free is None else free


def gb(n_bytes):
    """As people say it: GB are 10**9 bytes.

    >>> gb(14_483_464_192), gb(52_000_000)
    ('14.5 GB', '0.05 GB')
    """
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e9:.2f} GB"
