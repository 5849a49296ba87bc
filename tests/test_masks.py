"""Masks: against two loops, by hand, and the shortcuts None and "causal"."""
from mistral_edu.attention import fused_attention, scaled_dot_product_attention
from mistral_edu.masks import causal_mask, create_attention_mask, sliding_window_mask

import mlx.core as mx
import numpy as np
import pytest

WINDOWS = [None, 1, 2, 3, 7, 100]


def by_loops(L, offset, window, S):
    """(L, S) bool: i - W < j <= i, with i and j positions in the text."""
    end = offset + L
    return np.array([[j <= i and (window is None or i - window < j) for j in range(end - S, end)]
                     for i in range(offset, end)])


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("L, offset", [(1, 0), (5, 0), (1, 6), (4, 6), (9, 2)])
def test_equals_two_loops_for_every_number_of_keys(L, offset, window):
    for S in range(L, offset + L + 1):
        mask = create_attention_mask(L, offset, window, S, as_array=True)
        assert mask.dtype == mx.bool_
        assert np.array_equal(np.array(mask), by_loops(L, offset, window, S))
        if window is not None and S == offset + L:
            assert mx.array_equal(mask, sliding_window_mask(L, window, offset))
    if window is None:
        assert mx.array_equal(mask, causal_mask(L, offset))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("L, offset", [(1, 0), (4, 0), (1, 6), (4, 6)])
@pytest.mark.parametrize("attend", [scaled_dot_product_attention, fused_attention])
def test_the_shortcuts_mean_what_the_array_means(attend, L, offset, window):
    q, k = (mx.random.normal((1, 2, n, 8), key=mx.random.key(n)) for n in (L, offset + L))
    for S in {L, offset + L}:
        short, full = (create_attention_mask(L, offset, window, S, as_array=a) for a in (False, True))
        kept = k[:, :, -S:]
        assert mx.abs(attend(q, kept, kept, 1.0, short) - attend(q, kept, kept, 1.0, full)).max().item() < 1e-5


def test_shortcuts_are_taken_exactly_where_they_hold():
    assert create_attention_mask(1, offset=9) is None
    assert create_attention_mask(1, offset=9, window=10) is None
    assert create_attention_mask(1, offset=9, window=9) is not None     # the first key is out of the window
    assert create_attention_mask(1, offset=9, window=9, S=9) is None    # a rotating cache has dropped it
    assert create_attention_mask(6, window=6) == "causal"
    assert isinstance(create_attention_mask(6, window=5), mx.array)


@pytest.mark.parametrize("window", [1, 3, 8])
def test_a_row_sees_window_keys_and_at_the_start_what_there_is(window):
    seen = sliding_window_mask(8, window).sum(axis=1).tolist()
    assert seen == [min(i + 1, window) for i in range(8)]


def test_wrong_arguments_are_named():
    for wrong in (0, -3):
        with pytest.raises(ValueError, match=f"at least 1.*got {wrong}"):
            sliding_window_mask(4, wrong)
        with pytest.raises(ValueError, match=f"at least 1.*got {wrong}"):
            create_attention_mask(4, window=wrong)
    for wrong in (3, 7):
        with pytest.raises(ValueError, match=f"S .* is in 4 .. 6; got {wrong}"):
            create_attention_mask(4, offset=2, S=wrong)
