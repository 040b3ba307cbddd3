// Which nodes are taken: products with constant weights that have zeros, each with its bias and activation one plan.
#pragma once
#include <lacuna.h>

#include <memory>
#include <string>
#include <vector>

#include "graph.h"

// Options of the delegate.
struct Options {
  double min_zeros = -1;     // share of zeros below which weights are left alone; −1: what was measured, see product.cc
  int64_t min_weights = -1;  // in · out below which they are; −1 likewise
  int64_t width = 64;        // rows of X, or pixels, where the shape does not say
  int64_t threads = 0;       // 0: as many as the interpreter has
  std::string report;        // a file that gets a JSON array of decisions
};

// What became of one product of the graph.
struct Decision {
  std::string name, type;  // of its output; of the operator
  std::vector<int> nodes;  // LiteRT's numbers: the product, then what made its constants
  int64_t rows = 0, columns = 0, width = 0;
  double zeros = 0;
  std::string kernel, reason;  // one of the two
};

struct PlanDeleter {
  void operator()(lcn_plan *plan) const { lcn_plan_destroy(plan); }
};

// A product that is taken: Y = activation(X·Wᵀ + bias), channels innermost.
struct Product {
  int node, x, y;  // LiteRT's numbers
  std::unique_ptr<lcn_plan, PlanDeleter> plan;
  int64_t rows = 0, columns = 0;
  bool convolution = false;
  bool keeps_rank = false;                 // a FULLY_CONNECTED whose output has as many dimensions as its input
  int stride_height = 1, stride_width = 1;  // of a convolution: only every stride-th pixel counts
  std::vector<int> constants;              // nodes that make its weights and its bias

  bool strided() const { return stride_height != 1 || stride_width != 1; }
  // The shape of Y for one of X. Fails when X does not fit the weights.
  std::vector<int> shape(const std::vector<int> &x) const;
};

// Whether `examine` has something to say about a node.
bool is_product(const Node &node);

// Looks at a product, and says in `decision` what became of it; NULL when it is left alone.
std::shared_ptr<Product> examine(const Graph &graph, const Node &node, const Options &options, int64_t threads,
                                 Decision &decision);
