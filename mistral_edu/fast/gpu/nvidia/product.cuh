// y = W x for one x, on tensor cores.
//
// A tensor core multiplies a tile of 16 rows by 8 columns of x; with one token there is one column, and all 8 are the
// same. That wastes arithmetic, of which there is plenty, and no memory, of which there is not. In which order the
// products along a row are added does not matter, so each thread takes weights as they lie in memory, and x lies in
// shared memory in the order in which it meets them.
//
// Packed weights become bfloat16 by writing their bits into the fraction of a number: 0x4300 is 128, and its last
// four bits count ones; 0x4500 is 2048, and they count sixteens. So a sum over 64 weights n with one scale s and one
// bias b is
//
//     sum (s n + b) x  =  s sum (n + OFFSET) x  +  (b - s OFFSET) sum x           OFFSET: 128, or 2048 + 128
//
// where tensor cores make the first sum, in float32, and the second is made once for all rows.

constexpr float OFFSET = BITS == 8 ? 2048 + 128 : 128;

struct Vector {                     // x, in shared memory
  uint32_t* pairs;                  // two bfloat16 each
  float* sums;                      // of each UNIT
};

__device__ inline void unpack(uint4 v, float (&f)[8]) {
  f[0] = low(v.x), f[1] = high(v.x), f[2] = low(v.y), f[3] = high(v.y);
  f[4] = low(v.z), f[5] = high(v.z), f[6] = low(v.w), f[7] = high(v.w);
}

// Two nibbles, from the lowest bits of each half of a word, as bfloat16: one + magic.
template <uint32_t MAGIC>
__device__ inline uint32_t nibbles(uint32_t word) {
  uint32_t pair;
  asm("lop3.b32 %0, %1, 0x000f000f, %2, 0xea;" : "=r"(pair) : "r"(word), "n"(MAGIC));
  return pair;
}
constexpr uint32_t ONES = 0x43004300, SIXTEENS = 0x45004500;

// Eight neighbours of x in the order in which they meet weights: as they are; or 0 2 1 3; or 0 4 1 5 2 6 3 7.
__device__ inline uint4 in_order(const float (&f)[8]) {
  if constexpr (BITS == 16) return make_uint4(pack(f[0], f[1]), pack(f[2], f[3]), pack(f[4], f[5]), pack(f[6], f[7]));
  if constexpr (BITS == 8) return make_uint4(pack(f[0], f[2]), pack(f[1], f[3]), pack(f[4], f[6]), pack(f[5], f[7]));
  return make_uint4(pack(f[0], f[4]), pack(f[1], f[5]), pack(f[2], f[6]), pack(f[3], f[7]));
}

// 64 weights of 16 rows times x. A thread has 16 of row r and of row r + 8, lane = 4 r + t, and so have the three beside
// it, with other t; each of the four is left with the whole sums of both rows, sum[0] and sum[2].
__device__ inline void multiply_unit(const unsigned char* above, const unsigned char* below, const uint4* x, int t,
                                     float (&sum)[4]) {
  if constexpr (BITS == 16) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const uint4 a = *(const uint4*)(above + half * 64 + t * 16), b = *(const uint4*)(below + half * 64 + t * 16);
      const uint4 v = x[half * 4 + t];
      multiply(sum, a.x, b.x, a.y, b.y, v.x, v.y);
      multiply(sum, a.z, b.z, a.w, b.w, v.z, v.w);
    }
  } else if constexpr (BITS == 8) {
    const uint4 a = *(const uint4*)(above + t * 16), b = *(const uint4*)(below + t * 16);
    const uint4 v = x[t * 2], w = x[t * 2 + 1];
    const uint32_t as[4] = {a.x, a.y, a.z, a.w}, bs[4] = {b.x, b.y, b.z, b.w};
    const uint32_t evens[4] = {v.x, v.z, w.x, w.z}, odds[4] = {v.y, v.w, w.y, w.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      multiply(sum, nibbles<ONES>(as[i]), nibbles<ONES>(bs[i]), nibbles<ONES>(as[i] >> 8), nibbles<ONES>(bs[i] >> 8),
               evens[i], odds[i]);
      multiply(sum, nibbles<SIXTEENS>(as[i] >> 4), nibbles<SIXTEENS>(bs[i] >> 4), nibbles<SIXTEENS>(as[i] >> 12),
               nibbles<SIXTEENS>(bs[i] >> 12), evens[i], odds[i]);
    }
  } else {
    const uint2 a = *(const uint2*)(above + t * 8), b = *(const uint2*)(below + t * 8);
    const uint32_t as[2] = {a.x, a.y}, bs[2] = {b.x, b.y};
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const uint4 v = x[t * 2 + i];
      multiply(sum, nibbles<ONES>(as[i]), nibbles<ONES>(bs[i]), nibbles<ONES>(as[i] >> 4), nibbles<ONES>(bs[i] >> 4),
               v.x, v.y);
      multiply(sum, nibbles<ONES>(as[i] >> 8), nibbles<ONES>(bs[i] >> 8), nibbles<ONES>(as[i] >> 12),
               nibbles<ONES>(bs[i] >> 12), v.z, v.w);
    }
  }
}

