// Which stretches of a graph are taken, and why the others are not. See stretch.h.
#include "stretch.h"

#include <algorithm>
#include <cmath>

#include "recurrent.h"

namespace {

// W, bias and activation as they are gathered along a stretch.
struct Layer {
  Constant weights{};
  bool transposed = false;  // the constant is [in, out]
  int64_t rows = 0, columns = 0, width = 0;
  size_t rank = 0;  // of X, and of Y
  std::vector<float> bias;
  int activation = LCN_ACTIVATION_NONE;
  double lower = 0, upper = 0;
  std::optional<Dequantized> bytes;  // what `weights` points to, where the model has integers
};

// The weights, floats or what integers with scales stand for; a node that makes floats of those joins the stretch.
Constant weights_of(const Graph &graph, const OrtValueInfo *value, Layer &layer, Stretch &stretch) {
  if (const auto w = graph.constant(value)) return *w;
  layer.bytes = dequantized(graph, value);
  if (!layer.bytes) throw Refusal("its weights are not constant floats");
  if (!graph.follower(layer.bytes->node)) throw Refusal("others read its weights, too");
  stretch.nodes.insert(stretch.nodes.begin(), layer.bytes->node);
  return layer.bytes->constant();
}

void add_bias(Layer &layer, const Constant &bias) {
  if (layer.bias.empty()) layer.bias.assign(layer.rows, 0);
  for (int64_t i = 0; i < layer.rows; i++) layer.bias[i] += bias.data[i];
}

// Whether a constant is one number per output, along the last axis: [rows] or [1, …, rows].
bool is_row(const Constant &c, int64_t rows) { return !c.shape.empty() && c.shape.back() == rows && c.count() == rows; }

// Adds a bias of floats, or of integers with scales, when `fits` says that it is one; whether it did.
template <class Fits>
bool join_bias(const Graph &graph, const OrtValueInfo *value, Layer &layer, Stretch &stretch, Fits fits) {
  if (const auto c = graph.constant(value)) {
    if (!fits(*c)) return false;
    add_bias(layer, *c);
    return true;
  }
  const auto c = dequantized(graph, value);
  if (!c || !graph.follower(c->node) || !fits(c->constant())) return false;
  add_bias(layer, c->constant());
  stretch.nodes.insert(stretch.nodes.begin(), c->node);
  return true;
}

void begin_matmul(const Graph &graph, const OrtNode *node, Layer &layer, Stretch &stretch) {
  const Constant b = weights_of(graph, graph.inputs(node).at(1), layer, stretch);
  if (b.shape.size() != 2) throw Refusal("its weights are not a matrix");
  layer.weights = b;
  layer.transposed = true;
  layer.columns = b.shape[0];
  layer.rows = b.shape[1];
}

void begin_gemm(const Graph &graph, const OrtNode *node, Layer &layer, Stretch &stretch) {
  if (graph.integer(node, "transA", 0) != 0) throw Refusal("its input is transposed");
  if (graph.real(node, "alpha", 1) != 1 || graph.real(node, "beta", 1) != 1) throw Refusal("it has factors alpha or beta");
  begin_matmul(graph, node, layer, stretch);
  if (graph.integer(node, "transB", 0) != 0) {
    layer.transposed = false;
    std::swap(layer.rows, layer.columns);
  }
  const auto in = graph.inputs(node);
  if (in.size() > 2 && in[2] != nullptr) {
    const auto fits = [&](const Constant &c) { return is_row(c, layer.rows); };
    if (!join_bias(graph, in[2], layer, stretch, fits)) throw Refusal("its bias is not one constant per output");
  }
}

// What a convolution is besides one tap at each (or every stride-th) pixel, or none when it is that. `x` is its
// input's shape.
std::optional<Window> window_of(const Graph &graph, const OrtNode *node, const Constant &w, const std::vector<int64_t> &x) {
  bool is_product = true;
  for (size_t i = 2; i < w.shape.size(); i++) is_product = is_product && w.shape[i] == 1;
  auto pads = graph.integers(node, "pads");
  is_product = is_product && std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; });
  Window window;
  window.groups = graph.integer(node, "group", 1);
  if (is_product && window.groups == 1) return std::nullopt;
  if (w.shape.size() != 4 || x.size() != 4) throw Refusal("a kernel of several taps is not of two dimensions");
  if (x[2] < 0 || x[3] < 0) throw Refusal("the size of its images is known only at run time");
  const std::string automatic = graph.word(node, "auto_pad");
  if (!automatic.empty() && automatic != "NOTSET" && automatic != "VALID") throw Refusal("its padding is " + automatic);
  const auto pair = [&](const char *name, int64_t &y, int64_t &x) {
    const auto values = graph.integers(node, name);
    if (values.empty()) return;
    if (values.size() != 2) throw Refusal(std::string("its ") + name + " are not two");
    y = values[0];
    x = values[1];
  };
  pair("strides", window.stride_y, window.stride_x);
  pair("dilations", window.dilation_y, window.dilation_x);
  if (automatic == "VALID") pads.clear();
  if (!pads.empty() && pads.size() != 4) throw Refusal("its pads are not four");
  if (!pads.empty()) {
    window.top = pads[0];
    window.left = pads[1];
    window.bottom = pads[2];
    window.right = pads[3];
  }
  window.height = x[2];
  window.width = x[3];
  window.kernel_height = w.shape[2];
  window.kernel_width = w.shape[3];
  return window;
}

