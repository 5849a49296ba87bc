"""Products with the model's own weights, as modules that take the place of nn.Linear and nn.Embedding.

One to a few rows, as in decoding: memory is the limit, so each weight is read once, as it is stored, by the kernels.
More rows, as in a prompt: arithmetic is the limit, so pieces of the matrix are unpacked to float32, and the BLAS
multiplies with them. The threads of the team take the pieces in turn; each multiplies alone, in memory of its own.
"""
import ctypes
import threading
from copy import deepcopy
from functools import cache

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from . import blas
from .jobs import JobWriter, Vector
from .team import JobList, team
from .views import matrix

FEW = 4                 # rows of x up to which the kernels read the matrix once per row
PIECE = 1 << 20         # numbers of a matrix that are unpacked at a time: 4 MB of float32, not far from a cache's size

own = threading.local()


def scratch():
    """Memory of this thread for one piece."""
    if not hasattr(own, "scratch"):
        own.scratch = np.empty(PIECE, np.float32)
    return own.scratch


class Product(nn.Module):
    """x (..., width) -> x @ weight.T (..., rows) in float32."""

    def __init__(self, layer, kernels):
        super().__init__()
        # Attributes with an underscore are not parameters: nothing here is to be trained, cast or saved.
        self._kernels, self.matrix = kernels, matrix(layer)
        self._one_row = None  # a list of jobs, made when it is first needed

    def __call__(self, x):
        return mx.array(self.rows(rows_of(x))).reshape(*x.shape[:-1], self.matrix.rows)

    def rows(self, x):
        """x (M, width) -> (M, rows), numpy arrays of float32."""
        y = np.empty((x.shape[0], self.matrix.rows), np.float32)
        with team() as crew:
            if x.shape[0] <= FEW:
                self.row_by_row(crew, x, y)
            else:
                self.unpacked(crew, x, y)
        return y

    def row_by_row(self, crew, x, y):
        if self._one_row is None:
            source, target = Vector(self.matrix.width), Vector(self.matrix.rows)
            writer = JobWriter(self._kernels)
            writer.shuffle(source, self.matrix)
            writer.stage()
            writer.product(self.matrix, source, target.address)
            self._one_row = source, target, JobList(self._kernels, writer.rows)
        source, target, jobs = self._one_row
        for m in range(len(x)):
            source.plain[:] = x[m]
            crew.run(jobs)
            y[m] = target.plain

    def unpacked(self, crew, x, y):
        m = self.matrix
        step = max(1, PIECE // m.width)

        def multiply_piece(n):
            start, end = n * step, min((n + 1) * step, m.rows)
            piece = self.float_rows(start, end)
            multiply(x, piece, y[:, start:end])

        n_pieces = -(-m.rows // step)
        if find_sgemm(blas.status().library) and blas.status().threads == 1:
            crew.share(multiply_piece, n_pieces)
        else:                             # a BLAS with threads of its own
            for n in range(n_pieces):
                multiply_piece(n)

    def float_rows(self, start, end):
        """Rows start .. end as float32: where they are, or unpacked."""
        m = self.matrix
        if m.bits == 32:
            return np.asarray(memoryview(m.alive[0]))[start:end]
        rows = scratch()[:(end - start) * m.width] if m.width <= PIECE else np.empty(m.width, np.float32)
        writer = JobWriter(self._kernels)
        writer.unpack(m, rows.ctypes.data, start, end)
        JobList(self._kernels, writer.rows).run(rows)  # by this thread alone
        return rows.reshape(end - start, m.width)


class EmbeddingProduct(Product):
    """An embedding: looks rows up, and, where it is tied, is the output layer, too."""

    def __init__(self, layer, kernels):
        super().__init__(layer, kernels)
        self._layer = deepcopy(layer)  # shares the arrays; MLX's own code looks the rows up, rounding included

    def __call__(self, ids):
        return self._layer(ids).astype(mx.float32)

    def as_linear(self, x):
        return Product.__call__(self, x)


class GatedProducts(nn.Module):
    """A FeedForward whose matrices are Products: MLX's exponential takes longer than two of the three products."""

    def __init__(self, feed_forward, kernels):
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = (Product(layer, kernels) for layer in (
            feed_forward.gate_proj, feed_forward.up_proj, feed_forward.down_proj))
        self._kernels = kernels

    def __call__(self, x):
        rows = rows_of(x)
        gated, up = self.gate_proj.rows(rows), self.up_proj.rows(rows)  # (M, hidden_dim)
        writer = JobWriter(self._kernels)
        writer.gate(gated, up, gated)
        with team() as crew:
            crew.run(JobList(self._kernels, writer.rows))
        return mx.array(self.down_proj.rows(gated)).reshape(x.shape)


def rows_of(x):
    """An MLX array (..., width) as float32 rows (M, width) of numpy."""
    return np.ascontiguousarray(np.asarray(memoryview(x.astype(mx.float32))).reshape(-1, x.shape[-1]))


def multiply(x, w, y):
    """y = x @ w.T in float32: x (M, K) and w (N, K) without gaps, y (M, N) with rows that may lie apart."""
    sgemm = find_sgemm(blas.status().library)
    if sgemm is None:                    # numpy brings a BLAS of its own
        np.matmul(x, w.T, out=y)
        return
    (M, K), N = x.shape, w.shape[0]
    row_major, plain, transposed = 101, 111, 112
    sgemm(row_major, plain, transposed, M, N, K, ctypes.c_float(1), ctypes.c_void_p(x.ctypes.data), K,
          ctypes.c_void_p(w.ctypes.data), K, ctypes.c_float(0), ctypes.c_void_p(y.ctypes.data), y.strides[0] // 4)


@cache
def find_sgemm(library):
    """The product of the BLAS that MLX uses, too: threads of two would get in each other's way. None without one."""
    try:
        return ctypes.CDLL(library).cblas_sgemm if library else None
    except OSError:
        return None
