// Attention of one token: its key and value go into the ring, and its queries meet all that the ring holds.
//
// Each block takes a run of slots of one head of keys, and all queries that share this head (GQA), so keys are read once.
// A warp takes 16 keys at a time, on tensor cores, which see up to 8 queries:
//
//     scores (queries, keys)  =  queries (queries, HEAD_DIM) times keys
//     out (HEAD_DIM, queries) =  values (HEAD_DIM, keys) times exp(scores - greatest)
//
// What a thread gets of scores, two keys of a query, is just what it has to give for the second product. As in
// product.cuh, the order in which numbers of a head are added does not matter, nor does it in which row of out they come
// to lie; so each thread takes 16 bytes of a key or a value at a time, as they lie in memory.
//
// Each warp keeps a softmax of its own: the greatest score so far, the sum of exp(score - greatest), and the weighted
// sum of values. Warps, and at last blocks, are put together by the same rule:
//
//     m = max(m1, m2)     sum = sum1 exp(m1 - m) + sum2 exp(m2 - m)     out = likewise, divided by sum at the end

constexpr int GROUP = N_HEADS / N_KV_HEADS;         // queries that share a head of keys
constexpr int ROWS = 8, KEYS = 16;                  // of a tile
constexpr int PARTS = HEAD_DIM < 64 ? 1 : HEAD_DIM / 64;    // of a value, 8 threads each, and of each
constexpr int WORDS = HEAD_DIM / PARTS / 16;                // so many words of two numbers
constexpr int SHORTEST_RUN = WARPS * KEYS;          // slots of a block: fewer leave warps without any
constexpr int RESULT = HEAD_DIM + 2;                // numbers: out, greatest, sum
constexpr float NOTHING = -1e30f;                   // less than any score
constexpr int ATTENTION_BYTES = ROWS * HEAD_DIM * 2 + WARPS * GROUP * RESULT * 4;

// x1, x2 -> x1 cos - x2 sin, x1 sin + x2 cos: number d of a head, and number d + HEAD_DIM / 2. turn: cos, then sin.
__device__ inline float2 rotate(const bf16* head, int d, const float* turn) {
  const float x1 = __bfloat162float(__ldcg(head + d)), x2 = __bfloat162float(__ldcg(head + d + HEAD_DIM / 2));
  const float c = __ldcg(turn + d), s = __ldcg(turn + d + HEAD_DIM / 2);
  return make_float2(x1 * c - x2 * s, x1 * s + x2 * c);
}

// The queries of a head of keys, rotated, as rows in shared memory; and, in the block that has its slot, the new token.
__device__ inline void prepare(const bf16* qkv, const float* turn, int head, bool has_slot, bf16* key, bf16* value,
                               bf16* rows) {
  constexpr int half = HEAD_DIM / 2;
#pragma unroll 1
  for (int i = threadIdx.x; i < (ROWS + 1) * half; i += THREADS) {
    const int row = i / half, d = i % half;
    if (row < ROWS) {
      const float2 q = row < GROUP ? rotate(qkv + (head * GROUP + row) * HEAD_DIM, d, turn) : make_float2(0, 0);
      rows[row * HEAD_DIM + d] = __float2bfloat16(q.x);
      rows[row * HEAD_DIM + d + half] = __float2bfloat16(q.y);
    } else if (has_slot) {
      const float2 k = rotate(qkv + (N_HEADS + head) * HEAD_DIM, d, turn);
      const bf16* v = qkv + (N_HEADS + N_KV_HEADS + head) * HEAD_DIM;
      key[d] = __float2bfloat16(k.x), key[d + half] = __float2bfloat16(k.y);
      value[d] = __ldcg(v + d), value[d + half] = __ldcg(v + d + half);
    }
  }
  __syncthreads();
}

struct Words {                                      // that come at once
  alignas(WORDS * 4) uint32_t word[WORDS];
  __device__ Words() {}
  __device__ Words(const bf16* from) {
    if constexpr (WORDS == 4) *(uint4*)word = __ldcg((const uint4*)from);
    else *(uint2*)word = __ldcg((const uint2*)from);
  }
};

// Of a warp. Of scores a thread has query g, keys 2t and 2t + 1; of out, queries 2t and 2t + 1. lane = 4 g + t
struct Softmax {
  float greatest = NOTHING, sum = 0, out[PARTS * WORDS][4] = {};

