"""Products in bfloat16: what compiled code asks of oneDNN, here of a stand-in, and of the library itself."""
import ctypes
import sys
from contextlib import nullcontext
from pathlib import Path

from mistral_edu.fast import accelerate, jobs, onednn
from mistral_edu.quantize import dequantize, quantize
from small_models import random_model

import mlx.core as mx
import numpy as np
import pytest

TOKENS = mx.random.randint(0, 2048, (1, 40), key=mx.random.key(5))
CREATE = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_int64] * 4)

pytestmark = pytest.mark.usefixtures("kernels")


def at(address, kind, *shape):
    """The memory at an address as an array."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), kind).reshape(shape)


def widen(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


class StandIn:
    """Computes what oneDNN should, from the same arguments, in numpy; counts its calls."""

    def __init__(self):
        self.plans, self.memory, self.calls, self.alive, self.adds = {}, {}, 0, 0, 0
        self.functions = [CREATE(self.create), CREATE(self.execute), CREATE(self.destroy), CREATE(lambda *_: 0)]

    def status(self):
        return onednn.Status(library="a stand-in")

    own_threads = staticmethod(nullcontext)

    def plan(self, *shape):
        number = len(self.plans) + 1
        addresses = [ctypes.cast(function, ctypes.c_void_p).value for function in self.functions]
        self.plans[number] = shape
        plan = type("Plan", (), {})()
        plan.table = np.array([*addresses, 77, 78, number, 10 * number, 10 * number + 1, 10 * number + 2], np.int64)
        return plan

    def create(self, where, form, engine, address):
        assert engine == 77
        number = len(self.memory) + 1000
        self.memory[number] = form, address
        self.alive += 1
        at(where, np.int64, 1)[0] = number
        return 0

    def destroy(self, memory, *_):
        self.alive -= memory in self.memory
        return 0

    def execute(self, primitive, stream, count, arguments):
        n_rows, width, n, out_step, add = self.plans[primitive]
        found = at(arguments, np.int64, count, 2)
        places = {int(which): self.memory[int(memory)] for which, memory in found}
        assert stream == 78 and [places[which][0] - 10 * primitive for which in (1, 33, 17)] == [0, 1, 2]
        x, w = widen(at(places[1][1], np.uint16, n_rows, width)), widen(at(places[33][1], np.uint16, n, width))
        flat = at(places[17][1], np.float32, (n_rows - 1) * out_step + n)
        out = np.lib.stride_tricks.as_strided(flat, (n_rows, n), (4 * out_step, 4))
        out[:] = x @ w.T + (out if add else 0)
        self.calls += 1
        self.adds += add
        return 0


@pytest.mark.parametrize("bits", [16, 8, 4])
@pytest.mark.parametrize("which", ["stand-in", "library"])
def test_prompts_in_bfloat16(which, bits, monkeypatch):
    """Activations have 8 bits then, and so have weights that are unpacked: 2**-9 of each number, some of it adds up."""
    if which == "library" and onednn.status().library is None:
        pytest.skip(onednn.status().reason)
    stand_in = StandIn()
    model = random_model(dim=128, hidden_dim=320, window_size=11)
    model.set_dtype(mx.bfloat16)
    if bits < 16:
        quantize(model, bits)
    exact = dequantize(model)(TOKENS)
    monkeypatch.setattr(jobs, "LARGE", 0)
    monkeypatch.setattr(jobs, "PIECE", 3000)
    monkeypatch.setattr(jobs, "ROWS_BF16", 1)
    if which == "stand-in":
        for module in ("step", "products"):
            monkeypatch.setattr(f"mistral_edu.fast.{module}.onednn", stand_in)
    logits = accelerate(model)(TOKENS)
    gap = (mx.abs(logits - exact).max() / mx.abs(exact).max()).item()
    assert 1e-5 < gap < 0.03
    masked = model(TOKENS, None, model.model.make_mask(40))  # by way of products.py
    assert (mx.abs(logits - masked).max() / mx.abs(exact).max()).item() < 0.01
    if which == "stand-in":
        assert stand_in.calls > 3 * 7 and 0 < stand_in.adds < stand_in.calls and stand_in.alive == 0
        before = stand_in.calls
        model(TOKENS[:, :8])
        assert stand_in.calls == before  # few rows are read where they lie


def test_float32_and_small_matrices_stay_exact(monkeypatch):
    stand_in = StandIn()
    monkeypatch.setattr("mistral_edu.fast.step.onednn", stand_in)
    model = random_model()
    want = model(TOKENS)
    monkeypatch.setattr(jobs, "LARGE", 0)
    assert mx.allclose(accelerate(model)(TOKENS), want, atol=1e-3)
    monkeypatch.undo()
    monkeypatch.setattr("mistral_edu.fast.step.onednn", stand_in)
    model.set_dtype(mx.bfloat16)
    accelerate(model)(TOKENS)
    assert stand_in.calls == 0


def test_the_processor_is_asked(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n")
    assert onednn.has_bf16(info)
    info.write_text("processor: 0\nflags\t\t: fpu avx2 avx512f\n")
    assert not onednn.has_bf16(info) and not onednn.has_bf16(tmp_path / "none")


def status(monkeypatch, prefix, bf16=True):
    monkeypatch.setattr(onednn, "has_bf16", lambda: bf16)
    monkeypatch.setattr("sys.prefix", str(prefix))
    return onednn.status.__wrapped__()


def test_status_says_why_not(monkeypatch, tmp_path):
    assert "no instructions" in status(monkeypatch, tmp_path, bf16=False).reason
    missing = status(monkeypatch, tmp_path)
    assert "not installed" in missing.reason and "pip install" in missing.fix
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libdnnl.so.3").write_text("no library")
    assert "cannot be used" in status(monkeypatch, tmp_path).reason
    monkeypatch.setenv("MISTRAL_EDU_ONEDNN", "0")
    off = status(monkeypatch, tmp_path)
    assert "MISTRAL_EDU_ONEDNN=0" in off.reason and off.fix.startswith("unset MISTRAL_EDU_ONEDNN,")


@pytest.mark.skipif(not Path(sys.prefix, "lib", "libdnnl.so.3").is_file(), reason="oneDNN is not installed")
def test_whether_the_library_can_multiply_here_is_tried(monkeypatch):
    """Without instructions for bfloat16 it refuses, and that must be noticed before a prompt depends on it."""
    can = onednn.has_bf16()
    found = status(monkeypatch, sys.prefix)
    assert (found.library is not None) == can
    assert onednn.matrix_speed(64, 64, 64) > 0 if can else "cannot be used" in found.reason
