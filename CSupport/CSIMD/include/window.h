// Argument blocks and vector instructions of the small-batch, selection and conversion kernels.
#pragma once
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma clang assume_nonnull begin

// A range of groups of window-packed weights times up to eight packed columns of X. Not checked by
// anyone: whoever fills one in guarantees that every pointer covers what the counts say.
//
// A group is `lanes` output rows, one per lane; its steps come in bundles. In a step each lane
// multiplies one of its weights with one X value of a window of two adjacent blocks of `lanes` inputs.
// The last place of a window reads as zero: lanes with nothing to do have weight 0 there.
typedef struct {
  const void *x;            // block b of column c: `lanes` elements at (b·columns + c)·lanes
  const void *values;       // `lanes` weights per step, or only those in use, where there are masks
  const uint32_t *places;   // `lanes` words per bundle, a few bits per step, the first step lowest
  const uint16_t *bases;    // per step: the first block of the window
  const uint16_t *masks;    // per step: the lanes in use; only read by the compressed kernels
  const uint32_t *bundles;  // per group: number of bundles
  const uint32_t *rows;     // per group and lane: output row, rising; UINT32_MAX for none
  int64_t groups;
  void *y;                  // element (i, c) at i·yRow + c·yColumn
  int64_t yRow, yColumn;
  const void *bias;         // one value per output row
  double lower, upper;      // bounds of the activation
  double beta;              // result starts from bias + beta·Y; 0 does not read Y
  void *scratch;            // room for `lanes` elements, aligned to a register
  int32_t columns;          // 1…8, or fewer: see `mostColumns` in the kernel table
} lcn_window_args;

// Columns of X cut into blocks of `lanes` inputs, zeros behind the last input.
typedef struct {
  const void *source;       // input j of column c at j·inputStride + c·columnStride elements
  int64_t inputStride, columnStride;
  void *target;             // block b of column c at (b·columns + c)·lanes
  int64_t inputs;
  int64_t blocks;           // blocks to write, those of zeros included
  int32_t columns, lanes;
} lcn_window_pack_args;

// What one pass of the bracket selection has seen so far, in bit patterns of magnitudes.
typedef struct {
  int64_t above;      // number of x > high
  int64_t equal_high; // number of x = high
  int64_t inside;     // number of low < x < high, which were appended to the buffer
  int64_t equal_low;  // number of x = low
  uint64_t maximum;   // largest x
} lcn_select_state;

#if defined(__AVX512F__) && defined(__AVX512BW__)
// Counts 16 magnitudes against the bracket and compresses the ones inside it; advances `out`.
// Compress in a register, then one full store: compressing to memory takes 88 cycles on Zen 4.
static inline uint32_t *lcn_select_step16(
    const void *x, uint32_t low, uint32_t high, uint32_t *out, lcn_select_state *state) {
  const __m512i bits = _mm512_and_si512(_mm512_loadu_si512(x), _mm512_set1_epi32(0x7fffffff));
  const __m512i l = _mm512_set1_epi32((int)low), h = _mm512_set1_epi32((int)high);
  const __mmask16 above = _mm512_cmpgt_epu32_mask(bits, h);
  const __mmask16 atHigh = _mm512_cmpeq_epu32_mask(bits, h);
  const __mmask16 atLow = _mm512_cmpeq_epu32_mask(bits, l);
  const __mmask16 inside = _mm512_mask_cmplt_epu32_mask(_mm512_cmpgt_epu32_mask(bits, l), bits, h);
  state->above += __builtin_popcount(above);
  state->equal_high += __builtin_popcount(atHigh);
  state->equal_low += __builtin_popcount(atLow);
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(inside, bits));
  return out + __builtin_popcount(inside);
}

static inline uint64_t *lcn_select_step8(
    const void *x, uint64_t low, uint64_t high, uint64_t *out, lcn_select_state *state) {
  const __m512i bits =
      _mm512_and_si512(_mm512_loadu_si512(x), _mm512_set1_epi64(0x7fffffffffffffffLL));
  const __m512i l = _mm512_set1_epi64((long long)low), h = _mm512_set1_epi64((long long)high);
  const __mmask8 above = _mm512_cmpgt_epu64_mask(bits, h);
  const __mmask8 atHigh = _mm512_cmpeq_epu64_mask(bits, h);
  const __mmask8 atLow = _mm512_cmpeq_epu64_mask(bits, l);
  const __mmask8 inside = _mm512_mask_cmplt_epu64_mask(_mm512_cmpgt_epu64_mask(bits, l), bits, h);
  state->above += __builtin_popcount(above);
  state->equal_high += __builtin_popcount(atHigh);
  state->equal_low += __builtin_popcount(atLow);
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi64(inside, bits));
  return out + __builtin_popcount(inside);
}

static inline __m512i lcn_max_magnitude_u32(__m512i maximum, const void *x) {
  return _mm512_max_epu32(
      maximum, _mm512_and_si512(_mm512_loadu_si512(x), _mm512_set1_epi32(0x7fffffff)));
}
static inline __m512i lcn_max_magnitude_u64(__m512i maximum, const void *x) {
  return _mm512_max_epu64(
      maximum,
      _mm512_and_si512(_mm512_loadu_si512(x), _mm512_set1_epi64(0x7fffffffffffffffLL)));
}
static inline uint64_t lcn_reduce_max_u32(__m512i v) { return _mm512_reduce_max_epu32(v); }
static inline uint64_t lcn_reduce_max_u64(__m512i v) { return _mm512_reduce_max_epu64(v); }
static inline __m512i lcn_zero512(void) { return _mm512_setzero_si512(); }
#endif

