// Weights of 8 bits in windows of 64 inputs: arguments of their kernels, and the step that multiplies 64 of them.
#pragma once
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "registers.h"

#pragma clang assume_nonnull begin

// Right-hand sides that one reading of the weights serves.
#define LCN_BYTE_WINDOW_SIDES 4

// Groups of 16 rows, which are the lanes, by windows of 64 inputs. A step holds up to four weights of each lane, which
// its mask names: bit 4·l + k is slot k of lane l.
typedef struct {
  const uint8_t *x;        // right-hand side s at x + s·xStride: 64 bytes for each window
  int64_t xStride;
  int32_t sides;           // 1…LCN_BYTE_WINDOW_SIDES
  const uint8_t *steps;    // of each window of each group
  const uint64_t *masks;   // one for each step
  const int8_t *values;    // of the slots that masks name, one after the other; 64 more are read
  const uint8_t *places;   // which input of the window each of them multiplies, 0…63; 64 more are read
  int64_t rows, windows;
  int32_t *sums;           // side s at sums + s·sumsStride, one for each row
  int64_t sumsStride;
} lcn_byte_window_args;

#if defined(__AVX512VBMI2__) && defined(__AVX512VBMI__) && defined(__AVX512VNNI__)
LCN_INLINE __m512i lcn_byte_window_load(const uint8_t *x) { return _mm512_loadu_si512(x); }
LCN_INLINE __m512i lcn_byte_window_zero(void) { return _mm512_setzero_si512(); }
// sums + what four weights of each lane multiply.
LCN_INLINE __m512i lcn_byte_window_add(__m512i sums, __m512i window, __m512i places, __m512i values) {
  return _mm512_dpbusd_epi32(sums, _mm512_permutexvar_epi8(places, window), values);
}
LCN_INLINE void lcn_byte_window_store(int32_t *p, __m512i sums, int64_t count) {
  _mm512_mask_storeu_epi32(p, (__mmask16)_bzhi_u32(0xffff, (uint32_t)count), sums);
}
// Asks for what is read some 120 steps later: the hardware stops at the end of a page.
LCN_INLINE void lcn_byte_window_prefetch(const void *bytes) {
  _mm_prefetch((const char *)bytes + 4096, _MM_HINT_T0);
}
#endif

#pragma clang assume_nonnull end
