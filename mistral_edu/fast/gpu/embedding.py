"""The rows of an embedding for a prompt.

On NVIDIA, MLX compiles its gather when it is first called, which takes seconds. A short prompt, as the first one mostly
is, does without there: its few rows are put together from views.
"""
import mlx.core as mx

from mistral_edu.fast.gpu.matrices import ARRAYS, ON_NVIDIA, form

FEW = 256 if ON_NVIDIA else 0   # tokens


def rows_of(embed, tokens):
    """embed: nn.Embedding or its quantized form; tokens (B, L) int -> (B, L, dim)."""
    if tokens.size > FEW:
        return embed(tokens)
    ids = tokens.reshape(-1).tolist()
    if min(ids) < 0 or max(ids) >= embed.weight.shape[0]:
        return embed(tokens)
    picked = [mx.concatenate([embed[name][id:id + 1] for id in ids]) for name in ARRAYS if name in embed]
    packing = form(embed)
    x = mx.dequantize(*picked, **packing) if packing else picked[0]
    return x.reshape(*tokens.shape, -1)
