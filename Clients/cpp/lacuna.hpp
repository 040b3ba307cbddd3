// lacuna.hpp: lacuna.h with values instead of handles, for C++17. Header only.
//
//     auto w = lacuna::Matrix::csr<float>(rows, columns, offsets, indices, values);
//     lacuna::PlanOptions options;
//     options.width = 8;
//     lacuna::Plan<float> plan(w, options);
//     plan.run(x, 8, y, 8, 8);
//
// Objects own their handle, move and do not copy. A status that is not LCN_OK becomes a lacuna::Error. Nothing
// else is added: ownership of buffers, threads and cost are as in lacuna.h.
#ifndef LACUNA_HPP
#define LACUNA_HPP

#include <lacuna.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lacuna {

// A failed call: its status, and the text of lcn_last_error().
class Error : public std::runtime_error {
 public:
  explicit Error(lcn_status status)
      : std::runtime_error(std::string(lcn_status_string(status)) + ": " + lcn_last_error()),
        status_(status) {}
  lcn_status status() const noexcept { return status_; }

 private:
  lcn_status status_;
};

inline void check(lcn_status status) {
  if (status != LCN_OK) throw Error(status);
}

// Stops a program whose header and library disagree. Call it once.
inline void check_version() {
  if (lcn_abi_version() != LCN_ABI_VERSION) {
    throw std::runtime_error("lacuna.h has ABI " + std::to_string(LCN_ABI_VERSION) + ", the library " +
                             std::to_string(lcn_abi_version()));
  }
}

// Elements of 16 bits, as bits: the upper half of a float, and IEEE half precision.
struct BFloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

namespace detail {

template <typename T>
constexpr int32_t dtype() {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, BFloat16> ||
                    std::is_same_v<T, Float16>,
                "float, double, lacuna::BFloat16 or lacuna::Float16");
  return std::is_same_v<T, float>      ? LCN_F32
         : std::is_same_v<T, double>   ? LCN_F64
         : std::is_same_v<T, BFloat16> ? LCN_BF16
                                       : LCN_F16;
}

template <typename I>
constexpr int32_t index_type() {
  static_assert(std::is_same_v<I, int32_t> || std::is_same_v<I, int64_t>, "int32_t or int64_t");
  return std::is_same_v<I, int32_t> ? LCN_I32 : LCN_I64;
}

// A handle given back exactly once.
template <typename H, lcn_status (*destroy)(H *)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(H *handle) noexcept : handle_(handle) {}
  Handle(Handle &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle &operator=(Handle &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Handle(const Handle &) = delete;
  Handle &operator=(const Handle &) = delete;
  ~Handle() { destroy(handle_); }
  H *get() const noexcept { return handle_; }
  H **out() noexcept { return &handle_; }

 private:
  H *handle_ = nullptr;
};

template <typename F>
std::string text(F call) {
  size_t length = 0;
  check(call(nullptr, 0, &length));
  std::string result(length + 1, '\0');
  check(call(result.data(), result.size(), &length));
  result.resize(length);
  return result;
}

}  // namespace detail

struct Block {
  int64_t rows = 1;
  int64_t columns = 1;
};

class Matrix {
 public:
  // A copy of a row-major array; strides in elements, 0 for packed.
  template <typename T>
  static Matrix dense(int64_t rows, int64_t columns, const T *values, int64_t row_stride = 0,
                      int64_t column_stride = 0) {
    lcn_dense_desc d = describe(rows, columns, const_cast<T *>(values), row_stride, column_stride);
    Matrix m;
    check(lcn_matrix_from_dense(&d, m.handle_.out()));
    return m;
  }

  // The elements of a row-major array at which `keep`, one byte each, is not 0.
  template <typename T>
  static Matrix masked(int64_t rows, int64_t columns, const T *values, const uint8_t *keep) {
    lcn_dense_desc d = describe(rows, columns, const_cast<T *>(values), 0, 0);
    lcn_mask_desc k = LCN_MASK_DESC_INIT;
    k.rows = rows;
    k.columns = columns;
    k.data = const_cast<uint8_t *>(keep);
    Matrix m;
    check(lcn_matrix_from_masked_dense(&d, &k, m.handle_.out()));
    return m;
  }

