"""One token of one sequence through the whole model, by a kernel of our own."""
import copy

import mlx.core as mx

from mistral_edu.cache import KVCache
from mistral_edu.fast.gpu import prompt
from mistral_edu.fast.gpu.caches import are_as_made
from mistral_edu.fast.gpu.embedding import rows_of
from mistral_edu.fast.gpu.matrices import matrix
from mistral_edu.fast.gpu.nvidia.device import gpu
from mistral_edu.fast.gpu.nvidia.held import Held, held_by, in_turn
from mistral_edu.fast.gpu.nvidia.kernels import TILE, UNIT, WARPS, Shape, make_kernel
from mistral_edu.fast.gpu.nvidia.trust import HEAD_DIMS, LEAST, agrees, are_allowed, distance

NEAR = 0.2      # of the logits' length: by how much both ways may differ in bfloat16. Wrong logits differ by 1.4 of it
ENOUGH = 4096   # tokens of a cache without a window, after which both ways are asked: copies of more would take memory


def make_step(config, embed, layers, output):
    """(KernelStep, why there is none): one of the two is None or ""."""
    if not are_allowed():
        return None, "MISTRAL_EDU_ENGINE=mlx leaves them out"
    here = gpu()
    if here is None:
        return None, "MLX does not compute on an NVIDIA GPU"
    if why := why_not(config, embed, layers, output, here):
        return None, why
    return KernelStep(config, embed, layers, output, here), ""


