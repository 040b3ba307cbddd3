// Nodes of LiteRT's as a network on images whose channels come first.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "product.h"

using Shape = std::vector<int64_t>;

// The shape of images [n, height, width, channels]; none for anything else.
std::optional<Shape> image(const TfLiteTensor &tensor);

// Fails, with the reason, when Lacuna's networks cannot compute a node as it is; else its convolution's kernel.
std::optional<Constant> examine_node(const Graph &graph, const Node &node);

// A network as the bytes of a model, and the tensors that it reads, in the order of its inputs.
struct Written {
  std::string bytes;
  std::vector<int> inputs;
};

// The nodes as a network for the images that the inputs hold now, and gives `outputs` in that order. Images are as LiteRT has
// them where they go in and come out.
Written written(const Graph &graph, const std::vector<const Node *> &nodes, const std::vector<int> &outputs);