  // A copy of CSR arrays; the number of entries is offsets[rows].
  template <typename T, typename I>
  static Matrix csr(int64_t rows, int64_t columns, const I *offsets, const I *indices, const T *values) {
    lcn_csr_desc d = LCN_CSR_DESC_INIT;
    d.dtype = detail::dtype<T>();
    d.index_type = detail::index_type<I>();
    d.rows = rows;
    d.columns = columns;
    d.nnz = rows >= 0 && offsets ? int64_t(offsets[rows]) : 0;
    d.row_offsets = offsets;
    d.column_indices = indices;
    d.values = values;
    Matrix m;
    check(lcn_matrix_from_csr(&d, m.handle_.out()));
    return m;
  }

  // A copy of BSR arrays in scipy's layout.
  template <typename T, typename I>
  static Matrix bsr(int64_t rows, int64_t columns, Block block, int64_t blocks, const I *offsets,
                    const I *indices, const T *values) {
    lcn_bsr_desc d = LCN_BSR_DESC_INIT;
    d.dtype = detail::dtype<T>();
    d.index_type = detail::index_type<I>();
    d.rows = rows;
    d.columns = columns;
    d.block_rows = block.rows;
    d.block_columns = block.columns;
    d.blocks = blocks;
    d.row_offsets = offsets;
    d.column_indices = indices;
    d.values = values;
    Matrix m;
    check(lcn_matrix_from_bsr(&d, m.handle_.out()));
    return m;
  }

  // The same matrix in another format: LCN_DENSE, LCN_CSR, or LCN_BSR with a block.
  Matrix converted(int32_t format, Block block = {}) const {
    Matrix m;
    check(lcn_matrix_convert(handle_.get(), format, block.rows, block.columns, m.handle_.out()));
    return m;
  }

  // The same matrix with elements rounded to LCN_F32, LCN_F64, LCN_BF16 or LCN_F16.
  Matrix cast(int32_t dtype) const {
    Matrix m;
    check(lcn_matrix_cast(handle_.get(), dtype, m.handle_.out()));
    return m;
  }

  Matrix transposed() const {
    Matrix m;
    check(lcn_matrix_transpose(handle_.get(), m.handle_.out()));
    return m;
  }

  lcn_matrix_info info() const {
    lcn_matrix_info i = LCN_MATRIX_INFO_INIT;
    check(lcn_matrix_get_info(handle_.get(), &i));
    return i;
  }

  // All elements, row-major.
  template <typename T>
  std::vector<T> values() const {
    const lcn_matrix_info i = info();
    std::vector<T> result(size_t(i.rows * i.columns));
    lcn_dense_desc d = describe(i.rows, i.columns, result.data(), 0, 0);
    check(lcn_matrix_to_dense(handle_.get(), &d));
    return result;
  }

  lcn_matrix *get() const noexcept { return handle_.get(); }

 private:
  friend class Model;
  template <typename T>
  static lcn_dense_desc describe(int64_t rows, int64_t columns, T *values, int64_t row_stride,
                                 int64_t column_stride) {
    lcn_dense_desc d = LCN_DENSE_DESC_INIT;
    d.dtype = detail::dtype<T>();
    d.rows = rows;
    d.columns = columns;
    d.row_stride = row_stride;
    d.column_stride = column_stride;
    d.values = values;
    return d;
  }
  detail::Handle<lcn_matrix, lcn_matrix_destroy> handle_;
};

// lcn_plan_options with its default values.
struct PlanOptions : lcn_plan_options {
  PlanOptions() : lcn_plan_options(LCN_PLAN_OPTIONS_INIT) {}
};

// A packed matrix, and products of T by it: its weights are T, or of 16 bits where T is float. Any number of threads may
// run one at once.
template <typename T>
class Plan {
 public:
  explicit Plan(const Matrix &matrix, const lcn_plan_options &options = PlanOptions()) {
    check(lcn_plan_create(matrix.get(), &options, handle_.out()));
    require_type();
  }

