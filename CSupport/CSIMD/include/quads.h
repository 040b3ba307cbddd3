// Products of bytes, four to a 32-bit lane: the exact sum of four products, bytes from rows and from
// floats, and arguments of the kernels that make quads.
#pragma once
#include <stdint.h>
#include <string.h>
#include "registers.h"
#include "transpose.h"

#pragma clang assume_nonnull begin

typedef int32_t lcn_vi32 __attribute__((ext_vector_type(LCN_LANES_F32)));
typedef uint32_t lcn_vu32 __attribute__((ext_vector_type(LCN_LANES_F32)));
typedef int16_t lcn_vi16 __attribute__((ext_vector_type(LCN_LANES_F32 * 2)));
typedef uint16_t lcn_vu16 __attribute__((ext_vector_type(LCN_LANES_F32 * 2)));
typedef uint8_t lcn_vu8_quarter __attribute__((ext_vector_type(LCN_LANES_F32)));

// How quads of weights turn sums of bytes into floats: y = (sum − rowSum·zero)·(rowScale·scale) + bias.
// All null for products of floats.
typedef struct {
  const float *_Nullable scales;     // one per column of the panel
  const int32_t *_Nullable zeros;    // one per column of the panel
  const float *_Nullable rowScales;  // one per output row
  const int32_t *_Nullable rowSums;  // one per output row: the sum of its weights
  int32_t uniform;                   // whether all columns have the scale and the zero of the first
} lcn_quad_scales;

// A panel of quads: the bytes of inputs 4g…4g + 3 for each column, at target[g·targetStride + column].
typedef struct {
  const void *source;       // bytes or floats, strides in elements
  int64_t sourceStride;
  int32_t *target;
  int64_t targetStride;     // quads, at least paddedColumns
  int64_t inputs;           // rows of X; the bytes behind the last in its quad are anything
  int64_t columns, paddedColumns;
  int32_t flip;             // bytes: what each quad is combined with, 0x80808080 for signed ones
  const float *_Nullable inverses;  // floats: 1 / scale, one per padded column
  const int32_t *_Nullable zeros;   // floats: the byte that stands for 0, one per padded column
  float *_Nullable scales;          // floats: NaN is written where a column holds NaN
} lcn_quad_pack_args;

// Widens the range of each right-hand side to its numbers, NaN left out.
typedef struct {
  const float *source;
  int64_t sourceStride;
  int64_t inputs, columns;
  float *lowest, *highest;  // one per right-hand side, 0 before the first widening
} lcn_range_args;

// Rows of results as bytes: zero + round(v·inverse), combined with `flip`: 0x80 for signed ones.
typedef struct {
  const float *source;
  int64_t sourceStride;
  uint8_t *target;
  int64_t targetStride;
  int64_t rows, columns;
  float inverse;            // 1 / scale
  int32_t zero;             // the unsigned byte that stands for 0
  uint8_t flip;
} lcn_requantize_args;

// sum + x[0]·w[0] + x[1]·w[1] + x[2]·w[2] + x[3]·w[3] in each lane: four unsigned bytes by four signed
// ones, exact. One instruction where there is VNNI. Elsewhere the bytes with even and those with odd numbers
// are widened to 16 bits: their products fit, and so do sums of two. vpmaddubsw would saturate.
LCN_INLINE lcn_vi32 lcn_dot4(lcn_vi32 sum, lcn_vi32 x, lcn_vi32 w) {
#if defined(__AVX512VNNI__)
  return (lcn_vi32)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
#elif defined(__AVXVNNI__)
  return (lcn_vi32)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
#elif defined(__x86_64__)
  lcn_vi32 xEven = x & 0x00ff00ff, xOdd = (lcn_vi32)((lcn_vu16)x >> 8);
  lcn_vi32 wEven = (lcn_vi32)((lcn_vi16)((lcn_vu16)w << 8) >> 8), wOdd = (lcn_vi32)((lcn_vi16)w >> 8);
  // The compiler may not add products of several steps before they meet the sum: it would run out of registers.
#if defined(__AVX512BW__)
  sum += (lcn_vi32)_mm512_madd_epi16((__m512i)xEven, (__m512i)wEven);
  sum += (lcn_vi32)_mm512_madd_epi16((__m512i)xOdd, (__m512i)wOdd);
  __asm__("" : "+v"(sum));
#elif defined(__AVX2__)
  sum += (lcn_vi32)_mm256_madd_epi16((__m256i)xEven, (__m256i)wEven);
  sum += (lcn_vi32)_mm256_madd_epi16((__m256i)xOdd, (__m256i)wOdd);
  __asm__("" : "+x"(sum));
#else
  sum += (lcn_vi32)_mm_madd_epi16((__m128i)xEven, (__m128i)wEven);
  sum += (lcn_vi32)_mm_madd_epi16((__m128i)xOdd, (__m128i)wOdd);
  __asm__("" : "+x"(sum));
#endif
  return sum;
#else
  for (int j = 0; j < 32; j += 8)
    sum += (lcn_vi32)(((lcn_vu32)x >> j) & 0xff) * ((lcn_vi32)((lcn_vu32)w << (24 - j)) >> 24);
  return sum;
#endif
}