void begin_convolution(const Graph &graph, const OrtNode *node, const std::vector<int64_t> &x, Layer &layer,
                       Stretch &stretch) {
  const auto in = graph.inputs(node);
  const Constant w = weights_of(graph, in.at(1), layer, stretch);
  stretch.window = window_of(graph, node, w, x);
  if (!stretch.window) {
    auto &strides = stretch.strides = graph.integers(node, "strides");
    if (std::all_of(strides.begin(), strides.end(), [](int64_t s) { return s == 1; })) strides.clear();
    if (!strides.empty() && (strides.size() != 2 || w.shape.size() != 4))
      throw Refusal("its stride is not of two dimensions");
  }
  layer.weights = w;
  layer.rows = w.shape[0];
  layer.columns = 1;
  for (size_t i = 1; i < w.shape.size(); i++) layer.columns *= w.shape[i];
  if (in.size() > 2 && in[2] != nullptr) {
    const auto fits = [&](const Constant &c) { return c.count() == layer.rows; };
    if (!join_bias(graph, in[2], layer, stretch, fits)) throw Refusal("its bias is not constant");
  }
}

// Takes up the addition of a constant bias that follows a MatMul. One of more dimensions than Y gives the sum more, too.
bool take_bias(const Graph &graph, const OrtNode *node, size_t place, Layer &layer, Stretch &stretch) {
  if (graph.type(node) != "Add") return false;
  return join_bias(graph, graph.inputs(node).at(1 - place), layer, stretch, [&](const Constant &bias) {
    return is_row(bias, layer.rows) && bias.shape.size() <= layer.rank;
  });
}

// Takes up the node that makes floats of an input of bytes, where the weights are bytes too.
void take_input(const Graph &graph, const OrtNode *node, const Layer &layer, Stretch &stretch) {
  const OrtNode *maker = graph.maker(graph.inputs(node).at(0));
  if (!layer.bytes || maker == nullptr || graph.type(maker) != "DequantizeLinear") return;
  stretch.x = bytes_of(graph, maker);
  if (!stretch.x) throw Refusal("its input has several scales, or none that is constant");
  if (!graph.follower(maker)) throw Refusal("others read its input as floats");
  if (stretch.window && layer.weights.shape[1] < 4) throw Refusal("a kernel on groups of fewer than four channels of bytes");
  stretch.nodes.insert(stretch.nodes.begin(), maker);
}

// Takes up the node that makes bytes of the result.
void take_output(const Graph &graph, Stretch &stretch) {
  const auto next = graph.follower(stretch.nodes.back());
  if (!stretch.x || !next || next->second != 0 || graph.type(next->first) != "QuantizeLinear") return;
  if ((stretch.y = bytes_of(graph, next->first))) stretch.nodes.push_back(next->first);
}

// A bound of Clip: its input, or, in old models, its attribute. None when it is known only at run time.
std::optional<double> bound(const Graph &graph, const OrtNode *node, size_t place, const char *name, float otherwise) {
  const auto in = graph.inputs(node);
  if (place >= in.size() || in[place] == nullptr) return graph.real(node, name, otherwise);
  const auto c = graph.constant(in[place]);
  if (!c || c->count() != 1) return std::nullopt;
  return c->data[0];
}

