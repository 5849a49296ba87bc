"""The rows of an embedding for a prompt.

On NVIDIA, MLX compiles its gather when it is first called, for up to nine seconds. A short prompt, as the first one
mostly is, does without: its few rows are put together from views.
"""
import mlx.core as mx

from mistral_edu.fast.gpu.matrices import matrix

FEW = 256   # tokens


def rows_of(embed, tokens):
    """embed: nn.Embedding or its quantized form; tokens (B, L) int -> (B, L, dim)."""
    ids = tokens.reshape(-1).tolist() if tokens.size <= FEW else []
    rows = matrix(embed)
    if not ids or min(ids) < 0 or max(ids) >= rows.rows:
        return embed(tokens)
    picked = [mx.concatenate([array[id:id + 1] for id in ids]) for array in rows.arrays]
    x = picked[0] if rows.packing is None else mx.dequantize(*picked, **rows.packing)
    return x.reshape(*tokens.shape, -1)
