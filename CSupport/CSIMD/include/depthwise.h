// What the kernel of depthwise convolutions gets, and the few instructions that it has for itself.
#pragma once
#include "registers.h"

#pragma clang assume_nonnull begin

// Planes of results, each a sum of one channel's plane shifted by taps. Strides and counts in elements.
typedef struct {
  const void *x;           // channel c at x + c·height·width
  int64_t height, width;
  void *y;                 // result f at y + f·outputHeight·outputWidth
  int64_t outputHeight, outputWidth;
  int64_t channels;
  int64_t multiplier;      // results c·multiplier … of channel c
  int64_t strideY, strideX;
  int64_t top, left;       // padding
  int64_t extentY;         // rows of the image from a kernel's first to its last
  const int32_t *starts;   // result f has the taps starts[f] ..< starts[f + 1]
  const void *weights;     // of the taps
  const int32_t *places;   // of the offsets of its taps: many results have the same
  const int64_t *offsets;  // where a tap reads the band, from a result's own place on: bytes
  const void *bias;        // one for each result
  double lower, upper;
  void *band;              // two bands: rows of a padded image, of which each has its columns by phases of strideX
  int64_t bandElements;    // of one
  int64_t bandRows;        // of results that one band is for
  int64_t square;          // 3 or 5: kernels of as many rows and columns, the same stride both ways, 1 or 2, no dilation; else 0
  int64_t rowStride;       // of the band
  int64_t phaseStride;     // from one phase of a row to the next
  int64_t isFar;           // whether image and results come from memory, so that it pays to ask for the next planes
} lcn_depthwise_args;

// Some rows of one image's results, channels last. Strides and counts in elements.
typedef struct {
  const void *x;           // pixel (i, j) at x + (i·width + j)·channels
  int64_t height, width;
  void *y;                 // pixel (i, j) at y + (i·outputWidth + j)·channels
  int64_t outputWidth;
  int64_t firstRow, rows;  // of results
  int64_t channels;        // at least as many as a register has lanes
  int64_t kernelHeight, kernelWidth;
  int64_t strideY, strideX, dilationY, dilationX;
  int64_t top, left;       // padding
  const void *weights;     // of tap (i, j) at (i·kernelWidth + j)·channels
  const void *bias;        // one for each channel
  double lower, upper;
} lcn_depthwise_channel_args;

// Lanes 0, 2, … and lanes 1, 3, … of v.
LCN_INLINE void lcn_split_f32(void *even, void *odd, lcn_vf32 v) {
  typedef float half __attribute__((ext_vector_type(LCN_LANES_F32 / 2), aligned(4)));
  *(half *)even = v.even;
  *(half *)odd = v.odd;
}
LCN_INLINE void lcn_split_f64(void *even, void *odd, lcn_vf64 v) {
#if LCN_LANES_F64 == 2
  *(double *)even = v.x;
  *(double *)odd = v.y;
#else
  typedef double half __attribute__((ext_vector_type(LCN_LANES_F64 / 2), aligned(8)));
  *(half *)even = v.even;
  *(half *)odd = v.odd;
#endif
}
#if defined(__AVX512VL__)
typedef float lcn_half_f32 __attribute__((ext_vector_type(8)));
// Writes lanes 0..<count of half a register, and nothing behind them.
LCN_INLINE void lcn_store_first_half_f32(void *p, lcn_half_f32 v, int64_t count) {
  _mm256_mask_storeu_ps(p, (__mmask8)_bzhi_u32(0xff, (uint32_t)count), (__m256)v);
}
#endif

#pragma clang assume_nonnull end
