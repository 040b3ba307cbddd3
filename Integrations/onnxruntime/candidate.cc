// See candidate.h.
#include "candidate.h"

#include <algorithm>

namespace {

// The settings that Lacuna's networks know of each operator; operators that are not here end a region.
struct Known {
  const char *type;
  std::vector<std::pair<const char *, Setting::Kind>> settings;
};

const std::vector<Known> &known() {
  static const std::vector<Known> table = {
      {"Conv", {{"auto_pad", Setting::kText}, {"dilations", Setting::kIntegers}, {"group", Setting::kInteger},
                {"kernel_shape", Setting::kIntegers}, {"pads", Setting::kIntegers}, {"strides", Setting::kIntegers}}},
      {"MaxPool", {{"auto_pad", Setting::kText}, {"ceil_mode", Setting::kInteger}, {"dilations", Setting::kIntegers},
                   {"kernel_shape", Setting::kIntegers}, {"pads", Setting::kIntegers}, {"strides", Setting::kIntegers}}},
      {"AveragePool", {{"auto_pad", Setting::kText}, {"ceil_mode", Setting::kInteger}, {"count_include_pad", Setting::kInteger},
                       {"dilations", Setting::kIntegers}, {"kernel_shape", Setting::kIntegers}, {"pads", Setting::kIntegers},
                       {"strides", Setting::kIntegers}}},
      {"GlobalAveragePool", {}},
      {"MatMul", {}},
      {"Gemm", {{"alpha", Setting::kReal}, {"beta", Setting::kReal}, {"transB", Setting::kInteger}}},
      {"Reshape", {{"allowzero", Setting::kInteger}}},
      {"LayerNormalization", {{"axis", Setting::kInteger}, {"epsilon", Setting::kReal}}},
      {"Add", {}},
      {"Mul", {}},
      {"Div", {}},
      {"Relu", {}},
      {"Sigmoid", {}},
      {"HardSwish", {}},
      {"HardSigmoid", {{"alpha", Setting::kReal}, {"beta", Setting::kReal}}},
      {"LeakyRelu", {{"alpha", Setting::kReal}}},
      {"Clip", {{"min", Setting::kReal}, {"max", Setting::kReal}}},
      {"Pad", {{"mode", Setting::kText}}},
      {"Resize", {{"coordinate_transformation_mode", Setting::kText}, {"mode", Setting::kText},
                  {"nearest_mode", Setting::kText}}},
      {"DepthToSpace", {{"blocksize", Setting::kInteger}, {"mode", Setting::kText}}},
  };
  return table;
}

const Known *known(const std::string &type) {
  for (const Known &k : known())
    if (type == k.type) return &k;
  return nullptr;
}

bool is_sum(const std::string &type) { return type == "Add" || type == "Mul" || type == "Div"; }

}  // namespace

std::optional<std::vector<int64_t>> planned_shape(const Graph &graph, const OrtValueInfo *value, bool &open) {
  auto shape = graph.shape(value);
  if (!shape || shape->size() < 2) return std::nullopt;
  open = shape->size() == 4 && shape->at(0) < 0;
  if (open) shape->at(0) = 1;
  for (int64_t d : *shape)
    if (d < 1) return std::nullopt;
  return shape;
}

bool fits(const Graph &graph, Candidate &c, std::optional<bool> &open) {
  if (known(c.type) == nullptr) return false;
  const auto in = graph.inputs(c.node), out = graph.outputs(c.node);
  if (in.empty() || out.empty() || out[0] == nullptr) return false;
  for (size_t i = 1; i < out.size(); i++)
    if (out[i] != nullptr) return false;
  bool is_open = false;
  const auto result = planned_shape(graph, out[0], is_open);
  if (!result || (open && *open != is_open)) return false;
  const bool of_rows = is_product_of_rows(c.type) || c.type == "LayerNormalization" || c.type == "Reshape";
  if (!of_rows && !is_sum(c.type) && c.type != "Relu" && c.type != "Clip" && result->size() != 4) return false;
  if (c.type == "Gemm" && graph.integer(c.node, "transA", 0) != 0) return false;
  bool varies = false;
  for (size_t i = 0; i < in.size(); i++) {
    if (in[i] == nullptr) continue;
    if (const auto held = graph.tensor(in[i])) {
      if ((i == 0 && !is_sum(c.type)) || (held->type != kOrtFloat && held->type != kOrtI64)) return false;
      continue;
    }
    bool other = false;
    varies = true;
    if (!planned_shape(graph, in[i], other) || other != is_open) return false;
    // Kernels, sizes and bounds are constants.
    if (i > 0 && !is_sum(c.type)) return false;
  }
  if (!varies) return false;
  if (c.type == "Conv" || is_product_of_rows(c.type)) {
    c.weights = graph.constant(in.at(1));
    if (!c.weights || c.weights->shape.size() != (of_rows ? 2u : 4u) || c.weights->count() == 0) return false;
    const int64_t count = c.weights->count();
    c.zeros = double(std::count(c.weights->data, c.weights->data + count, 0.0f)) / count;
    c.pixels = 1;
    for (size_t i = 0; i < result->size(); i++)
      if (of_rows ? i + 1 < result->size() : i != 1) c.pixels *= result->at(i);
  }
  if (c.type == "LayerNormalization") {
    const int64_t axis = graph.integer(c.node, "axis", -1);
    if (axis != -1 && axis != static_cast<int64_t>(result->size()) - 1) return false;
  }
  // Older operator sets have its numbers elsewhere, newer ones more of them.
  if (c.type == "Pad" && (in.size() < 2 || (in.size() > 3 && in[3] != nullptr))) return false;
  if (c.type == "Resize") {
    const std::string policy = graph.word(c.node, "keep_aspect_ratio_policy");
    if (graph.integer(c.node, "antialias", 0) != 0 || graph.integer(c.node, "exclude_outside", 0) != 0 ||
        !graph.integers(c.node, "axes").empty() || (!policy.empty() && policy != "stretch"))
      return false;
  }
  if (c.type == "DepthToSpace" && is_open) return false;
  if (!open) open = is_open;
  return true;
}

std::vector<Setting> settings(const Graph &graph, const Candidate &c) {
  std::vector<Setting> result;
  for (const auto &[name, kind] : known(c.type)->settings) {
    if (!graph.has(c.node, name)) continue;
    if (kind == Setting::kReal) result.push_back(Setting::of(name, graph.real(c.node, name, 0)));
    if (kind == Setting::kInteger) result.push_back(Setting::of(name, graph.integer(c.node, name, 0)));
    if (kind == Setting::kText) result.push_back(Setting::of(name, graph.word(c.node, name)));
    if (kind == Setting::kIntegers) result.push_back(Setting::of(name, graph.integers(c.node, name)));
  }
  return result;
}
