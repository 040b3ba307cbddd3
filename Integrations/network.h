// A network as the bytes of an ONNX model, which lcn_graph_read plans: how a stretch of an engine's graph is handed over.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace wire {

// Protocol buffers: a field's number and kind, then its content.
inline void number(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
inline void integer(std::string &out, int field, int64_t value) {
  number(out, static_cast<uint64_t>(field) << 3);
  number(out, static_cast<uint64_t>(value));
}
inline void bytes(std::string &out, int field, const void *data, size_t count) {
  number(out, static_cast<uint64_t>(field) << 3 | 2);
  number(out, count);
  out.append(static_cast<const char *>(data), count);
}
inline void text(std::string &out, int field, const std::string &value) { bytes(out, field, value.data(), value.size()); }
inline void real(std::string &out, int field, float value) {
  number(out, static_cast<uint64_t>(field) << 3 | 5);
  out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

}  // namespace wire

// An operator's setting.
struct Setting {
  enum Kind { kReal = 1, kInteger = 2, kText = 3, kIntegers = 7 };  // AttributeProto.type
  std::string name;
  Kind kind;
  float real = 0;
  int64_t integer = 0;
  std::string text;
  std::vector<int64_t> integers;

  static Setting of(const std::string &name, float value) { return {name, kReal, value, 0, {}, {}}; }
  static Setting of(const std::string &name, int64_t value) { return {name, kInteger, 0, value, {}, {}}; }
  static Setting of(const std::string &name, const std::string &value) { return {name, kText, 0, 0, value, {}}; }
  static Setting of(const std::string &name, const std::vector<int64_t> &value) { return {name, kIntegers, 0, 0, {}, value}; }
};

class Network {
 public:
  // `version` is that of ONNX's operators.
  explicit Network(int64_t version) : version_(version) {}

  // An input of floats.
  void input(const std::string &name, const std::vector<int64_t> &shape) {
    std::string dims, tensor, type, value;
    for (int64_t d : shape) {
      std::string dim;
      wire::integer(dim, 1, d);
      wire::text(dims, 1, dim);
    }
    wire::integer(tensor, 1, kFloat);
    wire::text(tensor, 2, dims);
    wire::text(type, 1, tensor);
    wire::text(value, 1, name);
    wire::text(value, 2, type);
    wire::text(graph_, 11, value);
  }
  void output(const std::string &name) {
    std::string value;
    wire::text(value, 1, name);
    wire::text(graph_, 12, value);
  }
  void constant(const std::string &name, const std::vector<int64_t> &shape, const float *data) {
    constant(name, shape, kFloat, data, sizeof *data);
  }
  void constant(const std::string &name, const std::vector<int64_t> &shape, const int64_t *data) {
    constant(name, shape, kInt64, data, sizeof *data);
  }
  // An input may be "", one that is left out.
  void node(const std::string &type, const std::string &name, const std::vector<std::string> &inputs,
            const std::vector<std::string> &outputs, const std::vector<Setting> &settings = {}) {
    std::string node;
    for (const auto &input : inputs) wire::text(node, 1, input);
    for (const auto &output : outputs) wire::text(node, 2, output);
    wire::text(node, 3, name);
    wire::text(node, 4, type);
    for (const Setting &s : settings) {
      std::string attribute;
      wire::text(attribute, 1, s.name);
      wire::integer(attribute, 20, s.kind);
      if (s.kind == Setting::kReal) wire::real(attribute, 2, s.real);
      if (s.kind == Setting::kInteger) wire::integer(attribute, 3, s.integer);
      if (s.kind == Setting::kText) wire::text(attribute, 4, s.text);
      for (int64_t i : s.integers) wire::integer(attribute, 8, i);
      wire::text(node, 5, attribute);
    }
    wire::text(graph_, 1, node);
  }

  // `to` ← blocks of channels of `from` [n, c, h, w] side by side, as reshapes around a transpose; the rows of a block come
  // first in its channels, or the block's own channels do.
  void depth_to_space(const std::string &from, const std::string &to, const std::vector<int64_t> &shape, int64_t block,
                      bool channels_first = false) {
    const int64_t n = shape[0], channels = shape[1] / (block * block), h = shape[2], w = shape[3];
    const auto apart = channels_first ? std::vector<int64_t>{n, channels, block, block, h, w}
                                      : std::vector<int64_t>{n, block, block, channels, h, w};
    const auto order = channels_first ? std::vector<int64_t>{0, 1, 4, 2, 5, 3} : std::vector<int64_t>{0, 3, 4, 1, 5, 2};
    const std::vector<int64_t> whole = {n, channels, h * block, w * block};
    constant(to + ".apart", {6}, apart.data());
    constant(to + ".whole", {4}, whole.data());
    node("Reshape", to + ".blocks", {from, to + ".apart"}, {to + ".blocks"});
    node("Transpose", to + ".turned", {to + ".blocks"}, {to + ".turned"}, {Setting::of("perm", order)});
    node("Reshape", to, {to + ".turned", to + ".whole"}, {to});
  }

  std::string bytes() const {
    std::string model, operators;
    wire::integer(model, 1, 8);
    wire::text(model, 7, graph_);
    wire::text(operators, 1, "");
    wire::integer(operators, 2, version_);
    wire::text(model, 8, operators);
    return model;
  }

 private:
  enum { kFloat = 1, kInt64 = 7 };  // TensorProto.DataType

  void constant(const std::string &name, const std::vector<int64_t> &shape, int type, const void *data, size_t size) {
    std::string tensor;
    for (int64_t d : shape) {
      wire::integer(tensor, 1, d);
      size *= static_cast<size_t>(d);
    }
    wire::integer(tensor, 2, type);
    wire::text(tensor, 8, name);
    wire::bytes(tensor, 9, data, size);
    wire::text(graph_, 5, tensor);
  }

  int64_t version_;
  std::string graph_;  // GraphProto's fields
};
