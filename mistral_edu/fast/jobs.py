"""Write the table of jobs that kernels.py carries out: which rows, from where, to where, after what."""
import numpy as np

from mistral_edu.fast.team import team

# Bytes of weights per job with few rows. Long jobs read without a break; but threads should end at about the same time,
# so a job takes a share of what its stage has left, and the last ones are short.
SMALLEST_JOB, LARGEST_JOB, SHARE = 1 << 15, 1 << 19, 2
JOBS_PER_THREAD = 4  # of other kinds
UNIT = 32            # numbers of x with a step of their own: dots.py's, which is not imported where numba is missing
FEW = 4              # rows of x up to which each row of a matrix is read once, as it is stored
FEW_BF16 = 8         # the same where oneDNN is what many rows would go to,
LARGE = 1 << 18      # which pays for matrices of this many numbers; small ones stay exact to seven digits everywhere
ROWS = 66            # of a matrix at most, per job with many rows of x: unpacked as deep as tiles are, some 66 kB
PIECE = 1 << 20      # numbers of a matrix per job in bfloat16: unpacked, what a processor's own cache holds,
ROWS_BF16 = 128      # but as many rows at least: oneDNN is slower with fewer,
ENOUGH_BF16 = 256    # and no faster with more than these: then threads get several jobs each
CHUNK = 1024         # numbers per job for what takes a few operations per number
MOST_CHUNKS = 64     # at most this many jobs of that kind; then they get larger


