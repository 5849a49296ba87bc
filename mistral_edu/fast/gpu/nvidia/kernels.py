"""The .cuh files of this folder as a kernel for one model; see model.cuh for what it computes.

MLX compiles it when it is first called, which takes seconds, and keeps the result for the next process.
"""
from hashlib import sha256
from importlib import resources

import mlx.core as mx

FILES = "tensor_cores.cuh", "weights.cuh", "product.cuh", "attend.cuh", "model.cuh"
TILE, UNIT = 16, 64
WARPS, MOST_STAGES = 16, 4      # of a block; and chunks that a warp has under way
AT_ONCE = 8                     # tiles between two meetings of a block's warps
MOST_RUNS = 16                  # of a head's keys that different blocks take; a power of 2
PADDING = {16: 64, 8: 64, 4: 32}
STATIC = 1024                   # bytes of shared memory that are not ours

SOURCE = """
extern __shared__ __align__(128) unsigned char bytes[];
Shared& shared = *(Shared*)bytes;
Weights& all = shared.weights;
{table}
__syncthreads();
const Token it{{min(max((int)token[0], 0), VOCAB - 1), where[0], periods, (const uint32_t*){embed}}};
through(shared, it, where[1], norm, (unsigned*)signs, Between((float*)room), logits);
if (blockIdx.x == 0 && threadIdx.x == 0) next[0] = where[0] + 1, next[1] = where[1];
"""


def make_kernel(shape):
    """The kernel of a Shape, as a function of MLX; its inputs are named by shape.inputs()."""
    source = SOURCE.format(table="\n".join(shape.table()), embed=comma(shape.names("embed", shape.embed_bits), 3))
    return compiled("model", FILES, shape.constants(), source, shape.inputs(), ["logits", "next"], 32 * WARPS,
                    shape.shared_memory())


def compiled(kind, files, constants, source, inputs, outputs, n_threads, shared_memory):
    """A function of MLX from files of this folder: with these constants before them, and this body of the kernel.

    n_threads: of a block; shared_memory: bytes of one.
    """
    text = "".join(resources.files(__package__).joinpath(name).read_text() for name in files)
    header = f"namespace mistral {{\n{constants}{text}}}\n"
    name = f"{kind}_{sha256((header + source).encode()).hexdigest()[:12]}"
    # How many threads there will be is known to nobody but the compiler, and MLX has no word to tell it.
    header += f"#define custom_kernel_{name} __launch_bounds__({n_threads}, 1) custom_kernel_{name}\n"
    source = f"#undef custom_kernel_{name}\nusing namespace mistral;\n{source}"
    return mx.fast.cuda_kernel(name=name, input_names=inputs, output_names=outputs, header=header, source=source,
                               shared_memory=shared_memory)


