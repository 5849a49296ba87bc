"""RoPE: against complex numbers in 64 bit, against MLX's kernel, relative positions, both conventions."""
from mistral_edu.attention import split_heads
from mistral_edu.rope import (
    fused_rope,
    interleaved_to_split,
    rope,
    rope_frequencies,
    rope_interleaved,
    split_to_interleaved,
)

import mlx.core as mx
import numpy as np
import pytest

THETA = 10000.0


def random(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


def turned_in_64_bit(x, offset, theta):
    """Each pair as a complex number, times e^(i * position * frequency)."""
    x = np.array(x, np.float64)
    half = x.shape[-1] // 2
    angles = np.outer(offset + np.arange(x.shape[-2]), theta ** (-np.arange(half) / half))
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)
    return np.concatenate([turned.real, turned.imag], axis=-1)


@pytest.mark.parametrize("offset", [0, 1, 1000, 30000])
@pytest.mark.parametrize("theta", [1e4, 1e6])
def test_equals_complex_numbers_in_64_bit_far_into_a_text(offset, theta):
    x = random(2, 3, 5, 16)
    tolerance = 1e-5 + offset * 2e-7  # an angle of 30,000 is rounded to 24 bits, 0.002
    assert np.abs(np.array(rope(x, offset, theta)) - turned_in_64_bit(x, offset, theta)).max() < tolerance
    assert np.abs(np.array(fused_rope(x, offset, theta)) - turned_in_64_bit(x, offset, theta)).max() < tolerance


def test_equals_the_kernel_with_frequencies_of_its_own():
    x = random(1, 4, 9, 32)
    kernel = mx.fast.rope(x, 32, traditional=False, base=THETA, scale=1.0, offset=7)
    assert mx.abs(rope(x, 7, THETA) - kernel).max().item() < 1e-5
    kernel = mx.fast.rope(x, 32, traditional=True, base=THETA, scale=1.0, offset=7)
    assert mx.abs(rope_interleaved(x, 7, THETA) - kernel).max().item() < 1e-5


@pytest.mark.parametrize("turn", [rope, fused_rope, rope_interleaved])
def test_position_0_stays_lengths_stay_and_offset_continues(turn):
    x = random(1, 2, 6, 8)
    assert mx.abs(turn(x)[:, :, 0] - x[:, :, 0]).max().item() < 1e-6
    assert mx.abs(mx.linalg.norm(turn(x, 50), axis=-1) - mx.linalg.norm(x, axis=-1)).max().item() < 1e-5
    assert mx.abs(turn(x, 10)[:, :, 2:] - turn(x[:, :, 2:], 12)).max().item() < 1e-5


@pytest.mark.parametrize("turn", [rope, fused_rope, rope_interleaved])
def test_a_score_depends_on_the_distance_alone(turn):
    q, k = random(1, 1, 1, 16), random(1, 1, 1, 16, seed=1)
    score = lambda i, j: (turn(q, i) * turn(k, j)).sum().item()
    assert score(9, 4) == pytest.approx(score(105, 100), abs=1e-4)
    assert abs(score(9, 4) - score(9, 5)) > 0.1


def test_frequencies_run_from_1_down_to_almost_1_over_theta():
    frequencies = rope_frequencies(128, 1e6)
    assert frequencies.shape == (64,) and frequencies.dtype == mx.float32
    assert frequencies[0].item() == 1 and frequencies[-1].item() == pytest.approx(1e6 ** (-126 / 128))


@pytest.mark.parametrize("n_heads, head_dim", [(1, 4), (2, 8), (4, 6)])
def test_the_permutation_carries_one_convention_over_to_the_other(n_heads, head_dim):
    dim, L = 12, 5
    wq, wk = random(n_heads * head_dim, dim), random(n_heads * head_dim, dim, seed=1)
    x = random(1, L, dim, seed=2)
    project = lambda weight, turn: turn(split_heads(x @ weight.T, n_heads), 3, THETA)  # (1, n_heads, L, head_dim)
    scores = lambda wq, wk, turn: project(wq, turn) @ project(wk, turn).swapaxes(2, 3)
    interleaved = scores(wq, wk, rope_interleaved)
    split = scores(interleaved_to_split(wq, n_heads), interleaved_to_split(wk, n_heads), rope)
    assert mx.abs(interleaved - split).max().item() < 1e-4
    assert mx.abs(interleaved - scores(wq, wk, rope)).max().item() > 0.1  # the wrong convention shows
    assert mx.array_equal(split_to_interleaved(interleaved_to_split(wq, n_heads), n_heads), wq)
    assert mx.array_equal(interleaved_to_split(split_to_interleaved(wq, n_heads), n_heads), wq)


@pytest.mark.parametrize("turn", [rope, fused_rope, rope_interleaved])
def test_16_bit_in_16_bit_out_with_angles_in_32(turn):
    x = random(1, 2, 3, 8).astype(mx.bfloat16)
    turned = turn(x, 500)
    assert turned.dtype == mx.bfloat16
    assert mx.abs(turned.astype(mx.float32) - turn(x.astype(mx.float32), 500)).max().item() < 0.02
