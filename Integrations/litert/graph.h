// LiteRT's graph through its C interface: nodes, who reads a tensor, and constants as floats, also those that DEQUANTIZE and
// DENSIFY make of what the model stores.
#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "interface.h"

// Why a node is not taken, or what went wrong.
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Node {
  int index;  // LiteRT's number for it
  int type;   // kTfLiteBuiltin…
  const TfLiteNode *node;  // a copy of the graph's
};

// A tensor of floats that the model holds: W or a bias.
struct Constant {
  Constant() = default;
  Constant(Constant &&) = default;  // a copy would point into the other's memory
  Constant &operator=(Constant &&) = default;
  const float *data = nullptr;
  std::vector<float> decoded;  // where data points when the model holds something else than these floats
  std::vector<int> shape;
  std::vector<int> nodes;  // DEQUANTIZE and DENSIFY nodes on the way from the model's bytes
};

// What the integers of a tensor stand for: scale · (integer − zero), with one scale or one for each place of `dimension`.
struct Affine {
  std::vector<float> scales;
  std::vector<int64_t> zeros;
  int dimension = 0;
};
// Fails when a tensor has no such scales.
Affine affine_of(const TfLiteTensor &tensor, const std::string &what);

class Graph {
 public:
  // Fails when the structures of this LiteRT are not those of interface.h.
  explicit Graph(TfLiteContext *context);
  Graph(const Graph &) = delete;

  const std::vector<Node> &nodes() const { return nodes_; }
  // By LiteRT's number.
  const Node &node(int index) const { return nodes_.at(places_.at(index)); }
  // Which nodes read a tensor, each with the number of the input.
  const std::vector<std::pair<int, int>> &readers(int tensor) const { return readers_.at(tensor); }
  // Whether something outside the graph's nodes may read a tensor. True for all when LiteRT does not say.
  bool leaves(int tensor) const { return !knows_outputs_ || outputs_.count(tensor) > 0; }

  // Fails for the number of an optional input that is absent.
  const TfLiteTensor &tensor(int index) const;
  std::string name(int index) const;
  // Fails, with the reason, when it is not constant floats. `what` is what it is to the node.
  Constant constant(int index, const std::string &what) const;
  // The same of integers of 8 or 32 bits, as they are.
  Constant integers(int index, const std::string &what) const;

 private:
  const Node *producer(int tensor) const;
  void find_outputs();

  TfLiteContext *context_;
  std::list<TfLiteNode> copies_;  // LiteRT moves its own when a delegate takes some
  std::vector<Node> nodes_;
  std::map<int, size_t> places_;
  std::vector<std::vector<std::pair<int, int>>> readers_;
  std::vector<int> producers_;  // places in nodes_, −1 for none
  std::set<int> outputs_;
  bool knows_outputs_ = false;
};

// The floats or integers of a constant tensor as floats, dense (see sparsity.cc).
std::vector<float> decode(const TfLiteTensor &tensor);

// A shape's product; 0 when a dimension is negative or the product is not below 2³¹.
int64_t count(const TfLiteIntArray *dims);
