// Products of bf16, two to a 32-bit lane, and panels of such pairs: where AVX512-BF16 is.
#pragma once
#include "transpose.h"

#pragma clang assume_nonnull begin

#if defined(__AVX512BF16__)
// sum + x[1]·w[1] + x[0]·w[0] in each lane, x and w being pairs of bf16, the first in the low half. Subnormal numbers
// count as zero, and so do subnormal sums.
LCN_INLINE lcn_vf32 lcn_dot2(lcn_vf32 sum, lcn_vf32 x, lcn_vf32 w) {
  return (lcn_vf32)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)w);
}

// The nearest bf16 of each lane of two registers, ties to even: pairs of lanes of the same number.
LCN_INLINE lcn_vf32 lcn_pair_rows(lcn_vf32 first, lcn_vf32 second) {
  __m512i halves = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  __m512i places = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                    5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (lcn_vf32)_mm512_permutexvar_epi16(places, halves);
}

// target[p][c] ← the pair of source[c][2p] and source[c][2p + 1] for `columns` rows of `inputs` floats, at most 16 of
// at most 32; zeros in the lanes and the half behind them. Strides in elements.
LCN_INLINE void lcn_pair_tile(const float *source, int64_t sourceStride, float *target, int64_t targetStride,
                              int64_t columns, int64_t inputs) {
  lcn_vf32 r[16];
  int64_t low = inputs < 16 ? inputs : 16, high = inputs - low;
  for (int c = 0; c < 16; c++) {
    r[c] = 0;
    if (c >= columns) continue;
    const float *row = source + c * sourceStride;
    lcn_vf32 first = lcn_load_first_f32(row, low);
    lcn_vf32 second = high > 0 ? lcn_load_first_f32(row + 16, high) : (lcn_vf32)0;
    r[c] = (lcn_vf32)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  }
  lcn_transpose_f32(r);
  for (int p = 0; p < 16; p++)
    if (2 * p < inputs) memcpy(target + p * targetStride, &r[p], sizeof r[p]);
}
#endif

#pragma clang assume_nonnull end
