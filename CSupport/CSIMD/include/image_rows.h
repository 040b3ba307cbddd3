// Rows of images that are no whole runs of memory: every `step`-th column on its way into a tile, with the padding around it,
// and lines of a panel, whose last columns nobody asked for, on their way out of it. Strides and counts in elements.
#pragma once
#include "registers.h"

#pragma clang assume_nonnull begin

// target[c, i, 0..<width]: `leading` zeros, `columns` elements source[c, i, j·step], and zeros. Nothing else is written; the
// width holds them all.
typedef struct {
  const void *source;
  int64_t sourceStride;  // from one channel to the next, and from one row
  int64_t sourceRow;
  int64_t step;
  void *target;
  int64_t targetStride;
  int64_t targetRow;
  int64_t channels, rows;
  int64_t leading, columns, width;
} lcn_image_pack_args;

// A panel's columns are places first ..< first + columns in lines of `line` places, of which the first `kept` are results:
// target[j, l, p] ← source[j, l·line + p − first] for p < kept, and nothing else is written.
typedef struct {
  const void *source;
  int64_t sourceStride;
  void *target;        // of place 0 of the first line
  int64_t targetStride;
  int64_t targetLine;  // from one line to the next
  int64_t rows, columns;
  int64_t first, kept, line;
} lcn_image_unpack_args;

// Lanes first ..< end of p, zeros in the others; reads nothing else.
LCN_INLINE lcn_vf32 lcn_load_range_f32(const void *p, int64_t first, int64_t end) {
#if defined(__AVX512F__)
  __mmask16 lanes = (__mmask16)(_bzhi_u32(0xffff, (uint32_t)end) & ~_bzhi_u32(0xffff, (uint32_t)first));
  return (lcn_vf32)_mm512_maskz_loadu_ps(lanes, p);
#elif defined(__AVX2__)
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)first), lane);
  __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)end), lane);
  return (lcn_vf32)_mm256_maskload_ps((const float *)p, _mm256_andnot_si256(before, inside));
#else
  lcn_vf32 v = 0;
  for (int i = 0; i < LCN_LANES_F32; i++)
    if (i >= first && i < end) v[i] = ((const float *)p)[i];
  return v;
#endif
}
LCN_INLINE lcn_vf64 lcn_load_range_f64(const void *p, int64_t first, int64_t end) {
#if defined(__AVX512F__)
  __mmask8 lanes = (__mmask8)(_bzhi_u32(0xff, (uint32_t)end) & ~_bzhi_u32(0xff, (uint32_t)first));
  return (lcn_vf64)_mm512_maskz_loadu_pd(lanes, p);
#elif defined(__AVX2__)
  __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  __m256i before = _mm256_cmpgt_epi64(_mm256_set1_epi64x(first), lane);
  __m256i inside = _mm256_cmpgt_epi64(_mm256_set1_epi64x(end), lane);
  return (lcn_vf64)_mm256_maskload_pd((const double *)p, _mm256_andnot_si256(before, inside));
#else
  lcn_vf64 v = 0;
  for (int i = 0; i < LCN_LANES_F64; i++)
    if (i >= first && i < end) v[i] = ((const double *)p)[i];
  return v;
#endif
}

#pragma clang assume_nonnull end
