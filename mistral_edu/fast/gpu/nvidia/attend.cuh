// Attention of one token: its keys and values go into the ring, and its queries meet all that the ring holds.
//
// Each block takes a run of slots of one head of keys, and all queries that share this head (GQA), so that keys are
// read once. A thread has 8 numbers of a key; as many threads as make a head (4 for 32 numbers, 16 for 128) work on one
// key, and each such team keeps a softmax of its own: the greatest score so far, the sum of exp(score - greatest), and
// the weighted sum of values. Teams, warps and at last blocks are put together by the same rule:
//
//     m = max(m1, m2)     sum = sum1 exp(m1 - m) + sum2 exp(m2 - m)     out = likewise, divided by sum at the end

constexpr int GROUP = N_HEADS / N_KV_HEADS;         // queries that share a head of keys
constexpr int TEAM = HEAD_DIM / 8, TEAMS = WARP / TEAM;
constexpr int KEYS = 4;                             // keys of a team under way

constexpr int SHORTEST_RUN = WARPS * TEAMS * KEYS;  // slots that the teams of a block have under way at the same time
constexpr int RESULT = HEAD_DIM + 2;                // of a run and a query: values, greatest, sum

struct Softmax {                                    // of one team, for each query of the group
  float greatest[GROUP], sum[GROUP], out[GROUP][8];
};

// Add what a team `distance` threads away has found.
__device__ inline void put_together(Softmax& a, int distance) {
#pragma unroll
  for (int j = 0; j < GROUP; j++) {
    const float other = __shfl_xor_sync(~0u, a.greatest[j], distance), m = fmaxf(a.greatest[j], other);
    const float mine = exp2f(a.greatest[j] - m), theirs = exp2f(other - m);
    a.sum[j] = a.sum[j] * mine + __shfl_xor_sync(~0u, a.sum[j], distance) * theirs;
#pragma unroll
    for (int i = 0; i < 8; i++) a.out[j][i] = a.out[j][i] * mine + __shfl_xor_sync(~0u, a.out[j][i], distance) * theirs;
    a.greatest[j] = m;
  }
}

// x1, x2 -> x1 cos - x2 sin, x1 sin + x2 cos: number d of a head, and number d + HEAD_DIM / 2. turn: cos, then sin.
__device__ inline float2 rotate(const bf16* head, int d, const float* turn) {
  const float x1 = __bfloat162float(__ldcg(head + d)), x2 = __bfloat162float(__ldcg(head + d + HEAD_DIM / 2));
  const float c = turn[d], s = turn[d + HEAD_DIM / 2];
  return make_float2(x1 * c - x2 * s, x1 * s + x2 * c);
}

// The slots that this block takes: from start up to, but not, end, of one head of keys.
struct Run {
  int head, which, runs, start, end, slot;          // which of so many runs; slot: where the new token goes
  size_t first;                                     // number of the head in keys and values

  __device__ Run(int slots, int position) {
    const int n = WINDOW && position + 1 > WINDOW ? WINDOW : position + 1;
    int length = ((n + MOST_RUNS - 1) / MOST_RUNS + TEAMS - 1) / TEAMS * TEAMS;
    length = length < SHORTEST_RUN ? SHORTEST_RUN : length;
    head = blockIdx.x % N_KV_HEADS, which = blockIdx.x / N_KV_HEADS, runs = (n + length - 1) / length;
    start = which * length, end = start + length < n ? start + length : n;
    slot = WINDOW ? position % WINDOW : position;
    first = (size_t)head * slots * HEAD_DIM;
  }

  // Memory is busy with weights, so what attention will need is asked for well before: as far as the cache L2.
  __device__ void prefetch(const bf16* x) const {
    constexpr int line = 128 / sizeof(bf16);
    for (int i = start * HEAD_DIM + threadIdx.x * line; i < end * HEAD_DIM; i += THREADS * line)
      asm volatile("prefetch.global.L2 [%0];" ::"l"(x + first + i));
  }
};

