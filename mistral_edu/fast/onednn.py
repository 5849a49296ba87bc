"""Products in bfloat16 with oneDNN, on processors that have instructions for them: several times as fast as float32.

oneDNN (the PyPI package onednn-cpu-gomp) is a C library. For each shape it makes a primitive, code compiled for the
processor; it reads weights as MLX and Hugging Face store them, (N, K) row by row, so nothing is copied. Sums are
float32. many_rows.py calls it with the addresses that `plan` collects.

MISTRAL_EDU_ONEDNN=0 turns it off.
"""
import ctypes
import os
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from mistral_edu.machine import processors

FLAGS = ("avx512_bf16", "amx_bf16")  # either will do
GET_IT = 'pip install "mistral-edu[cpu]"  (it brings onednn-cpu-gomp), then start Python again'
LONG_ENOUGH = 0.15  # seconds over which a product is repeated to see how fast it can be
CPU, DEFAULT_FLAGS, FLOAT32, BFLOAT16 = 1, 1, 3, 2  # constants of dnnl.h


@dataclass(frozen=True)
class Status:
    """Whether bfloat16 products go to oneDNN. `library` is None when not: `reason` and `fix` say why and what to do."""

    library: str | None = None
    reason: str = ""
    fix: str = ""

    def __str__(self):
        return f"oneDNN ({self.library})" if self.library else self.reason


def has_bf16(cpuinfo="/proc/cpuinfo"):
    """Whether this processor multiplies bfloat16 numbers by itself."""
    try:
        lines = Path(cpuinfo).read_text().splitlines()
    except OSError:
        return False
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), ())
    return any(flag in flags for flag in FLAGS)


@cache
def status() -> Status:
    """Load the library at the first call, if it is of use here; never raises."""
    if os.environ.get("MISTRAL_EDU_ONEDNN", "1") == "0":
        return Status(reason="turned off by MISTRAL_EDU_ONEDNN=0",
                      fix="unset MISTRAL_EDU_ONEDNN, then start Python again")
    if not sys.platform.startswith("linux") or not has_bf16():
        return Status(reason="not needed: this processor has no instructions for bfloat16")
    path = Path(sys.prefix, "lib", "libdnnl.so.3")
    if not path.is_file():
        return Status(reason="oneDNN is not installed, which this processor needs to multiply bfloat16 numbers",
                      fix=GET_IT)
    try:
        Plan(library(str(path)), 16, 64, 64, 64, add=True)
    except (OSError, AttributeError, RuntimeError) as error:
        return Status(reason=f"oneDNN cannot be used: {error}", fix=GET_IT)
    return Status(library=str(path))


class Library:
    """libdnnl, an engine and a stream of it, and the OpenMP that it shares out work with."""

    def __init__(self, path):
        self.dnnl, self.openmp = ctypes.CDLL(path), ctypes.CDLL("libgomp.so.1")
        self.engine, self.stream = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("dnnl_engine_create", ctypes.byref(self.engine), CPU, ctypes.c_size_t(0))
        self.call("dnnl_stream_create", ctypes.byref(self.stream), self.engine, DEFAULT_FLAGS)

    def call(self, name, *arguments):
        code = getattr(self.dnnl, name)(*arguments)
        if code:
            raise RuntimeError(f"{name} of oneDNN failed with status {code}")

    def address(self, name, library=None):
        return ctypes.cast(getattr(library or self.dnnl, name), ctypes.c_void_p).value

    def form(self, rows, columns, steps, kind):
        """How a matrix lies in memory: its rows and its columns so many numbers apart."""
        made = ctypes.c_void_p()
        pair = ctypes.c_int64 * 2
        self.call("dnnl_memory_desc_create_with_strides", ctypes.byref(made), 2, pair(rows, columns), kind,
                  pair(*steps))
        return made

    @contextmanager
    def threads(self, n):
        """A context in which oneDNN divides this thread's work among n OpenMP threads."""
        before = self.openmp.omp_get_max_threads()
        self.openmp.omp_set_num_threads(n)
        try:
            yield
        finally:
            self.openmp.omp_set_num_threads(before)


