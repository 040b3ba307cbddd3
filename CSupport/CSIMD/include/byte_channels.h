// What the kernels of depthwise convolutions of bytes get whose images have channels last.
#pragma once
#include "byte_planes.h"

#pragma clang assume_nonnull begin

// Some rows of one image's results. A quad is four neighbouring taps of a kernel's row, of one channel in each lane.
typedef struct {
  const uint8_t *x;            // pixel (i, j) at x + (i·width + j)·channels
  int64_t height, width;
  void *y;                     // bytes or floats: pixel (i, j) at element (i·outputWidth + j)·channels
  int64_t outputWidth;
  int64_t firstRow, rows;      // of results
  int64_t channels;            // at least as many as a register has lanes
  int64_t kernelHeight, kernelWidth;
  int64_t strideY, strideX, dilationY, dilationX;
  int64_t top, left;           // padding
  const int32_t *weights;      // quads: (row of the kernel · parts + part)·channels + channel
  const int32_t *corrections;  // what a channel's sums start from: minus the sum of its weights times the zero point
  const float *scales, *bias;  // one for each channel, finite
  lcn_byte_results results;
  uint8_t flip;                // what bytes of X are combined with
  uint8_t zero;                // the byte of X, combined, that stands for 0
  void *ring;                  // quads of as many rows as a kernel reaches over, of some registers of channels
  int64_t ringRegisters;       // of channels
} lcn_byte_channel_args;

// One byte of each lane from each of up to four pixels, `step` bytes apart, as quads.
LCN_INLINE lcn_vi32 lcn_quads_of_pixels(const uint8_t *p, int64_t step, int64_t taps) {
  lcn_vu32 quads = lcn_widen_bytes(p);
  if (taps > 1) quads |= lcn_widen_bytes(p + step) << 8;
  if (taps > 2) quads |= lcn_widen_bytes(p + 2 * step) << 16;
  if (taps > 3) quads |= lcn_widen_bytes(p + 3 * step) << 24;
  return (lcn_vi32)quads;
}
// The same where `first` ≤ k < `end` of the pixels are there, and others are made of `zero`.
LCN_INLINE lcn_vi32 lcn_quads_of_some_pixels(const uint8_t *p, int64_t step, int64_t first, int64_t end, uint8_t zero) {
  lcn_vu32 quads = 0;
  for (int k = 0; k < 4; k++) {
    lcn_vu32 v = zero;
    if (k >= first && k < end) v = lcn_widen_bytes(p + k * step);
    quads |= v << (uint32_t)(8 * k);
  }
  return (lcn_vi32)quads;
}

#pragma clang assume_nonnull end