def why_not(config, embed, layers, output, here):
    """What the kernels do not compute with, in words; "" where they do."""
    if here.capability < LEAST:
        return f"the kernels need a GPU of compute capability {LEAST[0]}.{LEAST[1]}"
    if layers[0].norms[0][0].dtype != mx.bfloat16:
        return f"the kernels are for bfloat16, and the weights are {layers[0].norms[0][0].dtype}"
    bits = {bits_of(each) for layer in layers for each in matrices(layer)} | {bits_of(output.head)}
    if len(bits) > 1 or None in bits | {bits_of(matrix(embed))}:
        return f"the kernels read 16 bits, or 8 or 4 in groups of {UNIT}, alike in all layers"
    if len({layer.norms[0][1] for layer in layers}) > 1 or len({layer.norms[1][1] for layer in layers}) > 1:
        return "the kernels are for norms with the same eps in all layers"
    q_size, kv_size = config.n_heads * config.head_dim, config.n_kv_heads * config.head_dim
    widths, rows = (config.dim, config.hidden_dim, q_size), (config.dim, config.vocab_size, q_size, kv_size)
    if (config.head_dim not in HEAD_DIMS or any(n % 128 for n in widths) or any(n % TILE for n in rows)
            or config.n_heads // config.n_kv_heads > 8 or config.n_kv_heads > here.multiprocessors):
        return "the kernels are not for models of this shape"
    if not Shape(config, bits.pop(), 16, (0, 0, 0), here).stages:
        return "the GPU has too little shared memory for them"
    return ""


def bits_of(matrix):
    """16, 8 or 4; None for what the kernels do not read."""
    if matrix is None:
        return None
    if matrix.packing is None:
        return 16 if matrix.arrays[0].dtype == mx.bfloat16 else None
    packing = matrix.packing
    fits = packing["bits"] in (8, 4) and packing["group_size"] == UNIT and packing["mode"] == "affine"
    return packing["bits"] if fits and len(matrix.arrays) == 3 and matrix.arrays[1].dtype == mx.bfloat16 else None


def matrices(layer):
    return layer.qkv.whole, layer.o, layer.gate_up.whole, layer.down


class KernelStep:
    """embed: nn.Embedding; layers: Layers; output: an Output; here: a Gpu.

    trusted: whether the kernels agreed with MLX's operations on this machine; None before they have been asked.
    """

    def __init__(self, config, embed, layers, output, here):
        self.config, self.embed, self.layers, self.output, self.trusted = config, embed, layers, output, None
        eps = (layers[0].norms[0][1], layers[0].norms[1][1], output.norm[1])
        rows = matrix(embed)
        shape = Shape(config, bits_of(output.head), bits_of(rows), eps, here)
        self.through = way_through(config, shape, rows, layers, output)

    def __call__(self, tokens, cache):
        """tokens (1, 1) -> logits (1, 1, vocab_size) float32, lazily; None where another way has to answer."""
        if self.trusted is False or tokens.shape != (1, 1):
            return None
        held = held_by(cache)
        if held is None or held.is_full():
            if not self.takes(cache):
                return None
            if self.trusted is None and not self.is_right(tokens, cache):
                return None
            held = Held(cache)
        return self.follow(tokens, held)

    def takes(self, cache):
        """Whether kernels can go on from these caches. (Looking at them brings back what is held.)"""
        if not are_as_made(cache, self.config.window_size, 1):
            return False
        first = cache[0]
        return first.offset > 0 and all(layer.offset == first.offset and layer.keys is not None
                                        and layer.keys.dtype == mx.bfloat16 for layer in cache)

    def follow(self, tokens, held):
        """The next token of what is held."""
        id = tokens.reshape(1).astype(mx.int32)
        held.begun = held.offset + 1
        logits, where = in_turn(lambda after: self.through(id, held.where, after, held.keys, held.values))
        held.logits, held.where = logits, where
        held.offset += 1
        return logits.reshape(1, 1, -1)

    def is_right(self, tokens, cache):
        """Ask both ways once for the next token, on copies: the kernels, and MLX's operations as they read prompts."""
        def why_not():
            first, second = beginning(cache), beginning(cache)
            found = self.follow(tokens, Held(first)).reshape(-1)
            x = prompt.read(self.layers, rows_of(self.embed, tokens), second, self.config.window_size)
            apart = [distance(found, self.output(x).reshape(-1))]
            apart += [distance(getattr(a, name)[:, :, :a.offset], getattr(b, name)[:, :, :a.offset])
                      for a, b in zip(first, second) for name in ("keys", "values")]
            far = [each for each in apart if not each < NEAR]       # NaN is not less, either
            return (f"their results are {max(far):.3g} of the right ones' length away from these; less than {NEAR} was "
                    "expected") if far else ""
        self.trusted = agrees("the kernels for NVIDIA GPUs are", why_not)
        return self.trusted


def beginning(cache):
    """Copies of caches, to be written to, as they were after no more than ENOUGH tokens. A ring is as long as it is."""
    copies = copy.deepcopy(cache)
    for layer in copies:
        if type(layer) is KVCache and layer.offset > ENOUGH:
            layer.offset = ENOUGH
            layer.keys, layer.values = layer.keys[:, :, :ENOUGH], layer.values[:, :, :ENOUGH]
    return copies


def way_through(config, shape, embed, layers, output):
    """The function (token (1,), where (2,), after, keys, values) -> (logits (vocab_size,), where the next token is).

    where: the token's position, and how many slots there are; keys, values: one array per layer.
    """
    kernel = make_kernel(shape)
    signs, room = mx.zeros((2 + config.n_kv_heads,), dtype=mx.uint32), mx.zeros((shape.room(),))
    mx.eval(signs, room)
    weights = [signs, room, layers[0].periods, *embed.arrays]
    for layer in layers:
        weights += [array for each in matrices(layer) for array in each.arrays]
        weights += [layer.norms[0][0], layer.norms[1][0]]
    weights += [*output.head.arrays, output.norm[0]]
    n_threads = 32 * WARPS
    how = {"grid": (shape.n_blocks * n_threads, 1, 1), "threadgroup": (n_threads, 1, 1),
           "output_shapes": [(config.vocab_size,), (2,)], "output_dtypes": [mx.float32, mx.int32]}

    def through(token, where, after, keys, values):
        return kernel(inputs=[token, where, after, *weights, *keys, *values], **how)
    return through
