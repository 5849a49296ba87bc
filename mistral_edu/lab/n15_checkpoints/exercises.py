"""Exercises of notebook 15: where an array lies in a safetensors file, and rows from interleaved to split halves."""
import json
import struct

import mlx.core as mx
import numpy as np

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n15_checkpoints.slips import FIND_SLIPS, UNPERMUTE_SLIPS
from mistral_edu.rope import interleaved_to_split


def small_file(metadata=None, padding=0, dtype="F32", backwards=False, **arrays):
    """The bytes of a safetensors file with these lists of numbers, of one or more axes. dtype: "F32" or "F16".

    padding: spaces at the end of the header. backwards: the header names the last array first.
    """
    arrays = {name: np.array(values, {"F32": "<f4", "F16": "<f2"}[dtype]) for name, values in arrays.items()}
    header, end = {"__metadata__": metadata} if metadata else {}, 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [begin, end]}
    if backwards:
        header = dict(reversed(header.items()))
    text = json.dumps(header).encode() + b" " * padding
    return struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values())


def find_array(raw, name):
    """(first byte of an array, first byte after it), counted from the beginning of the file."""
    size = struct.unpack("<Q", raw[:8])[0]
    begin, end = json.loads(raw[8:8 + size])[name]["data_offsets"]
    return 8 + size + begin, 8 + size + end


def unpermute(w, n_heads):
    """The rows of w (n_heads * head_dim, dim) of each head, from interleaved to split halves."""
    return interleaved_to_split(w, n_heads)


def _rows(n, width=1, seed=None):
    """(n, width): each row holds its own number, or numbers drawn with this seed."""
    if seed is None:
        return mx.broadcast_to(mx.arange(n, dtype=mx.float32)[:, None], (n, width)) * 1.0
    return mx.random.normal((n, width), key=mx.random.key(seed))


HAND = small_file(gain=[0.5, 2.0], w=[10.0, 20.0, 30.0])

EXERCISES = (
    Exercise(
        "15.1", minutes=8, points=2,
        cases=((HAND, "w"), (HAND, "gain"), (small_file(padding=5, a=[1.0, 2.0], b=[3.0], c=[4.0] * 7), "b"),
               (small_file({"format": "pt"}, a=[1.0], b=[3.0] * 4), "b"),
               (small_file(**{f"layers.{n}.norm": [1.0] * (n + 1) for n in range(9)}), "layers.5.norm"),
               (small_file(dtype="F16", v=[1.0], m=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "m"),
               (small_file(backwards=True, a=[1.0, 2.0], b=[3.0]), "b"),
               (small_file(padding=70_000, a=[1.0, 2.0], b=[3.0]), "b")),      # more than two bytes can count
        reference=find_array, slips=FIND_SLIPS,
        hints=(
            "Three steps, as in the cell above: the length of the header from the first eight bytes, the header from "
            "the bytes after them, and the two offsets of the array from the header.",
            "The offsets count from the end of the header. At which byte of the file does the header end?",
            "size = struct.unpack(\"<Q\", raw[:8])[0], and begin, end = "
            "json.loads(raw[8:8 + size])[name][\"data_offsets\"]. Add 8 + size to both.",
        ),
    ),
    Exercise(
        "15.4", minutes=6, points=2,
        cases=((_rows(6), 1), (_rows(8), 2), (_rows(12, 8), 2), (_rows(12, 12, seed=1), 3), (_rows(16, 16, seed=2), 2),
               (_rows(64, 8, seed=3), 2), (_rows(32, 8, seed=4), 4)),
        reference=unpermute, slips=UNPERMUTE_SLIPS,
        hints=(
            "Begin with one head: of its rows 0 1 2 3 4 5, the first of each pair come first, 0 2 4, and then the "
            "second ones, 1 3 5.",
            "w.reshape(n_heads, head_dim // 2, 2, dim) gives an axis to the heads, one to the pairs and one to the two "
            "rows of a pair. Which axes have to change places?",
            "Swap the axes 1 and 2: w.reshape(n_heads, -1, 2, w.shape[1]).transpose(0, 2, 1, 3), and give the result "
            "the shape of w again.",
        ),
    ),
)