bool take_activation(const Graph &graph, const OrtNode *node, size_t place, Layer &layer) {
  const std::string type = graph.type(node);
  if (place != 0) return false;
  if (type == "Relu") {
    layer.activation = LCN_ACTIVATION_RELU;
    return true;
  }
  if (type == "HardSwish") {
    layer.activation = LCN_ACTIVATION_HARD_SWISH;
    return true;
  }
  if (type == "Swish" && graph.real(node, "alpha", 1) == 1) {
    layer.activation = LCN_ACTIVATION_SILU;
    return true;
  }
  if (type != "Clip") return false;
  const auto lower = bound(graph, node, 1, "min", -std::numeric_limits<float>::infinity());
  const auto upper = bound(graph, node, 2, "max", std::numeric_limits<float>::infinity());
  if (!lower || !upper || !(*lower <= *upper)) return false;
  layer.activation = LCN_ACTIVATION_CLAMP;
  layer.lower = *lower;
  layer.upper = *upper;
  return true;
}

// Takes up a gate: what the last node makes, times its own Sigmoid (SiLU) or HardSigmoid of x/6 + 1/2 (hard-swish).
// Two nodes, as models have it whose version has no operator for them.
bool take_gate(const Graph &graph, const OrtNode *last, Layer &layer, std::vector<const OrtNode *> &nodes) {
  const auto readers = graph.followers(last, 2);
  if (readers.size() != 2) return false;
  for (size_t i = 0; i < 2; i++) {
    const auto [gate, place] = readers[i];
    const auto [product, other] = readers[1 - i];
    const std::string type = graph.type(gate);
    const bool hard = type == "HardSigmoid" && graph.real(gate, "alpha", 0.2f) == 1.0f / 6 &&
                      graph.real(gate, "beta", 0.5f) == 0.5f;
    if (place != 0 || graph.type(product) != "Mul" || (type != "Sigmoid" && !hard)) continue;
    const auto next = graph.follower(gate);
    if (!next || next->first != product || next->second != 1 - other) continue;
    layer.activation = hard ? LCN_ACTIVATION_HARD_SWISH : LCN_ACTIVATION_SILU;
    nodes.push_back(gate);
    nodes.push_back(product);
    return true;
  }
  return false;
}

// How many right-hand sides the product gets at once.
int64_t width_of(const std::vector<int64_t> &shape, bool convolution, int64_t otherwise) {
  int64_t width = 1;
  const size_t first = convolution ? 2 : 0, last = convolution ? shape.size() : shape.size() - 1;
  for (size_t i = first; i < last; i++) {
    if (shape[i] < 0) return otherwise;
    width *= shape[i];
  }
  return std::clamp<int64_t>(width, 1, 65536);
}

void asked(lcn_status status) {
  if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
}

struct MatrixDeleter {
  void operator()(lcn_matrix *matrix) const { lcn_matrix_destroy(matrix); }
};

// One scale for each output of weights that are bytes.
std::vector<float> row_scales(const Layer &layer) {
  const auto &scales = layer.bytes->scales;
  if (scales.size() == 1) return std::vector<float>(layer.rows, scales[0]);
  if (layer.bytes->axis != (layer.transposed ? 1u : 0u)) throw Refusal("its weights have scales along their inputs");
  return scales;
}

int32_t byte_type(const Bytes &bytes) { return bytes.type == kOrtU8 ? LCN_U8 : LCN_I8; }

// What bytes stand for, as plans and convolutions have it; `scales` has to live until one is made.
template <class Options>
void set_bytes(const Layer &layer, const Stretch &stretch, std::vector<float> &scales, Options &options) {
  if (stretch.x) {
    scales = row_scales(layer);
    options.weights = LCN_I8;
    options.weight_scales = scales.data();
    options.weight_scale_count = static_cast<int64_t>(scales.size());
    options.activations = byte_type(*stretch.x);
    options.activation_scale = stretch.x->scale;
    options.zero_point = static_cast<int32_t>(stretch.x->zero);
  }
  if (stretch.y) {
    options.output = byte_type(*stretch.y);
    options.output_scale = stretch.y->scale;
    options.output_zero_point = static_cast<int32_t>(stretch.y->zero);
  }
}

