// Arguments and instructions of the block kernels for few columns of X.
#pragma once
#include <stdint.h>
#include "registers.h"

#pragma clang assume_nonnull begin

// Strips of 16/C output rows times up to six columns of X. A step is one register: a strip's part of a
// block of C input columns, row-major. Strips come in the order of their number of steps, so that the
// processor predicts the end of each. Not checked by anyone.
typedef struct {
  const void *x;            // input j of column c at c·xColumn + j elements, zeros behind the last input
  int64_t xColumn;
  const void *weights;      // 16 per step
  const uint16_t *indices;  // block column, per step
  const uint32_t *counts;   // steps per strip
  int64_t strips;
  const uint32_t *firstRows;  // output row of each strip's first row
  int64_t rows;             // rows of Y
  void *y;                  // element (i, c) at i·yRow + c·yColumn
  int64_t yRow, yColumn;
  const void *bias;
  double lower, upper, beta;
  void *scratch;            // 64 bytes
  int32_t columns;          // 1…6
  int32_t blockColumns;     // C: 1, 2, 4, 8 or 16
} lcn_block_args;

#if defined(__AVX512F__)
// `columns` adjacent inputs, repeated to fill the register.
LCN_INLINE __m512 lcn_spread16(const void *p, int64_t columns) {
  switch (columns) {
    case 1: return _mm512_set1_ps(*(const float *)p);
    case 2: return _mm512_castpd_ps(_mm512_broadcastsd_pd(_mm_loadl_pd(_mm_setzero_pd(), (const double *)p)));
    case 4: return _mm512_broadcast_f32x4(_mm_loadu_ps((const float *)p));
    case 8: return _mm512_broadcast_f32x8(_mm256_loadu_ps((const float *)p));
    default: return _mm512_loadu_ps(p);
  }
}
// The sums of each `columns` adjacent lanes, in the first 16/columns lanes.
LCN_INLINE __m512 lcn_fold16(__m512 v, int64_t columns) {
  if (columns >= 2) v = _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));
  if (columns >= 4) v = _mm512_add_ps(v, _mm512_permute_ps(v, 0x4e));
  if (columns >= 8) v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0xb1));
  if (columns >= 16) v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0x4e));
  if (columns == 2) v = _mm512_maskz_compress_ps(0x5555, v);
  if (columns == 4) v = _mm512_maskz_compress_ps(0x1111, v);
  if (columns == 8) v = _mm512_maskz_compress_ps(0x0101, v);
  return v;
}
LCN_INLINE __m512 lcn_block_step16(__m512 sum, __m512 weights, __m512 x) {
  return _mm512_fmadd_ps(weights, x, sum);
}
// y[0..<count] ← bound(v + bias + β·y), and nothing behind them. NaN passes, as in lcn_bound_f32.
LCN_INLINE void lcn_finish_first16(
    __m512 v, int64_t count, const void *bias, void *y, float beta, float lower, float upper) {
  const __mmask16 lanes = (__mmask16)_bzhi_u32(0xffff, (uint32_t)count);
  v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(lanes, bias));
  if (beta != 0) v = _mm512_fmadd_ps(_mm512_set1_ps(beta), _mm512_maskz_loadu_ps(lanes, y), v);
  v = _mm512_min_ps(_mm512_set1_ps(upper), _mm512_max_ps(_mm512_set1_ps(lower), v));
  _mm512_mask_storeu_ps(y, lanes, v);
}
#elif defined(__AVX2__)
// Half number `half` of `columns` adjacent inputs that are repeated to fill 16 lanes.
LCN_INLINE lcn_vf32 lcn_spread8(const void *p, int64_t columns, int64_t half) {
  switch (columns) {
    case 1: return (lcn_vf32)_mm256_broadcast_ss((const float *)p);
    case 2: return (lcn_vf32)_mm256_castpd_ps(_mm256_broadcast_sd((const double *)p));
    case 4: return (lcn_vf32)_mm256_broadcast_ps((const __m128 *)p);
    case 8: return (lcn_vf32)_mm256_loadu_ps((const float *)p);
    default: return (lcn_vf32)_mm256_loadu_ps((const float *)p + 8 * half);
  }
}
// out[0 ..< 16 / columns] ← the sums of each `columns` adjacent ones of 16 lanes.
LCN_INLINE void lcn_fold8(void *out, lcn_vf32 low, lcn_vf32 high, int64_t columns) {
  __m256 v = _mm256_hadd_ps((__m256)low, (__m256)high);
  if (columns == 1) {
    _mm256_storeu_ps((float *)out, (__m256)low);
    _mm256_storeu_ps((float *)out + 8, (__m256)high);
  } else if (columns == 2) {
    // Pairs lie as 0 1 4 5 2 3 6 7.
    _mm256_storeu_pd((double *)out, _mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8));
  } else {
    // Four sums, or the eighths of two: those of `low` first in each half.
    v = _mm256_hadd_ps(v, v);
    const __m128 first = _mm256_castps256_ps128(v), second = _mm256_extractf128_ps(v, 1);
    if (columns == 4) {
      _mm_storeu_ps((float *)out, _mm_unpacklo_ps(first, second));
    } else {
      const __m128 both = _mm_add_ps(first, second);
      if (columns == 8) _mm_storel_pi((__m64 *)out, both);
      else *(float *)out = both[0] + both[1];
    }
  }
}
// y[0 ..< 4] ← bound(sums + bias + β·y). NaN passes, as in lcn_bound_f32.
LCN_INLINE void lcn_finish4(
    const void *sums, const void *bias, void *y, float beta, float lower, float upper) {
  __m128 v = _mm_add_ps(_mm_loadu_ps((const float *)sums), _mm_loadu_ps((const float *)bias));
  if (beta != 0) v = _mm_fmadd_ps(_mm_set1_ps(beta), _mm_loadu_ps((const float *)y), v);
  v = _mm_min_ps(_mm_set1_ps(upper), _mm_max_ps(_mm_set1_ps(lower), v));
  _mm_storeu_ps((float *)y, v);
}
#endif

#pragma clang assume_nonnull end
