// What the kernels of depthwise convolutions of bytes get, and how bytes of an image's row become quads.
#pragma once
#include "quads.h"

#pragma clang assume_nonnull begin

// What sums of bytes become: floats within bounds, or the bytes of those.
typedef struct {
  float lower, upper;  // bounds of y, before it becomes a byte
  float inverse;       // 1 / scale of results that are bytes
  int32_t zero;        // the unsigned byte that stands for their 0
  uint8_t flip;        // what they are combined with: 0x80 for signed bytes
} lcn_byte_results;

// Planes of results, each a sum of one channel's plane shifted by taps: quads are four neighbouring taps of a kernel's row.
typedef struct {
  const uint8_t *x;            // channel c at x + c·height·width
  int64_t height, width;
  void *y;                     // bytes or floats: result f at element f·outputHeight·outputWidth
  int64_t outputHeight, outputWidth;
  int64_t channels;
  int64_t multiplier;          // results c·multiplier … of channel c
  int64_t strideY, strideX;
  int64_t dilationX;
  int64_t top, left;           // padding
  int64_t extentY;             // rows of the image from a kernel's first to its last
  const int32_t *starts;       // result f has the quads starts[f] ..< starts[f + 1]
  const int32_t *weights;      // quads
  const int32_t *places;       // of the offsets of its quads: many results have the same
  const int64_t *offsets;      // where a quad reads the band, from a result's own place on: bytes
  const int32_t *corrections;  // what a result's sum starts from: minus the sum of its weights times the zero point
  const float *scales, *bias;  // one for each result, finite
  lcn_byte_results results;
  uint8_t flip;                // what bytes of X are combined with
  uint8_t zero;                // the byte of X, combined, that stands for 0
  void *band;                  // two bands of quads, then two of bytes, which AVX-512 uses where it cannot shuffle only
  int64_t bandBytes;           // of one band of quads
  int64_t imageBytes;          // of one band of bytes
  int64_t rowBytes;            // from a row of bytes to the next
  int64_t bandRows;            // of results that one band is for
  int64_t phaseRows;           // rows of quads from one phase of the rows to the next
  int64_t parts;               // quads of a kernel's row
} lcn_byte_plane_args;

// target ← source, each byte combined with `flip`. Reads and writes nothing else.
LCN_INLINE void lcn_copy_bytes(uint8_t *target, const uint8_t *source, int64_t count, uint8_t flip) {
#if defined(__AVX512BW__)
  const __m512i flips = _mm512_set1_epi8((char)flip);
  int64_t i = 0;
  for (; i + 64 <= count; i += 64)
    _mm512_storeu_si512(target + i, _mm512_xor_si512(_mm512_loadu_si512(source + i), flips));
  if (i < count) {
    const __mmask64 mask = _bzhi_u64(~0ull, (uint32_t)(count - i));
    const __m512i v = _mm512_maskz_loadu_epi8(mask, source + i);
    _mm512_mask_storeu_epi8(target + i, mask, _mm512_xor_si512(v, flips));
  }
#else
  // The last bytes are copied as a whole number of words that begins earlier.
  typedef uint8_t bytes __attribute__((ext_vector_type(16)));
  const uint64_t flips = flip * 0x0101010101010101ull;
  if (count >= 16) {
    for (int64_t i = 0; i < count; i += 16) {
      const int64_t at = i + 16 <= count ? i : count - 16;
      bytes v;
      memcpy(&v, source + at, 16);
      v ^= flip;
      memcpy(target + at, &v, 16);
    }
  } else if (count >= 4) {
    for (int64_t i = 0; i < count; i += 4) {
      const int64_t at = i + 4 <= count ? i : count - 4;
      uint32_t v;
      memcpy(&v, source + at, 4);
      v ^= (uint32_t)flips;
      memcpy(target + at, &v, 4);
    }
  } else {
    for (int64_t i = 0; i < count; i++) target[i] = source[i] ^ flip;
  }
#endif
}

// Whether lcn_shuffle_quads makes quads at this stride and dilation: four lanes read 16 bytes, and those of a register
// begin in its length.
LCN_INLINE int32_t lcn_shuffles_quads(int64_t stride, int64_t dilation) {
#if defined(__AVX2__)
  return stride <= 4 && 3 * stride + 3 * dilation < 16;
#else
  (void)stride, (void)dilation;
  return 0;
#endif
}
// Which words, and which bytes of each four of them, lcn_shuffle_quads takes.
LCN_INLINE lcn_vi32 lcn_quad_words(int64_t stride) {
  lcn_vi32 words;
  for (int i = 0; i < LCN_LANES_F32; i++) words[i] = (int32_t)(i / 4 * stride + i % 4);
  return words;
}
LCN_INLINE lcn_vi32 lcn_quad_bytes(int64_t stride, int64_t dilation) {
  lcn_vi32 bytes;
  for (int i = 0; i < LCN_LANES_F32; i++)
    bytes[i] = (int32_t)(i % 4 * stride * 0x01010101 + dilation * 0x03020100);
  return bytes;
}
// Lane i ← the bytes p[i·stride + k·dilation], k = 0…3; reads a register's length from p on.
LCN_INLINE lcn_vi32 lcn_shuffle_quads(const void *p, lcn_vi32 words, lcn_vi32 bytes) {
#if defined(__AVX512BW__)
  const __m512i read = _mm512_permutexvar_epi32((__m512i)words, _mm512_loadu_si512(p));
  return (lcn_vi32)_mm512_shuffle_epi8(read, (__m512i)bytes);
#elif defined(__AVX2__)
  const __m256i read = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(p), (__m256i)words);
  return (lcn_vi32)_mm256_shuffle_epi8(read, (__m256i)bytes);
#else
  (void)p, (void)words;
  return bytes;
#endif
}
#if defined(__AVX512BW__)
// The bytes first ≤ k < end of 64, as a mask.
LCN_INLINE uint64_t lcn_byte_mask(int64_t first, int64_t end) {
  first = first > 0 ? first : 0;
  end = end < 64 ? end : 64;
  return end > first ? _bzhi_u64(~0ull, (uint32_t)(end - first)) << first : 0;
}
// As lcn_shuffle_quads, from the bytes of a mask: others are not read, but are those of `others`. Then all are combined
// with `flips`.
LCN_INLINE lcn_vi32 lcn_shuffle_some_quads(const void *p, uint64_t mask, lcn_vi32 others, lcn_vi32 flips,
                                           lcn_vi32 words, lcn_vi32 bytes) {
  const __m512i read = _mm512_mask_loadu_epi8((__m512i)others, mask, p);
  return (lcn_vi32)_mm512_shuffle_epi8(
    _mm512_permutexvar_epi32((__m512i)words, _mm512_xor_si512(read, (__m512i)flips)), (__m512i)bytes);
}
#endif
// The same at any stride and dilation, byte by byte.
LCN_INLINE lcn_vi32 lcn_gather_quads(const uint8_t *p, int64_t stride, int64_t dilation) {
  lcn_vi32 quads;
  for (int i = 0; i < LCN_LANES_F32; i++) {
    const uint8_t *from = p + i * stride;
    uint32_t quad;
    if (dilation == 1)
      memcpy(&quad, from, 4);
    else
      quad = from[0] | (uint32_t)from[dilation] << 8 | (uint32_t)from[2 * dilation] << 16
             | (uint32_t)from[3 * dilation] << 24;
    quads[i] = (int32_t)quad;
  }
  return quads;
}

#pragma clang assume_nonnull end
