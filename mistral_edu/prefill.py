"""Reading: `prefill` reads a prompt chunk by chunk; a `Reader` knows what was read and goes on from there.

Generation and chat both rest on one promise: all layers of `cache` hold the keys and values of `ids`. An interrupt may
leave some layers a step ahead; resume() takes them back. So the next prompt is read only from where it differs.
"""
import mlx.core as mx

# Tokens of a prompt in one call of the model: enough rows that arithmetic, not the reading of weights, is the limit
# (notebook 11), and few enough that their scores (CHUNK, S) take little memory and an interrupt need not wait.
CHUNK = 256


def chunk_for(model):
    """How many tokens of a prompt to read in one call: CHUNK, or what the model's engine reads at once, on a GPU."""
    return getattr(getattr(model, "engine", None), "chunk", CHUNK)


def prefill(reader, ids, chunk=None, on_prefill=None):
    """Read ids, chunk by chunk (None: chunk_for the model), and return the logits after the last (V,).

    Before the last chunk only keys and values are evaluated, since those logits are not needed. on_prefill(done, total)
    is called after each chunk.
    """
    chunk = chunk_for(reader.model) if chunk is None else chunk
    for start in range(0, len(ids), chunk):
        logits = reader.read(mx.array(ids[start:start + chunk]))
        mx.eval([layer.state for layer in reader.cache])
        if on_prefill:
            on_prefill(min(start + chunk, len(ids)), len(ids))
    mx.eval(logits)
    return logits


class Reader:
    """Reads ids into a cache. `cache` may come from model.make_cache(), perhaps quantized.

    >>> from mistral_edu import load
    >>> model, tokenizer = load()
    >>> reader = Reader(model)
    >>> reader.read(mx.array([1, 3, 500])).shape
    (2048,)
    >>> reader.resume([1, 3, 600, 4]), reader.ids     # two ids need not be read again
    (2, [1, 3])
    """

    def __init__(self, model, cache=None, bits=None):
        """cache: one to continue, whatever it holds; None: a new one, quantized to bits."""
        self.model, self.bits = model, bits
        self.cache = model.make_cache(bits) if cache is None else cache
        self.n_before = self.cache[0].offset  # tokens that a given cache already holds; they always stay
        self._parts = []  # arrays of ids, as they were read; one just sampled may not be computed yet

    def read(self, ids: mx.array) -> mx.array:
        """Read ids (L,) and return the logits after the last of them (V,), both lazily."""
        logits = self.model(ids[None], cache=self.cache, last_only=True)[0, -1]  # (V,)
        self._parts.append(ids)
        return logits

    def resume(self, ids: list[int]) -> int:
        """Go back to the longest common prefix with ids and return its length; at least one id is left to be read,
        for its logits. A ring that has overwritten what it would need starts again from nothing.
        """
        shared = common_prefix(self.ids, ids[:-1])
        try:
            for layer in self.cache:
                # An interrupt inside the model leaves some layers ahead of others: each goes back by its own amount.
                layer.trim(layer.offset - self.n_before - shared)
        except ValueError:
            if self.n_before:
                raise
            self.cache, shared = self.model.make_cache(self.bits), 0
        self._parts = [mx.array(ids[:shared], dtype=mx.int32)]
        return shared

    def read_ahead(self, ids: list[int], chunk: int):
        """Read all ids but the last, and yield after each chunk; whatever comes next finds them in the cache."""
        for start in range(self.resume(ids), len(ids) - 1, chunk):
            self.read(mx.array(ids[start:min(start + chunk, len(ids) - 1)]))
            mx.eval([layer.state for layer in self.cache])
            yield

    @property
    def ids(self) -> list[int]:
        """The ids in the cache."""
        return [id for part in self._parts for id in part.tolist()]

    @property
    def history(self) -> mx.array:
        """The same as one array (n,), without waiting for ids not computed yet."""
        self._parts = [mx.concatenate(self._parts)]
        return self._parts[0]


def common_prefix(a, b) -> int:
    """How many elements two lists share from the start.

    >>> common_prefix([1, 2, 3], [1, 2, 4, 3])
    2
    """
    for n, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return n
    return min(len(a), len(b))
