"""Attention masks: which key a query may look at. Source: Jiang et al. 2023 (arXiv:2310.06825), section 2, figure 1.

A window of W lets the query at position i see the keys j with i - W < j <= i: W keys, its own included. Hugging Face's
Mistral does the same; the paper's prose can also be read as W + 1.
"""
import mlx.core as mx


def causal_mask(L: int, offset: int = 0) -> mx.array:
    """True where a key is not later than the query: (L, offset + L) bool. Queries are at offset .. offset+L-1.

    >>> causal_mask(2, offset=1).astype(mx.int32).tolist()
    [[1, 1, 0], [1, 1, 1]]
    """
    return visible(L, offset, None, offset + L)


def sliding_window_mask(L: int, window: int, offset: int = 0) -> mx.array:
    """True where a query may look at a key.

    L queries sit at positions offset .. offset+L-1; S = offset + L positions exist so far.
    `window` (W in the paper) counts the query's own key: W = 1 sees only itself. Returns (L, S) bool.
    Raises ValueError when window < 1.

    >>> sliding_window_mask(4, 2).astype(mx.int32).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    """
    return visible(L, offset, window, offset + L)


def create_attention_mask(L: int, offset: int = 0, window: int | None = None, S: int | None = None,
                          as_array: bool = False) -> mx.array | str | None:
    """The mask of one call of the model: L queries at positions offset .. offset+L-1.

    L: queries in this call.
    offset: tokens already seen.
    window: keys that a query sees, its own included; None for all.
    S: number of keys, the last of them at the last query's position; None for the offset + L that exist. A rotating
        cache returns fewer.
    as_array: True to get the array in any case.

    Returns (L, S) bool, True = may look. Unless `as_array`, it returns a short form that the fused kernel takes where
    the array would add nothing: None (one query that sees every key) or "causal" (no key is out of the window).
    Raises ValueError when window < 1, or when S is not in L .. offset + L.

    >>> create_attention_mask(2, offset=3, window=2, S=3).astype(mx.int32).tolist()   # keys 2 3 4, queries 3 4
    [[1, 1, 0], [0, 1, 1]]
    >>> create_attention_mask(5), create_attention_mask(1, offset=4)
    ('causal', None)
    """
    S = offset + L if S is None else S
    check_window(window)
    if not L <= S <= offset + L:
        raise ValueError(f"S counts the keys up to the last query, so it is in {L} .. {offset + L}; got {S}")
    everything_in_window = window is None or S <= window  # the last query looks back furthest
    if everything_in_window and not as_array:
        return None if L == 1 else "causal"
    return visible(L, offset, window, S)


def visible(L: int, offset: int, window: int | None, S: int) -> mx.array:
    """The (L, S) bool array itself: the S keys end at position offset+L-1, as the L queries do."""
    check_window(window)
    end = offset + L
    q_pos = mx.arange(offset, end)[:, None]     # (L, 1)
    k_pos = mx.arange(end - S, end)[None, :]    # (1, S)
    back = q_pos - k_pos                        # (L, S)  0 = itself, 3 = three tokens ago
    if window is None:
        return back >= 0                        # (L, S)
    return (back >= 0) & (back < window)        # (L, S)


def check_window(window):
    """Raise ValueError unless window is None or at least 1."""
    if window is not None and window < 1:
        raise ValueError(f"window counts the token itself, so it is at least 1 (None: no window); got {window}")
