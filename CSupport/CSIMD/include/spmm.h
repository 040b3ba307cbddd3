// Arguments of the kernels of Y ← W·X for packed weights. Not checked by anyone: whoever fills one in
// guarantees that every pointer covers what the counts and strides say.
#pragma once
#include <stdint.h>
#include "quads.h"

#pragma clang assume_nonnull begin

// Rows, as wide as a panel, that are read after it.
typedef struct {
  const void *_Nullable rows;
  int64_t stride;  // bytes from one to the next
  int32_t count;
  int32_t share;   // how many each strip asks for
} lcn_next_rows;

// One region (a block of output rows by a block of input columns) of packed weights times one panel of
// X, `vectors` registers wide.
//
// Weights come in strips of `strip` adjacent output rows. Strip number s owns the next `steps` steps of
// the streams: a step is one index (a row of the panel) and `strip` weights. Strips are grouped by
// their number of steps, so that the inner trip count is predictable. Indices are read four at a time:
// each strip's indices and weights are padded to a multiple of four steps that are not executed, the
// streams are 8-byte aligned, and one more quad of indices and eight more rows may be read at the end.
typedef struct {
  const void *x;            // row j of the panel starts at x + j·xStride bytes
  int64_t xStride;
  const void *weights;      // `strip` weights for each step
  const uint16_t *indices;  // row of the panel, for each step
  const uint32_t *groups;   // pairs: steps per strip, number of strips
  int64_t groupCount;
  const uint32_t *rows;     // first output row of each strip, relative to the pointers below
  void *partial;            // sums of earlier regions: row i at partial + i·partialStride bytes
  int64_t partialStride;
  void *y;                  // result: row i at y + i·yStride bytes
  int64_t yStride;
  const void *_Nullable residual;  // added to results before they are bounded, row i at residual + i·yStride; NULL for bytes and pairs
  const void *bias;         // one value per output row
  double lower, upper;      // bounds of the activation
  int64_t columns;          // columns of the panel that exist in y; only the last vector may be cut
  int32_t vectors;          // registers per panel row
  int32_t strip;            // output rows per step
  int32_t startsFromBias;   // sums start from the bias instead of `partial`
  int32_t finishes;         // results are bounded and go to y, `partial` may change; else the sums go there
  int32_t fetchesTarget;    // strips ask for the rows of y that later ones write
  int32_t fetchesResidual;  // strips ask for the rows of the residual that later ones add
  int32_t streams;          // results go past the caches: rows of y are whole, aligned registers; not for bytes
  lcn_next_rows next;       // what strips ask for in the meantime
  lcn_quad_scales quads;    // for products of bytes, whose steps are four inputs and whose sums are 32-bit
} lcn_spmm_args;

// Asks for a strip's share of what is read next; `asked` counts the rows. It keeps nearly all registers of the caller: strips
// that ask for nothing, which are most, would use memory instead of them.
static __attribute__((noinline, preserve_most, unused)) void lcn_ask_out_of_line(
    const lcn_next_rows *next, int64_t width, int64_t *asked) {
  for (int k = 0; k < next->share && *asked < next->count; k++, ++*asked) {
    uintptr_t row = (uintptr_t)next->rows + *asked * next->stride;
    for (uintptr_t line = row & -64; line < row + width; line += 64) lcn_prefetch_level2((const void *)line);
  }
}

// The same for callers that do not know its calling convention.
LCN_INLINE void lcn_ask(const lcn_next_rows *next, int64_t width, int64_t *asked) {
  if (next->share > 0) lcn_ask_out_of_line(next, width, asked);
}

// Panels of X: `rows` rows of `columns` elements, copied (or transposed) to rows of `paddedColumns`
// elements, zeros in the padding. Strides in elements. Copying writes whole registers:
// `paddedColumns` is a multiple of one there, and any number where rows are transposed.
typedef struct {
  const void *source;
  int64_t sourceStride;
  void *target;
  int64_t targetStride;
  int64_t rows, columns, paddedColumns;
} lcn_pack_args;

#pragma clang assume_nonnull end