class Shape:
    """What the kernel has to know about a model and a GPU.

    config: of the model; bits, embed_bits: 16, 8 or 4, of all matrices and of the embedding; eps: of the two norms of a
    layer and of the last norm; gpu: see device.py. stages is 0 where the GPU has too little shared memory.
    """

    def __init__(self, config, bits, embed_bits, eps, gpu):
        self.config, self.bits, self.embed_bits, self.eps = config, bits, embed_bits, eps
        self.n_blocks = gpu.multiprocessors
        self.q_size, self.kv_size = config.n_heads * config.head_dim, config.n_kv_heads * config.head_dim
        self.group = config.n_heads // config.n_kv_heads
        self.runs = min(MOST_RUNS, power_of_two(self.n_blocks // config.n_kv_heads))
        widths = config.dim, config.hidden_dim, self.q_size
        self.step = {16: 64, 8: 128, 4: 128 if any(width % 256 for width in widths) else 256}[bits]
        fits = [n for n in range(1, MOST_STAGES + 1) if self.shared_memory(n) + STATIC <= gpu.shared_memory]
        self.stages = max(fits, default=0)

    def constants(self):
        c = self.config
        numbers = {"DIM": c.dim, "N_LAYERS": c.n_layers, "N_HEADS": c.n_heads, "N_KV_HEADS": c.n_kv_heads,
                   "HEAD_DIM": c.head_dim, "HIDDEN": c.hidden_dim, "VOCAB": c.vocab_size, "WINDOW": c.window_size or 0,
                   "BITS": self.bits, "EMBED_BITS": self.embed_bits, "STEP": self.step, "N_BLOCKS": self.n_blocks,
                   "WARPS": WARPS, "THREADS": 32 * WARPS, "STAGES": self.stages, "AT_ONCE": AT_ONCE,
                   "MOST_RUNS": self.runs, "SHARED_BYTES": self.shared_memory()}
        lines = [f"constexpr int {name} = {value};" for name, value in numbers.items()]
        lines += [f"constexpr float {name} = {value!r}f;" for name, value in
                  zip(("EPS_1", "EPS_2", "EPS_OUT", "SCALE"), (*self.eps, c.head_dim ** -0.5))]
        return "\n".join(lines) + "\n"

    def inputs(self):
        """Names of all arrays: the token, where it is, what goes round, the embedding, each layer, the output layer."""
        names = ["token", "where", "after", "signs", "room", "periods", *self.names("embed", self.embed_bits)]
        for n in range(self.config.n_layers):
            for matrix in ("qkv", "o", "gate_up", "down"):
                names += self.names(f"{matrix}{n}_", self.bits)
            names += [f"norm1_{n}", f"norm2_{n}"]
        names += [*self.names("head", self.bits), "norm"]
        return names + [f"{kind}_{n}" for kind in ("keys", "values") for n in range(self.config.n_layers)]

    def names(self, matrix, bits):
        return [f"{matrix}w"] if bits == 16 else [f"{matrix}w", f"{matrix}s", f"{matrix}b"]

    def table(self):
        """Lines of the kernel that fill in the weights (struct Weights): a warp does every WARPS-th layer."""
        c = self.config
        for n in range(c.n_layers):
            each = [("qkv", c.dim, self.q_size + 2 * self.kv_size, 0), ("o", self.q_size, c.dim, 0),
                    ("gate_up", c.dim, 2 * c.hidden_dim, c.hidden_dim), ("down", c.hidden_dim, c.dim, 0)]
            lines = [self.entry(f"{name}{n}_", 4 * n + i, width, rows, half)
                     for i, (name, width, rows, half) in enumerate(each)]
            lines.append(f"all.layers[{n}] = {{norm1_{n}, norm2_{n}, (bf16*)keys_{n}, (bf16*)values_{n}}};")
            yield f"if (threadIdx.x == {n % WARPS * 32}) {{ {' '.join(lines)} }}"
        yield f"if (threadIdx.x == 0) {self.entry('head', 4 * c.n_layers, c.dim, c.vocab_size, 0)}"

    def entry(self, name, at, width, rows, half):
        weights = comma(self.names(name, self.bits), 3)
        return (f"all.matrices[{at}] = {{(const unsigned char*){weights}, {width}, {rows // TILE}, "
                f"{width // self.step}, {half}}};")

    def shared_memory(self, stages=None):
        """Bytes of a block (struct Shared)."""
        c = self.config
        scales = 0 if self.bits == 16 else self.step // UNIT * 2
        chunk = TILE * (self.step * self.bits // 8 + PADDING[self.bits]) + 2 * TILE * scales
        belts = WARPS * (stages or self.stages) * chunk
        weights = 40 * (4 * c.n_layers + 1) + 32 * c.n_layers
        partial = 2 * AT_ONCE * WARPS * TILE * 4
        widest = max(c.dim, c.hidden_dim, self.q_size)
        attention = 8 * c.head_dim * 2 + WARPS * self.group * (c.head_dim + 2) * 4
        room = max(widest * 2 + widest // UNIT * 4, attention)
        return rounded_up(rounded_up(belts + weights, 16) + partial + rounded_up(room, 16), 128)

    def room(self):
        """Numbers of float32 that blocks hand to one another (struct Between)."""
        c = self.config
        halves = 2 * c.dim + 2 * self.q_size + 2 * self.kv_size + c.hidden_dim
        return halves // 2 + c.head_dim + self.runs * c.n_heads * (c.head_dim + 2)


def comma(names, n):
    """The names, and nullptr for what is missing of n."""
    return ", ".join([*names, *["nullptr"] * (n - len(names))])


def power_of_two(n):
    """The greatest one that is not above n."""
    return 1 << (n.bit_length() - 1)


def rounded_up(n, to):
    return -(-n // to) * to