// One chunk times its part of x: what the lane's thread adds to its two rows. first: the chunk's first weight in the row.
// With scales, each unit is scaled by one of the four threads, so their rows have to be added up in the end.
__device__ inline void multiply_chunk(const unsigned char* chunk, const Vector& x, int first, float (&rows)[2]) {
  const int lane = threadIdx.x % WARP, r = lane / 4, t = lane % 4;
  const unsigned char *above = chunk + r * STRIDE, *below = above + 8 * STRIDE;
  float mine[2] = {};
#pragma unroll
  for (int u = 0; u < UNITS; u++) {
    float sum[4] = {};
    const int at = u * PIECE / UNITS;
    multiply_unit(above + at, below + at, (const uint4*)(x.pairs + (first + u * UNIT) / 2), t, sum);
    if (BITS == 16 || t == u) mine[0] = sum[0], mine[1] = sum[2];
  }
  if constexpr (BITS == 16) {
    if (t == 0) rows[0] += mine[0], rows[1] += mine[1];
  } else if (t < UNITS) {
    const bf16* scales = (const bf16*)(chunk + TILE * STRIDE);
    const float all = x.sums[first / UNIT + t];
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const int at = (r + 8 * i) * UNITS + t;
      const float s = __bfloat162float(scales[at]), b = __bfloat162float(scales[TILE * UNITS + at]);
      rows[i] += s * mine[i] + (b - s * OFFSET) * all;
    }
  }
}

// All tiles of this block. use(tile, r, sum): called once for each row r of a tile, by 16 threads of one warp.
template <int TILES, int CHUNKS, class Use>
__device__ inline void product(const Vector& x, Belt& belt, float* partial, Use use) {
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  const int n_tiles = (TILES - (int)blockIdx.x + N_BLOCKS - 1) / N_BLOCKS;
  int chunk = warp;                                 // of the tile: each warp has every WARPS-th of the block
  for (int first = 0; first < n_tiles; first += AT_ONCE) {
    const int n = n_tiles - first < AT_ONCE ? n_tiles - first : AT_ONCE;
#pragma unroll 1
    for (int i = 0; i < n; i++) {
      float rows[2] = {};
#pragma unroll 1
      for (; chunk < CHUNKS; chunk += WARPS) {
        multiply_chunk(belt.wait(), x, chunk * STEP, rows);
        __syncwarp();                               // everyone has read it: its place on the belt is free
        belt.fetch();
      }
      chunk -= CHUNKS;
#pragma unroll
      for (int j = 0; j < 2; j++) {
        rows[j] += __shfl_xor_sync(~0u, rows[j], 1);
        rows[j] += __shfl_xor_sync(~0u, rows[j], 2);
        if (lane % 4 == 0) partial[((first / AT_ONCE % 2 * AT_ONCE + i) * WARPS + warp) * TILE + lane / 4 + 8 * j] = rows[j];
      }
    }
    __syncthreads();
    if (warp < n && lane < TILE) {                  // a warp a tile, while the others go on
      const float* sums = partial + (first / AT_ONCE % 2 * AT_ONCE + warp) * WARPS * TILE + lane;
      float sum = 0;
#pragma unroll
      for (int i = 0; i < WARPS; i++) sum += sums[i * TILE];
      use(blockIdx.x + (first + warp) * N_BLOCKS, lane, sum);
    }
  }
}

// x as it is, or after RMSNorm, into shared memory. It was written by other blocks: from L2, where they meet.
template <int WIDTH, bool NORM>
__device__ inline void load(Vector& to, const bf16* x, const bf16* weight, float eps, float* room) {
  const int tid = threadIdx.x, warp = tid / WARP, lane = tid % WARP;
  constexpr int ROUNDS = (WIDTH / 8 + THREADS - 1) / THREADS;
  uint4 parts[ROUNDS], weights[ROUNDS];
#pragma unroll
  for (int n = 0; n < ROUNDS; n++) {
    const int i = tid + n * THREADS;
    parts[n] = i < WIDTH / 8 ? __ldcg((const uint4*)x + i) : make_uint4(0, 0, 0, 0);
    if (NORM) weights[n] = i < WIDTH / 8 ? *((const uint4*)weight + i) : make_uint4(0, 0, 0, 0);
  }
  float scale = 1;
  if constexpr (NORM) {
    float squares = 0;
#pragma unroll
    for (int n = 0; n < ROUNDS; n++) {
      float f[8];
      unpack(parts[n], f);
#pragma unroll
      for (int j = 0; j < 8; j++) squares += f[j] * f[j];
    }
#pragma unroll
    for (int i = 16; i; i >>= 1) squares += __shfl_xor_sync(~0u, squares, i);
    if (lane == 0) room[warp] = squares;
    __syncthreads();
    squares = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) squares += room[i];
    scale = rsqrtf(squares / WIDTH + eps);
  }
#pragma unroll
  for (int n = 0; n < ROUNDS; n++) {
    const int i = tid + n * THREADS;
    float f[8], sum = 0;
    unpack(parts[n], f);
    if constexpr (NORM) {
      float w[8];
      unpack(weights[n], w);
#pragma unroll
      for (int j = 0; j < 8; j++) f[j] = rounded(rounded(f[j] * scale) * w[j]);    // as MLX rounds
    }
    if (i < WIDTH / 8) *(uint4*)(to.pairs + i * 4) = in_order(f);
#pragma unroll
    for (int j = 0; j < 8; j++) sum += f[j];
#pragma unroll
    for (int j = 1; j < UNIT / 8; j <<= 1) sum += __shfl_xor_sync(~0u, sum, j);
    if (i < WIDTH / 8 && i % (UNIT / 8) == 0) to.sums[i / (UNIT / 8)] = sum;
  }
  __syncthreads();
}