  // The plan in a blob, which may go afterwards.
  static Plan map(const void *blob, size_t length) {
    Plan p;
    check(lcn_plan_map(blob, length, p.handle_.out()));
    p.require_type();
    return p;
  }

  void run(const T *x, int64_t x_stride, T *y, int64_t y_stride, int64_t width, void *workspace = nullptr,
           size_t workspace_bytes = 0) const {
    check(lcn_plan_run(handle_.get(), x, x_stride, y, y_stride, width, workspace, workspace_bytes));
  }

  void run_slice(int64_t slice, int64_t slices, const T *x, int64_t x_stride, T *y, int64_t y_stride,
                 int64_t width, void *workspace = nullptr, size_t workspace_bytes = 0) const {
    check(lcn_plan_run_slice(handle_.get(), slice, slices, x, x_stride, y, y_stride, width, workspace,
                             workspace_bytes));
  }

  // New weights, of the type of the matrix, under the plan's pattern, and a new bias unless it is empty; for plans made
  // `updatable`.
  template <typename W = T>
  void update(const std::vector<W> &values, const std::vector<T> &bias = {}) {
    if (info().dtype != detail::dtype<W>()) {
      throw std::invalid_argument("the values' type is not that of the plan's weights");
    }
    check(lcn_plan_update_values(handle_.get(), values.data(), int64_t(values.size()),
                                 bias.empty() ? nullptr : bias.data(), int64_t(bias.size())));
  }

  lcn_plan_info info() const {
    lcn_plan_info i = LCN_PLAN_INFO_INIT;
    check(lcn_plan_get_info(handle_.get(), &i));
    return i;
  }

  size_t workspace_size(int64_t width) const {
    size_t bytes = 0;
    check(lcn_plan_workspace_size(handle_.get(), width, &bytes));
    return bytes;
  }

  std::string description() const {
    return detail::text([this](char *t, size_t c, size_t *l) {
      return lcn_plan_describe(handle_.get(), t, c, l);
    });
  }

  std::vector<unsigned char> serialized() const {
    size_t length = 0;
    check(lcn_plan_serialize(handle_.get(), nullptr, 0, &length));
    std::vector<unsigned char> blob(length);
    check(lcn_plan_serialize(handle_.get(), blob.data(), blob.size(), &length));
    return blob;
  }

  lcn_plan *get() const noexcept { return handle_.get(); }

 private:
  Plan() = default;
  void require_type() const {
    const lcn_plan_info i = info();
    if (i.activations != detail::dtype<T>() || i.output != detail::dtype<T>()) {
      throw std::invalid_argument("the plan's element type is not this Plan's");
    }
  }
  detail::Handle<lcn_plan, lcn_plan_destroy> handle_;
};

// lcn_conv_options with its default values.
struct ConvolutionOptions : lcn_conv_options {
  ConvolutionOptions() : lcn_conv_options(LCN_CONV_OPTIONS_INIT) {}
};

// A packed convolution kernel of T. Any number of threads may run one at once.
template <typename T>
class Convolution {
 public:
  Convolution(const Matrix &weights, const lcn_conv_options &options) {
    check(lcn_conv_create(weights.get(), &options, handle_.out()));
    if (info().dtype != detail::dtype<T>()) {
      throw std::invalid_argument("the weights' element type is not this Convolution's");
    }
  }

  void run(const T *x, T *y, int64_t images, const T *residual = nullptr, void *workspace = nullptr,
           size_t workspace_bytes = 0) const {
    check(lcn_conv_run(handle_.get(), x, residual, y, images, workspace, workspace_bytes));
  }

  void run_slice(int64_t slice, int64_t slices, const T *x, T *y, int64_t images, const T *residual = nullptr,
                 void *workspace = nullptr, size_t workspace_bytes = 0) const {
    check(lcn_conv_run_slice(handle_.get(), slice, slices, x, residual, y, images, workspace, workspace_bytes));
  }

  lcn_conv_info info() const {
    lcn_conv_info i = LCN_CONV_INFO_INIT;
    check(lcn_conv_get_info(handle_.get(), &i));
    return i;
  }

  size_t workspace_size() const {
    size_t bytes = 0;
    check(lcn_conv_workspace_size(handle_.get(), &bytes));
    return bytes;
  }

