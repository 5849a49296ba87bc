"""Notice that a model is no longer what an engine was made from.

An engine computes with copies or views of a model's weights. Whatever is replaced in the model afterwards, be it an
array, a module, a function, or numbers in place, must be noticed before the next answer.
"""
import ctypes
from itertools import chain
from operator import is_

import mlx.core as mx
import mlx.nn as nn
import numpy as np

# Attributes of a module or a class that change no logits; the last one is kept in a class by whoever copies a module.
NOT_WATCHED = ("_no_grad", "_training", "answered_by", "engine", "__slotnames__")


class Changed(Exception):
    """A model is no longer what its engine was made from."""


class Watch:
    """Everything in a model that its answer depends on, as it is now. find: addresses(), or a faster equivalent.

    It does not keep find, which may be a method of the engine that holds this: a reference cycle would let both outlive
    their model.
    """

    def __init__(self, model, find):
        self.parts = list(parts(model))
        self.arrays = [part for part in self.parts if isinstance(part, mx.array)]
        self.addresses = find(self.arrays)
        self.aliases = [array[:] for array in self.arrays]  # while these live, nothing else can lie at the addresses
        mx.eval(self.aliases)
        self.look_around(model)

    def is_unchanged(self, model, find):
        """Whether no array, module, attribute or class was replaced since then, and no number changed."""
        now, seen = self.glance(model), self.seen
        if len(now) != len(seen) or not all(map(is_, now, seen)):
            # It may be something that does not matter, such as _training.
            now = list(parts(model))
            if len(now) != len(self.parts) or not all(a is b for a, b in zip(now, self.parts)):
                return False
            self.look_around(model)
        # `weight *= 0` and `weight[3] = 0` keep the Python object, but move its numbers to another place in memory
        return self.addresses == find(self.arrays)

    def look_around(self, model):
        """Prepare the glance: it checks the same things as parts() in a tenth of the time, for it runs at every token.

        It holds the containers in which the modules below the model keep their parts, as views that change with them.
        Nothing here may hold the model itself, which holds the engine: it would outlive the last reference to it.
        """
        self.modules = [module for module in model.modules() if module is not model]
        kinds = {own_class(model), *map(type, self.modules)}
        self.shelves = [shelf for module in self.modules for shelf in (vars(module).values(), module.values())]
        self.shelves += [child for module in (model, *self.modules) for child in lists(module)]
        self.shelves += [vars(kind).values() for kind in {part for kind in kinds for part in code_of(kind)}]
        self.seen = self.glance(model)

    def glance(self, model):
        """Everything that could be replaced, in a fixed order."""
        kinds = [own_class(model), *map(type, self.modules)]
        return [*kinds, *watched(model), *model.values(), *chain.from_iterable(self.shelves)]


class Watchful:
    """An engine that answers as long as its model is what it was made from."""

    def watch(self, model):
        """Remember everything that the engine was made from."""
        self.watched = Watch(model, self.addresses)

    def addresses(self, arrays):
        """Where the numbers of each array are. An engine with kernels finds them faster."""
        return addresses(arrays)

    def fits(self, model):
        """Whether none of it has changed."""
        return self.watched.is_unchanged(model, self.addresses)

    def answer(self, model, *call):
        """Logits; None if only the readable code can answer. Raises Changed if the model no longer fits."""
        if not self.fits(model):
            raise Changed
        return self(*call)


def own_class(module):
    """The class of a module, whether an engine is attached to it or not."""
    kind = type(module)
    while getattr(kind, "is_accelerated", False):
        kind = kind.__base__
    return kind


def code_of(kind):
    """The classes, below MLX's own Module, from which modules of a class take their functions."""
    return [part for part in kind.__mro__ if issubclass(part, nn.Module) and part is not nn.Module]


def lists(container):
    """The lists and tuples among the children of a module, and in these."""
    for child in container.values() if isinstance(container, dict) else container:
        if isinstance(child, (list, tuple)):
            yield child
            yield from lists(child)


def watched(thing):
    """The attributes of a module or a class, but for those that do not matter."""
    return [value for name, value in vars(thing).items() if name not in NOT_WATCHED]


def parts(module):
    """Everything in a module that its answer depends on, in a fixed order: classes, functions, attributes, arrays."""
    yield own_class(module)
    for kind in code_of(own_class(module)):
        yield from watched(kind)
    yield from watched(module)
    children = list(module.values())
    while children:
        child = children.pop(0)
        if isinstance(child, nn.Module):
            yield from parts(child)
        elif isinstance(child, (list, tuple)):
            children[:0] = child
        else:
            yield child


# A DLPack capsule of this name holds the address of a description of six words: the first says where the memory begins,
# the last how many bytes further on the numbers of this array begin. Between them: how many axes there are (in the
# lower half of the third), and the addresses of their sizes and strides.
NAME = ctypes.c_char_p(b"dltensor")
WORDS = ctypes.c_size_t * 6
_signature = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
_pointer = _signature(("PyCapsule_GetPointer", ctypes.pythonapi))


def address(array):
    """Where the numbers of an array lie in memory."""
    capsule = array.__dlpack__()  # the description lives as long as it does
    words = WORDS.from_address(_pointer(capsule, NAME))
    return words[0] + words[5]


def addresses(arrays, kernels=None, whole=False):
    """The same for many arrays, as a list. Kernels do it faster, since it happens at every token.

    whole: give 0 for an array with gaps, or one that is broadcast over a batch. Only kernels see that.
    """
    if kernels is None:
        return list(map(address, arrays))
    capsules = [array.__dlpack__() for array in arrays]
    found = np.fromiter(map(id, capsules), np.int64, len(capsules))  # CPython's id is where the object lies
    kernels.follow(found, ctypes.cast(NAME, ctypes.c_void_p).value, whole)
    return found.tolist()
