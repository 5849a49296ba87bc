"""A cache that holds keys and values in 8 or 4 bits, and which cache suits a layer. cache.py has the idea."""
from collections.abc import Sequence

import mlx.core as mx

from mistral_edu.cache import KVCache, RotatingKVCache, check_trim
from mistral_edu.config import MistralConfig

PARTS = ("packed", "scales", "biases")  # the three arrays that mx.quantize makes of one


class QuantizedKVCache:
    """Remembers keys and values in 8 or 4 bits: groups of group_size neighbours within a head share a scale and a bias.

    With a window it forgets as RotatingKVCache does. What it returns differs from what came in, in float32, by at most
    one step of a group, (largest - smallest) / (2**bits - 1), and on average by at most half a step; in bfloat16, the
    rounded scale and bias add up to a few steps at 8 bits. In the random models of the
    tests, whose attention is sharp, that moves logits by up to 3 % (8 bits) or 50 % (4 bits) of the largest one.
    The new chunk is rounded like the past, so that the result does not depend on how a text is split into chunks.
    Raises ValueError for bits other than 8 and 4, and when head_dim is not a multiple of group_size.
    """

    def __init__(self, bits: int = 8, group_size: int = 64, window: int | None = None):
        if bits not in (8, 4):
            raise ValueError(f"a quantized cache holds 8 or 4 bits per number; got bits = {bits!r}")
        if group_size not in (32, 64, 128):
            raise ValueError(f"group_size should be 32, 64 or 128; got {group_size!r}")
        self.bits, self.group_size, self.window = bits, group_size, window
        # Each of the three arrays has a cache of its own, which takes the last axis to be head_dim.
        self.parts = [KVCache() if window is None else RotatingKVCache(window) for _ in PARTS]

    __repr__ = KVCache.__repr__

    @property
    def offset(self) -> int:
        """Tokens seen."""
        return self.parts[0].offset

    def n_keys(self, L: int) -> int:
        """How many keys update_and_fetch returns for a chunk of L tokens."""
        return self.parts[0].n_keys(L)

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Quantize and add L tokens; return what is remembered as floats, with the shapes of the other caches."""
        packed_keys, packed_values = self.pack(keys), self.pack(values)
        fetched = [part.update_and_fetch(k, v) for part, k, v in zip(self.parts, packed_keys, packed_values)]
        return self.unpack([k for k, _ in fetched]), self.unpack([v for _, v in fetched])

    def pack(self, x: mx.array) -> tuple[mx.array, mx.array, mx.array]:
        """(..., head_dim) -> packed (..., head_dim * bits / 32), scales and biases (..., head_dim / group_size)."""
        if x.shape[-1] % self.group_size:
            raise ValueError(f"head_dim = {x.shape[-1]} is not a multiple of group_size = {self.group_size}; choose "
                             f"one of 32, 64, 128 that divides it, or a cache that is not quantized")
        return mx.quantize(x, group_size=self.group_size, bits=self.bits)

    def unpack(self, packed: Sequence[mx.array]) -> mx.array:
        """The inverse of `pack`, up to the error stated above."""
        weights, scales, biases = packed
        return mx.dequantize(weights, scales, biases, group_size=self.group_size, bits=self.bits)

    @property
    def nbytes(self) -> int:
        """Bytes held, including scales, biases and slots not used yet."""
        return sum(part.nbytes for part in self.parts)

    @property
    def trimmable(self) -> int:
        """How many of the last tokens trim can forget."""
        return self.parts[0].trimmable

    def trim(self, n: int) -> None:
        """Forget the last n tokens. Raises ValueError when n is not in 0 .. trimmable."""
        check_trim(n, self.trimmable, self.offset)
        end = self.offset - n
        for part in self.parts:
            part.trim(part.offset - end)  # an interrupt between two parts leaves one ahead of the other

    @property
    def state(self) -> dict[str, mx.array]:
        """The arrays that hold what is remembered."""
        return {f"{name}.{key}": array for name, part in zip(PARTS, self.parts)
                for key, array in part.state.items()}

    @property
    def meta(self) -> dict:
        """The numbers that, with `state`, rebuild this cache."""
        return {"kind": type(self).__name__, "bits": self.bits, "group_size": self.group_size,
                "window": self.window, "part": self.parts[0].meta}

    def restore(self, state: dict[str, mx.array], meta: dict) -> None:
        """Become the cache that gave this state and this meta."""
        for name, part in zip(PARTS, self.parts):
            held = {key: state[f"{name}.{key}"] for key in ("keys", "values") if f"{name}.{key}" in state}
            part.restore(held, meta["part"])


Cache = KVCache | RotatingKVCache | QuantizedKVCache


def make_layer_cache(config: MistralConfig, bits: int | None = None) -> Cache:
    """The cache that suits one layer of a model: rotating if it has a window, quantized if bits is given."""
    if bits is not None:
        if config.head_dim % 32:
            raise ValueError(f"a quantized cache needs a head_dim that is a multiple of 32; this model has "
                             f"head_dim = {config.head_dim}, so leave out bits")
        group_size = 64 if config.head_dim % 64 == 0 else 32
        return QuantizedKVCache(bits, group_size, config.window_size)
    return KVCache() if config.window_size is None else RotatingKVCache(config.window_size)
