// Arguments of the loop that measures a core's multiply-add peak.
#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct {
  int64_t rounds;   // each is 12 multiply-adds of one register
  void *operands;   // a, b, c of a ← a + b·c, and room for the sum of the chains
} lcn_peak_args;

#pragma clang assume_nonnull end
