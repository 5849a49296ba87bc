"""Which caches the engine can go on from."""
from mistral_edu.cache import KVCache, RotatingKVCache


def are_as_made(cache, window, batch):
    """Whether they are what the model makes with this window (None: none), each empty or of this many sequences."""
    kind = KVCache if window is None else RotatingKVCache
    for layer in cache:
        keys = getattr(layer, "keys", None)     # brings back what kernels hold, and the cache's own kind
        if type(layer) is not kind or getattr(layer, "window", None) != window:
            return False
        if keys is not None and keys.shape[0] != batch:
            return False
    return True
