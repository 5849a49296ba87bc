"""Every filter against plain numpy, and every draw against its distribution."""
import random

from mistral_edu.sampling import (
    Sampling,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    sample,
    scale_by_temperature,
)

import mlx.core as mx
import numpy as np
import pytest

DRAWS = 20_000


def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum()


# --- the filters once more, in numpy, token by token ---

def numpy_penalty(logits, ids, penalty):
    out = logits.copy()
    for id in set(ids):
        out[id] = out[id] / penalty if out[id] > 0 else out[id] * penalty
    return out


def numpy_top_k(logits, k):
    order = sorted(range(len(logits)), key=lambda id: -logits[id])
    return only(order[:k] if k else order, logits)


def numpy_top_p(logits, p):
    kept, total, probabilities = [], 0.0, softmax(logits)
    for id in sorted(range(len(logits)), key=lambda id: -logits[id]):
        if kept and total >= p:
            break
        kept.append(id)
        total += probabilities[id]
    return only(kept, logits)


def numpy_min_p(logits, p):
    probabilities = softmax(logits)
    return only([id for id in range(len(logits)) if probabilities[id] >= p * probabilities.max()], logits)


def only(kept, logits):
    out = np.full_like(logits, -np.inf)
    out[kept] = logits[kept]
    return out


def numpy_sample_distribution(logits, ids=(), temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repetition_penalty=1.0):
    """The probabilities that sample() draws from."""
    logits = numpy_penalty(logits, ids, repetition_penalty) / temperature
    return softmax(numpy_min_p(numpy_top_p(numpy_top_k(logits, top_k), top_p), min_p))


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(0, 2, (50, 40)).astype(np.float32)


FILTERS = [(keep_top_k, numpy_top_k, value) for value in (0, 1, 2, 7, 39, 40, 99)]
FILTERS += [(keep_top_p, numpy_top_p, value) for value in (1e-6, 0.1, 0.5, 0.9, 0.999, 1.0)]
FILTERS += [(keep_min_p, numpy_min_p, value) for value in (0.0, 0.01, 0.1, 0.5)]


@pytest.mark.parametrize("filter, plain, value", FILTERS)
def test_a_filter_is_what_numpy_computes(rows, filter, plain, value):
    expected = np.stack([plain(row, value) for row in rows])
    np.testing.assert_array_equal(np.array(filter(mx.array(rows), value)), expected)
    np.testing.assert_array_equal(np.array(filter(mx.array(rows[3]), value)), expected[3])  # one row is fine, too


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.3])
def test_the_penalty_is_what_numpy_computes(rows, penalty):
    ids = [3, 39, 3, 0]
    expected = np.stack([numpy_penalty(row, ids, penalty) for row in rows])
    for form in (ids, mx.array(ids)):
        np.testing.assert_allclose(np.array(penalize_repetition(mx.array(rows), form, penalty)), expected, rtol=1e-6)


def test_filters_leave_their_input_as_it_was(rows):
    logits = mx.array(rows)
    for filter, value in ((keep_top_k, 3), (keep_top_p, 0.5), (keep_min_p, 0.2), (scale_by_temperature, 0.5)):
        filter(logits, value)
    penalize_repetition(logits, [1, 2], 1.5)
    np.testing.assert_array_equal(np.array(logits), rows)


def test_of_equally_likely_tokens_that_with_the_lower_id_comes_first():
    tied = mx.array([1.0, 2.0, 1.0, 0.0])
    assert keep_top_k(tied, 2).tolist() == [1.0, 2.0, -np.inf, -np.inf]
    assert keep_top_p(mx.zeros(4), 0.5).tolist() == [0.0, 0.0, -np.inf, -np.inf]
    assert keep_min_p(tied, 0.1).tolist() == [1.0, 2.0, 1.0, 0.0]       # a threshold: it looks at each token alone


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_filters_are_what_numpy_computes_where_many_logits_are_equal(dtype):
    tied = mx.array(np.random.default_rng(1).integers(-2, 3, (60, 30)).astype(np.float32)).astype(dtype)
    rows = np.array(tied.astype(mx.float32))
    for k in (1, 2, 5, 29):
        kept = np.array(keep_top_k(tied, k).astype(mx.float32))
        np.testing.assert_array_equal(kept, np.stack([numpy_top_k(row, k) for row in rows]))
    np.testing.assert_array_equal(np.array(sample(tied, temperature=1.0, top_k=1, seed=3)), rows.argmax(axis=-1))
    for p in (0.1, 0.5, 0.9):
        kept = np.array(keep_top_p(tied.astype(mx.float32), p))
        assert [len(row[row > -np.inf]) for row in kept] == [(numpy_top_p(row, p) > -np.inf).sum() for row in rows]


