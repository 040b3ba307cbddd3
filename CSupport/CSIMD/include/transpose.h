// Loads of the first lanes of a register, and the transpose of one square tile of registers.
#pragma once
#include "registers.h"
#include <string.h>

#pragma clang assume_nonnull begin

// Lanes 0..<count of p, zeros behind them; reads nothing behind them.
LCN_INLINE lcn_vf32 lcn_load_first_f32(const void *p, int64_t count) {
#if defined(__AVX512F__)
  return (lcn_vf32)_mm512_maskz_loadu_ps((__mmask16)_bzhi_u32(0xffff, (uint32_t)count), p);
#elif defined(__AVX2__)
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (lcn_vf32)_mm256_maskload_ps((const float *)p,
                                      _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane));
#else
  lcn_vf32 v = 0;
  for (int i = 0; i < LCN_LANES_F32; i++)
    if (i < count) v[i] = ((const float *)p)[i];
  return v;
#endif
}
LCN_INLINE lcn_vf64 lcn_load_first_f64(const void *p, int64_t count) {
#if defined(__AVX512F__)
  return (lcn_vf64)_mm512_maskz_loadu_pd((__mmask8)_bzhi_u32(0xff, (uint32_t)count), p);
#elif defined(__AVX2__)
  __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  return (lcn_vf64)_mm256_maskload_pd((const double *)p,
                                      _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lane));
#else
  lcn_vf64 v = 0;
  for (int i = 0; i < LCN_LANES_F64; i++)
    if (i < count) v[i] = ((const double *)p)[i];
  return v;
#endif
}

