"""Whether this machine has the memory that a model needs (needs.py): asked before the first weight is read.

A computer that runs out of memory swaps, or ends the program without a word; so load() says it first, with the numbers
and a way out.
"""
import os
from dataclasses import replace

import mlx.core as mx

from mistral_edu.checkpoints.entries import FLOATS
from mistral_edu.checkpoints.errors import NotEnoughMemory
from mistral_edu.checkpoints.needs import Need, bytes_per_weight, gb, need
from mistral_edu.machine import processors

SHORTEST = 256   # a context below this is no advice,
NARROW = 1024    # nor is a window narrower than this


def check(checkpoint, context=None, dtype=None, bits=None, group_size=64):
    """Raise NotEnoughMemory when a checkpoint, loaded with these settings, does not fit into what is free.

    The settings are those of check_weights().
    """
    check_weights(checkpoint.name, checkpoint.config, checkpoint.entries, context, dtype, bits, group_size)


def check_weights(name, config, entries, context=None, dtype=None, bits=None, group_size=64):
    """Raise NotEnoughMemory when a model with these weights does not fit into what is free.

    name: what it is called in the message.
    config: of the model, for its caches.
    entries: {name: Entry} of its weights, as stored.
    context: tokens, as in need().
    dtype: of the weights; None as stored.
    bits, group_size: as they will be quantized; bits None as stored.
    MISTRAL_EDU_MEMORY_CHECK=0 turns the check off.
    """
    if os.environ.get("MISTRAL_EDU_MEMORY_CHECK") == "0":
        return
    if context is not None and (not isinstance(context, int) or context < 1):
        raise ValueError(f"context should be a number of tokens, at least 1; got {context!r}")

    def required(config=config, context=context, bits=bits) -> Need:
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
    raise NotEnoughMemory(f"{name} needs {wanted}. This machine has {gb(free)} free of {gb(total)}. "
                          f"{advice}. (MISTRAL_EDU_MEMORY_CHECK=0 tries it anyway)")


def ways_out(required, config, context, free, fewer_bits):
    """The settings that would fit, each with what it needs: the most bits, the longest context, a narrow window.

    required: a function, required(bits=, context=, config=) -> Need with these changed.
    config: of the model.
    context: the tokens that were asked for.
    free: bytes.
    fewer_bits: the choices, the most bits first; empty where the weights cannot be quantized (further).
    Where no single setting is enough: bits and context.
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
