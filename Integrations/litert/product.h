// Which nodes are taken: products with constant weights that have zeros, each with its bias and activation one plan.
#pragma once
#include <lacuna.h>

#include <memory>
#include <string>
#include <vector>

#include "graph.h"

// Options of the delegate.
struct Options {
  double min_zeros = -1;     // share of zeros below which weights are left alone; −1: what was measured, see layer.cc
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
  int64_t stretch = 0;         // nodes that are one plan with it, where a whole stretch is
};

struct Destroy {
  void operator()(lcn_matrix *matrix) const { lcn_matrix_destroy(matrix); }
  void operator()(lcn_plan *plan) const { lcn_plan_destroy(plan); }
  void operator()(lcn_conv *conv) const { lcn_conv_destroy(conv); }
};

// A convolution's two axes, height and width.
struct Axis {
  int64_t taps = 1, stride = 1, dilation = 1;
  bool same = false;  // padded so that a result has ⌈size / stride⌉ pixels; else not padded

  int64_t result(int64_t size) const;
  int64_t padding(int64_t size) const;  // zeros at both ends together; the smaller half comes first
};

// A product that is taken: Y = activation(X·Wᵀ + bias), channels innermost; or a convolution of windows.
struct Product {
  int node, x, y;  // LiteRT's numbers
  int64_t rows = 0, columns = 0;
  bool bytes = false;  // X and Y are int8
  size_t size() const { return bytes ? 1 : sizeof(float); }  // of an element of X and Y
  bool convolution = false, keeps_rank = false;  // a FULLY_CONNECTED whose output has as many dimensions as its input
  std::vector<int> constants;                    // nodes that make its weights and its bias
  std::unique_ptr<lcn_plan, Destroy> plan;

  // Of a convolution. With one tap and one group it is a product of those pixels that its strides leave.
  Axis axes[2];
  int64_t channels = 0, groups = 1;
  bool is_strided() const { return plan && (axes[0].stride != 1 || axes[1].stride != 1); }
  // Else its plan is for images of one size, and made again for another.
  std::unique_ptr<lcn_matrix, Destroy> weights;
  std::vector<float> bias, scales;
  lcn_conv_options options = LCN_CONV_OPTIONS_INIT;
  std::unique_ptr<lcn_conv, Destroy> conv;
  void plan_images(int64_t height, int64_t width);

  // The shape of Y for one of X. Fails when X does not fit the weights.
  std::vector<int> shape(const std::vector<int> &x) const;
};

// Whether `examine` has something to say about a node.
bool is_product(const Node &node);

// Looks at a product, and says in `decision` what became of it; NULL when it is left alone. `is_left`: it is in a stretch that
// stays LiteRT's, and too small to be taken out of it.
std::shared_ptr<Product> examine(const Graph &graph, const Node &node, const Options &options, int64_t threads, bool is_left,
                                 Decision &decision);
