// What onnxruntime calls for the nodes that were taken.
#pragma once
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
  std::vector<size_t> from, to;  // onnxruntime's numbers of the region's inputs and outputs
};

// An error for onnxruntime.
OrtStatus *failed(const Api &api, const std::string &why);

// OrtNodeComputeInfo::Compute of a Kernel. No exception leaves it.
OrtStatus *compute(OrtNodeComputeInfo *self, void *state, OrtKernelContext *context);
