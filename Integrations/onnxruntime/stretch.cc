// Which stretches of a graph are taken, and why the others are not. See stretch.h.
#include "stretch.h"

#include <algorithm>
#include <cmath>

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
};

void add_bias(Layer &layer, const Constant &bias) {
  if (layer.bias.empty()) layer.bias.assign(layer.rows, 0);
  for (int64_t i = 0; i < layer.rows; i++) layer.bias[i] += bias.data[i];
}

// Whether a constant is one number per output, along the last axis: [rows] or [1, …, rows].
bool is_row(const Constant &c, int64_t rows) { return !c.shape.empty() && c.shape.back() == rows && c.count() == rows; }

void begin_matmul(const Graph &graph, const OrtNode *node, Layer &layer) {
  const auto in = graph.inputs(node);
  const auto b = graph.constant(in.at(1));
  if (!b) throw Refusal("its weights are not constant floats");
  if (b->shape.size() != 2) throw Refusal("its weights are not a matrix");
  layer.weights = *b;
  layer.transposed = true;
  layer.columns = b->shape[0];
  layer.rows = b->shape[1];
}

void begin_gemm(const Graph &graph, const OrtNode *node, Layer &layer) {
  if (graph.integer(node, "transA", 0) != 0) throw Refusal("its input is transposed");
  if (graph.real(node, "alpha", 1) != 1 || graph.real(node, "beta", 1) != 1) throw Refusal("it has factors alpha or beta");
  begin_matmul(graph, node, layer);
  if (graph.integer(node, "transB", 0) != 0) {
    layer.transposed = false;
    std::swap(layer.rows, layer.columns);
  }
  const auto in = graph.inputs(node);
  if (in.size() > 2 && in[2] != nullptr) {
    const auto c = graph.constant(in[2]);
    if (!c || !is_row(*c, layer.rows)) throw Refusal("its bias is not one constant per output");
    add_bias(layer, *c);
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
  const auto w = graph.constant(in.at(1));
  if (!w) throw Refusal("its weights are not constant floats");
  stretch.window = window_of(graph, node, *w, x);
  if (!stretch.window) {
    auto &strides = stretch.strides = graph.integers(node, "strides");
    if (std::all_of(strides.begin(), strides.end(), [](int64_t s) { return s == 1; })) strides.clear();
    if (!strides.empty() && (strides.size() != 2 || w->shape.size() != 4))
      throw Refusal("its stride is not of two dimensions");
  }
  layer.weights = *w;
  layer.rows = w->shape[0];
  layer.columns = 1;
  for (size_t i = 1; i < w->shape.size(); i++) layer.columns *= w->shape[i];
  if (in.size() > 2 && in[2] != nullptr) {
    const auto b = graph.constant(in[2]);
    if (!b || b->count() != layer.rows) throw Refusal("its bias is not constant");
    add_bias(layer, *b);
  }
}

// Takes up the addition of a constant bias that follows a MatMul. One of more dimensions than Y gives the sum more, too.
bool take_bias(const Graph &graph, const OrtNode *node, size_t place, Layer &layer) {
  if (graph.type(node) != "Add") return false;
  const auto bias = graph.constant(graph.inputs(node).at(1 - place));
  if (!bias || !is_row(*bias, layer.rows) || bias->shape.size() > layer.rank) return false;
  add_bias(layer, *bias);
  return true;
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
  if (type != "Clip") return false;
  const auto lower = bound(graph, node, 1, "min", -std::numeric_limits<float>::infinity());
  const auto upper = bound(graph, node, 2, "max", std::numeric_limits<float>::infinity());
  if (!lower || !upper || !(*lower <= *upper)) return false;
  layer.activation = LCN_ACTIVATION_CLAMP;
  layer.lower = *lower;
  layer.upper = *upper;
  return true;
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

void make_plan(const Layer &layer, const Options &options, Stretch &stretch, Decision &decision) {
  const int64_t count = layer.rows * layer.columns;
  const int64_t zeros = std::count(layer.weights.data, layer.weights.data + count, 0.0f);
  decision.zeros = count > 0 ? double(zeros) / count : 0;
  if (count < options.min_weights) throw Refusal("it has few weights");
  if (decision.zeros < options.min_zeros) throw Refusal("it has few zeros");

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
  lcn_plan *made = nullptr;
  asked(lcn_plan_create(sparse, &plan, &made));
  stretch.plan.reset(made);
  lcn_plan_info info = LCN_PLAN_INFO_INIT;
  asked(lcn_plan_get_info(made, &info));
  decision.kernel = info.kernel;
  stretch.stored = info.stored;
  stretch.width = info.width;
  stretch.slices = info.slices;
}

}  // namespace

bool is_product(const Graph &graph, const OrtNode *node) {
  const std::string type = graph.type(node);
  return type == "MatMul" || type == "Gemm" || type == "Conv";
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
    const auto x = graph.shape(graph.inputs(node).at(0));
    if (!x) throw Refusal("its input is not float32");
    if (x->size() < (stretch.convolution ? 3u : 1u)) throw Refusal("the rank of its input is not known");
    if (decision.type == "MatMul") begin_matmul(graph, node, layer);
    if (decision.type == "Gemm") begin_gemm(graph, node, layer);
    if (decision.type == "Conv") begin_convolution(graph, node, *x, layer, stretch);
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
    if (next && decision.type == "MatMul" && take_bias(graph, next->first, next->second, layer)) {
      stretch.nodes.push_back(next->first);
      next = graph.follower(next->first);
    }
    if (next && take_activation(graph, next->first, next->second, layer)) stretch.nodes.push_back(next->first);
    make_plan(layer, options, stretch, decision);
  } catch (const std::exception &why) {
    decision.reason = why.what();
  }
  for (const OrtNode *taken : stretch.nodes) decision.nodes.push_back(graph.name(taken));
  return stretch;
}
