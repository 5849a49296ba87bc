"""Caches of keys and values, so that a token already seen is never computed again.

Source: Jiang et al. 2023, "Mistral 7B" (arXiv:2310.06825), section 2: rolling buffer cache, pre-fill and chunking.

In its smallest form a cache joins what it holds and what is new, `keys = mx.concatenate([keys, new_keys], axis=2)`, and
does the same for values. KVCache does this with fewer copies; RotatingKVCache keeps only what the window still needs;
quantized_cache.py stores numbers with fewer bits. A model has one cache per layer, and all kinds are used alike:

  update_and_fetch(keys, values)  takes L new tokens, (B, n_kv_heads, L, head_dim) each, and returns the S keys and
                                  values that their queries need, in time order: (B, n_kv_heads, S, head_dim) each
  n_keys(L)          that S, in advance
  offset, nbytes     tokens seen, bytes held
  trim(n)            forgets the last n tokens, as if they had never come; trimmable is the largest n
  state, meta        the arrays and the numbers that rebuild this cache: checkpoints/saved_cache.py writes them

Keys arrive already rotated at their absolute position, so it does not matter where they are stored.
"""
import mlx.core as mx

STEP = 256  # tokens: buffers grow in steps, since copying them at every token would cost as much as reading them


class KVCache:
    """Remembers every token: position p lies in slot p."""

    def __init__(self):
        self.offset = 0
        self.keys = self.values = None  # (B, n_kv_heads, slots, head_dim), some slots still unused

    def __repr__(self):
        return f"{type(self).__name__}({self.offset:,} tokens seen, {self.nbytes:,} bytes)"

    def n_keys(self, L: int) -> int:
        """How many keys update_and_fetch returns for a chunk of L tokens."""
        return self.offset + L

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add L tokens and return all: (B, n_kv_heads, L, head_dim) -> (B, n_kv_heads, offset + L, head_dim), twice."""
        self.check(keys, values)
        self.store(keys, values)
        return self.keys[..., : self.offset, :], self.values[..., : self.offset, :]

    def store(self, keys: mx.array, values: mx.array) -> None:
        """Add L tokens, without handing anything back."""
        start, self.offset = self.offset, self.offset + keys.shape[2]
        if keys.shape[2] == self.n_slots():  # a chunk that fills the buffer becomes the buffer, and may be a view
            keys, values = mx.contiguous(keys), mx.contiguous(values)
        self.keys, self.values = self.with_room(self.keys, keys), self.with_room(self.values, values)
        self.keys[..., start : self.offset, :] = keys
        self.values[..., start : self.offset, :] = values

    def n_slots(self) -> int:
        """How many slots offset tokens take: whole steps."""
        return -(-self.offset // STEP) * STEP

    def with_room(self, buffer: mx.array | None, new: mx.array) -> mx.array | None:
        """The buffer, padded with zeros to n_slots() where it has fewer; None means that there is no buffer yet."""
        B, n_kv_heads, _, width = new.shape
        more = self.n_slots() - (0 if buffer is None else buffer.shape[2])
        if more <= 0:
            return buffer
        zeros = mx.zeros((B, n_kv_heads, more, width), dtype=new.dtype)
        return zeros if buffer is None else mx.concatenate([buffer, zeros], axis=2)

    def check(self, keys: mx.array, values: mx.array) -> None:
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
    def nbytes(self) -> int:
        """Bytes held, including slots not used yet."""
        return 0 if self.keys is None else self.keys.nbytes + self.values.nbytes

    @property
    def trimmable(self) -> int:
        """How many of the last tokens trim can forget."""
        return self.offset

    def trim(self, n: int) -> None:
        """Forget the last n tokens, as if they had never come. Raises ValueError when n is not in 0 .. trimmable."""
        check_trim(n, self.trimmable, self.offset)
        self.offset -= n

    @property
    def state(self) -> dict[str, mx.array]:
        """The arrays with the slots in use: a dict, empty before the first token."""
        if self.offset == 0:
            return {}
        return {"keys": self.keys[..., : self.offset, :], "values": self.values[..., : self.offset, :]}

    @property
    def meta(self) -> dict:
        """The numbers that, with `state`, rebuild this cache."""
        return {"kind": type(self).__name__, "offset": self.offset}

    def restore(self, state: dict[str, mx.array], meta: dict) -> None:
        """Become the cache that gave this state and this meta."""
        self.keys, self.values = (mx.contiguous(state[name]) if name in state else None for name in ("keys", "values"))
        self.offset = meta["offset"]


class RotatingKVCache(KVCache):
    """Remembers the last `window` tokens in a ring: position p lies in slot p % window.

    Three steps of a ring of 4. Here the key of the token at position p is the number 100 + p; 0 is an empty slot.

    >>> ring = RotatingKVCache(window=4)
    >>> for new in ([100, 101, 102], [103, 104], [105]):
    ...     keys = mx.array(new).reshape(1, 1, len(new), 1)                   # (B, n_kv_heads, L, head_dim)
    ...     handed, _ = ring.update_and_fetch(keys, keys)
    ...     print(new, "are handed", handed.flatten().tolist(), "and leave", ring.keys.flatten().tolist())
    [100, 101, 102] are handed [100, 101, 102] and leave [100, 101, 102, 0]
    [103, 104] are handed [100, 101, 102, 103, 104] and leave [104, 101, 102, 103]
    [105] are handed [102, 103, 104, 105] and leave [104, 105, 102, 103]

    A query sees the window - 1 tokens before its own, so a chunk of L tokens is handed at most window - 1 + L keys. Its
    first query needs the oldest of them: 103 sees 100, though 104 takes its slot. The mask hides it from later queries.
    Once window tokens have passed, the bytes held stay the same. Raises ValueError when window < 1.
    """

    def __init__(self, window: int):
        super().__init__()
        if window < 1:
            raise ValueError(f"window counts the token itself, so it is at least 1; got {window}")
        self.window = window
        self.oldest = 0  # the earliest position that no later one has overwritten

    def n_keys(self, L: int) -> int:
        """How many keys update_and_fetch returns for a chunk of L tokens."""
        return min(self.offset, self.window - 1) + L

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add L tokens; return them with up to window - 1 tokens before them: (B, n_kv_heads, S, head_dim), twice."""
        self.check(keys, values)
        all_keys = mx.concatenate([*self.in_time_order(self.keys), keys], axis=2)        # (B, n_kv_heads, S, head_dim)
        all_values = mx.concatenate([*self.in_time_order(self.values), values], axis=2)
        self.store(keys, values)
        return all_keys, all_values

    def store(self, keys: mx.array, values: mx.array) -> None:
        """Add L tokens, without handing anything back."""
        self.offset += keys.shape[2]
        self.oldest = max(self.oldest, self.offset - self.window)
        self.keys, self.values = self.with_room(self.keys, keys), self.with_room(self.values, values)
        self.write(self.keys, keys)
        self.write(self.values, values)

    def in_time_order(self, ring: mx.array) -> list[mx.array]:
        """Up to window - 1 tokens before the next one, as a list of runs of slots: two where they cross the end."""
        first = max(0, self.offset - (self.window - 1))
        if first == self.offset:
            return []
        start, end = first % self.window, (self.offset - 1) % self.window + 1
        if start < end:
            return [ring[..., start:end, :]]
        return [ring[..., start:, :], ring[..., :end, :]]

    def write(self, ring: mx.array, chunk: mx.array) -> None:
        """Put the end of a chunk, at most window tokens of it, into the slots up to that of position offset-1."""
        n = min(chunk.shape[2], self.window)
        if n < chunk.shape[2]:
            chunk = chunk[..., chunk.shape[2] - n :, :]  # (B, n_kv_heads, n, head_dim)
        if n == ring.shape[2]:  # it becomes the ring, so it should be n tokens in memory, too, not a view of more
            chunk = mx.contiguous(chunk)
        start = (self.offset - n) % self.window
        before_end = self.window - start                # what fits before the end; the rest goes to slots from 0 on
        if n <= before_end:
            ring[..., start : start + n, :] = chunk
        else:
            ring[..., start:, :] = chunk[..., :before_end, :]
            ring[..., : n - before_end, :] = chunk[..., before_end:, :]

    def n_slots(self) -> int:
        """How many slots offset tokens take: whole steps, up to the window."""
        return min(super().n_slots(), self.window)

    @property
    def trimmable(self) -> int:
        """How many of the last tokens trim can forget: all of them until the ring is full, at most one after that.

        This is because the next token needs window - 1 tokens before it, and a full ring holds just one more.
        """
        if self.oldest == 0:
            return self.offset
        return self.offset - (self.oldest + self.window - 1)

    @property
    def meta(self) -> dict:
        """The numbers that, with `state`, rebuild this cache."""
        return {**super().meta, "window": self.window, "oldest": self.oldest}

    def restore(self, state: dict[str, mx.array], meta: dict) -> None:
        """Become the cache that gave this state and this meta."""
        super().restore(state, meta)
        self.oldest = meta["oldest"]


def check_trim(n, trimmable, offset):
    """Raise ValueError when a cache cannot forget n tokens."""
    if n < 0:
        raise ValueError(f"trim takes the number of tokens to forget, 0 or more; got {n}")
    if n > offset:
        raise ValueError(f"cannot forget the last {n} tokens: the cache has seen {offset}; trim at most {trimmable}")
    if n > trimmable:
        raise ValueError(f"cannot forget the last {n} of {offset} tokens, only {trimmable}: the ring has overwritten "
                         f"what the window of the next token needs. Make a new cache and feed it the first "
                         f"{offset - n} tokens again.")
