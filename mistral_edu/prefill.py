"""Reading: `prefill` takes in a prompt, chunk by chunk; a `Reader` knows what was read and goes on from there.

Generation and chat both stand on one promise: all layers of `cache` hold the keys and values of `ids`. An interrupt may
leave some layers a step further; resume() takes them back. So a next prompt is read only from where it differs.
"""
import mlx.core as mx

# Tokens of a prompt in one call of the model: so many rows that arithmetic is the limit and no longer the reading of
# weights (notebook 11), and so few that their scores (CHUNK, S) take little memory and an interrupt need not wait.
CHUNK = 256


def chunk_for(model):
    """How many tokens of a prompt to read in one call: CHUNK, or what the model's engine reads at once, on a GPU."""
    return getattr(getattr(model, "engine", None), "chunk", CHUNK)


def prefill(reader, ids, chunk=None, on_prefill=None):
    """Read ids, chunk by chunk (None: chunk_for the model), and return the logits after the last (V,).

    Of the chunks before the last only keys and values are evaluated: nobody asks for their logits. on_prefill(done,
    total) is called after each.
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
    """Reads ids into a cache. `cache` may be one that model.make_cache() made, quantized for instance.

    >>> from mistral_edu import load
    >>> model, tokenizer = load()
    >>> reader = Reader(model)
    >>> reader.read(mx.array([1, 3, 500])).shape
    (2048,)
    >>> reader.resume([1, 3, 600, 4]), reader.ids     # two ids need not be read again
    (2, [1, 3])
    """

    def __init__(self, model, cache=None, bits=None):
        """cache: one to go on with, whatever it holds; None: a new one, quantized to bits."""
        self.model, self.bits = model, bits
        self.cache = model.make_cache(bits) if cache is None else cache
        self.n_before = self.cache[0].offset  # tokens that a given cache holds already; they always stay
        self._parts = []  # arrays of ids, as they were read; one that was just sampled may still be on its way

    def read(self, ids: mx.array) -> mx.array:
        """Read ids (L,) and return the logits after the last of them (V,), both lazily."""
        logits = self.model(ids[None], cache=self.cache, last_only=True)[0, -1]  # (V,)
        self._parts.append(ids)
        return logits

    def resume(self, ids: list[int]) -> int:
        """Go back to the longest common prefix with ids, at least one id short, for its logits; returns its length.

        A ring that has overwritten what it would need starts again from nothing.
        """
        shared = common_prefix(self.ids, ids[:-1])
        try:
            for layer in self.cache:
                # An interrupt inside the model leaves some layers further than others: each has its own way back.
                layer.trim(layer.offset - self.n_before - shared)
        except ValueError:
            if self.n_before:
                raise
            self.cache, shared = self.model.make_cache(self.bits), 0
        self._parts = [mx.array(ids[:shared], dtype=mx.int32)]
        return shared

    def read_ahead(self, ids: list[int], chunk: int):
        """Read all of ids but the last, and yield after each chunk; what comes next finds them in the cache."""
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
        """The same as one array (n,), without waiting for those on their way."""
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
