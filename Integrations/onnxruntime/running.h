// What onnxruntime calls for the nodes that were taken.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "region.h"
#include "stretch.h"

// What Compute runs: a plan, and how X is read; or the plan of a region.
struct Kernel : OrtNodeComputeInfo {
  const Api *api;
  Stretch stretch;
  int64_t threads;
  Region region;
  std::vector<size_t> from, to;  // onnxruntime's numbers of inputs and outputs of a region or a recurrent node
};

// No place.
constexpr size_t kNowhere = ~size_t(0);

// Threads that are worth sharing a run out over: one for each 15 µs. Measured on one core of a Zen 5: some 60 multiply-adds of
// nonzeros in a nanosecond, and 20 bytes of packed weights where there are few right-hand sides.
inline int64_t threads_worth(double multiply_adds, double weight_bytes) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::max(multiply_adds / 60, weight_bytes / 20) / 15000));
}

// An error for onnxruntime.
OrtStatus *failed(const Api &api, const std::string &why);

// An input of a node, with its shape; NULL for one that is left out.
OrtStatus *take_input(const Api &api, OrtKernelContext *context, size_t place, const OrtValue *&input,
                      std::vector<int64_t> &shape);
// A shape in words, and its product.
std::string written(const std::vector<int64_t> &shape);
int64_t elements(const std::vector<int64_t> &shape);

// OrtNodeComputeInfo::Compute of a Kernel. No exception leaves it.
OrtStatus *compute(OrtNodeComputeInfo *self, void *state, OrtKernelContext *context);
