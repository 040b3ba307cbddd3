// What is known of a node that may be part of a region.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "../network.h"
#include "graph.h"

// What `find_regions` knows of a node.
struct Candidate {
  const OrtNode *node;
  std::string type, key;
  bool fits = false;    // may be part of a region
  int64_t level = 0;    // how often the way to it enters or leaves the nodes that fit
  size_t region = 0;
  // Of a convolution or a product.
  std::optional<Constant> weights;
  double zeros = 0;
  int64_t pixels = 0;  // of its result, of all images; or rows
};

// The shape of a value of floats, as it is planned: −1 for the number of images becomes 1. None when it is not known.
std::optional<std::vector<int64_t>> planned_shape(const Graph &graph, const OrtValueInfo *value, bool &open);

// Whether a node can be computed by a network of Lacuna's: all that it reads and makes are floats of known shapes, or constants.
// `open` is whether the number of images is left open, and has to be the same for all nodes of a region.
bool fits(const Graph &graph, Candidate &c, std::optional<bool> &open);

// What its attributes say, those that a network knows.
std::vector<Setting> settings(const Graph &graph, const Candidate &c);

inline bool is_product_of_rows(const std::string &type) { return type == "MatMul" || type == "Gemm"; }