void make_convolution(const Layer &layer, const lcn_matrix *weights, Stretch &stretch, Decision &decision) {
  const Window &w = *stretch.window;
  lcn_conv_options o = LCN_CONV_OPTIONS_INIT;
  o.channels = stretch.columns;
  o.height = w.height;
  o.width = w.width;
  o.filters = layer.rows;
  o.kernel_height = w.kernel_height;
  o.kernel_width = w.kernel_width;
  o.stride_y = w.stride_y;
  o.stride_x = w.stride_x;
  o.dilation_y = w.dilation_y;
  o.dilation_x = w.dilation_x;
  o.pad_top = w.top;
  o.pad_left = w.left;
  o.pad_bottom = w.bottom;
  o.pad_right = w.right;
  o.groups = w.groups;
  o.bias = layer.bias.empty() ? nullptr : layer.bias.data();
  o.bias_count = static_cast<int64_t>(layer.bias.size());
  o.activation = layer.activation;
  o.clamp_lower = layer.lower;
  o.clamp_upper = layer.upper;
  o.exclude_dense = 1;  // as below
  std::vector<float> scales;
  set_bytes(layer, stretch, scales, o);
  lcn_conv *made = nullptr;
  asked(lcn_conv_create(weights, &o, &made));
  stretch.conv.reset(made);
  lcn_conv_info info = LCN_CONV_INFO_INIT;
  asked(lcn_conv_get_info(made, &info));
  decision.kernel = info.kernel;
  stretch.stored = info.stored;
  stretch.slices = info.slices;
  stretch.out_height = info.output_height;
  stretch.out_width = info.output_width;
}

// Share of zeros; for products of bytes of those in whole groups of four inputs, of which one instruction takes care:
// neighbours in a row, or, of a kernel of several taps, neighbouring channels at one of them.
double zeros_of(const Layer &layer, int64_t group) {
  const int64_t count = layer.rows * layer.columns;
  if (count == 0) return 0;
  if (group == 1) return double(std::count(layer.weights.data, layer.weights.data + count, 0.0f)) / count;
  int64_t taps = 1;
  for (size_t i = 2; i < layer.weights.shape.size(); i++) taps *= layer.weights.shape[i];
  const int64_t inputs = layer.columns / taps;
  const int64_t step = layer.transposed ? layer.rows : taps, row_step = layer.transposed ? 1 : layer.columns;
  int64_t zeros = 0;
  for (int64_t row = 0; row < layer.rows; row++)
    for (int64_t tap = 0; tap < taps; tap++)
      for (int64_t first = 0; first < inputs; first += group) {
        const int64_t end = std::min(first + group, inputs);
        int64_t input = first;
        while (input < end && layer.weights.data[row * row_step + tap + input * step] == 0) input++;
        if (input == end) zeros += end - first;
      }
  return double(zeros) / count;
}

// Of bytes, where onnxruntime's own product of bytes is beaten. On AVX2, one thread, weights of 1024×1024 and 768×3072
// in groups of four took of its time, at 60, 80 and 90 % zeros: 128 rows 0.8, 0.5, 0.3; 16 rows 1.0, 0.6, 0.4;
// 8 rows 1.2, 0.7, 0.5; 4 rows 2.2, 1.3, 0.8; one row 1.3 to 1.6 at 90 %, 0.9 to 1.3 at 95 %.
double least_groups(int64_t width) { return 1 - 0.4 * std::min(1.0, width / 20.0); }

// The same of kernels of several taps on bytes. AVX-512 with VNNI (Zen 5), onnxruntime 1.32.0, one thread: 3×3 of 64 to 512
// channels at 56² to 7² pixels, groups of 1×4, took 1.0 of its time at 60 % zeros, 0.7 to 0.8 at 70 %, 0.35 to 0.45 at 90 %;
// 32 channels at 28² 1.0 and 0.75, 64 at 7² 1.2 and 0.95. `work` is what nothing left out would multiply and add.
double least_windows(double work) { return work >= 2e7 ? 0.65 : 0.9; }

