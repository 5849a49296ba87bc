"""Write the table of jobs that kernels.py works off: which rows, from where, to where, after what."""
import numpy as np

JOB_BYTES = 1 << 16  # of weights per job: some microseconds, so that threads end at about the same time
CHUNK = 1024         # numbers of the gated vector per job, or more, where that would make more than
MOST_CHUNKS = 64     # jobs


class Vector:
    """A float32 vector that compiled code fills, and the form in which products with quantized rows read it."""

    def __init__(self, size):
        self.size = size
        self.plain, self.shuffled, self.sums = (aligned(n) for n in (size, size, size // 32 + 1))
        self.address, self.shuffled_address, self.sums_address = (part.ctypes.data for part in
                                                                  (self.plain, self.shuffled, self.sums))


def aligned(n):
    """n zeros of float32 that begin at a cache line."""
    buffer = np.zeros(n + 16, np.float32)
    start = -buffer.ctypes.data % 64 // 4
    return buffer[start:start + n]


def bits_of(number):
    """A float32 as the whole number that its bits are."""
    return int(np.float32(number).view(np.uint32))


class JobWriter:
    """Collects jobs. Those of one stage may run side by side; a stage begins when the one before it is done."""

    def __init__(self, kernels):
        self.kernels, self.rows, self.needs = kernels, [], 0

    def stage(self):
        """What follows needs everything so far."""
        self.needs = len(self.rows)

    def add(self, operation, *arguments):
        row = [operation, self.needs, *map(int, arguments)]
        self.rows.append(row + [0] * (self.kernels.JOB_WIDTH - len(row)))

    def shuffle(self, vector, *matrices):
        """Order a vector for quantized rows, where one of these matrices has any."""
        if any(matrix.is_quantized for matrix in matrices):
            self.stage()
            self.add(self.kernels.SHUFFLE, vector.address, vector.shuffled_address, vector.sums_address, vector.size)

    def norm(self, source, weight_address, target, eps):
        self.stage()
        self.add(self.kernels.NORM, source.address, weight_address, target.address, source.size, bits_of(eps))

    def gate(self, gated, up, target):
        """target = silu(gated) * up: Vectors, or arrays of float32 without gaps."""
        self.stage()
        size, places = gated.size, [getattr(part, "address", None) or part.ctypes.data for part in (gated, up, target)]
        step = max(CHUNK, size // MOST_CHUNKS // CHUNK * CHUNK)
        for start in range(0, size, step):
            self.add(self.kernels.GATE, *(place + 4 * start for place in places), min(step, size - start))

    def product(self, matrix, x, out_address, add=False):
        """out = matrix @ x, or out += matrix @ x; in the stage that is open."""
        k = self.kernels
        step = max(1, JOB_BYTES // matrix.row_bytes)
        for start in range(0, matrix.rows, step):
            end = min(start + step, matrix.rows)
            if matrix.is_quantized:
                kind = k.GROUPS.index((matrix.bits, matrix.group_size, matrix.narrow))
                self.add(k.GROUP_ROWS + kind, matrix.w, matrix.scales, matrix.biases, x.address, x.shuffled_address,
                         x.sums_address, out_address, start, end, matrix.width // matrix.group_size, add)
            else:
                operation = k.BF16_ROWS if matrix.bits == 16 else k.FLOAT_ROWS
                self.add(operation, matrix.w, x.address, out_address, start, end, matrix.width, add)

    def unpack(self, matrix, out_address, start, end):
        """Rows start .. end of a matrix as float32, for a product with many rows."""
        self.add(self.kernels.UNPACK, matrix.w, matrix.scales, matrix.biases, matrix.bits, matrix.group_size,
                 matrix.narrow, out_address, start, end, matrix.width)
