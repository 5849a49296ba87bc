"""RMSNorm: by hand, against a plain numpy version, against MLX's kernel, and what it must not depend on."""
from mistral_edu.norm import RMSNorm, rms_norm

import mlx.core as mx
import numpy as np
import pytest


def random(*shape, seed=0, dtype=mx.float32):
    return mx.random.normal(shape, key=mx.random.key(seed)).astype(dtype)


def test_by_hand():
    assert rms_norm(mx.array([3.0, 4.0]), mx.ones(2)).tolist() == pytest.approx([0.8485, 1.1314], abs=1e-4)


@pytest.mark.parametrize("eps", [1e-6, 1e-5, 0.1])
def test_equals_numpy_in_64_bit_and_the_kernel(eps):
    x, weight = random(2, 5, 64), random(64, seed=1)
    exact = np.array(x, np.float64)
    exact = np.array(weight) * exact / np.sqrt((exact**2).mean(-1, keepdims=True) + eps)
    assert np.abs(np.array(rms_norm(x, weight, eps)) - exact).max() < 1e-5
    assert mx.abs(rms_norm(x, weight, eps) - mx.fast.rms_norm(x, weight, eps)).max().item() < 1e-5
    module = RMSNorm(64, eps)
    module.weight = weight
    assert mx.abs(module(x) - rms_norm(x, weight, eps)).max().item() < 1e-5


def test_length_does_not_matter_but_an_offset_does():
    x, weight = random(4, 32), mx.ones(32)
    assert mx.abs(rms_norm(100 * x, weight) - rms_norm(x, weight)).max().item() < 1e-4
    assert mx.abs(rms_norm(x + 1, weight) - rms_norm(x, weight)).max().item() > 0.1  # LayerNorm would not notice


def test_each_token_is_normed_by_itself():
    x = random(1, 6, 16)
    changed = mx.concatenate([x[:, :-1], 50 * x[:, -1:] + 1], axis=1)
    assert mx.array_equal(RMSNorm(16)(x)[:, :-1], RMSNorm(16)(changed)[:, :-1])


def test_16_bit_in_16_bit_out_computed_in_32():
    x = 300 * random(1, 4096, dtype=mx.float16)  # the squares leave the range of float16
    normed = rms_norm(x, mx.ones(4096, dtype=mx.float16))
    assert normed.dtype == mx.float16
    assert mx.abs(normed.astype(mx.float32) - rms_norm(x.astype(mx.float32), mx.ones(4096))).max().item() < 4e-3
    module = RMSNorm(4096)
    module.set_dtype(mx.float16)
    assert module(x).dtype == mx.float16
    assert mx.abs(module(x) - normed).max().item() < 4e-3


def test_gradients_of_both_agree():
    x, weight = random(3, 16), random(16, seed=1)
    module = RMSNorm(16)

    def through_module(x, weight):
        module.weight = weight
        return mx.sin(module(x)).sum()

    for a, b in zip(mx.grad(lambda x, w: mx.sin(rms_norm(x, w)).sum(), argnums=(0, 1))(x, weight),
                    mx.grad(through_module, argnums=(0, 1))(x, weight)):
        assert mx.abs(a - b).max().item() < 1e-5
