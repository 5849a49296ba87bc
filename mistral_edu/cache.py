"""Caches of keys and values, so that a token already seen is never computed again.

Source: Jiang et al. 2023, "Mistral 7B" (arXiv:2310.06825), section 2: rolling buffer cache, pre-fill and chunking.
A model has one cache per layer. All kinds are used in the same way:
  update_and_fetch(keys, values)  takes in L new tokens, (B, n_kv_heads, L, head_dim) each, and hands back the S keys
                                  and values that their queries need, in time order: (B, n_kv_heads, S, head_dim) each
  n_keys(L)          that S, beforehand
  offset, nbytes     tokens seen, bytes held
  trim(n)            forgets the last n tokens, as if they had never come; trimmable is the largest n
  state, meta        the arrays and the numbers that save_cache writes to a file
Keys come in rotated at their absolute position already, so it does not matter where they are stored.
"""
import json
import os
from pathlib import Path

import mlx.core as mx

STEP = 256  # tokens: buffers grow in steps, since to copy them at every token would cost as much as to read them


class KVCache:
    """Remembers every token: position p lies in slot p."""

    def __init__(self):
        self.offset = 0
        self.keys = self.values = None  # (B, n_kv_heads, slots, head_dim), some slots still unused

    def __repr__(self):
        return f"{type(self).__name__}({self.offset:,} tokens seen, {self.nbytes:,} bytes)"

    def n_keys(self, L):
        """How many keys update_and_fetch hands back for a chunk of L tokens."""
        return self.offset + L

    def update_and_fetch(self, keys, values):
        """Add L tokens, return all: (B, n_kv_heads, L, head_dim) -> (B, n_kv_heads, offset + L, head_dim), twice."""
        self.check(keys, values)
        self.store(keys, values)
        return self.keys[..., : self.offset, :], self.values[..., : self.offset, :]

    def store(self, keys, values):
        """Add L tokens, without handing anything back."""
        start, self.offset = self.offset, self.offset + keys.shape[2]
        if keys.shape[2] == self.n_slots():  # a chunk that fills the buffer becomes the buffer, and may be a view
            keys, values = mx.contiguous(keys), mx.contiguous(values)
        self.keys, self.values = self.with_room(self.keys, keys), self.with_room(self.values, values)
        self.keys[..., start : self.offset, :] = keys
        self.values[..., start : self.offset, :] = values

    def n_slots(self):
        """How many slots offset tokens take: whole steps."""
        return -(-self.offset // STEP) * STEP

    def with_room(self, buffer, new):
        """The buffer, grown by zeros to n_slots() where it has fewer; None stands for no buffer yet."""
        B, n_kv_heads, _, width = new.shape
        more = self.n_slots() - (0 if buffer is None else buffer.shape[2])
        if more <= 0:
            return buffer
        zeros = mx.zeros((B, n_kv_heads, more, width), dtype=new.dtype)
        return zeros if buffer is None else mx.concatenate([buffer, zeros], axis=2)

    def check(self, keys, values):
        """Raise ValueError when new keys and values do not fit each other or what is held."""
        if keys.ndim != 4 or keys.shape[:3] != values.shape[:3]:
            raise ValueError(f"keys and values should both be (B, n_kv_heads, L, head_dim); "
                             f"got {keys.shape} and {values.shape}")
        for name, new, held in (("keys", keys, self.keys), ("values", values, self.values)):
            if held is not None and (new.shape[:2], new.shape[3]) != (held.shape[:2], held.shape[3]):
                B, n_kv_heads, _, head_dim = held.shape
                raise ValueError(f"this cache holds {name} of shape ({B}, {n_kv_heads}, L, {head_dim}), "
                                 f"got {new.shape}; use a new cache for another batch or another model")

    @property
    def nbytes(self):
        """Bytes held, the slots not used yet included."""
        return 0 if self.keys is None else self.keys.nbytes + self.values.nbytes

    @property
    def trimmable(self):
        """How many of the last tokens trim can forget."""
        return self.offset

    def trim(self, n):
        """Forget the last n tokens, as if they had never come. Raises ValueError when n is not in 0 .. trimmable."""
        check_trim(n, self.trimmable, self.offset)
        self.offset -= n

    @property
    def state(self):
        """The arrays with the slots in use: a dict, empty before the first token."""
        if self.offset == 0:
            return {}
        return {"keys": self.keys[..., : self.offset, :], "values": self.values[..., : self.offset, :]}

    @property
    def meta(self):
        """The numbers that, with `state`, make this cache again."""
        return {"kind": type(self).__name__, "offset": self.offset}

    def restore(self, state, meta):
        """Become the cache that gave this state and this meta."""
        self.keys, self.values = (mx.contiguous(state[name]) if name in state else None for name in ("keys", "values"))
        self.offset = meta["offset"]


class RotatingKVCache(KVCache):
    """Remembers the last `window` tokens in a ring: position p lies in slot p % window.

    A query sees the window - 1 tokens before its own, so a chunk of L tokens is handed window - 1 + L keys at most. Its
    first query needs the oldest of them; the mask hides them from later ones. Once window tokens have passed, the bytes
    held stay the same. Raises ValueError when window < 1.
    """

    def __init__(self, window):
        super().__init__()
        if window < 1:
            raise ValueError(f"window counts the token itself, so it is at least 1; got {window}")
        self.window = window
        self.oldest = 0  # the earliest position that no later one has overwritten

    def n_keys(self, L):
        """How many keys update_and_fetch hands back for a chunk of L tokens."""
        return min(self.offset, self.window - 1) + L

    def update_and_fetch(self, keys, values):
        """Add L tokens; return them, after the up to window - 1 before them: (B, n_kv_heads, S, head_dim), twice."""
        self.check(keys, values)
        all_keys = mx.concatenate([*self.in_time_order(self.keys), keys], axis=2)        # (B, n_kv_heads, S, head_dim)
        all_values = mx.concatenate([*self.in_time_order(self.values), values], axis=2)
        self.store(keys, values)
        return all_keys, all_values

    def store(self, keys, values):
        """Add L tokens, without handing anything back."""
        self.offset += keys.shape[2]
        self.oldest = max(self.oldest, self.offset - self.window)
        self.keys, self.values = self.with_room(self.keys, keys), self.with_room(self.values, values)
        self.write(self.keys, keys)
        self.write(self.values, values)

    def in_time_order(self, ring):
        """The up to window - 1 tokens before the next one, as a list of runs of slots: two where they cross the end."""
        first = max(0, self.offset - (self.window - 1))
        if first == self.offset:
            return []
        start, end = first % self.window, (self.offset - 1) % self.window + 1
        if start < end:
            return [ring[..., start:end, :]]
        return [ring[..., start:, :], ring[..., :end, :]]

    def write(self, ring, chunk):
        """Put the end of a chunk, at most window tokens of it, into the slots up to that of position offset-1."""
        n = min(chunk.shape[2], self.window)
        if n < chunk.shape[2]:
            chunk = chunk[..., chunk.shape[2] - n :, :]  # (B, n_kv_heads, n, head_dim)
        if n == ring.shape[2]:  # it becomes the ring: so it should be n tokens in memory, too, not part of a longer one
            chunk = mx.contiguous(chunk)
        start = (self.offset - n) % self.window
        before_end = self.window - start                # what fits before the end; the rest goes to slot 0 on
        if n <= before_end:
            ring[..., start : start + n, :] = chunk
        else:
            ring[..., start:, :] = chunk[..., :before_end, :]
            ring[..., : n - before_end, :] = chunk[..., before_end:, :]

    def n_slots(self):
        """How many slots offset tokens take: whole steps, up to the window."""
        return min(super().n_slots(), self.window)

    @property
    def trimmable(self):
        """How many of the last tokens trim can forget: all of them until the ring is full, at most one after that.

        For the next token needs window - 1 tokens before it, and a full ring holds but one more.
        """
        if self.oldest == 0:
            return self.offset
        return self.offset - (self.oldest + self.window - 1)

    @property
    def meta(self):
        """The numbers that, with `state`, make this cache again."""
        return {**super().meta, "window": self.window, "oldest": self.oldest}

    def restore(self, state, meta):
        """Become the cache that gave this state and this meta."""
        super().restore(state, meta)
        self.oldest = meta["oldest"]


PARTS = ("packed", "scales", "biases")  # the three arrays that mx.quantize makes of one


class QuantizedKVCache:
    """Remembers keys and values in 8 or 4 bit: groups of group_size neighbours within a head share a scale and a bias.

    With a window it forgets as RotatingKVCache does. What it hands back differs from what came in by at most one step
    of a group, (largest - smallest) / (2**bits - 1), and by half a step on average at most. In the random models of the
    tests, whose attention is sharp, that moves logits by up to 3 % (8 bit) or 50 % (4 bit) of the largest one.
    The new chunk is rounded like the past, so that the result does not depend on how a text is split into chunks.
    Raises ValueError for bits other than 8 and 4, and when head_dim is no multiple of group_size.
    """

    def __init__(self, bits=8, group_size=64, window=None):
        if bits not in (8, 4):
            raise ValueError(f"a quantized cache holds 8 or 4 bits per number; got bits = {bits!r}")
        if group_size not in (32, 64, 128):
            raise ValueError(f"group_size should be 32, 64 or 128; got {group_size!r}")
        self.bits, self.group_size, self.window = bits, group_size, window
        # Each of the three has a cache of its own, which takes its last axis for head_dim.
        self.parts = [KVCache() if window is None else RotatingKVCache(window) for _ in PARTS]

    __repr__ = KVCache.__repr__

    @property
    def offset(self):
        """Tokens seen."""
        return self.parts[0].offset

    def n_keys(self, L):
        """How many keys update_and_fetch hands back for a chunk of L tokens."""
        return self.parts[0].n_keys(L)

    def update_and_fetch(self, keys, values):
        """Quantize and add L tokens; return what is remembered as floats, shapes as in the caches above."""
        packed_keys, packed_values = self.pack(keys), self.pack(values)
        fetched = [part.update_and_fetch(k, v) for part, k, v in zip(self.parts, packed_keys, packed_values)]
        return self.unpack([k for k, _ in fetched]), self.unpack([v for _, v in fetched])

    def pack(self, x):
        """(..., head_dim) -> packed (..., head_dim * bits / 32), scales and biases (..., head_dim / group_size)."""
        if x.shape[-1] % self.group_size:
            raise ValueError(f"head_dim = {x.shape[-1]} is no multiple of group_size = {self.group_size}; choose one "
                             f"that divides it among 32, 64, 128, or a cache that is not quantized")
        return mx.quantize(x, group_size=self.group_size, bits=self.bits)

    def unpack(self, packed):
        """The way back from `pack`, up to the error stated above."""
        return mx.dequantize(*packed, group_size=self.group_size, bits=self.bits)

    @property
    def nbytes(self):
        """Bytes held, scales, biases and slots not used yet included."""
        return sum(part.nbytes for part in self.parts)

    @property
    def trimmable(self):
        """How many of the last tokens trim can forget."""
        return self.parts[0].trimmable

    def trim(self, n):
        """Forget the last n tokens. Raises ValueError when n is not in 0 .. trimmable."""
        check_trim(n, self.trimmable, self.offset)
        end = self.offset - n
        for part in self.parts:
            part.trim(part.offset - end)  # an interrupt between two parts leaves one ahead of the other

    @property
    def state(self):
        """The arrays that hold what is remembered."""
        return {f"{name}.{key}": array for name, part in zip(PARTS, self.parts)
                for key, array in part.state.items()}

    @property
    def meta(self):
        """The numbers that, with `state`, make this cache again."""
        return {"kind": type(self).__name__, "bits": self.bits, "group_size": self.group_size,
                "window": self.window, "part": self.parts[0].meta}

    def restore(self, state, meta):
        """Become the cache that gave this state and this meta."""
        for name, part in zip(PARTS, self.parts):
            part.restore({key: state.get(f"{name}.{key}") for key in ("keys", "values")}, meta["part"])


def check_trim(n, trimmable, offset):
    """Raise ValueError when a cache cannot forget n tokens."""
    if n < 0:
        raise ValueError(f"trim takes the number of tokens to forget, 0 or more; got {n}")
    if n > offset:
        raise ValueError(f"cannot forget the last {n} tokens: the cache has seen {offset}; trim {trimmable} at most")
    if n > trimmable:
        raise ValueError(f"cannot forget the last {n} of {offset} tokens, only {trimmable}: the ring has overwritten "
                         f"what the window of the next token needs. Make a new cache and feed it the first "
                         f"{offset - n} tokens again.")


def make_layer_cache(config, bits=None):
    """The cache that suits one layer of a model: rotating when it has a window, quantized when bits is given."""
    if bits is not None:
        if config.head_dim % 32:
            raise ValueError(f"a quantized cache needs heads that groups of 32 or 64 numbers fill; this model has "
                             f"head_dim = {config.head_dim}, so use a cache without bits")
        group_size = 64 if config.head_dim % 64 == 0 else 32
        return QuantizedKVCache(bits, group_size, config.window_size)
    return KVCache() if config.window_size is None else RotatingKVCache(config.window_size)


FORMAT = "mistral_edu cache, version 1"


def save_cache(path, cache):
    """Write a list of caches, one per layer, to one safetensors file; it appears whole or not at all."""
    path = Path(path)
    arrays = {f"{i}.{name}": array for i, layer in enumerate(cache) for name, array in layer.state.items()}
    metadata = {"format": FORMAT, "layers": json.dumps([layer.meta for layer in cache])}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.safetensors")  # same folder: the rename is atomic
    try:
        mx.save_safetensors(str(unfinished), arrays, metadata)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_cache(path):
    """The list of caches that save_cache wrote, bit for bit.

    Raises FileNotFoundError, and ValueError for another kind of file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; save_cache(path, cache) writes one")
    try:
        arrays, metadata = mx.load(str(path), format="safetensors", return_metadata=True)
    except RuntimeError as error:
        raise ValueError(f"{path} is not a safetensors file ({error}); write it again with save_cache") from None
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is not a saved cache: expected format {FORMAT!r}, found {metadata.get('format')!r}")
    mx.eval(arrays)  # read the file now, not when it may be gone
    metas = json.loads(metadata["layers"])
    states = [{} for _ in metas]
    for full_name, array in arrays.items():
        layer, name = full_name.split(".", 1)
        states[int(layer)][name] = array
    return [restored(meta, state) for meta, state in zip(metas, states)]


def restored(meta, state):
    """One cache from its state and meta."""
    arguments = {name: meta[name] for name in ("bits", "group_size", "window") if name in meta}
    kinds = {kind.__name__: kind for kind in (KVCache, RotatingKVCache, QuantizedKVCache)}
    cache = kinds[meta["kind"]](**arguments)
    cache.restore(state, meta)
    return cache
