// onnxruntime's graph through its C interface, as values and nodes with names; a failed call is an exception.
#pragma once
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "interface.h"

// Why a node is not taken, or what onnxruntime said.
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(const Api &api, OrtStatus *status) {
  if (status == nullptr) return;
  api.ReleaseStatus(status);
  throw Refusal("onnxruntime refused a question about its graph");
}

// A tensor that the model holds.
template <class Element>
struct Tensor {
  const Element *data;
  std::vector<int64_t> shape;
  int type;
  int64_t count() const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
};
// One of floats: W, a bias, a bound.
using Constant = Tensor<float>;

class Graph {
 public:
  explicit Graph(const Api &api) : api(api) {}
  const Api &api;

  std::vector<const OrtNode *> nodes(const OrtGraph *graph) const {
    size_t count = 0;
    check(api, api.Graph_GetNumNodes(graph, &count));
    std::vector<const OrtNode *> result(count);
    if (count) check(api, api.Graph_GetNodes(graph, result.data(), count));
    return result;
  }
  // Whether it is a branch of an If or the body of a Loop: those have no inputs, or see values of the graph around them.
  // (1.23 names no parent while a provider chooses.)
  bool is_nested(const OrtGraph *graph) const {
    size_t count = 0;
    check(api, api.Graph_GetNumInputs(graph, &count));
    if (count == 0) return true;
    for (const OrtNode *node : nodes(graph))
      for (const OrtValueInfo *value : inputs(node)) {
        bool outer = false;
        if (value != nullptr) check(api, api.ValueInfo_IsFromOuterScope(value, &outer));
        if (outer) return true;
      }
    return false;
  }
  std::string name(const OrtNode *node) const { return text(node, &Api::Node_GetName<const OrtNode *, const char **>); }
  // "" for operators of other domains than ONNX's own.
  std::string type(const OrtNode *node) const {
    const std::string domain = text(node, &Api::Node_GetDomain<const OrtNode *, const char **>);
    if (!domain.empty() && domain != "ai.onnx") return "";
    return text(node, &Api::Node_GetOperatorType<const OrtNode *, const char **>);
  }
  std::vector<const OrtValueInfo *> inputs(const OrtNode *node) const {
    size_t count = 0;
    check(api, api.Node_GetNumInputs(node, &count));
    std::vector<const OrtValueInfo *> result(count);
    if (count) check(api, api.Node_GetInputs(node, result.data(), count));
    return result;
  }
  std::vector<const OrtValueInfo *> outputs(const OrtNode *node) const {
    size_t count = 0;
    check(api, api.Node_GetNumOutputs(node, &count));
    std::vector<const OrtValueInfo *> result(count);
    if (count) check(api, api.Node_GetOutputs(node, result.data(), count));
    return result;
  }

  std::string name(const OrtValueInfo *value) const {
    const char *result = nullptr;
    check(api, api.GetValueInfoName(value, &result));
    return result == nullptr ? "" : result;
  }
  // What a graph that was cut out is given, and what it gives.
  std::vector<const OrtValueInfo *> inputs(const OrtGraph *graph) const {
    size_t count = 0;
    check(api, api.Graph_GetNumInputs(graph, &count));
    std::vector<const OrtValueInfo *> result(count);
    if (count) check(api, api.Graph_GetInputs(graph, result.data(), count));
    return result;
  }
  std::vector<const OrtValueInfo *> outputs(const OrtGraph *graph) const {
    size_t count = 0;
    check(api, api.Graph_GetNumOutputs(graph, &count));
    std::vector<const OrtValueInfo *> result(count);
    if (count) check(api, api.Graph_GetOutputs(graph, result.data(), count));
    return result;
  }
  // The version of ONNX's own operators; 0 when a graph has none of them.
  int64_t version(const OrtGraph *graph) const {
    size_t count = 0;
    check(api, api.Graph_GetNumOperatorSets(graph, &count));
    std::vector<const char *> domains(count);
    std::vector<int64_t> versions(count);
    if (count) check(api, api.Graph_GetOperatorSets(graph, domains.data(), versions.data(), count));
    for (size_t i = 0; i < count; i++)
      if (domains[i] != nullptr && (*domains[i] == 0 || std::string(domains[i]) == "ai.onnx")) return versions[i];
    return 0;
  }
  // Whether anybody but `readers` nodes of the graph reads a value: the graph's user, or the body of a node.
  bool is_read_elsewhere(const OrtValueInfo *value, size_t readers) const {
    bool leaves = false;
    size_t count = 0;
    check(api, api.ValueInfo_IsGraphOutput(value, &leaves));
    check(api, api.ValueInfo_GetValueNumConsumers(value, &count));
    return leaves || count > readers;
  }

