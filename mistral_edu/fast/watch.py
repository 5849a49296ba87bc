"""Notice that a model is no longer what an engine was made from.

An engine computes with copies or with views of a model's weights. Whatever is replaced in the model afterwards, an array, a
module, a function, or numbers in place, must be seen before the next answer.
"""
import ctypes

import mlx.core as mx
import mlx.nn as nn

NOT_WATCHED = ("_no_grad", "_training", "path", "engine")  # attributes of a module that change no logits


class Watch:
    """Everything in a model that its answer depends on, as it is now."""

    def __init__(self, model):
        self.parts = list(parts(model))
        arrays = [part for part in self.parts if isinstance(part, mx.array)]
        self.addresses = [address(array) for array in arrays]
        self.aliases = [array[:] for array in arrays]  # while these live, nothing else can come to lie at the addresses
        mx.eval(self.aliases)

    def is_unchanged(self, model):
        """Whether no array, module, attribute or class was replaced since, and no number changed."""
        now = list(parts(model))
        if len(now) != len(self.parts) or not all(a is b for a, b in zip(now, self.parts)):
            return False
        # `weight *= 0` and `weight[3] = 0` keep the Python object, but move its numbers to another place in memory
        return self.addresses == [address(part) for part in now if isinstance(part, mx.array)]


def parts(module):
    """Everything in a module that its answer depends on, in a fixed order: classes, plain attributes, arrays."""
    yield type(module)
    yield type(module).__call__
    yield from (value for name, value in vars(module).items() if name not in NOT_WATCHED)
    children = list(module.values())
    while children:
        child = children.pop(0)
        if isinstance(child, nn.Module):
            yield from parts(child)
        elif isinstance(child, (list, tuple)):
            children[:0] = child
        else:
            yield child


_signature = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
_pointer = _signature(("PyCapsule_GetPointer", ctypes.pythonapi))


def address(array):
    """Where the numbers of an array lie in memory: the first field of its DLPack description."""
    capsule = array.__dlpack__()
    return ctypes.c_void_p.from_address(_pointer(capsule, b"dltensor")).value
