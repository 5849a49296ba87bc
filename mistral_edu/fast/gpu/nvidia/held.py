"""Keys and values while the kernel writes into them.

An array of MLX never changes: what looks like a change makes another array. A kernel that writes a token's key into an
array of a gigabyte breaks this rule, which is why nobody else may see that array. So the first token of an answer makes
copies that belong to the kernel alone, and the caches become Following: whoever looks at one, be it to save, to trim or
to print it, is given the arrays first, and after that the kernel no longer writes into them.
"""
import threading
import weakref

import mlx.core as mx

from mistral_edu.cache import KVCache, RotatingKVCache


class Held:
    """The arrays of all layers' caches. keys, values: (n_kv_heads, slots, head_dim) each, one per layer."""

    def __init__(self, cache):
        self.offset, self.logits = cache[0].offset, None
        self.begun = self.offset    # tokens whose keys the kernels may have written already
        slots = slots_for(cache[0], self.offset + 1)
        self.where = mx.array([self.offset, slots], dtype=mx.int32)
        self.keys, self.values, self.layers = [], [], []
        # One by one, so that only one layer's arrays are there twice. An interrupt in between leaves some layers that
        # follow, and others as they were.
        for layer in cache:
            pair = [copied(getattr(layer, name), self.offset, slots) for name in ("keys", "values")]
            mx.eval(pair)
            self.keys.append(pair[0])
            self.values.append(pair[1])
            self.layers.append(weakref.ref(layer))      # a cache that nobody needs takes its arrays along
            layer.held = self
            layer.__class__ = FOLLOWING[type(layer)]
            vars_of(layer).update(keys=None, values=None)

    def is_of(self, cache):
        """Whether these are its caches, in its order, and all of them still follow."""
        return len(cache) == len(self.layers) and all(
            ref() is layer and type(layer) in FOLLOWED and vars_of(layer)["held"] is self
            for ref, layer in zip(self.layers, cache))

    def is_full(self):
        """Whether the next token needs more slots than there are. (A ring that goes round does not.)"""
        slots = self.keys[0].shape[1]
        return self.offset >= slots and slots_for(self.layers[0](), self.offset + 1) > slots

    def give_back(self):
        """Make the caches what they were, with the tokens that have come since."""
        if self.logits is not None:
            mx.eval(self.logits)    # what is still to be computed writes into the arrays
        for ref, keys, values in zip(self.layers, self.keys, self.values):
            layer = ref()
            if type(layer) not in FOLLOWED:     # it died; or an interrupt came when some had been given back
                continue
            parts = vars_of(layer)
            parts.update(offset=self.offset, keys=keys[None], values=values[None])
            if "window" in parts:
                parts["oldest"] = max(parts["oldest"], self.begun - parts["window"])
            object.__setattr__(layer, "__class__", FOLLOWED[type(layer)])
            del parts["held"]


def held_by(cache):
    """The Held that these caches follow, all of them and in this order; None where there is none."""
    held = vars_of(cache[0]).get("held") if type(cache[0]) in FOLLOWED else None
    return held if held is not None and held.is_of(cache) else None


class Following:
    """A cache whose keys and values are with the kernels. Whatever one asks of it but its offset brings them back."""

    def __getattribute__(self, name):
        parts = vars_of(self)
        if name == "offset":
            return parts["held"].offset
        if name != "__class__":
            parts["held"].give_back()
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        vars_of(self)["held"].give_back()
        setattr(self, name, value)

    def __reduce_ex__(self, protocol):      # copies are of the plain class
        vars_of(self)["held"].give_back()
        return self.__reduce_ex__(protocol)

    def __repr__(self):
        vars_of(self)["held"].give_back()
        return repr(self)


class FollowingKV(Following, KVCache):
    pass


class FollowingRing(Following, RotatingKVCache):
    pass


FOLLOWING = {KVCache: FollowingKV, RotatingKVCache: FollowingRing}
FOLLOWED = {following: plain for plain, following in FOLLOWING.items()}


def vars_of(layer):
    return object.__getattribute__(layer, "__dict__")


def slots_for(layer, n_tokens):
    """How many slots the cache itself would have for so many tokens."""
    plain = FOLLOWED.get(type(layer), type(layer))
    twin = plain.__new__(plain)
    vars(twin).update(offset=n_tokens, window=vars_of(layer).get("window"))
    return twin.n_slots()


def copied(array, n, slots):
    """The first n slots of (1, n_kv_heads, S, head_dim) in a new array (n_kv_heads, slots, head_dim)."""
    _, n_kv_heads, S, head_dim = array.shape
    n = min(n, S)
    if n == slots:
        return array[0] * 1     # assigned to all of `new`, the array itself would take its place: no copy
    new = mx.zeros((n_kv_heads, slots, head_dim), dtype=array.dtype)
    new[:, :n] = array[0, :, :n]
    return new


class OneAfterAnother:
    """Steps of all models of this process, one after another, in whichever thread.

    The blocks of the kernel fill the GPU and wait for one another: two such kernels at the same time, each with half of
    its blocks, would wait for ever. So each step depends on the last one, and one of another thread waits for it.
    """

    def __init__(self):
        self.lock, self.thread, self.last = threading.Lock(), None, None

    def __call__(self, step):
        """step(after) -> (an array that depends on after, ...)."""
        with self.lock:
            if self.last is None:
                self.last = mx.zeros((1,))
            if self.thread != threading.get_ident():
                mx.eval(self.last)
            found = step(self.last)
            mx.async_eval(found)
            self.thread, self.last = threading.get_ident(), found[0]
        return found


in_turn = OneAfterAnother()
