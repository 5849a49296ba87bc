"""What this machine can do at best: how fast it reads memory, and how fast it multiplies matrices.

This is the best that is measured here, not the peak of the hardware: another program may come closer to that.

Both are measured on the device on which MLX computes, in every round, between the models, because a shared machine
gives more at one time than at another.

Processors multiply in float32, through the BLAS under MLX or with the kernels of mistral_edu.fast, whichever is faster.
Some also have instructions for bfloat16, several times as fast; oneDNN, if installed, uses them.
"""
import time
from concurrent.futures import ThreadPoolExecutor

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from mistral_edu.fast import compiled, onednn, weight_views
from mistral_edu.fast.jobs import JobWriter, Rows
from mistral_edu.fast.team import JobList, team
from mistral_edu.machine import blas, processors

ONE_GB = 10**9
AT_ONCE = 16            # reads or products that a GPU is given in one evaluation
GPU_ROWS = 2048         # of its product: a prompt of so many tokens, through the same layer
ROWS, SIZE = 256, 4096  # of the product: a prompt of 256 tokens through a square layer of Mistral-7B


def measure_limits(n_bytes=ONE_GB, size=SIZE):
    """{"read_gb_per_s": float, "matrix_gflops": {"float32": float, "bfloat16": float}}, each type where it is fast."""
    _, available = processors.memory()
    if available is not None:
        n_bytes = min(n_bytes, available // 4)
    if mx.default_device() != mx.Device(mx.cpu):
        return {"read_gb_per_s": read_speed_gpu(n_bytes), "matrix_gflops": {"bfloat16": matrix_speed_gpu(size)}}
    speeds = {"float32": max(matrix_speed(size, mx.float32), kernels_speed(size)), "bfloat16": onednn_speed(size)}
    return {"read_gb_per_s": read_speed_cpu(n_bytes),
            "matrix_gflops": {dtype: speed for dtype, speed in speeds.items() if speed is not None}}


def onednn_speed(size):
    """GFLOPS of the same product in bfloat16, by oneDNN on all processors; None if it is of no use (see its status)."""
    return onednn.matrix_speed(ROWS, size, size) if onednn.status().library else None


def kernels_speed(size):
    """GFLOPS of the same product in float32 by the compiled kernels; 0 if there are none."""
    kernels = compiled.kernels()
    if kernels is None:
        return 0.0
    layer, x, out, writer = nn.Linear(size, size, bias=False), Rows(ROWS, size), Rows(ROWS, size), JobWriter(kernels)
    writer.products(x, (weight_views.matrix(layer), out))
    jobs, crew = JobList(kernels, writer.rows), team(kernels)
    with crew.lock:
        return 2 * ROWS * size**2 / best_time(lambda: crew.run(jobs, writer.room)) / 1e9


def read_speed_cpu(n_bytes):
    """GB per second at which all processors together read an array of n_bytes.

    Each looks for the largest number of its share: a loop that does nothing but read.
    """
    n = processors.processors()
    numbers = np.ones(n_bytes // 8, dtype=np.int64)
    shares = np.array_split(numbers, n)
    with ThreadPoolExecutor(n) as pool:
        seconds = best_time(lambda: list(pool.map(np.max, shares)))  # numpy lets other threads run meanwhile
    return numbers.nbytes / seconds / 1e9


def read_speed_gpu(n_bytes):
    """GB per second at which the GPU sums an array of n_bytes, AT_ONCE times in one evaluation.

    To start one sum and wait for it takes a fast GPU longer than to read the array.
    """
    numbers = mx.ones(n_bytes // 4)
    mx.eval(numbers)
    seconds = best_time(lambda: mx.eval([numbers.sum() for _ in range(AT_ONCE)]))
    return AT_ONCE * numbers.nbytes / seconds / 1e9


def matrix_speed_gpu(size, rows=GPU_ROWS):
    """GFLOPS of (rows, size) by (size, size) products in bfloat16, AT_ONCE of them in one evaluation."""
    x, w = (mx.random.normal(shape).astype(mx.bfloat16) for shape in ((rows, size), (size, size)))
    mx.eval(x, w)
    seconds = best_time(lambda: mx.eval([x @ w.T for _ in range(AT_ONCE)]))
    return AT_ONCE * 2 * rows * size**2 / seconds / 1e9


def matrix_speed(size, dtype):
    """GFLOPS (10**9 multiplications or additions per second) of a (ROWS, size) by (size, size) product, all processors.

    The number of OpenBLAS threads is restored afterwards.
    """
    x, w = mx.ones((ROWS, size), dtype=dtype), mx.ones((size, size), dtype=dtype)
    mx.eval(x, w)
    threads = blas.status().threads
    speeds = []
    for n in {threads, processors.processors()}:  # on a busy machine the usual, smaller number may be the faster one
        blas.set_threads(n)
        speeds.append(2 * ROWS * size**2 / best_time(lambda: mx.eval(x @ w.T)) / 1e9)
    blas.set_threads(threads)
    return max(speeds)


def best_time(work, repeats=5):
    """Seconds of the fastest of several calls: other programs can only make one slower."""
    return min(times_of(work, repeats))


def times_of(work, repeats):
    """Seconds of each of several calls, after one that is not timed."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return times
