"""Products with the model's own weights, as modules that take the place of nn.Linear and nn.Embedding.

They serve calls for which step.py has no list of jobs: masks, quantized caches, models with replaced parts. Then the
code of transformer.py runs, with these products in it.
"""
from copy import deepcopy

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_map

from mistral_edu.fast import onednn, structure
from mistral_edu.fast.jobs import JobWriter, Rows
from mistral_edu.fast.team import JobList, team
from mistral_edu.fast.weight_views import matrix
from mistral_edu.machine import blas

FEW = 8  # rows of x up to which a list of jobs is kept for the next call


class Traced(Exception):
    """An array stands for values that are not known yet: inside mx.grad, mx.compile, mx.vmap."""


def known(*arrays):
    """Raise Traced where an array has no values yet, nor could have."""
    try:
        mx.async_eval(arrays)
    except ValueError:  # MLX refuses just these
        raise Traced from None


class Listed(nn.Module):
    """x (..., width) -> (..., rows) in float32, by a list of jobs that `write` describes. Raises Traced."""

    def __init__(self, kernels, width, rows):
        super().__init__()
        self._kernels, self._width, self._rows = kernels, width, rows
        self._kept = None  # attributes with an underscore are not parameters: nothing here is to be trained or saved

    def __call__(self, x):
        known(x)  # a gradient would end here, and be 0
        rows = np.asarray(memoryview(x.astype(mx.float32))).reshape(-1, self._width)
        crew = team(self._kernels)
        with crew.lock:
            source, out, jobs, room, _ = self.jobs(len(rows))
            source.plain[:] = rows
            with blas.one_thread(), onednn.own_threads():
                crew.run(jobs, room)
            return mx.array(out.plain).reshape(*x.shape[:-1], self._rows)

    def jobs(self, n_rows):
        if self._kept and self._kept[0].n_rows == n_rows:
            return self._kept
        source, out = Rows(n_rows, self._width), Rows(n_rows, self._rows)
        writer = JobWriter(self._kernels, blas.sgemm_address(), onednn if onednn.status().library else None)
        between = self.write(writer, source, out)
        made = source, out, JobList(self._kernels, writer.rows), writer.room, (between, writer.alive)
        self._kept = made if n_rows <= FEW else None
        return made


class Product(Listed):
    """Stands for nn.Linear."""

    def __init__(self, layer, kernels):
        view = matrix(layer)
        super().__init__(kernels, view.width, view.rows)
        self.matrix = view

    def write(self, writer, x, out):
        writer.products(x, (self.matrix, out))


class EmbeddingProduct(Product):
    """An embedding: looks rows up, and, where it is tied, is the output layer, too."""

    def __init__(self, layer, kernels):
        super().__init__(layer, kernels)
        self._layer = deepcopy(layer)  # shares the arrays; MLX's own code looks the rows up, rounding included

    def __call__(self, ids):
        return self._layer(ids).astype(mx.float32)

    def as_linear(self, x):
        return Listed.__call__(self, x)


class GatedProducts(Listed):
    """A FeedForward whose matrices are Products; MLX's exponential takes longer than two of the three products."""

    def __init__(self, feed_forward, kernels):
        gate_proj, up_proj, down_proj = (Product(layer, kernels) for layer in (
            feed_forward.gate_proj, feed_forward.up_proj, feed_forward.down_proj))
        super().__init__(kernels, gate_proj.matrix.width, down_proj.matrix.rows)
        self.gate_proj, self.up_proj, self.down_proj = gate_proj, up_proj, down_proj

    def write(self, writer, x, out):
        gated, up = (Rows(x.n_rows, self.gate_proj.matrix.rows) for _ in "gu")
        writer.products(x, (self.gate_proj.matrix, gated), (self.up_proj.matrix, up))
        writer.gate(gated, up)
        writer.products(gated, (self.down_proj.matrix, out))
        return gated, up


def with_products(model, kernels):
    """A twin of the model: the same code, its matrices as views, its few other weights in float32."""
    twin = deepcopy(model)  # arrays are shared, not copied
    for layer in twin.layers:
        feed_forward = getattr(layer, "mlp", None)
        if structure.is_plain_feed_forward(feed_forward):
            layer.mlp = GatedProducts(feed_forward, kernels)

    def product(layer):
        if structure.is_untouched(layer, *structure.LINEAR):
            return Product(layer, kernels)
        return EmbeddingProduct(layer, kernels) if structure.is_untouched(layer, *structure.EMBEDDING) else layer
    twin.update_modules(tree_map(product, twin.leaf_modules(), is_leaf=nn.Module.is_module))
    twin.update(tree_map(lambda weight: weight.astype(mx.float32), twin.parameters()))
    mx.eval(twin.parameters())
    return twin
