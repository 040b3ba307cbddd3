// What convolutions, pooling and padding of LiteRT's say of their windows.
#pragma once
#include <optional>

#include "writer.h"

struct Windows {
  Axis axes[2];
  int activation = kTfLiteActNone;
};

// Fails when something of them is not known. `kernel` is that of a convolution.
Windows windows_of(const Node &node, const Shape &kernel);

// The zeros that PAD puts around images, [top, left, bottom, right]; none when it does something else.
std::optional<Shape> padding_of(const Graph &graph, const Node &node);

inline bool is_convolution(int type) { return type == kTfLiteBuiltinConv2d || type == kTfLiteBuiltinDepthwiseConv2d; }
inline Shape shape_of(const Constant &constant) { return Shape(constant.shape.begin(), constant.shape.end()); }
