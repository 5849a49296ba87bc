"""SwiGLU, the feed-forward layer. Source: Shazeer 2020, "GLU Variants Improve Transformer" (arXiv:2002.05202), eq. 6.
"""
import mlx.core as mx
import mlx.nn as nn

from mistral_edu.config import MistralConfig


def silu(x: mx.array) -> mx.array:
    """x * sigmoid(x): close to 0 far below zero, close to x far above.

    >>> [round(v, 4) for v in silu(mx.array([-10.0, 0.0, 10.0])).tolist()]
    [-0.0005, 0.0, 9.9995]
    """
    return x * mx.sigmoid(x)


class FeedForward(nn.Module):
    """down(silu(gate(x)) * up(x)), each token by itself. The gate decides, unit by unit, how much of `up` passes."""

    def __init__(self, config: MistralConfig):
        super().__init__()
        self.gate_proj = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.up_proj = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.down_proj = nn.Linear(config.hidden_dim, config.dim, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        """x (B, L, dim) -> (B, L, dim)."""
        gated = silu(self.gate_proj(x)) * self.up_proj(x)  # (B, L, hidden_dim)
        return self.down_proj(gated)                       # (B, L, dim)