// r[i][j] ↔ r[j][i].
LCN_INLINE void lcn_transpose_f32(lcn_vf32 *r) {
#if defined(__AVX512F__)
  __m512 t[16], u[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps((__m512)r[i], (__m512)r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps((__m512)r[i], (__m512)r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; j++) {
      __m512d a = (__m512d)t[i + j], b = (__m512d)t[i + j + 2];
      u[i + 2 * j] = (__m512)_mm512_unpacklo_pd(a, b);
      u[i + 2 * j + 1] = (__m512)_mm512_unpackhi_pd(a, b);
    }
  }
  // u[4g + i] holds columns i, 4 + i, 8 + i, 12 + i of rows 4g ..< 4g + 4.
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(u[i], u[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(u[i], u[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; i++) {
    r[i] = (lcn_vf32)_mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = (lcn_vf32)_mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
  }
#elif defined(__AVX2__)
  __m256 t[8], u[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps((__m256)r[i], (__m256)r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps((__m256)r[i], (__m256)r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; j++) {
      __m256d a = (__m256d)t[i + j], b = (__m256d)t[i + j + 2];
      u[i + 2 * j] = (__m256)_mm256_unpacklo_pd(a, b);
      u[i + 2 * j + 1] = (__m256)_mm256_unpackhi_pd(a, b);
    }
  }
  for (int i = 0; i < 4; i++) {
    r[i] = (lcn_vf32)_mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = (lcn_vf32)_mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
#else
  lcn_vf32 t[LCN_LANES_F32];
  for (int i = 0; i < LCN_LANES_F32; i++)
    for (int j = 0; j < LCN_LANES_F32; j++) t[i][j] = r[j][i];
  for (int i = 0; i < LCN_LANES_F32; i++) r[i] = t[i];
#endif
}
LCN_INLINE void lcn_transpose_f64(lcn_vf64 *r) {
#if defined(__AVX512F__)
  __m512d t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm512_unpacklo_pd((__m512d)r[i], (__m512d)r[i + 1]);
    t[i + 1] = _mm512_unpackhi_pd((__m512d)r[i], (__m512d)r[i + 1]);
  }
  // t[2g + i] holds columns i, 2 + i, 4 + i, 6 + i of rows 2g and 2g + 1.
  for (int i = 0; i < 2; i++) {
    __m512d a = _mm512_shuffle_f64x2(t[i], t[i + 2], 0x88);
    __m512d b = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0x88);
    __m512d c = _mm512_shuffle_f64x2(t[i], t[i + 2], 0xdd);
    __m512d d = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0xdd);
    r[i] = (lcn_vf64)_mm512_shuffle_f64x2(a, b, 0x88);
    r[i + 4] = (lcn_vf64)_mm512_shuffle_f64x2(a, b, 0xdd);
    r[i + 2] = (lcn_vf64)_mm512_shuffle_f64x2(c, d, 0x88);
    r[i + 6] = (lcn_vf64)_mm512_shuffle_f64x2(c, d, 0xdd);
  }
#elif defined(__AVX2__)
  __m256d t[4];
  for (int i = 0; i < 4; i += 2) {
    t[i] = _mm256_unpacklo_pd((__m256d)r[i], (__m256d)r[i + 1]);
    t[i + 1] = _mm256_unpackhi_pd((__m256d)r[i], (__m256d)r[i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    r[i] = (lcn_vf64)_mm256_permute2f128_pd(t[i], t[i + 2], 0x20);
    r[i + 2] = (lcn_vf64)_mm256_permute2f128_pd(t[i], t[i + 2], 0x31);
  }
#else
  lcn_vf64 t[LCN_LANES_F64];
  for (int i = 0; i < LCN_LANES_F64; i++)
    for (int j = 0; j < LCN_LANES_F64; j++) t[i][j] = r[j][i];
  for (int i = 0; i < LCN_LANES_F64; i++) r[i] = t[i];
#endif
}

// Elements 0, 3, 6, … of three registers' worth at `source` to a, elements 1, 4, 7, … to b, elements 2, 5, 8, … to c.
#define LCN_THIRDS_2(r) r, r + 3
#define LCN_THIRDS_4(r) LCN_THIRDS_2(r), LCN_THIRDS_2(r + 6)
#define LCN_THIRDS_8(r) LCN_THIRDS_4(r), LCN_THIRDS_4(r + 12)
#define LCN_THIRDS_16(r) LCN_THIRDS_8(r), LCN_THIRDS_8(r + 24)
#define LCN_SEPARATE_THIRDS(T, S, L, THIRDS)                                                       \
  LCN_INLINE void lcn_thirds_##T(const S *source, S *a, S *b, S *c) {                              \
    typedef S threes __attribute__((ext_vector_type(3 * L), aligned(sizeof(S))));                  \
    const threes v = *(const threes *)source;                                                      \
    const lcn_v##T first = __builtin_shufflevector(v, v, THIRDS(0));                               \
    const lcn_v##T second = __builtin_shufflevector(v, v, THIRDS(1));                              \
    const lcn_v##T third = __builtin_shufflevector(v, v, THIRDS(2));                               \
    memcpy(a, &first, sizeof first);                                                               \
    memcpy(b, &second, sizeof second);                                                             \
    memcpy(c, &third, sizeof third);                                                               \
  }
#if LCN_LANES_F32 == 16
LCN_SEPARATE_THIRDS(f32, float, 16, LCN_THIRDS_16)
LCN_SEPARATE_THIRDS(f64, double, 8, LCN_THIRDS_8)
#elif LCN_LANES_F32 == 8
LCN_SEPARATE_THIRDS(f32, float, 8, LCN_THIRDS_8)
LCN_SEPARATE_THIRDS(f64, double, 4, LCN_THIRDS_4)
#else
LCN_SEPARATE_THIRDS(f32, float, 4, LCN_THIRDS_4)
LCN_SEPARATE_THIRDS(f64, double, 2, LCN_THIRDS_2)
#endif

// target[j][i] ← source[i][j] for a tile of `rows` × `columns` source elements, each at most the
// number of lanes. Target rows get `lanes` elements, zeros behind the first `rows`. Strides in elements.
//
// Whole tiles and cut ones have registers of their own, and every loop is unrolled: shared or indexed by a variable
// the tile would go through memory twice.
#define LCN_TRANSPOSE_TILE(T, S, L)                                                                \
  LCN_INLINE void lcn_transpose_tile_##T(const S *source, int64_t sourceStride, S *target,         \
                                         int64_t targetStride, int64_t rows, int64_t columns,      \
                                         int64_t lanes) {                                          \
    if (rows == L && columns == L && lanes == L) {                                                 \
      lcn_v##T r[L];                                                                               \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < L; i++)                               \
        memcpy(&r[i], source + i * sourceStride, sizeof r[i]);                                     \
      lcn_transpose_##T(r);                                                                        \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < L; j++)                               \
        memcpy(target + j * targetStride, &r[j], sizeof r[j]);                                     \
    } else {                                                                                       \
      lcn_v##T r[L];                                                                               \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < L; i++) {                             \
        r[i] = 0;                                                                                  \
        if (i < rows) r[i] = lcn_load_first_##T(source + i * sourceStride, columns);               \
      }                                                                                            \
      lcn_transpose_##T(r);                                                                        \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < L; j++)                               \
        if (j < columns) lcn_store_first_##T(target + j * targetStride, r[j], lanes);              \
    }                                                                                              \
  }
LCN_TRANSPOSE_TILE(f32, float, LCN_LANES_F32)
LCN_TRANSPOSE_TILE(f64, double, LCN_LANES_F64)

// Tiles that lie side by side in the target are written together where its rows share a set of the cache.
#define LCN_BAND_TILES 4

// The same for at most LCN_BAND_TILES tiles: `rows` source rows, `lanes` target elements. The tiles come into a buffer,
// whose rows are copied one after the other.
#define LCN_TRANSPOSE_BAND(T, S, L)                                                                \
  LCN_INLINE void lcn_transpose_band_##T(const S *source, int64_t sourceStride, S *target,         \
                                         int64_t targetStride, int64_t rows, int64_t columns,      \
                                         int64_t lanes) {                                          \
    _Alignas(64) S band[L * LCN_BAND_TILES * L];                                                   \
    for (int64_t c = 0; c < lanes; c += L) {                                                       \
      const int64_t left = rows > c ? rows - c : 0;                                                \
      lcn_transpose_tile_##T(source + c * sourceStride, sourceStride, band + c,                    \
                             LCN_BAND_TILES * L, left < L ? left : L, columns, L);                 \
    }                                                                                              \
    for (int64_t j = 0; j < columns; j++) {                                                        \
      const S *from = band + j * (LCN_BAND_TILES * L);                                             \
      S *to = target + j * targetStride;                                                           \
      int64_t c = 0;                                                                               \
      for (; c + L <= lanes; c += L) memcpy(to + c, from + c, L * sizeof(S));                      \
      if (c < lanes) {                                                                             \
        lcn_v##T last;                                                                             \
        memcpy(&last, from + c, sizeof last);                                                      \
        lcn_store_first_##T(to + c, last, lanes - c);                                              \
      }                                                                                            \
    }                                                                                              \
  }
LCN_TRANSPOSE_BAND(f32, float, LCN_LANES_F32)
LCN_TRANSPOSE_BAND(f64, double, LCN_LANES_F64)

#pragma clang assume_nonnull end
