"""A rank's slices of the matrices in safetensors files, read by their places, and not a byte more.

A matrix is stored row after row. So a rank's rows are one run of bytes, and its columns are a short run in every row.
"""
import json
import math
from contextlib import ExitStack

import mlx.core as mx
import numpy as np

from mistral_edu.checkpoints.errors import UnreadableFile

# What carries the numbers from the file to MLX: numpy has no bfloat16, and its two bytes are as good in an integer.
CARRIERS = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16, "uint32": np.uint32}


class Slices:
    """The weights of a checkpoint, to be read in slices. `bytes_read` counts their bytes, without headers.

    entries: as from entries.read_entries. Use it in a `with`, which closes the files.
    """

    def __init__(self, entries):
        self.entries, self.bytes_read = entries, 0
        self._files = ExitStack()
        self._opened, self._offsets = {}, {}  # file -> open file, file -> {name: offset of the first byte}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._files.close()

    def read(self, name, rows=None, columns=None) -> mx.array:
        """A weight, or its rows and columns in these ranges (None: all)."""
        entry = self.entries[name]
        n_rows, width = (entry.shape[0], math.prod(entry.shape[1:])) if len(entry.shape) > 1 else (1, *entry.shape)
        rows, columns = rows or range(n_rows), columns or range(width)
        slice_ = np.empty((len(rows), len(columns)), CARRIERS[entry.dtype])
        opened, start = self._open(entry.file), self._offsets[entry.file][name]
        runs = [(rows.start * width, slice_)] if len(columns) == width else \
               [(row * width + columns.start, slice_[n]) for n, row in enumerate(rows)]
        for first, run in runs:
            self._fill(opened, start + first * slice_.itemsize, run)
        array = mx.array(slice_.reshape(-1) if len(entry.shape) == 1 else slice_)
        return array.view(mx.bfloat16) if entry.dtype == "bfloat16" else array

    def _open(self, file):
        if file not in self._opened:
            opened = self._opened[file] = self._files.enter_context(open(file, "rb", buffering=0))
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(length))
            self._offsets[file] = {name: 8 + length + weight["data_offsets"][0]
                                   for name, weight in header.items() if name != "__metadata__"}
        return self._opened[file]

    def _fill(self, opened, offset, run):
        """Read as many bytes as the run takes, from this offset of the file on."""
        opened.seek(offset)
        left = memoryview(run).cast("B")
        self.bytes_read += len(left)
        while left:
            n = opened.readinto(left)
            if not n:
                raise UnreadableFile(f"{opened.name} ends within its weights; it changed while it was read, fetch "
                                     "it again")
            left = left[n:]
