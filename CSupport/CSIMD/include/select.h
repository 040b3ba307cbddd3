// Arguments of the passes over magnitudes that selection makes.
#pragma once
#include <stdint.h>
#include "window.h"

#pragma clang assume_nonnull begin

typedef struct {
  const void *x;            // `count` elements
  int64_t count;
  uint64_t low, high;       // bits of the bracket's magnitudes, low <= high
  void *end;                // where the next magnitude inside the bracket goes; moves on by what was
                            // appended; room for `count` + 16 more
  lcn_select_state *state;  // counts so far
} lcn_select_args;

// Counts by digit of the magnitudes whose bits above the digit are known. Two tables, used in turn,
// so that equal neighbours do not wait for each other; the caller adds them.
typedef struct {
  const void *x;            // `count` elements
  int64_t count;
  uint64_t prefix;          // magnitude >> prefixShift of those that count
  int64_t prefixShift;
  int64_t shift;            // the digit is (magnitude >> shift) & mask
  uint64_t mask;
  int64_t *bins;            // 2·(mask + 1) counters, added to
} lcn_histogram_args;

#pragma clang assume_nonnull end