  std::string description() const {
    return detail::text([this](char *t, size_t c, size_t *l) {
      return lcn_conv_describe(handle_.get(), t, c, l);
    });
  }

  lcn_conv *get() const noexcept { return handle_.get(); }

 private:
  detail::Handle<lcn_conv, lcn_conv_destroy> handle_;
};

// lcn_recurrent_options with its default values.
struct RecurrentOptions : lcn_recurrent_options {
  RecurrentOptions() : lcn_recurrent_options(LCN_RECURRENT_OPTIONS_INIT) {}
};

// lcn_recurrent_operands with its default values.
struct RecurrentOperands : lcn_recurrent_operands {
  RecurrentOperands() : lcn_recurrent_operands(LCN_RECURRENT_OPERANDS_INIT) {}
};

// Weights of one direction of one layer; biases of gates · hidden values, or none.
inline lcn_recurrent_weights recurrent_weights(const Matrix &input, const Matrix &recurrent,
                                               const float *input_bias = nullptr,
                                               const float *recurrent_bias = nullptr) {
  lcn_recurrent_weights w = LCN_RECURRENT_WEIGHTS_INIT;
  w.input = input.get();
  w.recurrent = recurrent.get();
  w.input_bias = input_bias;
  w.recurrent_bias = recurrent_bias;
  return w;
}

// An LSTM or GRU, of float. Any number of threads may run one at once.
class Recurrent {
 public:
  Recurrent(const std::vector<lcn_recurrent_weights> &weights, const lcn_recurrent_options &options) {
    std::vector<const lcn_recurrent_weights *> pointers;
    for (const auto &w : weights) pointers.push_back(&w);
    check(lcn_recurrent_create(pointers.data(), static_cast<int64_t>(pointers.size()), &options, handle_.out()));
  }

  void run(const lcn_recurrent_operands &operands) const { check(lcn_recurrent_run(handle_.get(), &operands)); }

  void run_slice(int64_t slice, int64_t slices, const lcn_recurrent_operands &operands) const {
    check(lcn_recurrent_run_slice(handle_.get(), slice, slices, &operands));
  }

  lcn_recurrent_info info() const {
    lcn_recurrent_info i = LCN_RECURRENT_INFO_INIT;
    check(lcn_recurrent_get_info(handle_.get(), &i));
    return i;
  }

  size_t workspace_size(int64_t steps, int64_t batch) const {
    size_t bytes = 0;
    check(lcn_recurrent_workspace_size(handle_.get(), steps, batch, &bytes));
    return bytes;
  }

  std::string description() const {
    return detail::text([this](char *t, size_t c, size_t *l) {
      return lcn_recurrent_describe(handle_.get(), t, c, l);
    });
  }

  lcn_recurrent *get() const noexcept { return handle_.get(); }

 private:
  detail::Handle<lcn_recurrent, lcn_recurrent_destroy> handle_;
};

// A network from a .lacuna file.
class Model {
 public:
  explicit Model(const std::string &path, const lcn_model_options &options = LCN_MODEL_OPTIONS_INIT) {
    check(lcn_model_load(path.c_str(), &options, handle_.out()));
  }

  lcn_model_info info() const {
    lcn_model_info i = LCN_MODEL_INFO_INIT;
    check(lcn_model_get_info(handle_.get(), &i));
    return i;
  }

  std::string description() const {
    return detail::text([this](char *t, size_t c, size_t *l) {
      return lcn_model_describe(handle_.get(), t, c, l);
    });
  }

  // output[batch, outputs] from input[batch, inputs].
  void run(const float *input, float *output, int64_t batch) const {
    check(lcn_model_run(handle_.get(), input, output, batch));
  }

  Matrix weight(int64_t index) const {
    Matrix m;
    check(lcn_model_get_weight(handle_.get(), index, m.handle_.out()));
    return m;
  }

 private:
  detail::Handle<lcn_model, lcn_model_destroy> handle_;
};

// A value that goes into a graph or comes out of it; -1 stands for a dimension that is open until a plan is made.
struct GraphValue {
  std::string name;
  int32_t dtype;
  std::vector<int64_t> shape;