  // keys, values: (slots, HEAD_DIM); the 16 slots from first on, without those from end on.
  __device__ void add(const bf16* rows, const bf16* keys, const bf16* values, int first, int end) {
    const int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    uint4 k[2][HEAD_DIM / 32];
    Words v[4][PARTS];                              // of keys 2t, 2t + 1, 2t + 8, 2t + 9
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
      for (int d = 0; d < HEAD_DIM / 32; d++)
        k[i][d] = __ldcg((const uint4*)(keys + (size_t)min(first + i * 8 + g, end - 1) * HEAD_DIM + d * 32 + t * 8));
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int part = 0; part < PARTS; part++)
        v[i][part] = Words(values + (size_t)min(first + key_of(i), end - 1) * HEAD_DIM + (part * 8 + g) * WORDS * 2);
    float scores[2][4] = {};                        // of two tiles of 8 keys
#pragma unroll
    for (int d = 0; d < HEAD_DIM / 32; d++) {
      const uint4 q = *(const uint4*)(rows + g * HEAD_DIM + d * 32 + t * 8);
#pragma unroll
      for (int i = 0; i < 2; i++) {
        multiply(scores[i], q.x, 0, q.y, 0, k[i][d].x, k[i][d].y);
        multiply(scores[i], q.z, 0, q.w, 0, k[i][d].z, k[i][d].w);
      }
    }
    float most = greatest;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      float& score = scores[i / 2][i % 2];
      score = first + key_of(i) < end ? score * SCALE * 1.4426950408889634f : NOTHING;      // so exp2 is exp
      most = fmaxf(most, score);
    }
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
    const float before = exp2f(greatest - most);
    greatest = most, sum *= before;
#pragma unroll
    for (int i = 0; i < 4; i++) sum += scores[i / 2][i % 2] = exp2f(scores[i / 2][i % 2] - most);
    const uint32_t near = pack(scores[0][0], scores[0][1]), far = pack(scores[1][0], scores[1][1]);
    const float even = __shfl_sync(~0u, before, 8 * t), odd = __shfl_sync(~0u, before, 8 * t + 4);
#pragma unroll
    for (int part = 0; part < PARTS; part++)
#pragma unroll
      for (int w = 0; w < WORDS; w++) {
        float (&sums)[4] = out[part * WORDS + w];
        sums[0] *= even, sums[1] *= odd, sums[2] *= even, sums[3] *= odd;
        const uint32_t a = v[0][part].word[w], b = v[1][part].word[w], c = v[2][part].word[w], d = v[3][part].word[w];
        // Pairs of two numbers of a value become pairs of two values: the lower halves of both, and the upper ones.
        multiply(sums, __byte_perm(a, b, 0x5410), __byte_perm(a, b, 0x7632), __byte_perm(c, d, 0x5410),
                 __byte_perm(c, d, 0x7632), near, far);
      }
  }

  __device__ static int key_of(int i) { return i / 2 * 8 + threadIdx.x % 4 * 2 + i % 2; }

  // results: (GROUP, RESULT).
  __device__ void write(float* results) {
    const int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    sum += __shfl_xor_sync(~0u, sum, 1);
    sum += __shfl_xor_sync(~0u, sum, 2);
    if (t == 0 && g < GROUP) results[g * RESULT + HEAD_DIM] = greatest, results[g * RESULT + HEAD_DIM + 1] = sum;
#pragma unroll
    for (int j = 0; j < 2; j++) {
      float* r = results + (2 * t + j) * RESULT;
      if (2 * t + j < GROUP)
#pragma unroll
        for (int n = 0; n < PARTS * WORDS; n++) {
          const int d = (n / WORDS * 8 + g) * WORDS * 2 + n % WORDS * 2;
          r[d] = out[n][j], r[d + 1] = out[n][2 + j];
        }
    }
  }
};

// By how much each of n results of each query counts, shares (GROUP, N); and, as (GROUP, 2), the greatest score of all
// and the sum. results: (n, GROUP, RESULT). FROM_L2: they are of other blocks, and that is where blocks meet.
template <int N, bool FROM_L2>
__device__ inline void weigh(const float* results, int n, float* shares, float* all) {
  const int j = threadIdx.x / N, i = threadIdx.x % N;       // N neighbours for a query, all of one warp
  if (j * N >= (GROUP * N + WARP - 1) / WARP * WARP) { __syncthreads(); return; }
  const float* r = results + (i * GROUP + j) * RESULT + HEAD_DIM;
  const bool there = i < n && j < GROUP;
  const float greatest = !there ? NOTHING : FROM_L2 ? __ldcg(r) : r[0];
  float sum = !there ? 0 : FROM_L2 ? __ldcg(r + 1) : r[1], m = greatest;
#pragma unroll
  for (int k = N / 2; k; k >>= 1) m = fmaxf(m, __shfl_xor_sync(~0u, m, k));
  const float share = exp2f(greatest - m);
  sum *= share;
#pragma unroll
  for (int k = N / 2; k; k >>= 1) sum += __shfl_xor_sync(~0u, sum, k);
  if (j < GROUP) {
    shares[j * N + i] = share;
    if (i == 0) all[2 * j] = m, all[2 * j + 1] = sum;
  }
  __syncthreads();
}