// qkv: the token's queries, keys and values, one after another. keys, values: (N_KV_HEADS, slots, HEAD_DIM).
// found: room for MOST_RUNS results of each query; arrived: counts finished runs of each head. out: (N_HEADS, HEAD_DIM).
// smem: room in shared memory for a float for each number of q, and for the results of all warps.
__device__ inline void attend(const Run& run, const bf16* qkv, bf16* keys, bf16* values, const float* turn, float* found,
                              int* arrived, bf16* out, float* smem) {
  const int tid = threadIdx.x, warp = tid / WARP, lane = tid % WARP, head = run.head, runs = run.runs;
  if (run.which >= runs) return;
  const int start = run.start, end = run.end, slot = run.slot;
  bf16 *K = keys + run.first, *V = values + run.first;

  float* q = smem;                                  // (GROUP, HEAD_DIM), scaled, so that exp2 does for exp
  for (int i = tid; i < (GROUP + 1) * HEAD_DIM / 2; i += THREADS) {
    const int j = i / (HEAD_DIM / 2), d = i % (HEAD_DIM / 2);
    if (j < GROUP) {
      const float2 r = rotate(qkv + (head * GROUP + j) * HEAD_DIM, d, turn);
      q[j * HEAD_DIM + d] = rounded(r.x) * SCALE * 1.4426950408889634f;
      q[j * HEAD_DIM + d + HEAD_DIM / 2] = rounded(r.y) * SCALE * 1.4426950408889634f;
    } else if (start <= slot && slot < end) {       // the token's own key and value: this block alone reads them
      const float2 r = rotate(qkv + (N_HEADS + head) * HEAD_DIM, d, turn);
      const bf16* v = qkv + (N_HEADS + N_KV_HEADS + head) * HEAD_DIM;
      K[(size_t)slot * HEAD_DIM + d] = __float2bfloat16(r.x);
      K[(size_t)slot * HEAD_DIM + d + HEAD_DIM / 2] = __float2bfloat16(r.y);
      V[(size_t)slot * HEAD_DIM + d] = __ldcg(v + d);
      V[(size_t)slot * HEAD_DIM + d + HEAD_DIM / 2] = __ldcg(v + d + HEAD_DIM / 2);
    }
  }
  __syncthreads();

  Softmax mine;
#pragma unroll
  for (int j = 0; j < GROUP; j++) {
    mine.greatest[j] = -1e30f, mine.sum[j] = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) mine.out[j][i] = 0;
  }
  const int team = warp * TEAMS + lane / TEAM, at = lane % TEAM * 8;
  constexpr int apart = WARPS * TEAMS;              // a team takes every apart-th slot
  for (int first = start; first < end; first += apart * KEYS) {
    uint4 k[KEYS], v[KEYS];
#pragma unroll
    for (int u = 0; u < KEYS; u++) {
      const int p = first + u * apart + team;
      const size_t where = (size_t)p * HEAD_DIM + at;
      k[u] = p < end ? *(const uint4*)(K + where) : make_uint4(0, 0, 0, 0);
      v[u] = p < end ? *(const uint4*)(V + where) : make_uint4(0, 0, 0, 0);
    }
    float scores[KEYS][GROUP];
#pragma unroll
    for (int u = 0; u < KEYS; u++) {
      float key[8];
      unpack(k[u], key);
#pragma unroll
      for (int j = 0; j < GROUP; j++) {
        const float4 a = *(const float4*)(q + j * HEAD_DIM + at), b = *(const float4*)(q + j * HEAD_DIM + at + 4);
        float score = a.x * key[0] + a.y * key[1] + a.z * key[2] + a.w * key[3] + b.x * key[4] + b.y * key[5] +
                      b.z * key[6] + b.w * key[7];
#pragma unroll
        for (int i = TEAM / 2; i; i >>= 1) score += __shfl_xor_sync(~0u, score, i);
        scores[u][j] = first + u * apart + team < end ? score : -1e30f;
      }
    }
#pragma unroll
    for (int j = 0; j < GROUP; j++) {
      float m = mine.greatest[j];
#pragma unroll
      for (int u = 0; u < KEYS; u++) m = fmaxf(m, scores[u][j]);
      const float before = exp2f(mine.greatest[j] - m);
      mine.greatest[j] = m, mine.sum[j] *= before;
#pragma unroll
      for (int i = 0; i < 8; i++) mine.out[j][i] *= before;
#pragma unroll
      for (int u = 0; u < KEYS; u++) {
        scores[u][j] = scores[u][j] > -1e29f ? exp2f(scores[u][j] - m) : 0;
        mine.sum[j] += scores[u][j];
      }
    }
#pragma unroll
    for (int u = 0; u < KEYS; u++) {
      float value[8];
      unpack(v[u], value);
#pragma unroll
      for (int j = 0; j < GROUP; j++)
#pragma unroll
        for (int i = 0; i < 8; i++) mine.out[j][i] += scores[u][j] * value[i];
    }
  }