class Rows:
    """n_rows vectors of float32 that compiled code fills, and the forms in which products read them."""

    def __init__(self, n_rows, size):
        self.n_rows, self.size = n_rows, size
        self.plain = aligned(n_rows * size).reshape(n_rows, size)
        self.address = self.plain.ctypes.data
        self._forms = {}

    def form(self, name, size):
        """Room for another form of the same rows, under a name of its own."""
        if name not in self._forms:
            self._forms[name] = aligned(size)
        return self._forms[name].ctypes.data

    @property
    def bf16(self):
        return self.form("bf16", -(-self.n_rows * self.size // 2))

    def shuffled(self, bits):
        """Rounded to integers, in the order in which weights of this many bits meet them."""
        return self.form(("shuffled", bits), -(-self.n_rows * self.size // 2))

    def steps(self, bits):
        """What those numbers count in, and what else rows.shuffle leaves: it depends on the bits, too."""
        return self.form(("steps", bits), self.n_rows * 3 * (self.size // UNIT))

    def tiles(self, tokens):
        return self.form("tiles", -(-self.n_rows // tokens) * tokens * self.size)


def aligned(n):
    """n zeros of float32 that begin at a cache line."""
    buffer = np.zeros(n + 16, np.float32)
    start = -buffer.ctypes.data % 64 // 4
    return buffer[start:start + n]


def bits_of(number):
    """A float32 as the whole number that its bits are."""
    return int(np.float32(number).view(np.uint32))


def chunks(size):
    """(start, count) of the parts of `size` numbers, one job each."""
    step = max(CHUNK, size // MOST_CHUNKS // CHUNK * CHUNK)
    return [(start, min(step, size - start)) for start in range(0, size, step)]


class JobWriter:
    """Collects jobs. Those of one stage may run side by side; a stage begins when the one before it is done.

    sgemm: address of a BLAS's product, for attention; 0 without one. onednn: the module if bfloat16 products go to it,
    else None.
    """

    def __init__(self, kernels, sgemm=0, onednn=None):
        self.kernels, self.sgemm, self.onednn = kernels, sgemm, onednn
        self.rows, self.needs, self.room, self.alive = [], 0, 1, []

    def stage(self):
        """What follows needs everything so far."""
        self.needs = len(self.rows)

    def add(self, operation, *arguments):
        row = [operation, self.needs, *map(int, arguments)]
        self.rows.append(row + [0] * (self.kernels.JOB_WIDTH - len(row)))

    def look_up(self, m, ids, target):
        """Rows of the matrix of an embedding. ids: an int64 array that holds them when the list is carried out."""
        for first in range(0, target.n_rows, 8):
            self.add(self.kernels.LOOK_UP, self.form(m), m.w, m.scales, m.biases, m.width, ids[first:].ctypes.data,
                     min(8, target.n_rows - first), target.address + 4 * first * target.size)

    def norm(self, source, weight_address, target, eps):
        self.stage()
        for first in range(0, source.n_rows, 8):
            at = 4 * first * source.size
            self.add(self.kernels.NORM, source.address + at, weight_address, target.address + at, source.size,
                     bits_of(eps), min(8, source.n_rows - first))

    def gate(self, gated, up):
        """gated = silu(gated) * up."""
        self.stage()
        for start, count in chunks(gated.n_rows * gated.size):
            self.add(self.kernels.GATE, gated.address + 4 * start, up.address + 4 * start, count)

    def products(self, x, *outputs):
        """out = x @ matrix.T for each (matrix, out), side by side; (matrix, out, True) adds to what is there."""
        outputs = [(matrix, out, any(add)) for matrix, out, *add in outputs]
        self.prepare(x, [matrix for matrix, *_ in outputs])
        self.stage()
        self.left = sum(matrix.rows * matrix.row_bytes for matrix, *_ in outputs)
        for matrix, out, add in outputs:
            way = {"few": self.few_rows, "tiles": self.many_rows, "onednn": self.many_rows_bf16}[self.way(matrix, x)]
            way(matrix, x, out, add)

    def way(self, matrix, x):
        """How to multiply: row by row while they are few; else in tiles, or in bfloat16 where weights are rounded."""
        if self.onednn and matrix.bits != 32 and matrix.rows * matrix.width >= LARGE:
            return "few" if x.n_rows <= FEW_BF16 else "onednn"
        return "few" if x.n_rows <= FEW else "tiles"

    def form(self, matrix):
        """The number by which rows.py knows how a matrix is stored."""
        k = self.kernels
        if matrix.is_quantized:
            return k.FORMS.index((matrix.bits, matrix.group_size, matrix.narrow))
        return k.BF16 if matrix.bits == 16 else k.FLOAT

    def prepare(self, x, matrices):
        """The forms of x that these products read."""
        k, ways = self.kernels, {(self.way(matrix, x), matrix.bits) for matrix in matrices}
        self.stage()
        for bits in sorted(bits for way, bits in ways if way == "few" and bits < 16):
            for m in range(x.n_rows):
                self.add(k.SHUFFLE, x.address + 4 * m * x.size, bits, x.shuffled(bits) + 2 * m * x.size,
                         x.steps(bits) + 4 * m * 3 * (x.size // UNIT), x.size)
        if any(way == "tiles" for way, _ in ways):
            for tile in range(-(-x.n_rows // k.TILE_TOKENS)):
                self.add(k.PACK, x.address, x.n_rows, x.size, tile, x.tiles(k.TILE_TOKENS))
        if any(way == "onednn" for way, _ in ways):
            for start, count in chunks(x.n_rows * x.size):
                self.add(k.NARROW_ROWS, x.address + 4 * start, x.bf16 + 2 * start, count)

    def pieces(self, matrix, step):
        """(start, end) of `step` rows, one job each."""
        return [(start, min(start + step, matrix.rows)) for start in range(0, matrix.rows, step)]

    def shrinking_pieces(self, matrix):
        """(start, end) of the rows of each job: as many as are read side by side, or a multiple of that.

        `left`: bytes of this stage that are not in a job yet.
        """
        start, n_threads = 0, team(self.kernels).n_threads
        while start < matrix.rows:
            size = min(max(SMALLEST_JOB, self.left // (SHARE * n_threads)), LARGEST_JOB)
            n_rows = size // matrix.row_bytes
            end = min(start + max(self.kernels.STREAMS, n_rows - n_rows % self.kernels.STREAMS), matrix.rows)
            yield start, end
            self.left -= (end - start) * matrix.row_bytes
            start = end

    def few_rows(self, m, x, out, add):
        for start, end in self.shrinking_pieces(m):
            if m.is_quantized:
                self.add(self.kernels.PACKED_ROWS, self.form(m), m.w, m.scales, m.biases, x.address, x.shuffled(m.bits),
                         x.steps(m.bits), out.address, out.size, x.n_rows, start, end, m.width // m.group_size, add)
            else:
                self.add(self.kernels.PLAIN_ROWS, self.form(m), m.w, x.address, out.address, out.size, x.n_rows, start,
                         end, m.width, add)

    def many_rows(self, m, x, out, add):
        k = self.kernels
        groups = -(-m.rows // k.TILE_ROWS)
        step = max(1, min(groups // (JOBS_PER_THREAD * team(k).n_threads), ROWS // k.TILE_ROWS)) * k.TILE_ROWS
        self.room = max(self.room, step * (k.DEPTH + -(-x.n_rows // k.TILE_TOKENS) * k.TILE_TOKENS))
        for start, end in self.pieces(m, step):
            self.add(k.MULTIPLY, self.form(m), m.w, m.scales, m.biases, start, end, m.width, x.tiles(k.TILE_TOKENS),
                     x.n_rows, out.address, out.size, add)

    def many_rows_bf16(self, m, x, out, add):
        n_threads = team(self.kernels).n_threads
        step = min(max(ENOUGH_BF16, m.rows // (JOBS_PER_THREAD * n_threads)), -(-m.rows // n_threads))
        step = max(ROWS_BF16, min(step, PIECE // m.width) // 16 * 16)
        self.room = max(self.room, (step + 1) * m.width)       # and one group, or row, besides
        for start, end in self.pieces(m, step):
            plan = self.onednn.plan(x.n_rows, m.width, end - start, out.size, add)
            self.alive.append(plan)
            self.add(self.kernels.MULTIPLY_BF16, self.form(m), m.w, m.scales, m.biases, start, end, m.width, x.bf16,
                     out.address, plan.table.ctypes.data)
