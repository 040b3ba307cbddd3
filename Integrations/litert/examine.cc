// Which nodes a network of Lacuna's can compute. See writer.h.
#include "windows.h"

#include <algorithm>

std::optional<Shape> image(const TfLiteTensor &tensor) {
  if (tensor.type != kTfLiteFloat32 || tensor.dims == nullptr || tensor.dims->size != 4 || count(tensor.dims) == 0)
    return std::nullopt;
  return Shape(tensor.dims->data, tensor.dims->data + 4);
}

Windows windows_of(const Node &node, const Shape &kernel) {
  const auto made = [&](const auto *p, int dilation_height, int dilation_width, int64_t height, int64_t width) {
    if (p->padding != kTfLitePaddingSame && p->padding != kTfLitePaddingValid) throw Refusal("its padding is not known");
    const bool same = p->padding == kTfLitePaddingSame;
    Windows w{{{height, p->stride_height, dilation_height, same}, {width, p->stride_width, dilation_width, same}},
              p->activation};
    for (const Axis &axis : w.axes)
      if (axis.stride < 1 || axis.dilation < 1 || axis.taps < 1) throw Refusal("a stride, a dilation or a size is not positive");
    return w;
  };
  if (node.node->builtin_data == nullptr) throw Refusal("its parameters are missing");
  if (node.type == kTfLiteBuiltinConv2d) {
    const auto *p = static_cast<const TfLiteConvParams *>(node.node->builtin_data);
    return made(p, p->dilation_height_factor, p->dilation_width_factor, kernel[1], kernel[2]);
  }
  if (node.type == kTfLiteBuiltinDepthwiseConv2d) {
    const auto *p = static_cast<const TfLiteDepthwiseConvParams *>(node.node->builtin_data);
    return made(p, p->dilation_height_factor, p->dilation_width_factor, kernel[1], kernel[2]);
  }
  const auto *p = static_cast<const TfLitePoolParams *>(node.node->builtin_data);
  return made(p, 1, 1, p->filter_height, p->filter_width);
}

std::optional<Shape> padding_of(const Graph &graph, const Node &node) {
  const TfLiteTensor &t = graph.tensor(node.node->inputs->data[1]);
  if (t.type != kTfLiteInt32 || t.allocation_type != kTfLiteMmapRo || t.data == nullptr || t.dims->size != 2 ||
      count(t.dims) != 8)
    return std::nullopt;
  const auto *p = static_cast<const int32_t *>(t.data);
  if (p[0] || p[1] || p[6] || p[7] || *std::min_element(p, p + 8) < 0) return std::nullopt;
  return Shape{p[2], p[4], p[3], p[5]};
}

std::optional<Constant> examine_node(const Graph &graph, const Node &node) {
  const TfLiteIntArray &in = *node.node->inputs, &out = *node.node->outputs;
  if (out.size != 1 || in.size < 1 || !image(graph.tensor(out.data[0])) || !image(graph.tensor(in.data[0])))
    throw Refusal("it does not make images of floats from images of floats");
  const TfLiteTensor &x = graph.tensor(in.data[0]);
  if (x.allocation_type == kTfLiteMmapRo) throw Refusal("its image is a constant");
  const auto *signature = x.dims_signature;
  for (int i = 0; signature != nullptr && i < signature->size; i++)
    if (signature->data[i] < 0) throw Refusal("the size of its images is known only at run time");
  const auto activation = [&](int function) {
    if (function < kTfLiteActNone || function > kTfLiteActRelu6) throw Refusal("its activation is not known");
  };
  switch (node.type) {
    case kTfLiteBuiltinConv2d:
    case kTfLiteBuiltinDepthwiseConv2d: {
      Constant kernel = graph.constant(in.data[1], "its weights are");
      if (kernel.shape.size() != 4) throw Refusal("its weights have another number of dimensions");
      if (in.size == 3 && in.data[2] >= 0) graph.constant(in.data[2], "its bias is");
      activation(windows_of(node, shape_of(kernel)).activation);
      const int64_t channels = x.dims->data[3];
      if (node.type == kTfLiteBuiltinConv2d ? channels % kernel.shape[3] != 0
                                            : kernel.shape[0] != 1 || kernel.shape[3] % channels != 0)
        throw Refusal("its weights do not fit its input's channels");
      return kernel;
    }
    case kTfLiteBuiltinAdd:
    case kTfLiteBuiltinMul: {
      if (in.size != 2 || node.node->builtin_data == nullptr) throw Refusal("its parameters are missing");
      const auto other = image(graph.tensor(in.data[1]));
      if (!other || *other != *image(x) || graph.tensor(in.data[1]).allocation_type == kTfLiteMmapRo)
        throw Refusal("its operands are not two images of one shape");
      activation(static_cast<const TfLiteArithmeticParams *>(node.node->builtin_data)->activation);
      return std::nullopt;
    }
    case kTfLiteBuiltinMaxPool2d:
    case kTfLiteBuiltinAveragePool2d: activation(windows_of(node, {}).activation); return std::nullopt;
    case kTfLiteBuiltinRelu:
    case kTfLiteBuiltinRelu6:
    case kTfLiteBuiltinLogistic:
    case kTfLiteBuiltinHardSwish: return std::nullopt;
    case kTfLiteBuiltinPad:
      if (in.size != 2 || !padding_of(graph, node)) throw Refusal("it is not zeros around images");
      return std::nullopt;
    case kTfLiteBuiltinResizeBilinear: {
      if (node.node->builtin_data == nullptr || in.size != 2) throw Refusal("its parameters are missing");
      const TfLiteTensor &sizes = graph.tensor(in.data[1]);
      if (sizes.type != kTfLiteInt32 || sizes.allocation_type != kTfLiteMmapRo || sizes.data == nullptr || count(sizes.dims) != 2)
        throw Refusal("its sizes are known only at run time");
      return std::nullopt;
    }
    case kTfLiteBuiltinDepthToSpace:
      if (node.node->builtin_data == nullptr) throw Refusal("its parameters are missing");
      return std::nullopt;
    default: throw Refusal("it is not known to stretches");
  }
}