  // The name of a node's first output that is there, which no other node of its graph has; nodes themselves need no names.
  std::string key(const OrtNode *node) const {
    for (const OrtValueInfo *value : outputs(node))
      if (value != nullptr && !name(value).empty()) return name(value);
    return "";
  }

  // A node that reads a value, and the input at which it does.
  using Reader = std::pair<const OrtNode *, size_t>;

  // The readers of a node's only output, at most `most`; none when there are more, or the graph's own user is one.
  std::vector<Reader> followers(const OrtNode *node, size_t most) const {
    const auto out = outputs(node);
    if (out.size() != 1 || out[0] == nullptr) return {};
    bool leaves = false;
    size_t count = 0;
    check(api, api.ValueInfo_IsGraphOutput(out[0], &leaves));
    check(api, api.ValueInfo_GetValueNumConsumers(out[0], &count));
    if (leaves || count < 1 || count > most) return {};
    std::vector<const OrtNode *> readers(count, nullptr);
    std::vector<int64_t> places(count, -1);
    check(api, api.ValueInfo_GetValueConsumers(out[0], readers.data(), places.data(), count));
    std::vector<Reader> result;
    for (size_t i = 0; i < count; i++) {
      if (readers[i] == nullptr || places[i] < 0) return {};
      result.emplace_back(readers[i], static_cast<size_t>(places[i]));
    }
    return result;
  }

  // The only reader of a node's only output; none when others see the value too.
  std::optional<Reader> follower(const OrtNode *node) const {
    const auto readers = followers(node, 1);
    if (readers.empty()) return std::nullopt;
    return readers[0];
  }

  // A constant tensor of floats, or none.
  std::optional<Constant> constant(const OrtValueInfo *value) const {
    const auto found = tensor(value);
    if (!found || found->type != kOrtFloat) return std::nullopt;
    return Constant{static_cast<const float *>(found->data), found->shape, kOrtFloat};
  }

  // A constant tensor of any type, or none.
  std::optional<Tensor<void>> tensor(const OrtValueInfo *value) const {
    bool fixed = false;
    if (value == nullptr) return std::nullopt;
    check(api, api.ValueInfo_IsConstantInitializer(value, &fixed));
    if (!fixed) return std::nullopt;
    const OrtValue *held = nullptr;
    check(api, api.ValueInfo_GetInitializerValue(value, &held));
    if (held == nullptr) return std::nullopt;
    OrtTensorTypeAndShapeInfo *info = nullptr;
    check(api, api.GetTensorTypeAndShape(held, &info));
    int type = 0;
    size_t rank = 0;
    check(api, api.GetTensorElementType(static_cast<const OrtTensorTypeAndShapeInfo *>(info), &type));
    check(api, api.GetDimensionsCount(static_cast<const OrtTensorTypeAndShapeInfo *>(info), &rank));
    Tensor<void> result{nullptr, std::vector<int64_t>(rank), type};
    check(api, api.GetDimensions(static_cast<const OrtTensorTypeAndShapeInfo *>(info), result.shape.data(), rank));
    api.ReleaseTensorTypeAndShapeInfo(info);
    void *data = nullptr;
    check(api, api.GetTensorMutableData(const_cast<OrtValue *>(held), &data));
    result.data = data;
    return result;
  }

  // The node that makes a value; NULL for inputs and constants.
  const OrtNode *maker(const OrtValueInfo *value) const {
    const OrtNode *node = nullptr;
    size_t place = 0;
    if (value != nullptr) check(api, api.ValueInfo_GetValueProducer(value, &node, &place));
    return node;
  }

