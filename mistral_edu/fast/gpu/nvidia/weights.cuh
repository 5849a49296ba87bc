// Weights on their way from memory to tensor cores.
//
// A GPU reads memory at full speed only while much is under way. So each warp has a belt of its own in shared memory: a
// few chunks of weights are coming while the oldest is multiplied, and no warp waits for another. Weights do not depend
// on what is computed, so the belts run on, through all matrices of the model, while blocks wait for one another.
//
// A chunk is 16 rows of a matrix (the height of a tile of the tensor cores), STEP weights wide:
//
//     row 0     | weights k .. k + STEP |          with 4 and 8 bits, the scales and biases of these weights, too:
//     ...       |                       | padding  16 rows of scales, then 16 rows of biases
//     row 15    |                       |
//
// The padding puts rows that are read together into different banks of shared memory.

constexpr int TILE = 16, UNIT = 64;          // UNIT: weights of a row that share a scale
constexpr int PIECE = STEP * BITS / 8;                  // bytes of a row in a chunk
constexpr int STRIDE = PIECE + (BITS == 4 ? 32 : 64);
constexpr int UNITS = STEP / UNIT, SCALE_BYTES = BITS == 16 ? 0 : UNITS * 2;
constexpr int CHUNK_BYTES = TILE * STRIDE + 2 * TILE * SCALE_BYTES;
constexpr int BELT_BYTES = WARPS * STAGES * CHUNK_BYTES;

// One matrix of the model. chunks: of a tile, next to one another. half: 0, or, where a tile is 8 rows of the upper half
// of the matrix and the same 8 of the lower one, where that begins.
struct Matrix {
  const unsigned char* weight;
  const bf16 *scales, *biases;
  int width, tiles, chunks, half;
};

// Chunks are dealt out: of those of a block's tiles, one after another, each warp has every WARPS-th.
struct Belt {
  static constexpr int PER_ROW = PIECE / 16, ROWS = WARP / PER_ROW;     // 16 bytes a thread: so many rows at once

  unsigned char *base, *oldest;
  const Matrix *matrix, *end;
  int tile, chunk, tiles, chunks;       // the next chunk; and how many the matrix has
  // Where this thread finds its part of the first chunk, and how far on, in bytes, the next rows and tiles are.
  const unsigned char *weight, *scales;
  int next_rows, lower_half, next_tile, next_scales;

  __device__ Belt(unsigned char* shared, const Matrix* first, const Matrix* end)
      : base(shared + threadIdx.x / WARP * STAGES * CHUNK_BYTES), oldest(base), matrix(first), end(end) {
    begin();
    for (int i = 0; i < STAGES; i++) fetch();
  }

  __device__ void begin() {
    const int lane = threadIdx.x % WARP, r = lane % TILE, row_bytes = matrix->width * BITS / 8;
    const int rows = matrix->half ? TILE / 2 : TILE, groups = matrix->width / UNIT * 2;
    tile = blockIdx.x, chunk = threadIdx.x / WARP, tiles = matrix->tiles, chunks = matrix->chunks;
    weight = matrix->weight + lane / PER_ROW * row_bytes + lane % PER_ROW * 16;
    next_rows = ROWS * row_bytes, next_tile = rows * row_bytes;
    lower_half = matrix->half ? (matrix->half - TILE / 2) * row_bytes : 0;
    scales = (const unsigned char*)(lane < TILE ? matrix->scales : matrix->biases);
    scales += (matrix->half && r >= TILE / 2 ? r - TILE / 2 + matrix->half : r) * groups;
    next_scales = rows * groups;
  }

  // Begin to fetch the next chunk, of whichever matrix it is, to where the oldest was.
  __device__ void fetch() {
    while (matrix < end) {
      while (chunk >= chunks) chunk -= chunks, tile += N_BLOCKS;
      if (tile < tiles) break;
      if (++matrix < end) begin();
    }
    if (matrix < end) copy();
    end_of_group();                                     // an empty one at the end, so that counting stays simple
    chunk += WARPS;
    oldest = oldest == base + (STAGES - 1) * CHUNK_BYTES ? base : oldest + CHUNK_BYTES;
  }

  __device__ void copy() const {
    const int lane = threadIdx.x % WARP;
    const unsigned char* from = weight + (size_t)tile * next_tile + chunk * PIECE;
    unsigned char* to = oldest + lane / PER_ROW * STRIDE + lane % PER_ROW * 16;
#pragma unroll
    for (int r = 0; r < TILE; r += ROWS)
      copy_async<16>(to + r * STRIDE, from + r / ROWS * next_rows + (r < TILE / 2 ? 0 : lower_half));
    if constexpr (BITS < 16)
      copy_async<SCALE_BYTES>(oldest + TILE * STRIDE + lane * SCALE_BYTES,
                              scales + (size_t)tile * next_scales + chunk * SCALE_BYTES);
  }

  // The oldest chunk, once it is there.
  __device__ const unsigned char* wait() const {
    wait_for_groups<STAGES - 1>();
    __syncwarp();
    return oldest;
  }
};
