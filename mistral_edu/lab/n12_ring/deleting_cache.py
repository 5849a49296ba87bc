"""A cache from which single tokens can be deleted, wherever they stand."""
import mlx.core as mx

from mistral_edu.cache import KVCache


class Forgetful(KVCache):
    """Remembers every token but those that forget() has named. Keys carry their positions, so no gap is seen.

    For texts shorter than the window: the mask that the model makes counts the keys that are left, and hides none of
    those before the chunk.
    """

    def __init__(self):
        super().__init__()
        self.gone = 0

    def n_keys(self, L):
        """How many keys update_and_fetch hands back for a chunk of L tokens."""
        return self.offset - self.gone + L

    def update_and_fetch(self, keys, values):
        """Add L tokens, return all that are left: (B, n_kv_heads, offset - gone + L, head_dim), twice."""
        self.offset += keys.shape[2]
        if self.keys is not None:
            keys, values = mx.concatenate([self.keys, keys], axis=2), mx.concatenate([self.values, values], axis=2)
        self.keys, self.values = keys, values
        return keys, values

    def forget(self, positions):
        """Delete the tokens at these positions. Raises ValueError for a second call, and for one that is not there."""
        if self.gone or not set(positions) <= set(range(self.offset)):
            raise ValueError(f"forget takes positions in 0 .. {self.offset - 1}, once; got {sorted(positions)} after "
                             f"{self.gone} were deleted")
        left = mx.array([p for p in range(self.offset) if p not in positions])
        self.keys, self.values = self.keys[..., left, :], self.values[..., left, :]
        self.gone = len(set(positions))
