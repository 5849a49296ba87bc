"""Whether arrays still are what they were, for as little as a token can spare, and without asking the GPU.

`weight *= 2` and `weight[3] = 0` keep the Python object and give it another array of C++ to stand for. To ask where its
numbers lie, as fast.changes does for processors, would make CUDA move them into memory that the processor reads. The
Python object itself tells: it holds a pointer to the array of C++. Which of its words that is, is found out by trying.
"""
import ctypes
from functools import lru_cache

import mlx.core as mx

HEAD = 16   # bytes of any Python object: the count of its references, and its type
WORD = 8


@lru_cache(maxsize=1)
def place():
    """Where in an mx.array the pointer lies, in bytes; None where no word of it moves with a change in place."""
    probe = mx.array([1.0])
    mx.eval(probe)
    places = range(HEAD, mx.array.__basicsize__ - WORD + 1, WORD)
    before, held = [word(probe, at).value for at in places], mx.stop_gradient(probe)
    mx.eval(held[:])
    still = [word(probe, at).value for at in places] == before
    probe *= 2
    moved = [at for at in places if word(probe, at).value != before[at // WORD - HEAD // WORD]]
    return moved[0] if still and moved else None


def word(array, at):
    """Eight bytes of a Python object, as they are whenever one looks. (CPython's id is where it lies.)"""
    return ctypes.c_size_t.from_address(id(array) + at)


class Pointers:
    """Looks at the pointers of the same arrays again and again."""

    def __init__(self):
        self.arrays = None

    def __call__(self, arrays):
        if arrays is not self.arrays:
            self.arrays = arrays        # as long as they live their words are where they are
            self.words = [word(array, place()) for array in arrays]
            # What is waiting to be computed of an array keeps it in place: no other can come to lie there.
            self.kept = [mx.stop_gradient(array) for array in arrays]
        return [word.value for word in self.words]
