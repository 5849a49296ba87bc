// Attention of a piece of a prompt, each query within its window.
//
// A block takes ROWS neighbouring queries of one head, and goes through the keys that any of them sees, KEYS at a time:
//
//     positions    p - WINDOW + 1 ...                                    ... p   p + 1 ... p + ROWS - 1
//     first query  |<------------------- WINDOW keys -------------------->|
//     last query            |<------------------- WINDOW keys ------------------------------------>|
//
// Only at both ends some see what others do not. In between, which is nearly everywhere, there is no mask, and what
// lies outside costs nothing: with a window of 4096, a query takes no longer in a text of 32,000 tokens than in one of
// 8,000.
//
// The piece's own keys are in `fresh`; those before it in the cache's ring, where position p lies in slot p % WINDOW.
//
// Scores are never written to memory: an online softmax, put right with each tile (Milakov and Gimelshein 2018), takes
// them while they are in registers, as in FlashAttention (Dao et al. 2022, arXiv:2205.14135, algorithm 1; Dao 2023,
// arXiv:2307.08691). A warp has 32 queries, so what it fetches of a key from shared memory serves two tiles of 16.

constexpr int THREADS = WARPS * WARP, TILES = ROWS / WARPS / 16;
constexpr int STRIDE = HEAD_DIM + 8;            // of a row in shared memory: so eight rows lie in different banks
constexpr int PARTS = HEAD_DIM / 8;             // of a row, 16 bytes each
constexpr float NOTHING = -1e30f;               // less than any score
constexpr float FACTOR = SCALE * 1.4426950408889634f;   // log2(e) SCALE: 2^(FACTOR x) is e^(SCALE x)

// Where the keys, or the values, of a head lie: ring (WINDOW, HEAD_DIM), and fresh (tokens of the piece, HEAD_DIM).
struct Tokens {
  const bf16 *ring, *fresh;
  int offset, last;                             // positions of the piece's first and last token

  __device__ const bf16* operator[](int position) const {
    if (position > last) position = last;       // nobody sees it
    if (position >= offset) return fresh + (size_t)(position - offset) * HEAD_DIM;
    return ring + (unsigned)position % WINDOW * HEAD_DIM;
  }

  // Whether the KEYS tokens from here on lie one after another.
  __device__ bool are_together(int position) const {
    if (position >= offset) return position + KEYS - 1 <= last;
    return position + KEYS <= offset && (unsigned)position % WINDOW + KEYS <= WINDOW;
  }
};

// Begin to bring N rows into shared memory; row(n) says where row n is.
template <int N, int AT_ONCE, class Row>
__device__ inline void fetch(bf16* to, Row row) {
  const int mine = threadIdx.x / PARTS, part = threadIdx.x % PARTS * 8;
  to += mine * STRIDE + part;
#pragma unroll AT_ONCE
  for (int n = 0; n < N; n += THREADS / PARTS) copy_async<16>(to + n * STRIDE, row(mine + n) + part);
}

__device__ inline void fetch(bf16* to, const Tokens& tokens, int first) {
  if (tokens.are_together(first)) {             // nearly always
    const bf16* from = tokens[first];
    fetch<KEYS, 16>(to, [&](int n) { return from + n * HEAD_DIM; });
  } else {
    fetch<KEYS, 1>(to, [&](int n) { return tokens[first + n]; });
  }
}

// Four matrices of 8 by 8 numbers from shared memory, each row's address given by one lane: as they are, or transposed.
template <bool TURNED>
__device__ inline void load(uint32_t (&to)[4], const bf16* from) {
  const uint32_t at = (uint32_t)__cvta_generic_to_shared(from);
  if constexpr (TURNED)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(at));
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(at));
}

__device__ inline float power_of_2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// Of a warp: its queries and what they have gathered so far. Of each tile of 16 queries, a thread has two: g and g + 8.
struct Softmax {
  float greatest[TILES][2], sum[TILES][2], out[TILES][HEAD_DIM / 8][4];

  __device__ Softmax() {
#pragma unroll
    for (int m = 0; m < TILES; m++) {
#pragma unroll
      for (int h = 0; h < 2; h++) greatest[m][h] = NOTHING, sum[m][h] = 0;
#pragma unroll
      for (int n = 0; n < HEAD_DIM / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) out[m][n][i] = 0;
    }
  }

