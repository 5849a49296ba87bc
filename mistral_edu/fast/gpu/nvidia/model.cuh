// A token's way through the whole model, as one kernel. Compare with Model and Block in transformer.py.
//
// Each step needs all of the step before it, so all blocks wait for one another in between. Kernels one after another
// would do the same, but each of them starts with nothing under way, where the belts of this one run on.

constexpr int Q_SIZE = N_HEADS * HEAD_DIM, KV_SIZE = N_KV_HEADS * HEAD_DIM;
constexpr long long PATIENCE = 2000000000;          // nanoseconds

// All blocks have to be on the GPU at the same time: there are as many as it has multiprocessors, and no other such
// kernel runs beside this one (held.py). Should they not be, this ends all the same, with logits that are no numbers.
struct Meeting {
  unsigned* come;                                   // how many blocks have come, all in all
  unsigned* in_vain;                                // whether one of them has waited too long
  unsigned goal = 0;

  // Wait until all blocks are here.
  __device__ void operator()() {
    __syncthreads();
    if (threadIdx.x == 0) {
      if (goal) {
        asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(come) : "memory");
        goal += N_BLOCKS;
      } else {                                      // the first time: where does this round of N_BLOCKS end?
        unsigned before;
        asm volatile("atom.release.gpu.global.add.u32 %0, [%1], 1;" : "=r"(before) : "l"(come) : "memory");
        goal = before - before % N_BLOCKS + N_BLOCKS;
      }
      long long began = 0, now;
      while (true) {
        unsigned n;
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(n) : "l"(come) : "memory");
        if ((int)(n - goal) >= 0) break;
        asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
        if (!began) began = now;
        if (now - began > PATIENCE) { atomicExch(in_vain, 1); break; }
      }
    }
    __syncthreads();
  }
};

struct Layer {                                      // what a layer has beside its four matrices
  const bf16 *norm_1, *norm_2;
  bf16 *keys, *values;                              // (N_KV_HEADS, slots, HEAD_DIM)
};

struct Weights {                                    // in shared memory, since it is looked at again and again
  Matrix matrices[4 * N_LAYERS + 1];                // of each layer: q, k and v; o; gate and up; down; the output layer
  Layer layers[N_LAYERS];
};

// Shared memory: the belts, all weights by name, what warps add up, and x with its sums, whose place attention uses.
constexpr int MOST = HIDDEN > DIM ? HIDDEN : DIM, WIDEST = MOST > Q_SIZE ? MOST : Q_SIZE;
constexpr int VECTOR_BYTES = WIDEST * 2 + WIDEST / UNIT * 4;
struct Shared {
  alignas(128) unsigned char belts[BELT_BYTES];
  Weights weights;
  alignas(16) float partial[2 * AT_ONCE * WARPS * TILE];
  alignas(16) unsigned char room[VECTOR_BYTES > ATTENTION_BYTES ? VECTOR_BYTES : ATTENTION_BYTES];
};
static_assert(sizeof(Shared) == SHARED_BYTES, "kernels.py has added up to something else");

// What one step hands to the next, in memory that all blocks see.
struct Between {
  bf16 *x, *after_attention, *qkv, *heads, *gated;
  float *turn, *found;
  __device__ Between(float* room) {
    x = (bf16*)room, after_attention = x + DIM, qkv = after_attention + DIM, heads = qkv + Q_SIZE + 2 * KV_SIZE;
    gated = heads + Q_SIZE, turn = (float*)(gated + HIDDEN), found = turn + HEAD_DIM;
  }
};

struct Token {
  int id, position;
  const float* periods;                             // (HEAD_DIM / 2)
  const uint32_t* embedding;
  const bf16 *scales, *biases;                      // of the embedding

  // Its row in the embedding; and by which angles its position turns a head: cos, then sin.
  __device__ void enter(const Between& to) const {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i < HEAD_DIM / 2) sincosf(position * (1 / periods[i]), to.turn + i + HEAD_DIM / 2, to.turn + i);
    if (i >= DIM) return;
    if constexpr (EMBED_BITS == 16) {
      to.x[i] = ((const bf16*)embedding)[(size_t)id * DIM + i];
    } else {
      constexpr int in_word = 32 / EMBED_BITS;
      const uint32_t word = embedding[(size_t)id * (DIM / in_word) + i / in_word];
      const float n = (word >> (i % in_word * EMBED_BITS)) & ((1u << EMBED_BITS) - 1);
      const size_t group = (size_t)id * (DIM / UNIT) + i / UNIT;
      to.x[i] = __float2bfloat16(n * __bfloat162float(scales[group]) + __bfloat162float(biases[group]));
    }
  }
};

// A token -> logits (VOCAB), by way of all layers, whose keys and values take it in. norm: before the output layer.
__device__ inline void through(Shared& shared, const Token& token, int slots, const bf16* norm, unsigned* signs,
                               const Between& between, float* logits) {
  Vector x{(uint32_t*)shared.room, (float*)shared.room + WIDEST / 2};
  float* partial = shared.partial;
  Belt belt(shared.belts, shared.weights.matrices, shared.weights.matrices + 4 * N_LAYERS + 1);
  Meeting all_here{signs, signs + 1};
  token.enter(between);
  all_here();

#pragma unroll 1
  for (int i = 0; i < N_LAYERS; i++) {
    const Layer& layer = shared.weights.layers[i];
    load<DIM, true>(x, between.x, layer.norm_1, EPS_1, partial);
    product<(Q_SIZE + 2 * KV_SIZE) / TILE, DIM / STEP>(x, belt, partial, [&](int tile, int r, float sum) {
      between.qkv[tile * TILE + r] = __float2bfloat16(sum);
    });
    all_here();

    attend(between.qkv, layer.keys, layer.values, slots, token.position, between.turn, between.found, (int*)signs + 2,
           between.heads, shared.room);
    all_here();

    load<Q_SIZE, false>(x, between.heads, nullptr, 0, partial);
    product<DIM / TILE, Q_SIZE / STEP>(x, belt, partial, [&](int tile, int r, float sum) {
      const int at = tile * TILE + r;
      between.after_attention[at] = __float2bfloat16(__bfloat162float(__ldcg(between.x + at)) + rounded(sum));
    });
    all_here();

    load<DIM, true>(x, between.after_attention, layer.norm_2, EPS_2, partial);
    product<2 * HIDDEN / TILE, DIM / STEP>(x, belt, partial, [&](int tile, int r, float sum) {
      const float up = rounded(__shfl_down_sync(0xffff, sum, 8)), gate = rounded(sum);
      if (r < 8) between.gated[tile * 8 + r] = __float2bfloat16(gate / (1 + __expf(-gate)) * up);
    });
    all_here();

    load<HIDDEN, false>(x, between.gated, nullptr, 0, partial);
    product<DIM / TILE, HIDDEN / STEP>(x, belt, partial, [&](int tile, int r, float sum) {
      const int at = tile * TILE + r;
      between.x[at] = __float2bfloat16(__bfloat162float(__ldcg(between.after_attention + at)) + rounded(sum));
    });
    all_here();
  }

  load<DIM, true>(x, between.x, norm, EPS_OUT, partial);
  const bool in_vain = *(volatile unsigned*)all_here.in_vain;
  product<VOCAB / TILE, DIM / STEP>(x, belt, partial, [&](int tile, int r, float sum) {
    logits[tile * TILE + r] = in_vain ? __int_as_float(0x7fffffff) : sum;
  });
}