  // The type of a tensor's elements; 0 for what is no tensor.
  int element(const OrtValueInfo *value) const {
    const OrtTypeInfo *type = nullptr;
    const OrtTensorTypeAndShapeInfo *info = nullptr;
    int element = 0;
    check(api, api.GetValueInfoTypeInfo(value, &type));
    check(api, api.CastTypeInfoToTensorInfo(type, &info));
    if (info != nullptr) check(api, api.GetTensorElementType(info, &element));
    return element;
  }

  // The shape of a value of floats, −1 where it is known only at run time; none when it is another type.
  std::optional<std::vector<int64_t>> shape(const OrtValueInfo *value) const {
    const OrtTypeInfo *type = nullptr;
    const OrtTensorTypeAndShapeInfo *info = nullptr;
    check(api, api.GetValueInfoTypeInfo(value, &type));
    check(api, api.CastTypeInfoToTensorInfo(type, &info));
    if (info == nullptr) return std::nullopt;
    int element = 0;
    size_t rank = 0;
    check(api, api.GetTensorElementType(info, &element));
    if (element != kOrtFloat) return std::nullopt;
    check(api, api.GetDimensionsCount(info, &rank));
    std::vector<int64_t> result(rank);
    check(api, api.GetDimensions(info, result.data(), rank));
    return result;
  }

  bool has(const OrtNode *node, const char *name) const { return find(node, name) != nullptr; }
  std::vector<int64_t> integers(const OrtNode *node, const char *name) const {
    const OrtOpAttr *attribute = find(node, name);
    if (attribute == nullptr) return {};
    std::vector<int64_t> result(16);
    size_t bytes = 0;
    check(api, api.ReadOpAttr(attribute, int(kAttrInts), static_cast<void *>(result.data()),
                              result.size() * sizeof(int64_t), &bytes));
    result.resize(bytes / sizeof(int64_t));
    return result;
  }
  int64_t integer(const OrtNode *node, const char *name, int64_t otherwise) const {
    return number<int64_t>(node, name, kAttrInt, otherwise);
  }
  // A short word; "" when there is none.
  std::string word(const OrtNode *node, const char *name) const {
    const OrtOpAttr *attribute = find(node, name);
    if (attribute == nullptr) return "";
    std::string result(64, 0);
    size_t bytes = 0;
    check(api, api.ReadOpAttr(attribute, int(kAttrString), static_cast<void *>(result.data()), result.size(), &bytes));
    result.resize(bytes);
    return result.c_str();
  }
  // Several of them.
  std::vector<std::string> words(const OrtNode *node, const char *name) const {
    const OrtOpAttr *attribute = find(node, name);
    if (attribute == nullptr) return {};
    std::string bytes(1024, 0);
    size_t size = 0;
    check(api, api.ReadOpAttr(attribute, int(kAttrStrings), static_cast<void *>(bytes.data()), bytes.size(), &size));
    std::vector<std::string> result;
    for (size_t start = 0; start < size; start += result.back().size() + 1) result.emplace_back(bytes.c_str() + start);
    return result;
  }
  float real(const OrtNode *node, const char *name, float otherwise) const {
    return number<float>(node, name, kAttrFloat, otherwise);
  }

 private:
  template <class F> std::string text(const OrtNode *node, F get) const {
    const char *result = nullptr;
    check(api, (api.*get)(node, &result));
    return result == nullptr ? "" : result;
  }
  const OrtOpAttr *find(const OrtNode *node, const char *name) const {
    const OrtOpAttr *attribute = nullptr;
    // Absent attributes are an error in some releases and NULL in others.
    if (OrtStatus *status = api.Node_GetAttributeByName(node, name, &attribute)) {
      api.ReleaseStatus(status);
      return nullptr;
    }
    return attribute;
  }
  template <class T> T number(const OrtNode *node, const char *name, int type, T otherwise) const {
    const OrtOpAttr *attribute = find(node, name);
    if (attribute == nullptr) return otherwise;
    T result{};
    size_t bytes = 0;
    check(api, api.ReadOpAttr(attribute, type, static_cast<void *>(&result), sizeof result, &bytes));
    return result;
  }
};