  explicit GraphValue(const lcn_graph_value &v)
      : name(v.name), dtype(v.dtype), shape(v.shape, v.shape + (v.rank > 0 ? v.rank : 0)) {}

  // Number `index` of what one of the describing functions describes.
  template <typename Owner>
  GraphValue(lcn_status (*describe)(const Owner *, int64_t, lcn_graph_value *), const Owner *owner, int64_t index)
      : GraphValue(filled(describe, owner, index)) {}

 private:
  template <typename Owner>
  static lcn_graph_value filled(lcn_status (*describe)(const Owner *, int64_t, lcn_graph_value *), const Owner *owner,
                                int64_t index) {
    lcn_graph_value v = LCN_GRAPH_VALUE_INIT;
    check(describe(owner, index, &v));
    return v;
  }
};

// lcn_graph_options with its default values.
struct GraphOptions : lcn_graph_options {
  GraphOptions() : lcn_graph_options(LCN_GRAPH_OPTIONS_INIT) {}
};

// The network of an ONNX file.
class Graph {
 public:
  explicit Graph(const std::string &path) { check(lcn_graph_load(path.c_str(), handle_.out())); }
  // A model in memory.
  Graph(const void *model, size_t count) { check(lcn_graph_read(model, count, handle_.out())); }

  lcn_graph_info info() const {
    lcn_graph_info i = LCN_GRAPH_INFO_INIT;
    check(lcn_graph_get_info(handle_.get(), &i));
    return i;
  }

  GraphValue input(int64_t index) const { return GraphValue(lcn_graph_get_input, get(), index); }

  GraphValue output(int64_t index) const { return GraphValue(lcn_graph_get_output, get(), index); }

  lcn_graph *get() const noexcept { return handle_.get(); }

 private:
  detail::Handle<lcn_graph, lcn_graph_destroy> handle_;
};

// A graph planned for shapes of its inputs. Any number of threads may run one at once.
class GraphPlan {
 public:
  using Shapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

  explicit GraphPlan(const Graph &graph, const Shapes &shapes = {},
                     const lcn_graph_options &options = LCN_GRAPH_OPTIONS_INIT) {
    std::vector<lcn_graph_input> inputs;
    std::vector<const lcn_graph_input *> pointers;
    for (const auto &[name, shape] : shapes) {
      lcn_graph_input i = LCN_GRAPH_INPUT_INIT;
      i.name = name.c_str();
      i.rank = int32_t(shape.size());
      i.shape = shape.data();
      inputs.push_back(i);
    }
    for (const auto &i : inputs) pointers.push_back(&i);
    check(lcn_graph_plan_create(graph.get(), pointers.data(), int64_t(pointers.size()), &options, handle_.out()));
  }

  lcn_graph_plan_info info() const {
    lcn_graph_plan_info i = LCN_GRAPH_PLAN_INFO_INIT;
    check(lcn_graph_plan_get_info(handle_.get(), &i));
    return i;
  }

  GraphValue input(int64_t index) const { return GraphValue(lcn_graph_plan_get_input, get(), index); }

  GraphValue output(int64_t index) const { return GraphValue(lcn_graph_plan_get_output, get(), index); }

  std::string description() const {
    return detail::text([this](char *t, size_t c, size_t *l) {
      return lcn_graph_plan_describe(handle_.get(), t, c, l);
    });
  }

  // One address for each input and each output, in order.
  void run(const std::vector<const void *> &inputs, const std::vector<void *> &outputs) const {
    const lcn_graph_plan_info i = info();
    if (int64_t(inputs.size()) != i.inputs || int64_t(outputs.size()) != i.outputs)
      throw std::invalid_argument("the plan has " + std::to_string(i.inputs) + " inputs and " +
                                  std::to_string(i.outputs) + " outputs");
    check(lcn_graph_plan_run(handle_.get(), inputs.data(), outputs.data()));
  }

  lcn_graph_plan *get() const noexcept { return handle_.get(); }

 private:
  detail::Handle<lcn_graph_plan, lcn_graph_plan_destroy> handle_;
};

}  // namespace lacuna
#endif
