// LSTM and GRU nodes with constant weights: a recurrent network of Lacuna's each.
#pragma once
#include "stretch.h"

// What a recurrent node is planned for, and where its optional operands are.
struct Recurrence {
  struct Deleter {
    void operator()(lcn_recurrent *network) const { lcn_recurrent_destroy(network); }
  };
  std::unique_ptr<lcn_recurrent, Deleter> network;
  int64_t inputs = 0, hidden = 0, directions = 1, slices = 1, stored = 0;
  bool has_cell = false;  // an LSTM's
  // Names of X, the lengths and the first states, and of Y and the last states; "" for those that are left out or constant.
  std::string names[4], results[3];
  std::vector<int32_t> lengths;          // constant ones
  std::vector<float> first_hidden, first_cell;
};

bool is_recurrent(const std::string &type);

// Makes `stretch` the node's network, or fails with the reason why the node is left alone.
void examine_recurrent(const Graph &graph, const OrtNode *node, const Options &options, Stretch &stretch, Decision &decision);

// OrtNodeComputeInfo::Compute of such a node. `from` and `to` are onnxruntime's numbers of the names above, −1 for none.
struct Kernel;
OrtStatus *run_recurrent(const Kernel &kernel, OrtKernelContext *context);
