// Weights named by the gaps between them: arguments of their kernel, and the steps that pick bytes of x.
#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma clang assume_nonnull begin

// Rows of slots: a weight, and how many inputs lie between it and the slot before it.
typedef struct {
  const uint8_t *x;        // a byte for each input, and 8 more of any value
  const int8_t *values;    // one for each slot, row by row; 8 more are read
  const uint8_t *gaps;     // eight slots in `bits` bytes, low bits first, the last ones of a row filled up with zeros;
                           // 8 bytes more are read
  const uint16_t *counts;  // slots of each row
  int64_t rows;
  int32_t bits;            // of a gap, 1...5: the gaps of eight slots sum to less than 256
  int32_t *sums;           // one for each row
} lcn_gap_args;

// `bits` ones in each byte.
static inline uint64_t lcn_gap_mask(int32_t bits) {
  return ((1ull << bits) - 1) * 0x0101010101010101ull;
}

// Gaps as they are stored: those of eight slots, and 8 − bits bytes that follow.
static inline uint64_t lcn_gap_word(const uint8_t *gaps) {
  uint64_t word;
  memcpy(&word, gaps, sizeof word);
  return word;
}

#if defined(__AVX2__)
// The sum of the gaps up to each slot, a byte each.
static inline uint64_t lcn_gap_places(const uint8_t *gaps, uint64_t mask) {
  return _pdep_u64(lcn_gap_word(gaps), mask) * 0x0101010101010101ull;
}

// What the places of the next eight slots count from.
static inline const uint8_t *lcn_gap_end(const uint8_t *x, uint64_t places) {
  return x + (places >> 56) + 8;
}

// x[places[i] + i] for i = 0…7. Loading bytes one by one takes a quarter of the time of a gather on Zen 3.
static inline __m128i lcn_gap_bytes(const uint8_t *x, uint64_t places) {
  __m128i v = _mm_cvtsi32_si128(x[(uint8_t)places]);
  v = _mm_insert_epi8(v, x[(uint8_t)(places >> 8) + 1], 1);
  v = _mm_insert_epi8(v, x[(uint8_t)(places >> 16) + 2], 2);
  v = _mm_insert_epi8(v, x[(uint8_t)(places >> 24) + 3], 3);
  v = _mm_insert_epi8(v, x[(uint8_t)(places >> 32) + 4], 4);
  v = _mm_insert_epi8(v, x[(uint8_t)(places >> 40) + 5], 5);
  v = _mm_insert_epi8(v, x[(uint8_t)(places >> 48) + 6], 6);
  return _mm_insert_epi8(v, x[(places >> 56) + 7], 7);
}

static inline __m256i lcn_gap_zero(void) { return _mm256_setzero_si256(); }

// sums + the products of sixteen slots: 16-bit factors, so that pairs of products are exact.
static inline __m256i lcn_gap_add16(
    __m256i sums, const int8_t *values, const uint8_t *x, uint64_t first, const uint8_t *middle,
    uint64_t second) {
  __m128i bytes = _mm_unpacklo_epi64(lcn_gap_bytes(x, first), lcn_gap_bytes(middle, second));
  __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)values));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_cvtepu8_epi16(bytes), weights));
}

// The same of `count` slots, 1…8; values behind them belong to the next row.
static inline __m256i lcn_gap_add8(
    __m256i sums, const int8_t *values, const uint8_t *x, uint64_t places, int64_t count) {
  uint64_t word;
  memcpy(&word, values, sizeof word);
  __m128i weights = _mm_cvtepi8_epi16(_mm_cvtsi64_si128((int64_t)(word & ~0ull >> (64 - 8 * count))));
  __m128i bytes = _mm_cvtepu8_epi16(lcn_gap_bytes(x, places));
  return _mm256_add_epi32(sums, _mm256_zextsi128_si256(_mm_madd_epi16(bytes, weights)));
}

static inline int32_t lcn_gap_total(__m256i sums) {
  __m128i v = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
}
#endif

#pragma clang assume_nonnull end
