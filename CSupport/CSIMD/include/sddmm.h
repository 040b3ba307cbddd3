// Arguments of the kernels for sampled products and for CSR times few columns, and horizontal sums.
#pragma once
#include <stdint.h>
#include "registers.h"

#pragma clang assume_nonnull begin

// values[p] (+)= Σ_c G[i, c] · X[index[p], c] over one panel of columns, for the entries
// starts[i·splits]..<starts[i·splits + 1] of each row i. Not checked by anyone.
typedef struct {
  const void *g;          // row i at g + i·gStride bytes
  int64_t gStride;
  const void *x;          // row j at x + j·xStride bytes
  int64_t xStride;
  const int64_t *starts;  // where row i's entries of this block of inputs start; the next is their end
  int64_t splits;         // from one row's element of `starts` to the next row's
  const void *indices;    // of all entries
  void *values;
  int64_t rows;
  int32_t vectors;        // registers per panel row, 1 or more; up to 4 stay in registers
  int32_t indexBytes;     // 2 or 4; 4 for more than 4 registers
  int32_t adds;           // 0: values are overwritten
} lcn_sddmm_args;

// y[i·yRow + c·yColumn] ← bound(bias[i] + β·y + Σ_p values[p] · x[index[p]·xInput + c·xColumn]) for
// the entries of CSR rows offsets[i]..<offsets[i + 1]. Strides in elements. Not checked by anyone.
typedef struct {
  const int64_t *offsets;
  const void *indices;
  const void *values;
  const void *x;
  int64_t xInput, xColumn;
  void *y;
  int64_t yRow, yColumn;
  const void *bias;
  double lower, upper, beta;
  int64_t firstRow, endRow;
  int64_t columns;
  int32_t indexBytes;     // 2 or 4
} lcn_csr_args;

// out[0..3] ← the sums of the lanes of a, b, c, d.
LCN_INLINE void lcn_sums4_f32(float *out, lcn_vf32 a, lcn_vf32 b, lcn_vf32 c, lcn_vf32 d) {
#if defined(__AVX2__)
  // The compiler may not look through: it would move shuffles ahead of the last products and take those twice, in parts.
  __asm__("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d));
#endif
#if defined(__AVX512F__)
  const __m512 ab = _mm512_add_ps(
      _mm512_unpacklo_ps((__m512)a, (__m512)b), _mm512_unpackhi_ps((__m512)a, (__m512)b));
  const __m512 cd = _mm512_add_ps(
      _mm512_unpacklo_ps((__m512)c, (__m512)d), _mm512_unpackhi_ps((__m512)c, (__m512)d));
  const __m512 all = _mm512_add_ps(
      _mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 half =
      _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
#elif defined(__AVX2__)
  const __m256 all = _mm256_hadd_ps(
      _mm256_hadd_ps((__m256)a, (__m256)b), _mm256_hadd_ps((__m256)c, (__m256)d));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
#else
  const lcn_vf32 v[4] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    float sum = 0;
    for (int l = 0; l < LCN_LANES_F32; l++) sum += v[i][l];
    out[i] = sum;
  }
#endif
}
LCN_INLINE void lcn_sums4_f64(double *out, lcn_vf64 a, lcn_vf64 b, lcn_vf64 c, lcn_vf64 d) {
  const lcn_vf64 v[4] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
#if defined(__AVX512F__)
    out[i] = _mm512_reduce_add_pd((__m512d)v[i]);
#else
    double sum = 0;
    for (int l = 0; l < LCN_LANES_F64; l++) sum += v[i][l];
    out[i] = sum;
#endif
  }
}

#pragma clang assume_nonnull end