// Asks for `lines` cache lines from `p` on; harmless behind the end of memory.
static inline void lcn_prefetch_lines(const void *p, int lines) {
  for (int i = 0; i < lines; i++) __builtin_prefetch((const char *)p + 64 * i, 0, 3);
}

#if defined(__AVX512F__)
// 16 weights by a window of 32 inputs: places of 5 bits, vpermi2ps.
static inline __m512 lcn_load16(const void *p) { return _mm512_loadu_ps(p); }
static inline __m512 lcn_load16_last_zero(const void *p) {
  return _mm512_maskz_loadu_ps(0x7fff, p);
}
static inline __m512i lcn_load_places16(const void *p) { return _mm512_loadu_si512(p); }
static inline __m512i lcn_next_places5(__m512i p) { return _mm512_srli_epi32(p, 5); }
static inline __m512i lcn_next_places4(__m512i p) { return _mm512_srli_epi32(p, 4); }
static inline __m512 lcn_pick32(__m512 low, __m512i places, __m512 high) {
  return _mm512_permutex2var_ps(low, places, high);
}
static inline __m512 lcn_pick16(__m512 block, __m512i places) {
  return _mm512_permutexvar_ps(places, block);
}
static inline __m512 lcn_fma16(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
static inline __m512 lcn_fma16_lanes(__m512 a, __m512 b, __m512 c, uint32_t lanes) {
  return _mm512_mask3_fmadd_ps(a, b, c, (__mmask16)lanes);
}
// The next weights spread over the lanes in use. Expands in a register: reads 64 bytes.
static inline __m512 lcn_expand16(const void *p, uint32_t lanes) {
  __m512 packed = _mm512_loadu_ps(p);
  // As a load of its own: expanding from memory is slower on Zen 5.
  __asm__("" : "+v"(packed));
  return _mm512_maskz_expand_ps((__mmask16)lanes, packed);
}
static inline int64_t lcn_bit_count(uint32_t mask) { return __builtin_popcount(mask); }
static inline void lcn_store16(void *p, __m512 v) { _mm512_storeu_ps(p, v); }
static inline __m512 lcn_add16(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
static inline __m512 lcn_zero16(void) { return _mm512_setzero_ps(); }
static inline __m512 lcn_fill16(float v) { return _mm512_set1_ps(v); }
// As lcn_bound_f32: NaN passes, because v is the second operand.
static inline __m512 lcn_bound16(__m512 v, __m512 lower, __m512 upper) {
  return _mm512_min_ps(upper, _mm512_max_ps(lower, v));
}

// 8 doubles by a window of 16 inputs: places of 4 bits, vpermi2pd.
static inline __m512d lcn_load8d(const void *p) { return _mm512_loadu_pd(p); }
static inline __m512d lcn_load8d_last_zero(const void *p) { return _mm512_maskz_loadu_pd(0x7f, p); }
static inline __m512i lcn_load_places8d(const void *p) {
  return _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)p));
}
static inline __m512i lcn_next_places8d(__m512i p) { return _mm512_srli_epi64(p, 4); }
static inline __m512d lcn_pick16d(__m512d low, __m512i places, __m512d high) {
  return _mm512_permutex2var_pd(low, places, high);
}
static inline __m512d lcn_fma8d(__m512d a, __m512d b, __m512d c) {
  return _mm512_fmadd_pd(a, b, c);
}
static inline void lcn_store8d(void *p, __m512d v) { _mm512_storeu_pd(p, v); }
static inline __m512d lcn_add8d(__m512d a, __m512d b) { return _mm512_add_pd(a, b); }
static inline __m512d lcn_zero8d(void) { return _mm512_setzero_pd(); }
static inline __m512d lcn_fill8d(double v) { return _mm512_set1_pd(v); }
static inline __m512d lcn_bound8d(__m512d v, __m512d lower, __m512d upper) {
  return _mm512_min_pd(upper, _mm512_max_pd(lower, v));
}
#endif

#if defined(__AVX2__)
// 8 weights by a window of 16 inputs: places of 4 bits, two vpermps and a blend by the fourth bit.
static inline __m256 lcn_load8(const void *p) { return _mm256_loadu_ps(p); }
static inline __m256 lcn_load8_last_zero(const void *p) {
  return _mm256_and_ps(
      _mm256_loadu_ps(p), _mm256_castsi256_ps(_mm256_setr_epi32(-1, -1, -1, -1, -1, -1, -1, 0)));
}
static inline __m256i lcn_load_places8(const void *p) {
  return _mm256_loadu_si256((const __m256i *)p);
}
static inline __m256i lcn_next_places8(__m256i p) { return _mm256_srli_epi32(p, 4); }
static inline __m256 lcn_pick16_avx2(__m256 low, __m256i places, __m256 high) {
  return _mm256_blendv_ps(
      _mm256_permutevar8x32_ps(low, places), _mm256_permutevar8x32_ps(high, places),
      _mm256_castsi256_ps(_mm256_slli_epi32(places, 28)));
}
static inline __m256 lcn_fma8(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
static inline void lcn_store8(void *p, __m256 v) { _mm256_storeu_ps(p, v); }
static inline __m256 lcn_add8(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
static inline __m256 lcn_zero8(void) { return _mm256_setzero_ps(); }
static inline __m256 lcn_fill8(float v) { return _mm256_set1_ps(v); }
static inline __m256 lcn_bound8(__m256 v, __m256 lower, __m256 upper) {
  return _mm256_min_ps(upper, _mm256_max_ps(lower, v));
}
#endif

#pragma clang assume_nonnull end
