// Bytes in the model, see quantized.h.
#include "quantized.h"

namespace {

// Integers of any type that weights, biases and zero points have.
std::optional<std::vector<int64_t>> integers(const Tensor<void> &tensor) {
  std::vector<int64_t> result(static_cast<size_t>(tensor.count()));
  const auto fill = [&](auto *data) {
    for (size_t i = 0; i < result.size(); i++) result[i] = data[i];
    return result;
  };
  switch (tensor.type) {
    case kOrtU8: return fill(static_cast<const uint8_t *>(tensor.data));
    case kOrtI8: return fill(static_cast<const int8_t *>(tensor.data));
    case kOrtI32: return fill(static_cast<const int32_t *>(tensor.data));
    default: return std::nullopt;
  }
}

// Zero points of a node's third input; zeros when it is left out.
std::optional<std::vector<int64_t>> zero_points(const Graph &graph, const std::vector<const OrtValueInfo *> &in,
                                                size_t count) {
  if (in.size() < 3 || in[2] == nullptr) return std::vector<int64_t>(count, 0);
  const auto tensor = graph.tensor(in[2]);
  if (!tensor || tensor->count() != static_cast<int64_t>(count)) return std::nullopt;
  return integers(*tensor);
}

}  // namespace

std::optional<Bytes> bytes_of(const Graph &graph, const OrtNode *node) {
  const std::string type = graph.type(node);
  if (type != "QuantizeLinear" && type != "DequantizeLinear") return std::nullopt;
  const auto in = graph.inputs(node);
  const auto scale = in.size() < 2 ? std::nullopt : graph.constant(in[1]);
  if (!scale || scale->count() != 1 || !(scale->data[0] > 0)) return std::nullopt;
  const auto zero = zero_points(graph, in, 1);
  if (!zero) return std::nullopt;
  const auto out = graph.outputs(node);
  const OrtValueInfo *bytes = type == "QuantizeLinear" ? out.at(0) : in[0];
  const int element = graph.element(bytes);
  if (element != kOrtU8 && element != kOrtI8) return std::nullopt;
  return Bytes{element, scale->data[0], zero->at(0)};
}

std::optional<Dequantized> dequantized(const Graph &graph, const OrtValueInfo *value) {
  const OrtNode *node = graph.maker(value);
  if (node == nullptr || graph.type(node) != "DequantizeLinear") return std::nullopt;
  const auto in = graph.inputs(node);
  const auto held = graph.tensor(in.at(0));
  const auto scales = in.size() < 2 ? std::nullopt : graph.constant(in[1]);
  if (!held || !scales || graph.integer(node, "block_size", 0) != 0) return std::nullopt;
  const auto numbers = integers(*held);
  const size_t count = static_cast<size_t>(scales->count());
  const auto zeros = zero_points(graph, in, count);
  if (!numbers || !zeros || count == 0) return std::nullopt;
  const int64_t rank = static_cast<int64_t>(held->shape.size());
  int64_t axis = graph.integer(node, "axis", 1);
  if (axis < 0) axis += rank;
  int64_t inner = 1;
  if (count > 1) {
    if (axis < 0 || axis >= rank || held->shape[axis] != static_cast<int64_t>(count)) return std::nullopt;
    for (int64_t i = axis + 1; i < rank; i++) inner *= held->shape[i];
  }
  Dequantized result{node, std::vector<float>(numbers->size()), held->shape,
                     std::vector<float>(scales->data, scales->data + count), static_cast<size_t>(axis)};
  for (size_t i = 0; i < numbers->size(); i++) {
    const size_t place = count > 1 ? i / inner % count : 0;
    result.values[i] = static_cast<float>((*numbers)[i] - (*zeros)[place]) * result.scales[place];
  }
  return result;
}
