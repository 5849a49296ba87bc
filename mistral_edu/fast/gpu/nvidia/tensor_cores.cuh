// What tensor cores take and give, and how numbers come to them.

using bf16 = __nv_bfloat16;
constexpr int WARP = 32;

__device__ inline float low(uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float high(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }
__device__ inline uint32_t pack(float a, float b) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %2, %1;" : "=r"(pair) : "f"(a), "f"(b));
  return pair;
}
__device__ inline float rounded(float a) { return __bfloat162float(__float2bfloat16(a)); }

template <int BYTES>
__device__ inline void copy_async(void* to, const void* from) {     // past the registers, while the thread goes on
  const uint32_t shared = (uint32_t)__cvta_generic_to_shared(to);
  if constexpr (BYTES == 16) asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(from));
  else asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(shared), "l"(from), "n"(BYTES));
}
__device__ inline void end_of_group() { asm volatile("cp.async.commit_group;"); }
template <int LEFT>
__device__ inline void wait_for_groups() {                          // until at most LEFT of them are under way
  asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}

// sum (16 rows, 8 columns) += a (16, 16) b (16, 8). Of lane = 4 g + t, a thread holds
//     a0, a1, a2, a3: rows g, g + 8, g, g + 8; columns 2t and 2t + 1 in the first two, 2t + 8 and 2t + 9 in the others
//     b0, b1:         column g; rows 2t and 2t + 1, and 2t + 8 and 2t + 9
//     sum:            row g, columns 2t and 2t + 1; then row g + 8, the same columns
__device__ inline void multiply(float (&sum)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
