"""Caches of keys and values, so that a token already seen is never computed again.

Source: Jiang et al. 2023, "Mistral 7B" (arXiv:2310.06825), section 2: rolling buffer cache, pre-fill and chunking.
A model uses one cache per layer. They all speak the same few words:
  update_and_fetch(keys, values)  take in L new tokens, (B, n_kv_heads, L, head_dim) each, and hand back the S keys and
                                  values that their queries may need, in time order: (B, n_kv_heads, S, head_dim) each
  n_keys(L) -> S beforehand;  offset: tokens seen;  nbytes: bytes held
  trim(n) forget the last n tokens;  trimmable: how many it can forget
  state, meta: arrays and numbers that save_cache writes to a file
Keys come in already rotated at their absolute position, so nothing here depends on where a key is stored.
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
        self.keys = self.values = None  # (B, n_kv_heads, slots, head_dim); slots >= offset

    def n_keys(self, L):
        """How many keys update_and_fetch hands back for a chunk of L tokens."""
        return self.offset + L

    def update_and_fetch(self, keys, values):
        """Add L tokens, return all: (B, n_kv_heads, L, head_dim) -> (B, n_kv_heads, offset + L, head_dim), twice."""
        self.check(keys, values)
        start, self.offset = self.offset, self.offset + keys.shape[2]
        self.make_room(keys, values, self.offset)
        self.keys[..., start : self.offset, :] = keys
        self.values[..., start : self.offset, :] = values
        return self.keys[..., : self.offset, :], self.values[..., : self.offset, :]

    def make_room(self, keys, values, n_slots):
        """Grow the buffers to n_slots at least, in whole steps."""
        have = 0 if self.keys is None else self.keys.shape[2]
        if n_slots > have:
            more = self.rounded(n_slots) - have
            self.keys = extended(self.keys, keys, more)
            self.values = extended(self.values, values, more)

    def rounded(self, n_slots):
        """The size to grow to when n_slots are needed."""
        return -(-n_slots // STEP) * STEP

    def check(self, keys, values):
        """Raise ValueError when new keys and values do not fit each other or what is held."""
        if keys.ndim != 4 or keys.shape[:3] != values.shape[:3]:
            raise ValueError(f"keys and values should both be (B, n_kv_heads, L, head_dim); got {keys.shape} and {values.shape}")
        for name, new, held in (("keys", keys, self.keys), ("values", values, self.values)):
            if held is not None and [*new.shape[:2], new.shape[3]] != [*held.shape[:2], held.shape[3]]:
                raise ValueError(f"this cache holds {name} of shape {held.shape[:2]} + (slots, {held.shape[3]}), got {new.shape}; "
                                 f"use a new cache for another batch or another model")

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
        """The arrays that hold what is remembered, without unused slots: a dict, empty before the first token."""
        if self.offset == 0:
            return {}
        return {"keys": self.keys[..., : self.offset, :], "values": self.values[..., : self.offset, :]}

    @property
    def meta(self):
        """The numbers that, with `state`, make this cache again."""
        return {"kind": type(self).__name__, "offset": self.offset}

    def restore(self, state, meta):
        """Become the cache that gave this state and this meta."""
        self.keys, self.values = state.get("keys"), state.get("values")
        self.offset = meta["offset"]


class RotatingKVCache(KVCache):
    """Remembers the last `window` tokens in a ring: position p lies in slot p % window.

    A query sees window - 1 tokens before its own, so a chunk of L tokens gets at most window - 1 + L keys: for its first
    query the oldest of them, for its last query mostly the chunk itself (the mask hides the rest). Once window tokens have
    passed, the bytes held stay the same. Raises ValueError when window < 1.
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
        """Add L tokens; return the up to window - 1 before them, and them: (B, n_kv_heads, S, head_dim), twice."""
        self.check(keys, values)
        L = keys.shape[2]
        first = max(0, self.offset - (self.window - 1))  # the earliest position that the chunk's first query sees
        recent_keys = mx.concatenate([*self.in_time_order(self.keys, first), keys], axis=2)
        recent_values = mx.concatenate([*self.in_time_order(self.values, first), values], axis=2)
        self.offset += L
        self.oldest = max(self.oldest, self.offset - self.window)
        self.make_room(keys, values, min(self.offset, self.window))
        self.write(self.keys, keys)
        self.write(self.values, values)
        return recent_keys, recent_values

    def in_time_order(self, ring, first):
        """Positions first .. offset-1 out of the ring, as a list of at most two runs of slots."""
        if first == self.offset:
            return []
        start, end = first % self.window, (self.offset - 1) % self.window + 1
        if start < end:
            return [ring[..., start:end, :]]
        return [ring[..., start:, :], ring[..., :end, :]]

    def write(self, ring, chunk):
        """Put the end of a chunk, at most window tokens of it, where it belongs: up to the slot of position offset-1."""
        n = min(chunk.shape[2], self.window)
        chunk = chunk[..., chunk.shape[2] - n :, :]        # (B, n_kv_heads, n, head_dim)
        start = (self.offset - n) % self.window
        before_end = min(n, self.window - start)           # what fits before the ring's end; the rest goes to slot 0 on
        ring[..., start : start + before_end, :] = chunk[..., :before_end, :]
        if before_end < n:
            ring[..., : n - before_end, :] = chunk[..., before_end:, :]

    def rounded(self, n_slots):
        """The size to grow to when n_slots are needed: whole steps, up to the window."""
        return min(super().rounded(n_slots), self.window)

    @property
    def trimmable(self):
        """How many of the last tokens trim can forget: all of them until the ring is full, at most one after that.

        For the next token needs window - 1 tokens before it, and a full ring holds but one more.
        """
        if self.oldest == 0:
            return self.offset
        return self.offset - (self.oldest + self.window - 1)

    @property
    def state(self):
        """The ring as it lies, up to the last slot used."""
        if self.offset == 0:
            return {}
        n_slots = min(self.offset, self.window)
        return {"keys": self.keys[..., :n_slots, :], "values": self.values[..., :n_slots, :]}

    @property
    def meta(self):
        """The numbers that, with `state`, make this cache again."""
        return {**super().meta, "window": self.window, "oldest": self.oldest}

    def restore(self, state, meta):
        """Become the cache that gave this state and this meta."""
        super().restore(state, meta)
        self.oldest = meta["oldest"]


