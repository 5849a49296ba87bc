"""RMSNorm: keep the direction of a vector, fix its size. Source: Zhang and Sennrich 2019 (arXiv:1910.07467), eq. 4."""
import mlx.core as mx
import mlx.nn as nn


def rms_norm(x: mx.array, weight: mx.array, eps: float = 1e-5) -> mx.array:
    """Divide each vector by its root-mean-square, then scale its elements.  x (..., dim), weight (dim,) -> (..., dim).

    Computed in fp32 whatever the dtype of x: in 16 bits, a mean of squares would lose most of its digits.

    >>> [round(v, 4) for v in rms_norm(mx.array([3.0, 4.0]), mx.ones(2)).tolist()]
    [0.8485, 1.1314]
    """
    x32 = x.astype(mx.float32)
    mean_square = (x32 * x32).mean(axis=-1, keepdims=True)  # (..., 1)
    normed = x32 * mx.rsqrt(mean_square + eps)              # (..., dim)
    return weight * normed.astype(x.dtype)


class RMSNorm(nn.Module):
    """RMSNorm over the last axis, with one learned scale per element. `weight` (dim,) starts at 1."""

    def __init__(self, dim: int, eps: float = 1e-5):
        super().__init__()
        self.weight = mx.ones((dim,))
        self.eps = eps

    def __call__(self, x: mx.array) -> mx.array:
        """x (..., dim) -> (..., dim)."""
        return mx.fast.rms_norm(x, self.weight, self.eps)  # rms_norm as one kernel; a test checks that they agree