@pytest.mark.parametrize("settings", [
    dict(),
    dict(temperature=0.5),
    dict(temperature=2.0),
    dict(top_k=4),
    dict(top_p=0.8),
    dict(min_p=0.1),
    dict(repetition_penalty=1.5, ids=[0, 2, 2]),
    dict(temperature=1.5, top_k=8, top_p=0.9, min_p=0.05, repetition_penalty=1.2, ids=[1, 4]),
])
def test_draws_follow_their_distribution(settings):
    """Total variation, half the sum of the absolute differences, below 0.02."""
    logits = np.random.default_rng(7).normal(0, 1.5, 12).astype(np.float32)
    draws = sample(mx.broadcast_to(mx.array(logits), (DRAWS, 12)), **{"temperature": 1.0, **settings}, seed=5)
    frequency = np.bincount(np.array(draws), minlength=12) / DRAWS
    expected = numpy_sample_distribution(logits, **settings)
    assert 0.5 * np.abs(frequency - expected).sum() < 0.02
    assert not frequency[expected == 0].any()


def test_the_order_of_the_filters_is_the_documented_one():
    """Temperature first makes top-p keep more: 0.6 of the sharp distribution is one token, of the flat one three."""
    logits = mx.log(mx.array([0.7, 0.15, 0.1, 0.05]))
    draws = sample(mx.broadcast_to(logits, (DRAWS, 4)), temperature=5.0, top_p=0.6, seed=1)
    assert set(np.array(draws)) == {0, 1, 2}


def test_temperature_0_takes_the_most_likely_and_of_equals_the_lowest_id():
    logits = mx.array([[0.0, 3.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    assert sample(logits).tolist() == [1, 0]
    assert sample(logits, seed=1).tolist() == [1, 0]
    assert sample(logits, repetition_penalty=2.0, ids=[1]).tolist() == [3, 0]


def test_half_precision_logits_are_filtered_in_fp32():
    logits = mx.array([1.0, 2.0, 3.0], dtype=mx.bfloat16)
    assert sample(logits, temperature=1.0, top_p=0.5, seed=0).item() == 2


def test_the_same_seed_draws_the_same():
    rows = mx.zeros((100, 50))
    draws = {seed: sample(rows, temperature=1.0, seed=seed).tolist() for seed in (0, 1)}
    assert draws[0] == sample(rows, temperature=1.0, seed=0).tolist()
    assert draws[0] == sample(rows, temperature=1.0, key=mx.random.key(0)).tolist()
    assert draws[0] != draws[1]
    assert sample(rows, temperature=1.0).tolist() != sample(rows, temperature=1.0).tolist()


def test_global_random_state_is_left_alone():
    def next_numbers(between):
        mx.random.seed(3), random.seed(3), np.random.seed(3)
        between()
        return mx.random.uniform().item(), random.random(), np.random.rand()

    def draw():
        sample(mx.zeros(9), temperature=1.0).item()
        sample(mx.zeros(9), temperature=1.0, seed=8).item()

    assert next_numbers(draw) == next_numbers(lambda: None)


@pytest.mark.parametrize("setting", [dict(temperature=-1), dict(temperature=float("nan")), dict(top_k=-1),
                                     dict(top_p=0), dict(top_p=1.1), dict(min_p=-0.1), dict(min_p=2),
                                     dict(repetition_penalty=0)])
def test_a_setting_out_of_range_is_named(setting):
    (name, value), = setting.items()
    with pytest.raises(ValueError, match=f"{name} should be .*; got {value}"):
        sample(mx.zeros(4), **setting)


# --- the settings as one value ---

def test_the_value_draws_what_sample_draws():
    rows = mx.array(np.random.default_rng(2).normal(0, 2, (200, 30)).astype(np.float32))
    settings = dict(temperature=1.3, top_k=9, top_p=0.9, min_p=0.02, repetition_penalty=1.2, seed=4)
    assert Sampling(**settings).draw(rows, ids=[3, 5]).tolist() == sample(rows, ids=[3, 5], **settings).tolist()


@pytest.mark.parametrize("wrong", [dict(temperature=-1), dict(top_k=-1), dict(top_p=0), dict(min_p=2),
                                   dict(repetition_penalty=0), dict(seed=-1), dict(seed=0.5), dict(seed=2**64)])
def test_settings_are_checked_when_the_value_is_made(wrong):
    (name, value), = wrong.items()
    with pytest.raises(ValueError, match=f"{name}.* {value}"):
        Sampling(**wrong)


def test_the_value_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        Sampling().temperature = -1
