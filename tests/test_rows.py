"""Products by lists of jobs, against numpy: every shape of the edges, and what rounding x may change."""
from mistral_edu.fast import compiled
from mistral_edu.fast.jobs import FEW, JobWriter, Rows
from mistral_edu.fast.team import JobList, team
from mistral_edu.fast.weight_views import matrix

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("kernels")


def linear(rows, width, dtype=mx.float32, bits=None, group_size=32):
    """A layer, and its weights in numpy, in float64."""
    mx.random.seed(rows + width)
    layer = nn.Linear(width, rows, bias=False)
    layer.weight = layer.weight.astype(dtype)
    if bits:
        layer = nn.QuantizedLinear.from_linear(layer, group_size, bits)
        parts = (layer.weight, layer.scales.astype(mx.float32), layer.biases.astype(mx.float32))
        return layer, np.array(mx.dequantize(*parts, group_size, bits)).astype(np.float64)
    return layer, np.array(layer.weight.astype(mx.float32)).astype(np.float64)


def multiply(layer, x, start=None):
    """x @ layer.weight.T by a list of jobs, added to `start` where one is given."""
    kernels, view = compiled.kernels(), matrix(layer)
    source, out, writer = Rows(*x.shape), Rows(len(x), view.rows), JobWriter(compiled.kernels())
    source.plain[:] = x
    if start is not None:
        out.plain[:] = start
    writer.products(source, (view, out, start is not None))
    crew = team(kernels)
    with crew.lock:
        crew.run(JobList(kernels, writer.rows), writer.room)
    return out.plain


def numbers(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16], ids=str)
@pytest.mark.parametrize("n_rows", [FEW + 1, 8, 16, 17, 33, 64])
@pytest.mark.parametrize("rows, width", [(1, 1), (5, 7), (6, 8), (13, 255), (66, 256), (67, 257), (200, 514)])
def test_tiles_that_are_not_full_are_right_at_every_edge(rows, width, n_rows, dtype):
    layer, w = linear(rows, width, dtype)
    x, start = numbers(n_rows, width), numbers(n_rows, rows)
    size = np.abs(x).astype(np.float64) @ np.abs(w).T + np.abs(start)     # what a rounding is a share of
    assert (np.abs(multiply(layer, x) - x @ w.T) < 1e-6 * size).all()
    assert (np.abs(multiply(layer, x, start) - (start + x @ w.T)) < 1e-6 * size).all()


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16], ids=str)
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("group_size, width", [(32, 96), (64, 320), (128, 384)])
def test_tiles_of_quantized_matrices(group_size, width, bits, dtype):
    layer, w = linear(70, width, dtype, bits, group_size)
    x = numbers(20, width)
    assert (np.abs(multiply(layer, x) - x @ w.T) < 1e-6 * (np.abs(x).astype(np.float64) @ np.abs(w).T)).all()


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("group_size", [32, 64, 128])
@pytest.mark.parametrize("outlier", [1.0, 1e4])
@pytest.mark.parametrize("n_rows", [1, 3])
def test_few_rows_are_rounded_by_half_a_step_at_most(n_rows, outlier, group_size, bits):
    """A step is the largest of 32 numbers over 32767. What it changes is that times half the range of a group's
    weights, since the rest, the middle of the range, is made up for."""
    layer, w = linear(50, 512, bits=bits, group_size=group_size)
    x = numbers(n_rows, 512)
    x[:, 100] *= outlier
    half_steps = np.abs(x).reshape(n_rows, -1, 32).max(-1).repeat(32, 1) / 32767 / 2
    half_range = np.array(layer.scales).astype(np.float64).repeat(group_size, 1) * (2**bits - 1) / 2
    worst = half_steps @ np.abs(half_range).T
    error = np.abs(multiply(layer, x) - x @ w.T)
    size = np.abs(x).astype(np.float64) @ np.abs(w).T
    assert (error < worst + 1e-6 * size).all()
    assert error.max() > 3e-7 * size.max() or outlier > 1           # it is rounded, indeed


def test_nothing_but_zeros_gives_zeros():
    layer, _ = linear(8, 128, bits=4)
    assert (multiply(layer, np.zeros((1, 128), np.float32)) == 0).all()


@pytest.mark.parametrize("bits", [None, 8, 4])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_stays_none(bad, bits):
    layer, _ = linear(8, 128, bits=bits)
    x = numbers(1, 128)
    x[0, 5] = bad
    assert not np.isfinite(multiply(layer, x)).any()