class QuantizedKVCache:
    """Remembers keys and values in 8 or 4 bit: groups of group_size neighbours within a head share a scale and a bias.

    With a window it forgets as RotatingKVCache does. What it hands back differs from what came in by at most one step of a
    group's scale, (largest - smallest) / (2**bits - 1), and by half a step on average at most. In the random models of the
    tests, whose attention is sharp, that moves logits by up to 3 % (8 bit) or 50 % (4 bit) of the largest one.
    The chunk just added is rounded like the past, so that the result does not depend on how a text is split into chunks.
    Raises ValueError for bits other than 8 and 4, and when head_dim is no multiple of group_size.
    """

    def __init__(self, bits=8, group_size=64, window=None):
        if bits not in (8, 4):
            raise ValueError(f"a quantized cache holds 8 or 4 bits per number; got bits = {bits!r}")
        if group_size not in (32, 64, 128):
            raise ValueError(f"group_size should be 32, 64 or 128; got {group_size!r}")
        self.bits, self.group_size, self.window = bits, group_size, window
        # mx.quantize makes three arrays of one: packed integers, scales, biases. Each has a cache of its own.
        self.parts = [KVCache() if window is None else RotatingKVCache(window) for _ in range(3)]

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
        """(..., head_dim) floats -> packed (..., head_dim * bits / 32) uint32, scales and biases (..., head_dim / group_size)."""
        if x.shape[-1] % self.group_size:
            raise ValueError(f"head_dim = {x.shape[-1]} is no multiple of group_size = {self.group_size}; choose a group_size "
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
        for part in self.parts:
            part.trim(n)

    @property
    def state(self):
        """The arrays that hold what is remembered."""
        return {f"{name}.{key}": array for name, part in zip(("packed", "scales", "biases"), self.parts)
                for key, array in part.state.items()}

    @property
    def meta(self):
        """The numbers that, with `state`, make this cache again."""
        return {"kind": type(self).__name__, "bits": self.bits, "group_size": self.group_size, "window": self.window,
                "part": self.parts[0].meta}

    def restore(self, state, meta):
        """Become the cache that gave this state and this meta."""
        for name, part in zip(("packed", "scales", "biases"), self.parts):
            own = {key: state[f"{name}.{key}"] for key in ("keys", "values") if f"{name}.{key}" in state}
            part.restore(own, meta["part"])


def extended(buffer, like, more):
    """The buffer with `more` slots after its own; without a buffer, that many empty slots for arrays like `like`."""
    B, n_kv_heads, _, width = like.shape
    empty = mx.zeros((B, n_kv_heads, more, width), dtype=like.dtype)
    return empty if buffer is None else mx.concatenate([buffer, empty], axis=2)


def check_trim(n, trimmable, offset):
    """Raise ValueError when a cache cannot forget n tokens."""
    if n < 0:
        raise ValueError(f"trim takes the number of tokens to forget, 0 or more; got {n}")
    if n > trimmable:
        raise ValueError(f"cannot forget the last {n} of {offset} tokens: the cache can give back {trimmable} at most, since "
                         f"what older tokens left in it has been overwritten. Make a new cache and feed it the first "
                         f"{max(offset - n, 0)} tokens again.")


def make_layer_cache(config, bits=None):
    """The cache that suits one layer of a model: rotating when it has a window, quantized when bits is given."""
    if bits is not None:
        group_size = 64 if config.head_dim % 64 == 0 else 32
        return QuantizedKVCache(bits, group_size, config.window_size)
    return KVCache() if config.window_size is None else RotatingKVCache(config.window_size)


FORMAT = "mistral_edu cache, version 1"


def save_cache(path, cache):
    """Write a list of caches, one per layer, to one safetensors file; it appears whole or not at all."""
    path = Path(path)
    arrays = {f"{i}.{name}": array for i, layer in enumerate(cache) for name, array in layer.state.items()}
    metadata = {"format": FORMAT, "layers": json.dumps([layer.meta for layer in cache])}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.safetensors")  # in the same folder, so the rename is atomic
    try:
        mx.save_safetensors(str(unfinished), arrays, metadata)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_cache(path):
    """The list of caches that save_cache wrote, exactly. Raises FileNotFoundError; ValueError for another kind of file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; save_cache(path, cache) writes one")
    try:
        arrays, metadata = mx.load(str(path), format="safetensors", return_metadata=True)
    except RuntimeError as error:
        raise ValueError(f"{path} is not a safetensors file ({error}); write it again with save_cache") from None
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is not a saved cache: expected format {FORMAT!r}, found {metadata.get('format')!r}")
    mx.eval(arrays)
    return [restored(meta, {name.split(".", 1)[1]: array for name, array in arrays.items() if name.split(".", 1)[0] == str(i)})
            for i, meta in enumerate(json.loads(metadata["layers"]))]


def restored(meta, state):
    """One cache from its state and meta."""
    arguments = {name: meta[name] for name in ("bits", "group_size", "window") if name in meta}
    cache = {kind.__name__: kind for kind in (KVCache, RotatingKVCache, QuantizedKVCache)}[meta["kind"]](**arguments)
    cache.restore(state, meta)
    return cache
