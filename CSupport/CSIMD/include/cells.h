// Arguments of the element-wise part of a recurrent step, and of functions of single elements. Not checked by
// anyone.
#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

// y[i] ← f(x[i]) for i < count; y may be x.
typedef struct {
  const float *x;
  float *y;
  int64_t count;
} lcn_pointwise_args;

// y[r, c] ← f(x[r, c]) for r < rows and c < columns, `stride` elements from a row to the next in both; y may be x.
typedef struct {
  const void *x;
  void *y;
  int64_t rows;
  int64_t columns;
  int64_t stride;
} lcn_activation_args;

// y[r, c] ← bound(y[r, c] + residual[r, c]) for r < rows and c < columns, `stride` elements from a row to the next in both.
typedef struct {
  void *y;
  const void *residual;
  int64_t rows;
  int64_t columns;
  int64_t stride;
  double lower, upper;
} lcn_residual_args;

// One step of a cell for some sequences, each of `units` units. Gate g of unit u lies at gates[g] + u of a
// sequence's sums: i, f, c, o of an LSTM, z, r, h of a GRU. Strides in elements.
typedef struct {
  const float *input;       // W·x + bias
  int64_t inputStride;
  float *recurrent;         // R·h + bias. A GRU that resets before the product keeps z here, between its two parts
  int64_t recurrentStride;
  int64_t gates[4];
  float *hidden;            // h, before the step and after it
  float *cell;              // c of an LSTM, likewise; read by nothing else
  int64_t stateStride;      // of both
  float *output;            // h after the step once more, or r·h for the second product. May be `hidden`
  int64_t outputStride;
  int64_t sequences, units;
} lcn_cell_args;

#pragma clang assume_nonnull end