  // q: the warp's rows; keys, values: KEYS rows, all in shared memory. ahead: by how much the first query's position is
  // greater than the first key's. masked: whether some of the warp's queries do not see some of these keys.
  __device__ void add(const bf16* q, const bf16* keys, const bf16* values, int ahead, bool masked) {
    const int lane = threadIdx.x % WARP;
    float scores[TILES][KEYS / 8][4] = {};
#pragma unroll
    for (int k = 0; k < HEAD_DIM; k += 16) {
      uint32_t a[TILES][4];
#pragma unroll
      for (int m = 0; m < TILES; m++) load<false>(a[m], q + (m * 16 + lane % 16) * STRIDE + k + lane / 16 * 8);
#pragma unroll
      for (int n = 0; n < KEYS / 16; n++) {
        uint32_t b[4];
        load<false>(b, keys + (n * 16 + lane / 16 * 8 + lane % 8) * STRIDE + k + lane / 8 % 2 * 8);
#pragma unroll
        for (int m = 0; m < TILES; m++) {
          multiply(scores[m][2 * n], a[m][0], a[m][1], a[m][2], a[m][3], b[0], b[1]);
          multiply(scores[m][2 * n + 1], a[m][0], a[m][1], a[m][2], a[m][3], b[2], b[3]);
        }
      }
    }
    if (masked) mask(scores, ahead);
    weigh(scores);
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
      uint32_t a[TILES][4];                     // what a thread got of scores is what it has to give now
#pragma unroll
      for (int m = 0; m < TILES; m++) {
        const float (&near)[4] = scores[m][2 * k], (&far)[4] = scores[m][2 * k + 1];
        a[m][0] = pack(near[0], near[1]), a[m][1] = pack(near[2], near[3]);
        a[m][2] = pack(far[0], far[1]), a[m][3] = pack(far[2], far[3]);
      }
#pragma unroll
      for (int n = 0; n < HEAD_DIM / 16; n++) {
        uint32_t b[4];
        load<true>(b, values + (k * 16 + lane % 16) * STRIDE + n * 16 + lane / 16 * 8);
#pragma unroll
        for (int m = 0; m < TILES; m++) {
          multiply(out[m][2 * n], a[m][0], a[m][1], a[m][2], a[m][3], b[0], b[1]);
          multiply(out[m][2 * n + 1], a[m][0], a[m][1], a[m][2], a[m][3], b[2], b[3]);
        }
      }
    }
  }

  // A query sees keys that are 0 .. WINDOW - 1 behind it.
  __device__ static void mask(float (&scores)[TILES][KEYS / 8][4], int ahead) {
    const int lane = threadIdx.x % WARP;
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
      for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
          const int behind = ahead + m * 16 + lane / 4 + i / 2 * 8 - (n * 8 + lane % 4 * 2 + i % 2);
          if (behind < 0 || behind >= WINDOW) scores[m][n][i] = NOTHING;
        }
  }

  // Scores become exp(score - greatest), and what was gathered before is put right where there is a new greatest one.
  __device__ void weigh(float (&scores)[TILES][KEYS / 8][4]) {
    float before[TILES][2];
    bool is_new = false;
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float most = greatest[m][h];
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) most = fmaxf(most, fmaxf(scores[m][n][2 * h], scores[m][n][2 * h + 1]));
        most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
        most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
        is_new |= most > greatest[m][h];
        before[m][h] = power_of_2((greatest[m][h] - most) * FACTOR), greatest[m][h] = most;
      }
    if (__any_sync(~0u, is_new)) {              // seldom, once the first tiles have gone by
#pragma unroll
      for (int m = 0; m < TILES; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
          sum[m][h] *= before[m][h];
#pragma unroll
          for (int n = 0; n < HEAD_DIM / 8; n++) out[m][n][2 * h] *= before[m][h], out[m][n][2 * h + 1] *= before[m][h];
        }
    }
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        // A query that has seen no key so far: 2^(NOTHING - 0) is nothing, where 2^(NOTHING - NOTHING) would be 1.
        const float less = greatest[m][h] == NOTHING ? 0 : greatest[m][h] * FACTOR;
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
          for (int i = 2 * h; i < 2 * h + 2; i++)
            sum[m][h] += scores[m][n][i] = power_of_2(scores[m][n][i] * FACTOR - less);
      }
  }

  // to: where the warp's first row goes; each next one is N_HEADS * HEAD_DIM further on. rows: how many of them exist.
  __device__ void write(bf16* to, int rows) {
    const int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float all = sum[m][h];
        all += __shfl_xor_sync(~0u, all, 1);
        all += __shfl_xor_sync(~0u, all, 2);
        const int row = m * 16 + h * 8 + g;
        if (row >= rows) continue;
        const float share = 1 / all;
        uint32_t* pairs = (uint32_t*)(to + (size_t)row * N_HEADS * HEAD_DIM) + t;
#pragma unroll
        for (int n = 0; n < HEAD_DIM / 8; n++)
          pairs[n * 4] = pack(out[m][n][2 * h] * share, out[m][n][2 * h + 1] * share);
      }
  }
};

struct Shared {
  alignas(16) bf16 q[ROWS * STRIDE], keys[2][KEYS * STRIDE], values[2][KEYS * STRIDE];   // two: one is coming
};
static_assert(sizeof(Shared) == SHARED_BYTES, "window.py has added up to something else");

// Queries first .. first + ROWS - 1 of the L of a piece. q: (L, HEAD_DIM) of one head; out: the same head of
// (L, N_HEADS, HEAD_DIM).
__device__ inline void attend(Shared& shared, const bf16* q, const Tokens& keys, const Tokens& values, int first, int L,
                              bf16* out) {
  const int position = keys.offset + first, end = min(position + ROWS, keys.last + 1);
  const int start = max(0, position - WINDOW + 1), n_tiles = (end - start + KEYS - 1) / KEYS;
  const auto bring = [&](int tile) {
    if (tile < n_tiles) {
      fetch(shared.keys[tile % 2], keys, start + tile * KEYS);
      fetch(shared.values[tile % 2], values, start + tile * KEYS);
    }
    end_of_group();
  };
  fetch<ROWS, 1>(shared.q, [&](int n) { return q + (size_t)min(first + n, L - 1) * HEAD_DIM; });
  bring(0);
  const int mine = threadIdx.x / WARP * TILES * 16;     // the warp's first query
  Softmax softmax;
#pragma unroll 1
  for (int tile = 0; tile < n_tiles; tile++) {
    wait_for_groups<0>();
    __syncthreads();                            // all of this tile is here, and nobody needs the one before
    bring(tile + 1);
    const int ahead = position + mine - (start + tile * KEYS);
    const bool masked = ahead < KEYS - 1 || ahead + TILES * 16 > WINDOW;
    softmax.add(shared.q + mine * STRIDE, shared.keys[tile % 2], shared.values[tile % 2], ahead, masked);
  }
  softmax.write(out + (size_t)(first + mine) * N_HEADS * HEAD_DIM, L - first - mine);
}
