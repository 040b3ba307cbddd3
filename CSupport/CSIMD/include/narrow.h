// Weights of 16 bits widened to f32 in registers: bf16 by a shift, f16 by F16C, by bits where there is none.
#pragma once
#include <stdint.h>
#include <string.h>
#include "registers.h"

#pragma clang assume_nonnull begin

LCN_INLINE float lcn_float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
LCN_INLINE float lcn_float_bf16(uint16_t bits) { return lcn_float_of_bits((uint32_t)bits << 16); }
LCN_INLINE float lcn_float_f16(uint16_t bits) {
#if defined(__F16C__)
  return _cvtsh_ss(bits);
#else
  const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  if (exponent == 0) {
    // Subnormal: fraction · 2⁻²⁴, exact in f32.
    const float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return lcn_float_of_bits(sign | wide << 23 | fraction << 13);
#endif
}

// One weight in every lane.
LCN_INLINE lcn_vf32 lcn_spread_bf16(const void *p) {
  uint16_t bits;
  memcpy(&bits, p, sizeof bits);
#if defined(__AVX512BW__)
  return (lcn_vf32)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_set1_epi16((short)bits), 16));
#elif defined(__AVX2__)
  return (lcn_vf32)_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_set1_epi16((short)bits), 16));
#else
  return (lcn_vf32)lcn_float_bf16(bits);
#endif
}
LCN_INLINE lcn_vf32 lcn_spread_f16(const void *p) {
  uint16_t bits;
  memcpy(&bits, p, sizeof bits);
#if defined(__AVX512F__)
  return (lcn_vf32)_mm512_cvtph_ps(_mm256_set1_epi16((short)bits));
#elif defined(__AVX2__)
  return (lcn_vf32)_mm256_cvtph_ps(_mm_set1_epi16((short)bits));
#else
  return (lcn_vf32)lcn_float_f16(bits);
#endif
}

// As many adjacent weights as a register has lanes.
LCN_INLINE lcn_vf32 lcn_widen_bf16(const void *p) {
#if defined(__AVX512F__)
  const __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
  return (lcn_vf32)_mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
#elif defined(__AVX2__)
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
  return (lcn_vf32)_mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
#else
  lcn_vf32 v;
  for (int i = 0; i < LCN_LANES_F32; i++) v[i] = lcn_float_bf16(((const uint16_t *)p)[i]);
  return v;
#endif
}
LCN_INLINE lcn_vf32 lcn_widen_f16(const void *p) {
#if defined(__AVX512F__)
  return (lcn_vf32)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif defined(__AVX2__)
  return (lcn_vf32)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
  lcn_vf32 v;
  for (int i = 0; i < LCN_LANES_F32; i++) v[i] = lcn_float_f16(((const uint16_t *)p)[i]);
  return v;
#endif
}

#if defined(__AVX512F__)
LCN_INLINE __m512 lcn_load16_bf16(const void *p) { return (__m512)lcn_widen_bf16(p); }
LCN_INLINE __m512 lcn_load16_f16(const void *p) { return (__m512)lcn_widen_f16(p); }
// The next weights spread over the lanes in use. Widens and expands in a register: reads 32 bytes.
LCN_INLINE __m512 lcn_expand16_bf16(const void *p, uint32_t lanes) {
  return _mm512_maskz_expand_ps((__mmask16)lanes, lcn_load16_bf16(p));
}
LCN_INLINE __m512 lcn_expand16_f16(const void *p, uint32_t lanes) {
  return _mm512_maskz_expand_ps((__mmask16)lanes, lcn_load16_f16(p));
}
#elif defined(__AVX2__)
LCN_INLINE __m256 lcn_load8_bf16(const void *p) { return (__m256)lcn_widen_bf16(p); }
LCN_INLINE __m256 lcn_load8_f16(const void *p) { return (__m256)lcn_widen_f16(p); }
#endif

#pragma clang assume_nonnull end