// qkv: the token's queries, keys and values, one after another. keys, values: (N_KV_HEADS, slots, HEAD_DIM).
// found: room for MOST_RUNS results of each query; arrived: counts finished runs of each head. out: (N_HEADS, HEAD_DIM).
// smem: ATTENTION_BYTES of shared memory.
__device__ inline void attend(const bf16* qkv, bf16* keys, bf16* values, int slots, int position, const float* turn,
                              float* found, int* arrived, bf16* out, unsigned char* smem) {
  const int n = WINDOW && position + 1 > WINDOW ? WINDOW : position + 1, slot = WINDOW ? position % WINDOW : position;
  int length = ((n + MOST_RUNS - 1) / MOST_RUNS + KEYS - 1) / KEYS * KEYS;
  length = length < SHORTEST_RUN ? SHORTEST_RUN : length;
  const int head = blockIdx.x % N_KV_HEADS, run = blockIdx.x / N_KV_HEADS, runs = (n + length - 1) / length;
  if (run >= runs) return;
  const int start = run * length, end = start + length < n ? start + length : n, warp = threadIdx.x / WARP;
  keys += (size_t)head * slots * HEAD_DIM, values += (size_t)head * slots * HEAD_DIM;

  bf16* rows = (bf16*)smem;
  prepare(qkv, turn, head, start <= slot && slot < end, keys + (size_t)slot * HEAD_DIM,
          values + (size_t)slot * HEAD_DIM, rows);
  float* results = (float*)(rows + ROWS * HEAD_DIM);        // (WARPS, GROUP, RESULT)
  {
    Softmax softmax;
    for (int first = start + warp * KEYS; first < end; first += WARPS * KEYS)
      softmax.add(rows, keys, values, first, end);
    softmax.write(results + warp * GROUP * RESULT);
  }
  __syncthreads();

  __shared__ float shares[GROUP * (MOST_RUNS > WARPS ? MOST_RUNS : WARPS)], all[GROUP * 2];
  weigh<WARPS, false>(results, WARPS, shares, all);
  found += (size_t)head * MOST_RUNS * GROUP * RESULT, out += head * GROUP * HEAD_DIM;
  for (int i = threadIdx.x; i < GROUP * HEAD_DIM; i += THREADS) {
    const int j = i / HEAD_DIM, d = i % HEAD_DIM;
    float value = 0;
#pragma unroll 4
    for (int w = 0; w < WARPS; w++) value += shares[j * WARPS + w] * results[(w * GROUP + j) * RESULT + d];
    if (runs == 1) { out[i] = __float2bfloat16(value / all[2 * j + 1]); continue; }
    float* r = found + (run * GROUP + j) * RESULT;
    r[d] = value;
    if (d < 2) r[HEAD_DIM + d] = all[2 * j + d];
  }
  if (runs == 1) return;

  __shared__ bool is_last;                          // the block that finishes last puts the runs together
  __syncthreads();
  if (threadIdx.x == 0) {
    int before;
    asm volatile("atom.acq_rel.gpu.global.add.s32 %0, [%1], 1;" : "=r"(before) : "l"(arrived + head) : "memory");
    is_last = before == runs - 1;
    if (is_last) arrived[head] = 0;
  }
  __syncthreads();
  if (!is_last) return;
  weigh<MOST_RUNS, true>(found, runs, shares, all);
  for (int i = threadIdx.x; i < GROUP * HEAD_DIM; i += THREADS) {
    const int j = i / HEAD_DIM, d = i % HEAD_DIM;
    float value = 0, each[MOST_RUNS];
#pragma unroll
    for (int w = 0; w < MOST_RUNS; w++)             // all under way at the same time
      each[w] = w < runs ? __ldcg(found + (w * GROUP + j) * RESULT + d) : 0;
#pragma unroll
    for (int w = 0; w < MOST_RUNS; w++) value += shares[j * MOST_RUNS + w] * each[w];
    out[i] = __float2bfloat16(value / all[2 * j + 1]);
  }
}
