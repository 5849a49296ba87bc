"""Modules around functions that a reader wrote: they compute with a model's weights as that model's own modules do.

Four kinds of function can be put into a model. Each is called as below, in float32, and has to return an array with the
shape of its first argument; an error (WrongResult) names what it returns instead.

    norm (x, weight, eps) or (x, weight)    x (B, L, dim), weight (dim,)
    attention (q, k, v, scale, mask)        q (B, n_heads, L, head_dim), k and v (B, n_kv_heads, S, head_dim),
                                            mask (L, S) bool, True = may look
    rotation (x, offset, theta)             x (B, heads, L, head_dim) at positions offset .. offset+L-1
    feed-forward (x, gate, up, down)        x (B, L, dim), gate and up (hidden_dim, dim), down (dim, hidden_dim)
"""
import mlx.core as mx
import mlx.nn as nn

from mistral_edu.attention import repeat_kv
from mistral_edu.lab.experiments.reader_functions import takes_eps
from mistral_edu.masks import create_attention_mask


class WrongResult(Exception):
    """What a reader's function returned cannot be used in a model. Its `fn` is that function."""

    def __init__(self, fn, message):
        super().__init__(message)
        self.fn = fn


def install(model, kind, fn, repeated=False):
    """Put a function in the place of every part of its kind; returns the model.

    repeated: an attention gets keys and values with as many heads as the queries, each copied for its group.
    """
    if kind == "norm":
        for block in model.layers:
            block.input_layernorm = OwnNorm(block.input_layernorm, fn)
            block.post_attention_layernorm = OwnNorm(block.post_attention_layernorm, fn)
        model.model.norm = OwnNorm(model.model.norm, fn)
    for block in model.layers:
        if kind == "attend":
            block.self_attn.attend = own_attention(fn, repeated)
        elif kind == "rotate":
            block.self_attn.rotate = lambda x, offset, theta: called(fn, x, offset, theta)
        elif kind == "feed_forward":
            block.mlp = OwnFeedForward(block.mlp, fn)
    return model


class OwnNorm(nn.Module):
    """A norm with the weight of another one, computed by fn(x, weight, eps) or fn(x, weight)."""

    def __init__(self, norm, fn):
        super().__init__()
        self.weight, self.eps, self.fn = norm.weight, norm.eps, fn
        self.takes_eps = takes_eps(fn)

    def __call__(self, x):
        """x (..., dim) -> (..., dim)."""
        return called(self.fn, x, self.weight, *[self.eps] * self.takes_eps)


class OwnFeedForward(nn.Module):
    """A feed-forward with the weights of another one, computed by fn(x, gate, up, down)."""

    def __init__(self, mlp, fn):
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj, self.fn = mlp.gate_proj, mlp.up_proj, mlp.down_proj, fn

    def __call__(self, x):
        """x (B, L, dim) -> (B, L, dim)."""
        return called(self.fn, x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


def own_attention(fn, repeated):
    """A function for Attention.attend that gives fn its mask as an array, whatever short form the model uses."""
    def attend(q, k, v, scale, mask=None):
        L, S = q.shape[2], k.shape[2]
        if mask is None:
            mask = mx.ones((L, S), dtype=mx.bool_)
        elif isinstance(mask, str):                                       # "causal"
            mask = create_attention_mask(L, offset=S - L, as_array=True)
        if repeated:
            k, v = (repeat_kv(each, q.shape[1] // each.shape[1]) for each in (k, v))
        return called(fn, q, k, v, scale, mask)
    return attend


def called(fn, x, *arguments):
    """fn(x, ...), once it is known to be an array like x."""
    result = fn(x, *arguments)
    if result is None:
        raise WrongResult(fn, "it returns None, so its return line may be missing")
    if not isinstance(result, mx.array):
        raise WrongResult(fn, f"it returns a {type(result).__name__}; expected an mx.array of shape {x.shape}")
    if result.shape != x.shape:
        raise WrongResult(fn, f"it returns shape {result.shape}; expected that of its first argument, {x.shape}")
    return result
