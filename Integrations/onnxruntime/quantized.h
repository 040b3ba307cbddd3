// Operands that are bytes in the model: what DequantizeLinear and QuantizeLinear with constant settings say of them.
#pragma once
#include <optional>
#include <vector>

#include "graph.h"

// Activations: a byte stands for scale · (byte − zero).
struct Bytes {
  int type;  // kOrtU8 or kOrtI8
  float scale;
  int64_t zero;
};

// Weights or a bias: the numbers that their integers stand for.
struct Dequantized {
  const OrtNode *node;
  std::vector<float> values;
  std::vector<int64_t> shape;
  std::vector<float> scales;  // one, or one for each place along `axis`
  size_t axis;
  Constant constant() const { return {values.data(), shape, kOrtFloat}; }
};

// The settings of a QuantizeLinear or DequantizeLinear between floats and bytes with one scale; none for other nodes.
std::optional<Bytes> bytes_of(const Graph &graph, const OrtNode *node);

// The constant that a DequantizeLinear makes of constant integers; none when the value is made by anything else.
std::optional<Dequantized> dequantized(const Graph &graph, const OrtValueInfo *value);
