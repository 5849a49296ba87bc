"""One layer, in two parts: what comes before attention, and what comes after it. Compare with Block and Attention."""
import mlx.core as mx

from mistral_edu.attention import split_heads
from mistral_edu.fast.gpu.matrices import Joined, has_few_rows, matrix

LONG = 1024     # tokens from which on it pays to compile the gate, which takes seconds on NVIDIA when it is first used


def gate(gated, up):
    """silu(gated) * up. (In the compiled step, too, it is part of one kernel.)"""
    return one_kernel(gated, up) if gated.shape[-2] >= LONG else silu_times(gated, up)


def silu_times(gated, up):
    return gated * mx.sigmoid(gated) * up


one_kernel = mx.compile(silu_times, shapeless=True)


class Layer:
    """The weights of a Block; q, k and v as one matrix, and gate and up as another.

    periods: what mx.fast.rope turns by, 1 / rope_frequencies, (head_dim / 2,).
    """

    def __init__(self, block, periods):
        attention, feed_forward = block.self_attn, block.mlp
        self.n_heads, self.n_kv_heads, self.scale = attention.n_heads, attention.n_kv_heads, attention.scale
        self.periods = periods
        self.norms = [(norm.weight, norm.eps) for norm in (block.input_layernorm, block.post_attention_layernorm)]
        self.qkv = Joined([attention.q_proj, attention.k_proj, attention.v_proj])
        self.gate_up = Joined([feed_forward.gate_proj, feed_forward.up_proj])
        self.o, self.down = matrix(attention.o_proj), matrix(feed_forward.down_proj)
        self.is_packed = any(each.packing for each in (*self.qkv.parts, self.o, *self.gate_up.parts, self.down))

    def unpacks(self, x):
        """Whether quantized weights are unpacked for x (B, L, dim), which takes memory however few rows it has."""
        return self.is_packed and not has_few_rows(x)

    def heads(self, x, offset):
        """x (B, L, dim) -> q (B, n_heads, L, head_dim), k and v (B, n_kv_heads, L, head_dim); q and k are rotated.

        offset: position of the first token, an int or an array () of one.
        """
        return self.rotated(split_heads(self.joined(x), self.n_heads + 2 * self.n_kv_heads), offset)

    def heads_of_one(self, x, offset):
        """The same for one token of each sequence, x (B, dim), with L = 1."""
        joined = self.joined(x)                                                 # (B, width of q, k and v)
        return self.rotated(joined.reshape(x.shape[0], self.n_heads + 2 * self.n_kv_heads, 1, -1), offset)

    def joined(self, x):
        """q, k and v side by side: (..., dim) -> (..., (n_heads + 2 n_kv_heads) * head_dim)."""
        return self.qkv(mx.fast.rms_norm(x, *self.norms[0]))

    def rotated(self, all_heads, offset):
        """q, k and v of all heads (B, n_heads + 2 n_kv_heads, L, head_dim)."""
        turning, v = mx.split(all_heads, [self.n_heads + self.n_kv_heads], axis=1)      # q and k turn as one
        turned = mx.fast.rope(turning, 2 * self.periods.size, traditional=False, base=None, scale=1.0,
                              offset=offset, freqs=self.periods)
        return *mx.split(turned, [self.n_heads], axis=1), v

    def after_attention(self, x, out):
        """The residual stream x (..., dim) after attention's out (..., n_heads * head_dim)."""
        return x + self.o(out)

    def feed_forward(self, x):
        """The residual stream x (..., dim) after the feed-forward."""
        return x + self.down(gate(*self.gate_up.apart(mx.fast.rms_norm(x, *self.norms[1]))))

    def rest(self, x, out):
        """Both, one after the other."""
        return self.feed_forward(self.after_attention(x, out))


class Output:
    """The last norm and the output layer."""

    def __init__(self, norm, head):
        self.norm, self.head = (norm.weight, norm.eps), matrix(head)

    def __call__(self, x):
        """x (..., dim) -> logits (..., vocab_size)."""
        return self.head(mx.fast.rms_norm(x, *self.norm))
