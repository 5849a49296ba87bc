"""Attention of a piece of a prompt within the window, by a kernel of our own; see window.cuh."""
import mlx.core as mx

from mistral_edu.fast.gpu import window as plain
from mistral_edu.fast.gpu.nvidia.device import gpu
from mistral_edu.fast.gpu.nvidia.kernels import STATIC, compiled
from mistral_edu.fast.gpu.nvidia.trust import HEAD_DIMS, LEAST, agrees, are_allowed, distance

FILES = "tensor_cores.cuh", "window.cuh"
ROWS, KEYS, WARPS = 128, (64, 32), 4    # queries of a block; keys of a tile, as many as fit
NEAR = 0.02     # of the right result's length: how far apart both ways may be. Both round to bfloat16, to 0.002 of it

SOURCE = """
extern __shared__ __align__(128) unsigned char bytes[];
const int first = blockIdx.x * ROWS, head = blockIdx.y, offset = where[0], L = where[1], last = offset + L - 1;
const size_t query = (size_t)blockIdx.z * N_HEADS + head, key = (size_t)blockIdx.z * N_KV_HEADS + head / GROUP;
const size_t in_ring = key * WINDOW * HEAD_DIM, in_piece = key * L * HEAD_DIM;
attend(*(Shared*)bytes, q + query * L * HEAD_DIM, Tokens{ring_k + in_ring, k + in_piece, offset, last},
       Tokens{ring_v + in_ring, v + in_piece, offset, last}, first, L,
       out + ((size_t)blockIdx.z * L * N_HEADS + head) * HEAD_DIM);
"""


def make_attention(config, dtype):
    """What computes attention of a piece in a window, as fast.gpu.window.attend does, on this machine."""
    here = gpu()
    if (config.window_size is None or here is None or not are_allowed() or here.capability < LEAST
            or dtype != mx.bfloat16 or config.head_dim not in HEAD_DIMS):
        return plain.attend
    fitting = [n for n in KEYS if shared_memory(config, n) + STATIC <= here.shared_memory]
    return WindowKernel(config, fitting[0]) if fitting else plain.attend


class WindowKernel:
    """n_keys: of a tile. trusted: whether it agreed with MLX's operations here; None before it has been asked."""

    def __init__(self, config, n_keys):
        self.window, self.trusted, self.kernel = config.window_size, None, make_kernel(config, n_keys)

    def __call__(self, q, k, v, held, scale):
        """q (B, n_heads, L, head_dim), k and v (B, n_kv_heads, L, head_dim) of a piece; held: the layer's full ring."""
        if self.trusted is False or held.keys.dtype != q.dtype or held.keys.shape[2] != self.window:
            return plain.attend(q, k, v, held, scale)
        if self.trusted is None and not self.is_right(q, k, v, held, scale):
            return plain.attend(q, k, v, held, scale)
        return self.kernel(q, k, v, held)

    def is_right(self, q, k, v, held, scale):
        """Ask both ways once."""
        def why_not():
            apart = distance(self.kernel(q, k, v, held), plain.attend(q, k, v, held, scale))
            return "" if apart < NEAR else (    # NaN is not less, either
                f"its result is {apart:.3g} of the right one's length away from it; less than {NEAR} was expected")
        self.trusted = agrees("the kernel for windows on NVIDIA GPUs is", why_not)
        return self.trusted


def make_kernel(config, n_keys):
    """The function (q, k, v, held) -> out (B, n_heads, L, head_dim), lazily."""
    numbers = {"N_HEADS": config.n_heads, "N_KV_HEADS": config.n_kv_heads, "GROUP": config.n_heads // config.n_kv_heads,
               "HEAD_DIM": config.head_dim, "WINDOW": config.window_size, "KEYS": n_keys, "ROWS": ROWS, "WARPS": WARPS,
               "SHARED_BYTES": shared_memory(config, n_keys)}
    constants = "".join(f"constexpr int {name} = {value};\n" for name, value in numbers.items())
    constants += f"constexpr float SCALE = {config.head_dim ** -0.5!r}f;\n"
    kernel = compiled("window", FILES, constants, SOURCE, ["q", "k", "v", "ring_k", "ring_v", "where"], ["out"],
                      32 * WARPS, numbers["SHARED_BYTES"])

    def attend(q, k, v, held):
        B, n_heads, L, head_dim = q.shape
        where = mx.array([held.offset, L], dtype=mx.int32)
        n_threads = 32 * WARPS
        out, = kernel(inputs=[q, k, v, held.keys, held.values, where], grid=(-(-L // ROWS) * n_threads, n_heads, B),
                      threadgroup=(n_threads, 1, 1), output_shapes=[(B, L, n_heads, head_dim)], output_dtypes=[q.dtype])
        return out.transpose(0, 2, 1, 3)
    return attend


def shared_memory(config, n_keys):
    """Bytes of a block (struct Shared)."""
    return (ROWS + 4 * n_keys) * (config.head_dim + 8) * 2
