// One register of floats or doubles of the instruction set that the including target is compiled for,
// and what Swift's SIMD types cannot spell for it: minimum and maximum, and stores of the first lanes.
#pragma once
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma clang assume_nonnull begin

#define LCN_INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define LCN_LANES_F32 16
#elif defined(__AVX2__)
#define LCN_LANES_F32 8
#else
#define LCN_LANES_F32 4
#endif
#define LCN_LANES_F64 (LCN_LANES_F32 / 2)

typedef float lcn_vf32 __attribute__((ext_vector_type(LCN_LANES_F32)));
typedef double lcn_vf64 __attribute__((ext_vector_type(LCN_LANES_F64)));

// `p`, computed once: the compiler may not fold the computation into every use.
LCN_INLINE const void *lcn_opaque(const void *p) {
  __asm__("" : "+r"(p));
  return p;
}

// `p`, from which the compiler may not read before `v` is computed, where registers are 16: it orders instructions
// and is none.
LCN_INLINE const void *lcn_after_f32(const void *p, lcn_vf32 v) {
#if defined(__x86_64__) && !defined(__AVX512F__)
  __asm__("" : "+r"(p) : "x"(v));
#else
  (void)v;
#endif
  return p;
}

// Asks for the line at `p`, which may lie outside of any memory.
LCN_INLINE void lcn_prefetch(const void *p) { __builtin_prefetch(p, 0, 3); }
// The line, for the second-level cache.
LCN_INLINE void lcn_prefetch_level2(const void *p) { __builtin_prefetch(p, 0, 2); }
// The line for writing. Compilers emit PREFETCHW only for processors known to have it; all others that
// run 64-bit code take it as a no-operation.
LCN_INLINE void lcn_prefetch_write(const void *p) {
#if defined(__x86_64__)
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
  __builtin_prefetch(p, 1, 3);
#endif
}

// A whole, aligned register to memory that is not read soon: past the caches, so that its line is not read before it is
// written. Other threads see it after lcn_finish_streams.
LCN_INLINE void lcn_stream_f32(void *p, lcn_vf32 v) { __builtin_nontemporal_store(v, (lcn_vf32 *)p); }
LCN_INLINE void lcn_stream_f64(void *p, lcn_vf64 v) { __builtin_nontemporal_store(v, (lcn_vf64 *)p); }
LCN_INLINE void lcn_finish_streams(void) {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

// p[0..7] ← their roots. Swift's own root is a branch for each lane: it may have to report an error.
LCN_INLINE void lcn_sqrt8_f32(float *p) {
  typedef float lanes __attribute__((ext_vector_type(8), aligned(4)));
  *(lanes *)p = __builtin_elementwise_sqrt(*(lanes *)p);
}

// `lower` where v is below it, `upper` where v is above it, else v: NaN and the sign of a zero pass. x86's minimum
// and maximum return their second operand when one is NaN or both are zeros, so v has to be the second: one
// instruction per bound.
LCN_INLINE lcn_vf32 lcn_bound_f32(lcn_vf32 v, lcn_vf32 lower, lcn_vf32 upper) {
  v = lower > v ? lower : v;
  return upper < v ? upper : v;
}
LCN_INLINE lcn_vf64 lcn_bound_f64(lcn_vf64 v, lcn_vf64 lower, lcn_vf64 upper) {
  v = lower > v ? lower : v;
  return upper < v ? upper : v;
}

// Writes lanes 0..<count, and nothing behind them.
LCN_INLINE void lcn_store_first_f32(void *p, lcn_vf32 v, int64_t count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, (__mmask16)_bzhi_u32(0xffff, (uint32_t)count), (__m512)v);
#elif defined(__AVX2__)
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps((float *)p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane),
                      (__m256)v);
#else
  for (int i = 0; i < LCN_LANES_F32; i++)
    if (i < count) ((float *)p)[i] = v[i];
#endif
}
LCN_INLINE void lcn_store_first_f64(void *p, lcn_vf64 v, int64_t count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_pd(p, (__mmask8)_bzhi_u32(0xff, (uint32_t)count), (__m512d)v);
#elif defined(__AVX2__)
  __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  _mm256_maskstore_pd((double *)p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lane), (__m256d)v);
#else
  for (int i = 0; i < LCN_LANES_F64; i++)
    if (i < count) ((double *)p)[i] = v[i];
#endif
}

// Lanes 0, 2, … of a and then of b, and lanes 1, 3, … of both.
#if LCN_LANES_F32 == 16
#define LCN_EVEN_F32 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define LCN_ODD_F32 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LCN_EVEN_F64 0, 2, 4, 6, 8, 10, 12, 14
#define LCN_ODD_F64 1, 3, 5, 7, 9, 11, 13, 15
#elif LCN_LANES_F32 == 8
#define LCN_EVEN_F32 0, 2, 4, 6, 8, 10, 12, 14
#define LCN_ODD_F32 1, 3, 5, 7, 9, 11, 13, 15
#define LCN_EVEN_F64 0, 2, 4, 6
#define LCN_ODD_F64 1, 3, 5, 7
#else
#define LCN_EVEN_F32 0, 2, 4, 6
#define LCN_ODD_F32 1, 3, 5, 7
#define LCN_EVEN_F64 0, 2
#define LCN_ODD_F64 1, 3
#endif
LCN_INLINE lcn_vf32 lcn_even_f32(lcn_vf32 a, lcn_vf32 b) { return __builtin_shufflevector(a, b, LCN_EVEN_F32); }
LCN_INLINE lcn_vf32 lcn_odd_f32(lcn_vf32 a, lcn_vf32 b) { return __builtin_shufflevector(a, b, LCN_ODD_F32); }
LCN_INLINE lcn_vf64 lcn_even_f64(lcn_vf64 a, lcn_vf64 b) { return __builtin_shufflevector(a, b, LCN_EVEN_F64); }
LCN_INLINE lcn_vf64 lcn_odd_f64(lcn_vf64 a, lcn_vf64 b) { return __builtin_shufflevector(a, b, LCN_ODD_F64); }

#pragma clang assume_nonnull end