// The nearest float of each lane.
LCN_INLINE lcn_vf32 lcn_floats(lcn_vi32 v) { return __builtin_convertvector(v, lcn_vf32); }

// One byte of each lane from p on.
LCN_INLINE lcn_vu32 lcn_widen_bytes(const void *p) {
  lcn_vu8_quarter bytes;
  memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, lcn_vu32);
}
// The same for the first lanes: reads nothing behind them.
LCN_INLINE lcn_vu32 lcn_widen_first_bytes(const void *p, int64_t count) {
  uint8_t bytes[LCN_LANES_F32] = {0};
  for (int i = 0; i < LCN_LANES_F32; i++)
    if (i < count) bytes[i] = ((const uint8_t *)p)[i];
  return lcn_widen_bytes(bytes);
}
// Four lanes of bytes as one of quads.
LCN_INLINE lcn_vi32 lcn_join_bytes(lcn_vu32 a, lcn_vu32 b, lcn_vu32 c, lcn_vu32 d) {
  return (lcn_vi32)(a | b << 8 | c << 16 | d << 24);
}

// The byte of each number: v·inverse, to even where it lies in the middle, above `zero`, bounded to `lower` and `upper`
// before `zero` is added. Adding 1.5·2²³ leaves the integer in the low bits; it is the same on every instruction set.
LCN_INLINE lcn_vu32 lcn_quantize_between(lcn_vf32 v, lcn_vf32 inverse, lcn_vf32 lower, lcn_vf32 upper, lcn_vi32 zero) {
  lcn_vf32 scaled = v * inverse;
  scaled = scaled > lower ? scaled : lower;
  scaled = scaled < upper ? scaled : upper;
  return (lcn_vu32)((lcn_vi32)(scaled + 12582912.0f) + zero) & 0xff;
}
// The same for all bytes: 0 and 255 where it lies outside.
LCN_INLINE lcn_vu32 lcn_quantize(lcn_vf32 v, lcn_vf32 inverse, lcn_vi32 zero) {
  return lcn_quantize_between(v, inverse, lcn_floats(-zero), lcn_floats(255 - zero), zero);
}
// Writes the low bytes of the lanes, one after the other.
LCN_INLINE void lcn_store_bytes(void *p, lcn_vu32 v) {
  lcn_vu8_quarter bytes = __builtin_convertvector(v, lcn_vu8_quarter);
  memcpy(p, &bytes, sizeof bytes);
}
// target[g·targetStride + c] ← the word at source + c·sourceStride + 4·g bytes, combined with `flip`, for at most as many
// rows c and words g as a register has lanes. Nothing is written behind the last row's column.
LCN_INLINE void lcn_transpose_words(const void *source, int64_t sourceStride, int32_t *target, int64_t targetStride,
                                    int64_t rows, int64_t words, int32_t flip) {
  lcn_vf32 r[LCN_LANES_F32];
  if (rows == LCN_LANES_F32 && words == LCN_LANES_F32) {
    _Pragma("clang loop unroll(full)") for (int i = 0; i < LCN_LANES_F32; i++)
      memcpy(&r[i], (const char *)source + i * sourceStride, sizeof r[i]);
  } else {
    _Pragma("clang loop unroll(full)") for (int i = 0; i < LCN_LANES_F32; i++) {
      r[i] = 0;
      if (i < rows) r[i] = lcn_load_first_f32((const char *)source + i * sourceStride, words);
    }
  }
  lcn_transpose_f32(r);
  _Pragma("clang loop unroll(full)") for (int g = 0; g < LCN_LANES_F32; g++) {
    const lcn_vi32 quads = (lcn_vi32)r[g] ^ flip;
    if (g < words) lcn_store_first_f32(target + g * targetStride, (lcn_vf32)quads, rows);
  }
}
// Lanes that hold NaN in any of the four, as masks.
LCN_INLINE lcn_vi32 lcn_nan_lanes(lcn_vf32 a, lcn_vf32 b, lcn_vf32 c, lcn_vf32 d) {
  return (lcn_vi32)((a != a) | (b != b) | (c != c) | (d != d));
}
LCN_INLINE int32_t lcn_any_lane(lcn_vi32 mask) { return __builtin_reduce_or(mask); }
// `low` where v is not below it, else v; NaN leaves it. And the other way round.
LCN_INLINE lcn_vf32 lcn_lowest(lcn_vf32 low, lcn_vf32 v) { return v < low ? v : low; }
LCN_INLINE lcn_vf32 lcn_highest(lcn_vf32 high, lcn_vf32 v) { return v > high ? v : high; }
LCN_INLINE float lcn_lowest_lane(lcn_vf32 v) {
  float low = v[0];
  for (int i = 1; i < LCN_LANES_F32; i++) low = v[i] < low ? v[i] : low;
  return low;
}
LCN_INLINE float lcn_highest_lane(lcn_vf32 v) {
  float high = v[0];
  for (int i = 1; i < LCN_LANES_F32; i++) high = v[i] > high ? v[i] : high;
  return high;
}

#pragma clang assume_nonnull end