void make_plan(const Layer &layer, const Options &options, Stretch &stretch, Decision &decision) {
  decision.zeros = zeros_of(layer, stretch.x ? 4 : 1);
  if (layer.rows * layer.columns < options.min_weights) throw Refusal("it has few weights");
  // 0 takes everything.
  double least = options.min_zeros;
  if (least > 0 && stretch.x)
    least = std::max(least, stretch.window ? least_windows(double(layer.rows) * layer.columns * layer.width)
                                           : least_groups(layer.width));
  if (decision.zeros < least)
    throw Refusal(stretch.x ? "it has few zeros in whole groups of four inputs" : "it has few zeros");

  lcn_dense_desc dense = LCN_DENSE_DESC_INIT;
  dense.dtype = LCN_F32;
  dense.rows = layer.rows;
  dense.columns = layer.columns;
  dense.row_stride = layer.transposed ? 1 : layer.columns;
  dense.column_stride = layer.transposed ? layer.rows : 1;
  dense.values = const_cast<float *>(layer.weights.data);
  lcn_matrix *full = nullptr, *sparse = nullptr;
  asked(lcn_matrix_from_dense(&dense, &full));
  lcn_status status = lcn_matrix_convert(full, LCN_CSR, 1, 1, &sparse);
  lcn_matrix_destroy(full);
  asked(status);
  const std::unique_ptr<lcn_matrix, MatrixDeleter> weights(sparse);
  if (stretch.window) {
    make_convolution(layer, sparse, stretch, decision);
    return;
  }

  lcn_plan_options plan = LCN_PLAN_OPTIONS_INIT;
  plan.layout = stretch.convolution ? LCN_COLUMNS : LCN_ROWS;
  plan.width = layer.width;
  plan.bias = layer.bias.empty() ? nullptr : layer.bias.data();
  plan.bias_count = static_cast<int64_t>(layer.bias.size());
  plan.activation = layer.activation;
  plan.clamp_lower = layer.lower;
  plan.clamp_upper = layer.upper;
  // Dense would be OpenBLAS's, and what is to be beaten is onnxruntime's own: `min_zeros` says from where on.
  plan.exclude_dense = 1;
  std::vector<float> scales;
  set_bytes(layer, stretch, scales, plan);
  lcn_plan *made = nullptr;
  asked(lcn_plan_create(sparse, &plan, &made));
  stretch.plan.reset(made);
  lcn_plan_info info = LCN_PLAN_INFO_INIT;
  asked(lcn_plan_get_info(made, &info));
  decision.kernel = info.kernel;
  stretch.stored = info.stored;
  stretch.packed_bytes = info.packed_bytes;
  stretch.width = info.width;
  stretch.slices = info.slices;
}

}  // namespace

bool is_product(const Graph &graph, const OrtNode *node) {
  const std::string type = graph.type(node);
  return type == "MatMul" || type == "Gemm" || type == "Conv" || is_recurrent(type);
}

Stretch examine(const Graph &graph, const OrtNode *node, const Options &options, const char *elsewhere,
                Decision &decision) {
  Stretch stretch;
  Layer layer;
  stretch.key = graph.key(node);
  decision.name = graph.name(node).empty() ? stretch.key : graph.name(node);
  decision.type = graph.type(node);
  stretch.convolution = decision.type == "Conv";
  stretch.nodes.push_back(node);
  try {
    if (elsewhere != nullptr) throw Refusal(elsewhere);
    if (is_recurrent(decision.type)) {
      examine_recurrent(graph, node, options, stretch, decision);
      decision.nodes.push_back(graph.name(node));
      return stretch;
    }
    const auto x = graph.shape(graph.inputs(node).at(0));
    if (!x) throw Refusal("its input is not float32");
    if (x->size() < (stretch.convolution ? 3u : 1u)) throw Refusal("the rank of its input is not known");
    if (decision.type == "MatMul") begin_matmul(graph, node, layer, stretch);
    if (decision.type == "Gemm") begin_gemm(graph, node, layer, stretch);
    if (decision.type == "Conv") begin_convolution(graph, node, *x, layer, stretch);
    take_input(graph, node, layer, stretch);
    layer.rank = x->size();
    layer.width = width_of(*x, stretch.convolution, options.width);
    if (!stretch.strides.empty()) layer.width = std::max<int64_t>(1, layer.width / (stretch.strides[0] * stretch.strides[1]));
    decision.rows = stretch.rows = layer.rows;
    decision.columns = stretch.columns = layer.columns;
    // A convolution of windows looks at all channels of its input, which no shape has to say.
    if (stretch.window)
      stretch.columns = layer.weights.shape[1] * stretch.window->groups;
    decision.width = layer.width;
    auto next = graph.follower(node);
    if (next && decision.type == "MatMul" && take_bias(graph, next->first, next->second, layer, stretch)) {
      stretch.nodes.push_back(next->first);
      next = graph.follower(next->first);
    }
    if (next && take_activation(graph, next->first, next->second, layer))
      stretch.nodes.push_back(next->first);
    else
      take_gate(graph, stretch.nodes.back(), layer, stretch.nodes);
    take_output(graph, stretch);
    make_plan(layer, options, stretch, decision);
  } catch (const std::exception &why) {
    decision.reason = why.what();
  }
  for (const OrtNode *taken : stretch.nodes) decision.nodes.push_back(graph.name(taken));
  return stretch;
}
