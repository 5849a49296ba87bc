"""Rotary position embedding: turn queries and keys by an angle that grows with their position.

Source: Su et al. 2021, "RoFormer" (arXiv:2104.09864), section 3.2. Element pair i of a head turns by
position * theta**(-2i / head_dim), so of their positions only the distance counts in the product of a query and a key.

Which two elements make a pair is a convention, and a checkpoint is trained with one of them:
- split halves: i goes with i + head_dim/2. Mistral's Hugging Face checkpoints, and this package: `rope`.
- interleaved: 2i goes with 2i + 1. The paper and the authors' own checkpoints: `rope_interleaved`.
Reordering the rows of the query and key weights converts one to the other: `interleaved_to_split`.
"""
import mlx.core as mx


def rope_frequencies(head_dim, theta=10000.0):
    """The angle per position of each pair, (head_dim/2,), from 1 down to almost 1/theta.

    Python computes it in 64 bits, and it is rounded once: an error in the 7th digit, times position 30,000, would show.

    >>> rope_frequencies(4, theta=100.0).tolist()
    [1.0, 0.10000000149011612]
    """
    return mx.array([theta ** (-i / head_dim) for i in range(0, head_dim, 2)])


def rope_angles(L, head_dim, offset=0, theta=10000.0):
    """The angle of every pair at positions offset .. offset+L-1: (L, head_dim/2), fp32."""
    positions = offset + mx.arange(L, dtype=mx.float32)             # (L,)
    return positions[:, None] * rope_frequencies(head_dim, theta)   # (L, head_dim/2)


def rope(x, offset=0, theta=10000.0):
    """Rotate split halves.  x (B, n_heads, L, head_dim) at positions offset .. offset+L-1 -> the same shape and dtype.

    >>> quarter_turn = 3.14159265 / 2                                     # one pair: position 1 turns by 1 radian
    >>> turned = rope(mx.array([[[[1.0, 0.0]]]]), offset=quarter_turn)    # the first axis lands on the second
    >>> mx.round(mx.abs(turned), 4).tolist()
    [[[[0.0, 1.0]]]]
    """
    angles = rope_angles(x.shape[-2], x.shape[-1], offset, theta)         # (L, head_dim/2)
    cos, sin = mx.cos(angles), mx.sin(angles)
    first, second = mx.split(x.astype(mx.float32), 2, axis=-1)            # each (B, n_heads, L, head_dim/2)
    turned = mx.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return turned.astype(x.dtype)                                         # (B, n_heads, L, head_dim)


def rope_interleaved(x, offset=0, theta=10000.0):
    """Rotate neighbours, as the authors' own checkpoints expect. Shapes as in `rope`."""
    angles = rope_angles(x.shape[-2], x.shape[-1], offset, theta)         # (L, head_dim/2)
    cos, sin = mx.cos(angles), mx.sin(angles)
    x32 = x.astype(mx.float32)
    even, odd = x32[..., 0::2], x32[..., 1::2]                            # each (B, n_heads, L, head_dim/2)
    turned = mx.stack([even * cos - odd * sin, odd * cos + even * sin], axis=-1)   # (B, n_heads, L, head_dim/2, 2)
    return turned.reshape(x.shape).astype(x.dtype)                        # (B, n_heads, L, head_dim)


def fused_rope(x, offset=0, theta=10000.0):
    """`rope` as one MLX kernel; a test checks that they agree. `offset` is a whole number here."""
    periods = 1 / rope_frequencies(x.shape[-1], theta)                    # what mx.fast.rope calls freqs
    return mx.fast.rope(x, x.shape[-1], traditional=False, base=None, scale=1.0, offset=offset, freqs=periods)


def interleaved_to_split(weight, n_heads):
    """Reorder the rows of a query or key weight (n_heads * head_dim, dim) from interleaved to split halves.

    Within each head, the new order is 0 2 4 .. 1 3 5 .. . Then `rope` of the new projection equals `rope_interleaved`
    of the old one, reordered likewise; with queries and keys in the same new order, every score stays as it was.

    >>> interleaved_to_split(mx.arange(6)[:, None], n_heads=1).flatten().tolist()
    [0, 2, 4, 1, 3, 5]
    """
    by_pair = weight.reshape(n_heads, -1, 2, weight.shape[-1])            # (n_heads, head_dim/2, 2, dim)
    return by_pair.transpose(0, 2, 1, 3).reshape(weight.shape)


def split_to_interleaved(weight, n_heads):
    """The inverse of `interleaved_to_split`.

    >>> split_to_interleaved(mx.array([0, 2, 4, 1, 3, 5])[:, None], n_heads=1).flatten().tolist()
    [0, 1, 2, 3, 4, 5]
    """
    by_half = weight.reshape(n_heads, 2, -1, weight.shape[-1])            # (n_heads, 2, head_dim/2, dim)
    return by_half.transpose(0, 2, 1, 3).reshape(weight.shape)