library = cache(Library)


def own_threads():
    """A context in which the number of OpenMP threads may change: many_rows.py sets it to 1."""
    return library(status().library).threads(1) if status().library else nullcontext()


class Plan:
    """out (n_rows, n) = x (n_rows, width) @ w (n, width).T, rows of out `out_step` numbers apart; add: out += ...

    x and w are bfloat16, out is float32. `table` holds what many_rows.multiply_bf16 reads.
    """

    def __init__(self, lib, n_rows, width, n, out_step, add, n_threads=1):
        self.library = lib
        self.forms = [lib.form(n_rows, width, (width, 1), BFLOAT16), lib.form(width, n, (1, width), BFLOAT16),
                      lib.form(n_rows, n, (out_step, 1), FLOAT32)]
        self.primitive = ctypes.c_void_p()
        description, attributes, steps = (ctypes.c_void_p() for _ in range(3))
        byref, x, w, out = ctypes.byref, *self.forms
        lib.call("dnnl_primitive_attr_create", byref(attributes))
        if add:
            lib.call("dnnl_post_ops_create", byref(steps))
            lib.call("dnnl_post_ops_append_sum", steps, ctypes.c_float(1), ctypes.c_int32(0), 0)
            lib.call("dnnl_primitive_attr_set_post_ops", attributes, steps)
        with lib.threads(n_threads):  # the code is compiled for the number of threads that will run it
            lib.call("dnnl_matmul_primitive_desc_create", byref(description), lib.engine, x, w, None, out, attributes)
            lib.call("dnnl_primitive_create", byref(self.primitive), description)
        for name, made in (("primitive_desc", description), ("primitive_attr", attributes), ("post_ops", steps)):
            if made:
                getattr(lib.dnnl, f"dnnl_{name}_destroy")(made)
        self.table = np.array(
            [*(lib.address(f"dnnl_{name}") for name in ("memory_create", "primitive_execute", "memory_destroy")),
             lib.address("omp_set_num_threads", lib.openmp),
             *(made.value for made in (lib.engine, lib.stream, self.primitive, x, w, out))], np.int64)

    def __del__(self):
        for form in getattr(self, "forms", ()):
            self.library.dnnl.dnnl_memory_desc_destroy(form)
        if getattr(self, "primitive", None):
            self.library.dnnl.dnnl_primitive_destroy(self.primitive)


@lru_cache(maxsize=64)
def plan(n_rows, width, n, out_step, add):
    """The Plan for this shape, made once."""
    return Plan(library(status().library), n_rows, width, n, out_step, add)


def matrix_speed(M, N, K):
    """GFLOPS (10**9 multiplications or additions per second) of an (M, K) by (K, N) product on all processors.

    The fastest of all within LONG_ENOUGH: a few are over so soon that a processor can be elsewhere all the while.
    """
    n_threads, one = processors.processors(), 0x3F80  # the bits of 1.0
    x, w, out = np.full((M, K), one, np.uint16), np.full((N, K), one, np.uint16), np.empty((M, N), np.float32)
    lib = library(status().library)
    product = Plan(lib, M, K, N, N, False, n_threads)
    arguments = np.array([1, 0, 33, 0, 17, 0], np.int64)
    for place, array, form in zip((1, 3, 5), (x, w, out), product.forms):
        made = ctypes.c_void_p()
        lib.call("dnnl_memory_create", ctypes.byref(made), form, lib.engine, ctypes.c_void_p(array.ctypes.data))
        arguments[place] = made.value
    times = []
    with lib.threads(n_threads):
        while len(times) < 8 or sum(times) < LONG_ENOUGH:
            began = time.perf_counter()
            lib.call("dnnl_primitive_execute", product.primitive, lib.stream, 3, ctypes.c_void_p(arguments.ctypes.data))
            times.append(time.perf_counter() - began)
    for place in (1, 3, 5):
        lib.dnnl.dnnl_memory_destroy(ctypes.c_void_p(int(arguments[place])))
    return 2 * M * N * K / min(times) / 1e9
