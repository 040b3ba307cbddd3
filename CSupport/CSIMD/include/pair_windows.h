// Weights of bf16 in windows of 64 inputs: arguments of their kernels, and the step that multiplies 32 of them.
#pragma once
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "registers.h"

#pragma clang assume_nonnull begin

// Right-hand sides that one reading of the weights serves.
#define LCN_PAIR_WINDOW_SIDES 4

// Groups of 16 rows, which are the lanes, by windows of 64 inputs. A step holds up to two weights of each lane, which
// its mask names: bit 2·l + k is slot k of lane l.
typedef struct {
  const uint16_t *x;       // right-hand side s at x + s·xStride: 64 numbers of bf16 for each window
  int64_t xStride;
  int32_t sides;           // 1…LCN_PAIR_WINDOW_SIDES
  const uint8_t *steps;    // of each window of each group
  const uint32_t *masks;   // one for each step
  const uint16_t *values;  // bf16, of the slots that masks name, one after the other; 32 more are read
  const uint8_t *places;   // which input of the window each of them multiplies, 0…63; 32 more are read
  int64_t rows, windows;
  const float *bias;       // one for each row
  float lower, upper;
  float *y;                // side s at y + s·yStride, one for each row
  int64_t yStride;
} lcn_pair_window_args;

#if defined(__AVX512BF16__) && defined(__AVX512VBMI2__)
LCN_INLINE __m512i lcn_pair_window_load(const uint16_t *x) { return _mm512_loadu_si512(x); }
LCN_INLINE __m512i lcn_pair_window_none(void) { return _mm512_setzero_si512(); }
LCN_INLINE __m512 lcn_pair_window_zero(void) { return _mm512_setzero_ps(); }

// The weights and the places of a step, spread under its mask.
LCN_INLINE __m512i lcn_pair_window_values(uint32_t mask, const uint16_t *values) {
  __m512i packed = _mm512_loadu_si512(values);
  // As a load of its own: expanding from memory takes twice as long on Zen 5.
  __asm__("" : "+v"(packed));
  return _mm512_maskz_expand_epi16(mask, packed);
}
LCN_INLINE __m512i lcn_pair_window_places(uint32_t mask, const uint8_t *places) {
  __m256i packed = _mm256_loadu_si256((const __m256i *)places);
  __asm__("" : "+v"(packed));
  return _mm512_cvtepu8_epi16(_mm256_maskz_expand_epi8(mask, packed));
}
// sums + what two weights of each lane multiply: zeros in the slots without a weight, whatever the input is.
LCN_INLINE __m512 lcn_pair_window_add(__m512 sums, __m512i low, __m512i high, uint32_t mask, __m512i places,
                                      __m512i values) {
  __m512i x = _mm512_maskz_permutex2var_epi16(mask, low, places, high);
  return _mm512_dpbf16_ps(sums, (__m512bh)x, (__m512bh)values);
}
// Asks for what two steps read some 200 steps later: the hardware stops at the end of a page.
LCN_INLINE void lcn_pair_window_prefetch(const uint16_t *values, const uint8_t *places) {
  _mm_prefetch((const char *)values + 8192, _MM_HINT_T0);
  _mm_prefetch((const char *)values + 8256, _MM_HINT_T0);
  _mm_prefetch((const char *)places + 4096, _MM_HINT_T0);
}
LCN_INLINE __m512 lcn_pair_window_sum(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
// y ← bound(sums + bias) for `count` lanes; NaN passes.
LCN_INLINE void lcn_pair_window_store(float *y, __m512 sums, const float *bias, float lower, float upper,
                                      int64_t count) {
  __mmask16 lanes = (__mmask16)_bzhi_u32(0xffff, (uint32_t)count);
  __m512 v = _mm512_add_ps(sums, _mm512_maskz_loadu_ps(lanes, bias));
  v = _mm512_min_ps(_mm512_set1_ps(upper), _mm512_max_ps(_mm512_set1_ps(lower), v));
  _mm512_mask_storeu_ps(y, lanes, v);
}
// The nearest bf16 of up to 32 floats, ties to even; zeros behind them.
LCN_INLINE void lcn_pair_window_round(const float *source, int64_t count, uint16_t *target) {
  __mmask16 low = (__mmask16)_bzhi_u32(0xffff, count < 16 ? (uint32_t)count : 16);
  __mmask16 high = count > 16 ? (__mmask16)_bzhi_u32(0xffff, (uint32_t)(count - 16)) : 0;
  __m512bh halves = _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(high, source + 16), _mm512_maskz_loadu_ps(low, source));
  _mm512_storeu_si512(target, (__m512i)halves);
}
#endif

#pragma clang assume_nonnull end
