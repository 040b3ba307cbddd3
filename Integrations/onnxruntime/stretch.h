// Runs of nodes that are one plan: a product with constant weights, its bias, its activation.
#pragma once
#include <lacuna.h>

#include <memory>
#include <string>
#include <vector>

#include "graph.h"
#include "quantized.h"

// Options of the provider, from session configuration entries "ep.<name>.<option>".
struct Options {
  double min_zeros = 0.5;      // share of zeros below which weights are left alone, of bytes in whole groups; see README.md
  int64_t min_weights = 4096;  // weights below which a layer's time is not worth the call
  int64_t width = 64;          // right-hand sides, where the shape does not say
  int64_t threads = 1;         // of a session, that large products and whole stretches are shared out over
  std::string report;          // a file that gets a JSON array of decisions
};

// What became of one product of the graph.
struct Decision {
  std::string name, type;
  std::vector<std::string> nodes;
  int64_t rows = 0, columns = 0, width = 0;
  double zeros = 0;
  std::string kernel, reason;  // one of the two
  int64_t stretch = 0;         // nodes that are one plan with it, where a whole stretch is
};

struct PlanDeleter {
  void operator()(lcn_plan *plan) const { lcn_plan_destroy(plan); }
  void operator()(lcn_conv *conv) const { lcn_conv_destroy(conv); }
  void operator()(lcn_graph_plan *plan) const { lcn_graph_plan_destroy(plan); }
};

// What a convolution of more than one tap, or with padding or groups, is planned for: all but its weights.
struct Window {
  int64_t height = 0, width = 0, kernel_height = 1, kernel_width = 1;
  int64_t stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0, groups = 1;
};

struct Recurrence;  // see recurrent.h

// A stretch that is taken: its nodes, and the plan that computes them.
struct Stretch {
  std::vector<const OrtNode *> nodes;
  std::string key;  // the name of the product's output
  std::unique_ptr<lcn_plan, PlanDeleter> plan;
  std::unique_ptr<lcn_conv, PlanDeleter> conv;  // instead of a plan
  std::shared_ptr<Recurrence> recurrence;       // of an LSTM or a GRU
  bool is_taken() const { return plan || conv || recurrence; }
  std::optional<Window> window;          // of a conv; its images have this height and width
  int64_t out_height = 0, out_width = 0;  // of its results
  int64_t rows = 0, columns = 0, stored = 0, packed_bytes = 0, width = 1, slices = 1;
  bool convolution = false;  // X is [batch, columns, …]: a product for each sample; else [..., columns]
  std::vector<int64_t> strides;  // of a convolution, when one is not 1: only every stride-th pixel counts
  std::optional<Bytes> x, y;     // of a product of bytes: its input, and its result where that is bytes, too
  size_t x_size() const { return x ? 1 : sizeof(float); }
  size_t y_size() const { return y ? 1 : sizeof(float); }
};

// Looks at a product or a recurrent node of the graph. `elsewhere` is why nothing of the graph is taken, or NULL. Says in `decision` what became of it; the stretch has a plan when it is taken.
Stretch examine(const Graph &graph, const OrtNode *node, const Options &options, const char *elsewhere, Decision &decision);

// Whether `examine` has something to say about a node.
bool is_product(const Graph &graph, const OrtNode *node);
