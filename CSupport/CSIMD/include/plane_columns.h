// A column of registers of a depthwise convolution's results, straight from the image: loops that have to be unrolled whole,
// or sums would not stay in registers, for which Swift has no word.
#pragma once
#include "depthwise.h"

#pragma clang assume_nonnull begin

#if defined(__AVX512F__)
#define LCN_WHOLE _Pragma("clang loop unroll(full)")

// The lanes of a register at column `first` that lie in a row of `width` columns.
LCN_INLINE __mmask16 lcn_lanes_inside(int64_t first, int64_t width) {
  int64_t end = width - first, begin = -first;
  uint32_t below = _bzhi_u32(0xffff, end < 0 ? 0 : end > 16 ? 16 : (uint32_t)end);
  return (__mmask16)(below & ~_bzhi_u32(0xffff, begin < 0 ? 0 : begin > 16 ? 16 : (uint32_t)begin));
}

// sums[r] += row number `row` of what they see, times the row of a kernel of size × size that it is for each of them. Lanes
// outside of the image are zeros.
LCN_INLINE void lcn_add_image_row(const int row, const int size, const int stride, const int rows, __m512 *sums,
                                  const __m512 *weights, const float *x, const __mmask16 *inside) {
  LCN_WHOLE for (int column = 0; column < size; column++) {
    __m512 v;
    if (stride == 1) {
      v = _mm512_maskz_loadu_ps(inside[column], x + column);
    } else {
      const float *p = x + (column & ~1);
      const lcn_vf32 low = (lcn_vf32)_mm512_maskz_loadu_ps(inside[column & ~1], p);
      const lcn_vf32 high = (lcn_vf32)_mm512_maskz_loadu_ps(inside[column | 1], p + 16);
      v = (__m512)(column & 1 ? lcn_odd_f32(low, high) : lcn_even_f32(low, high));
    }
    LCN_WHOLE for (int r = 0; r < rows; r++) {
      const int y = row - r * stride;
      if (y >= 0 && y < size) sums[r] = _mm512_fmadd_ps(weights[y * size + column], v, sums[r]);
    }
  }
}

// Results first ..< first + 16 of all rows of a plane, `rows` at a time, of which there are at least as many. The kernel has size
// × size taps, 3 or 5, none of them left out, and the same stride in both directions, 1 or 2. `zeros` is a row of the image.
// If they are far, `lines` lines from `ahead` on are asked for with each rows of results, and `yLines` from `yAhead` on to be written.
LCN_INLINE void lcn_plane_columns_f32(const lcn_depthwise_args *a, const int size, const int stride, const int rows,
                                      const int isFar, const float *plane, float *y, const float *taps, float bias, int64_t first,
                                      const float *zeros, const char *ahead, int64_t lines, const char *yAhead,
                                      int64_t yLines) {
  __m512 weights[25];
  LCN_WHOLE for (int k = 0; k < size * size; k++) weights[k] = _mm512_set1_ps(taps[k]);
  int64_t begin = first * stride - a->left;
  __mmask16 inside[6];
  LCN_WHOLE for (int k = 0; k < 6; k++)
    inside[k] = lcn_lanes_inside(stride == 1 ? begin + k : begin + (k & ~1) + 16 * (k & 1), a->width);
  const __mmask16 tail = lcn_lanes_inside(first, a->outputWidth);
  const lcn_vf32 lower = (float)a->lower, upper = (float)a->upper;
  for (int64_t next = 0; next < a->outputHeight; next += rows) {
    // The last rows begin earlier.
    const int64_t row = next < a->outputHeight - rows ? next : a->outputHeight - rows;
    const int64_t top = row * stride - a->top;
    if (isFar) {
      for (int64_t k = 0; k < lines; k++, ahead += 64) lcn_prefetch(ahead);
      for (int64_t k = 0; k < yLines; k++, yAhead += 64) lcn_prefetch_write(yAhead);
    }
    __m512 sums[8];
    LCN_WHOLE for (int r = 0; r < rows; r++) sums[r] = _mm512_set1_ps(bias);
    LCN_WHOLE for (int i = 0; i < (rows - 1) * stride + size; i++) {
      const int64_t from = top + i;
      const float *x = from < 0 || from >= a->height ? zeros : plane + from * a->width;
      lcn_add_image_row(i, size, stride, rows, sums, weights, x + begin, inside);
      // The next row may not be loaded before: with all loads first weights would be kept in memory.
      LCN_WHOLE for (int r = 0; r < rows; r++)
        if (i - r * stride >= 0 && i - r * stride < size) __asm__("" : "+r"(begin) : "v"(sums[r]));
    }
    float *to = y + row * a->outputWidth + first;
    LCN_WHOLE for (int r = 0; r < rows; r++)
      _mm512_mask_storeu_ps(to + r * a->outputWidth, tail, (__m512)lcn_bound_f32((lcn_vf32)sums[r], lower, upper));
  }
}
#undef LCN_WHOLE
#endif

#pragma clang assume_nonnull end