#pragma unroll
  for (int i = TEAM; i < WARP; i <<= 1) put_together(mine, i);

  float* results = smem + GROUP * HEAD_DIM;         // (WARPS, GROUP, RESULT)
  if (lane < TEAM) {
#pragma unroll
    for (int j = 0; j < GROUP; j++) {
      float* r = results + (warp * GROUP + j) * RESULT;
#pragma unroll
      for (int i = 0; i < 8; i++) r[at + i] = mine.out[j][i];
      if (lane == 0) r[HEAD_DIM] = mine.greatest[j], r[HEAD_DIM + 1] = mine.sum[j];
    }
  }
  __syncthreads();
  found += (size_t)head * MOST_RUNS * GROUP * RESULT;
  for (int i = tid; i < GROUP * HEAD_DIM; i += THREADS) {
    const int j = i / HEAD_DIM, d = i % HEAD_DIM;
    float m = -1e30f, sum = 0, value = 0;
    for (int w = 0; w < WARPS; w++) m = fmaxf(m, results[(w * GROUP + j) * RESULT + HEAD_DIM]);
    for (int w = 0; w < WARPS; w++) {
      const float* r = results + (w * GROUP + j) * RESULT;
      const float e = exp2f(r[HEAD_DIM] - m);
      sum += r[HEAD_DIM + 1] * e, value += r[d] * e;
    }
    if (runs == 1) { out[(head * GROUP + j) * HEAD_DIM + d] = __float2bfloat16(value / sum); continue; }
    float* r = found + (run.which * GROUP + j) * RESULT;
    r[d] = value;
    if (d == 0) r[HEAD_DIM] = m, r[HEAD_DIM + 1] = sum;
  }
  if (runs == 1) return;

  __shared__ bool is_last;                          // the block that finishes last puts the runs together
  __syncthreads();
  if (tid == 0) {
    int before;
    asm volatile("atom.acq_rel.gpu.global.add.s32 %0, [%1], 1;" : "=r"(before) : "l"(arrived + head) : "memory");
    is_last = before == runs - 1;
    if (is_last) arrived[head] = 0;
  }
  __syncthreads();
  if (!is_last) return;
  for (int i = tid; i < GROUP * HEAD_DIM; i += THREADS) {
    const int j = i / HEAD_DIM, d = i % HEAD_DIM;
    float greatest[MOST_RUNS], sums[MOST_RUNS], outs[MOST_RUNS], m = -1e30f, sum = 0, value = 0;
#pragma unroll
    for (int w = 0; w < MOST_RUNS; w++) {           // all under way at the same time
      const float* r = found + (w * GROUP + j) * RESULT;
      greatest[w] = w < runs ? __ldcg(r + HEAD_DIM) : -1e30f;
      sums[w] = w < runs ? __ldcg(r + HEAD_DIM + 1) : 0;
      outs[w] = w < runs ? __ldcg(r + d) : 0;
    }
#pragma unroll
    for (int w = 0; w < MOST_RUNS; w++) m = fmaxf(m, greatest[w]);
#pragma unroll
    for (int w = 0; w < MOST_RUNS; w++) {
      const float e = exp2f(greatest[w] - m);
      sum += sums[w] * e, value += outs[w] * e;
    }
    out[(head * GROUP + j) * HEAD_DIM + d] = __float2bfloat16(value / sum);
  }
}
