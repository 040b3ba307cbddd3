// Arguments of the pass over magnitudes that selection makes.
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

#pragma clang assume_nonnull end
