// Arguments of the conversions from dense, and their steps: 64 elements to the bits of their nonzeros,
// and the elements under those bits packed together.
#pragma once
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma clang assume_nonnull begin

// Bits of the nonzeros of a dense matrix.
typedef struct {
  const void *x;       // row i starts at x + i·stride bytes
  int64_t stride;
  int64_t rows, columns;
  uint64_t *words;     // ⌈columns / 64⌉ words per row
} lcn_nonzeros_args;

// Elements of a dense matrix under the bits of a mask, row by row.
typedef struct {
  const void *x;
  int64_t stride;
  int64_t rows, columns;
  const uint64_t *words;
  void *values;        // room for 16 more than there are bits
  void *indices;       // column of each value, room for 16 more
  int32_t wide;        // indices take 32 bits, else 16
} lcn_compress_args;

// How far ahead whole words ask for memory: the hardware stops at the end of a page. 64 MB are looked
// through in 1.9 ms without, in 1.4 ms with it (reading them takes 1.5).
#define LCN_READ_AHEAD 8192

// Bit j of the result: x[j] is not zero (NaN is not), for j < min(count, 64).
static inline uint64_t lcn_nonzeros_f32(const float *x, int64_t count) {
  uint64_t bits = 0;
#if defined(__AVX512F__)
  if (count >= 64) {
    const __m512 zero = _mm512_setzero_ps();
    for (int g = 0; g < 4; g++) {
      _mm_prefetch((const char *)(x + 16 * g) + LCN_READ_AHEAD, _MM_HINT_T0);
      bits |= (uint64_t)_mm512_cmp_ps_mask(_mm512_loadu_ps(x + 16 * g), zero, _CMP_NEQ_UQ) << (16 * g);
    }
    return bits;
  }
  const uint64_t valid = (1ull << count) - 1;
  for (int g = 0; g < 4; g++) {
    const __mmask16 m = (__mmask16)(valid >> (16 * g));
    if (!m) break;
    const __m512 v = _mm512_maskz_loadu_ps(m, x + 16 * g);
    bits |= (uint64_t)_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ) << (16 * g);
  }
#else
  int64_t j = 0;
  if (count > 64) count = 64;
#if defined(__AVX__)
  for (; j + 8 <= count; j += 8)
    bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(
                _mm256_cmp_ps(_mm256_loadu_ps(x + j), _mm256_setzero_ps(), _CMP_NEQ_UQ)) << j;
#elif defined(__SSE2__)
  for (; j + 4 <= count; j += 4)
    bits |= (uint64_t)(uint32_t)_mm_movemask_ps(
                _mm_cmpneq_ps(_mm_loadu_ps(x + j), _mm_setzero_ps())) << j;
#endif
  for (; j < count; j++) bits |= (uint64_t)(x[j] != 0) << j;
#endif
  return bits;
}

static inline uint64_t lcn_nonzeros_f64(const double *x, int64_t count) {
  uint64_t bits = 0;
#if defined(__AVX512F__)
  if (count >= 64) {
    const __m512d zero = _mm512_setzero_pd();
    for (int g = 0; g < 8; g++) {
      _mm_prefetch((const char *)(x + 8 * g) + LCN_READ_AHEAD, _MM_HINT_T0);
      bits |= (uint64_t)_mm512_cmp_pd_mask(_mm512_loadu_pd(x + 8 * g), zero, _CMP_NEQ_UQ) << (8 * g);
    }
    return bits;
  }
  const uint64_t valid = (1ull << count) - 1;
  for (int g = 0; g < 8; g++) {
    const __mmask8 m = (__mmask8)(valid >> (8 * g));
    if (!m) break;
    const __m512d v = _mm512_maskz_loadu_pd(m, x + 8 * g);
    bits |= (uint64_t)_mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_NEQ_UQ) << (8 * g);
  }
#else
  int64_t j = 0;
  if (count > 64) count = 64;
#if defined(__AVX__)
  for (; j + 4 <= count; j += 4)
    bits |= (uint64_t)(uint32_t)_mm256_movemask_pd(
                _mm256_cmp_pd(_mm256_loadu_pd(x + j), _mm256_setzero_pd(), _CMP_NEQ_UQ)) << j;
#elif defined(__SSE2__)
  for (; j + 2 <= count; j += 2)
    bits |= (uint64_t)(uint32_t)_mm_movemask_pd(
                _mm_cmpneq_pd(_mm_loadu_pd(x + j), _mm_setzero_pd())) << j;
#endif
  for (; j < count; j++) bits |= (uint64_t)(x[j] != 0) << j;
#endif
  return bits;
}

// Copies x[j] and the index base + j for every bit j. Writes up to 15 elements behind the last one:
// compressing in a register and storing all of it is 40 times faster than compressing to memory.
static inline void lcn_compress_f32(
    const float *x, uint64_t bits, uint32_t base, float *values, void *indices, int32_t wide) {
#if defined(__AVX512F__)
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  int64_t at = 0;
  for (int g = 0; g < 4; g++) {
    const __mmask16 m = (__mmask16)(bits >> (16 * g));
    _mm512_storeu_ps(values + at, _mm512_maskz_compress_ps(m, _mm512_maskz_loadu_ps(m, x + 16 * g)));
    const __m512i index = _mm512_maskz_compress_epi32(
        m, _mm512_add_epi32(lane, _mm512_set1_epi32((int)(base + 16 * (uint32_t)g))));
    if (wide) _mm512_storeu_si512((uint32_t *)indices + at, index);
    else _mm256_storeu_si256((void *)((uint16_t *)indices + at), _mm512_cvtepi32_epi16(index));
    at += __builtin_popcount(m);
  }
#else
  for (int64_t at = 0; bits; bits &= bits - 1, at++) {
    const int j = __builtin_ctzll(bits);
    values[at] = x[j];
    if (wide) ((uint32_t *)indices)[at] = base + (uint32_t)j;
    else ((uint16_t *)indices)[at] = (uint16_t)(base + (uint32_t)j);
  }
#endif
}

static inline void lcn_compress_f64(
    const double *x, uint64_t bits, uint32_t base, double *values, void *indices, int32_t wide) {
#if defined(__AVX512F__) && defined(__AVX512VL__)
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  int64_t at = 0;
  for (int g = 0; g < 8; g++) {
    const __mmask8 m = (__mmask8)(bits >> (8 * g));
    _mm512_storeu_pd(values + at, _mm512_maskz_compress_pd(m, _mm512_maskz_loadu_pd(m, x + 8 * g)));
    const __m256i index = _mm256_maskz_compress_epi32(
        m, _mm256_add_epi32(lane, _mm256_set1_epi32((int)(base + 8 * (uint32_t)g))));
    if (wide) _mm256_storeu_si256((void *)((uint32_t *)indices + at), index);
    else _mm_storeu_si128((void *)((uint16_t *)indices + at), _mm256_cvtepi32_epi16(index));
    at += __builtin_popcount(m);
  }
#else
  for (int64_t at = 0; bits; bits &= bits - 1, at++) {
    const int j = __builtin_ctzll(bits);
    values[at] = x[j];
    if (wide) ((uint32_t *)indices)[at] = base + (uint32_t)j;
    else ((uint16_t *)indices)[at] = (uint16_t)(base + (uint32_t)j);
  }
#endif
}

#pragma clang assume_nonnull end
