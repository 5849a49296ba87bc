"""Products of a matrix as it is stored with many rows of x, as in a prompt: arithmetic is the limit.

In float32, a result is made of tiles, each small enough for its sums to stay in registers (tiles.make_multiply_tile).
What a tile reads should come from the nearest cache. So a product proceeds DEPTH numbers of each row at a time: that
much of a tile of x fits into the first cache, and that much of the matrix, unpacked once for all of x, into the second.
(Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.)
In bfloat16, where the processor has instructions for it, oneDNN multiplies, called from here.
"""
import numpy as np
from numba import carray

from mistral_edu.fast.arithmetic import fast, floats, halves, narrow_all
from mistral_edu.fast.instructions import ask_for, call, pointer
from mistral_edu.fast.rows import BF16, bits_of, group_size_of, unpack
from mistral_edu.fast.tiles import SIDE, TILE_ROWS, TILE_TOKENS, make_multiply_tile, transpose_block

DEPTH = 4096 // TILE_TOKENS  # 16 kB of a tile of x; a multiple of every group's size
LINE = 8 * 64                # bits of a cache line
HALF = TILE_TOKENS // 2      # the last tile of x may hold this few of its rows
multiply_tile, multiply_half_tile = make_multiply_tile(TILE_TOKENS), make_multiply_tile(HALF)


@fast
def transpose(source, source_step, n_rows, n_columns, target, target_step, add):
    """target[j, i] = source[i, j], or +=, both addresses of rows `step` numbers apart."""
    whole_rows, whole_columns = n_rows // SIDE * SIDE, n_columns // SIDE * SIDE
    for j in range(0, whole_columns, SIDE):
        for i in range(0, whole_rows, SIDE):
            transpose_block(source + 4 * (i * source_step + j), source_step, target + 4 * (j * target_step + i),
                            target_step, add)
    for i in range(n_rows):
        row = floats(source + 4 * i * source_step, n_columns)
        for j in range(whole_columns if i < whole_rows else 0, n_columns):
            place = floats(target + 4 * (j * target_step + i), 1)
            place[0] = place[0] + row[j] if add else row[j]


@fast
def pack(x, n_rows, size, tile, out):
    """One tile of x, TILE_TOKENS of its rows, as multiply reads it: (size / DEPTH, all tiles, DEPTH, TILE_TOKENS)."""
    n_tiles, first = -(-n_rows // TILE_TOKENS), tile * TILE_TOKENS
    for k in range(0, size, DEPTH):
        depth = min(DEPTH, size - k)
        transpose(x + 4 * (first * size + k), size, min(TILE_TOKENS, n_rows - first), depth,
                  out + 4 * TILE_TOKENS * (k * n_tiles + tile * depth), TILE_TOKENS, False)


@fast
def multiply(form, w, scales, biases, start, end, width, x, n_rows, out, out_step, add, own):
    """Rows start .. end of a product. x: packed. own: the thread's room, for the sums and for some of the matrix.

    The last tiles may be only partly filled. Whatever lies beside them never enters a sum that is wanted.
    """
    n_tiles, n_groups = -(-n_rows // TILE_TOKENS), -(-(end - start) // TILE_ROWS)
    tile_size = TILE_ROWS * TILE_TOKENS
    rows = own + 4 * n_tiles * n_groups * tile_size
    for k in range(0, width, DEPTH):
        depth = min(DEPTH, width - k)
        for n in range(end - start):
            first = (start + n) * width + k
            for ahead in range(0, depth * bits_of(form), LINE):      # the next part of this row
                ask_for(w + ((first + DEPTH) * bits_of(form) + ahead) // 8)
            unpack(form, w, scales, biases, first, depth, rows + 4 * n * depth)
        for tile in range(n_tiles):
            part, is_half = x + 4 * TILE_TOKENS * (k * n_tiles + tile * depth), n_rows - tile * TILE_TOKENS <= HALF
            for group in range(n_groups):
                some_rows, sums = rows + 4 * group * TILE_ROWS * depth, own + 4 * (tile * n_groups + group) * tile_size
                if is_half:
                    multiply_half_tile(some_rows, part, depth, sums, k == 0)
                else:
                    multiply_tile(some_rows, part, depth, sums, k == 0)
    for tile in range(n_tiles):
        first = tile * TILE_TOKENS
        transpose(own + 4 * tile * n_groups * tile_size, TILE_TOKENS, end - start, min(TILE_TOKENS, n_rows - first),
                  out + 4 * (first * out_step + start), out_step, add)


# What a oneDNN product needs: addresses of its functions and of what onednn.py made for it. Places in that table.
CREATE, EXECUTE, DESTROY, SET_THREADS, ENGINE, STREAM, PRIMITIVE, X_FORM, W_FORM, OUT_FORM, PLAN_WIDTH = range(11)
X_ARGUMENT, W_ARGUMENT, OUT_ARGUMENT = 1, 33, 17


@fast
def unpack_bf16(form, w, scales, biases, first, count, out, group):
    """The numbers of a quantized matrix as `unpack` gives them, rounded to bfloat16. group: room for one group."""
    size = group_size_of(form)
    for done in range(0, count, size):
        unpack(form, w, scales, biases, first + done, size, group)
        narrow_all(floats(group, size), halves(out + 2 * done, size))


@fast
def multiply_bf16(form, w, scales, biases, start, end, width, x, out, plan, own):
    """The same in bfloat16 by oneDNN. x: bfloat16; plan: address of a table. Sums are float32; so is out."""
    piece = w + 2 * start * width
    if form != BF16:
        piece = own + 4 * group_size_of(form)
        unpack_bf16(form, w, scales, biases, start * width, (end - start) * width, piece, own)
    p = carray(pointer(plan), PLAN_WIDTH, np.int64)
    call(p[SET_THREADS], 1, 0, 0, 0)      # the threads that share out the jobs are all there should be
    arguments = np.empty(6, np.int64)     # three times: which argument, its memory object
    arguments[0], arguments[2], arguments[4] = X_ARGUMENT, W_ARGUMENT, OUT_ARGUMENT
    at = arguments.ctypes.data
    call(p[CREATE], at + 8, p[X_FORM], p[ENGINE], x)
    call(p[CREATE], at + 24, p[W_FORM], p[ENGINE], piece)
    call(p[CREATE], at + 40, p[OUT_FORM], p[ENGINE], out + 4 * start)
    call(p[EXECUTE], p[PRIMITIVE], p[STREAM], 3, at)
    for i in range(3):
        call(p[DESTROY], arguments[2 * i + 1], 0, 0, 0)
