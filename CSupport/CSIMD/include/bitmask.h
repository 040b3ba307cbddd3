// Weights of 8 bits under bit masks: arguments of their kernel, and the step that spreads 64 of them.
#pragma once
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "registers.h"

#pragma clang assume_nonnull begin

// Right-hand sides that one reading of the weights serves.
#define LCN_BITMASK_SIDES 4

// Rows of weights: a mask for each 64 inputs, and the weights that it names, one after the other.
typedef struct {
  const uint8_t *x;        // right-hand side s at x + s·xStride: 64 bytes for each mask of a row
  int64_t xStride;
  int32_t sides;           // 1…LCN_BITMASK_SIDES
  const uint64_t *masks;   // `chunks` for each row; bit j of chunk c is input 64·c + j
  const int8_t *values;    // row by row; 64 more are read
  int64_t rows, chunks;
  int32_t *sums;           // side s at sums + s·sumsStride, one for each row
  int64_t sumsStride;
} lcn_bitmask_args;

#if defined(__AVX512VBMI2__) && defined(__AVX512VNNI__)
typedef __m512i lcn_bytes64;

// The bytes that a mask names in their places, zeros elsewhere.
LCN_INLINE lcn_bytes64 lcn_bitmask_spread(uint64_t mask, const void *bytes) {
  __m512i packed = _mm512_loadu_si512(bytes);
  // As a load of its own: expanding from memory is as fast on Intel, and not everywhere.
  __asm__("" : "+v"(packed));
  return _mm512_maskz_expand_epi8(mask, packed);
}
// sums + the products of 64 inputs, four to a lane.
LCN_INLINE lcn_bytes64 lcn_bitmask_add(lcn_bytes64 sums, const uint8_t *x, lcn_bytes64 weights) {
  return _mm512_dpbusd_epi32(sums, _mm512_loadu_si512(x), weights);
}
LCN_INLINE lcn_bytes64 lcn_bitmask_zero(void) { return _mm512_setzero_si512(); }
LCN_INLINE int32_t lcn_bitmask_total(lcn_bytes64 even, lcn_bytes64 odd) {
  return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}
// Asks for weights that are read about 20 chunks later.
LCN_INLINE void lcn_bitmask_prefetch(const int8_t *values) {
  _mm_prefetch((const char *)values + 1024, _MM_HINT_T0);
}
#endif

#pragma clang assume_nonnull end
