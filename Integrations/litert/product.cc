// See product.h.
#include "product.h"

#include <algorithm>
#include <limits>

namespace {

// Multiply-adds for which another thread pays: about 100 µs of work.
constexpr int64_t kWorthAThread = 4'000'000;

// From where on a product beats LiteRT's own. Measured against XNNPACK in LiteRT 2.3.0, one thread, AVX2 (Zen 3), chains of
// FULLY_CONNECTED of 48² to 512² with 50 to 90 % zeros: from 32 rows of X on half the weights may be left; with few rows LiteRT
// is bound by reading the weights, whose positions Lacuna reads as well, and with 3 to 6 Lacuna's kernels are at their
// weakest. Weights that leave the second-level cache gain earlier.
constexpr int64_t kBeyondCache = 1 << 18;

double least_zeros(int64_t width, int64_t weights) {
  if (width >= 32) return 0.5;
  if (width >= 16 || weights >= kBeyondCache) return 0.6;
  return width >= 3 && width <= 6 ? 0.9 : 0.75;
}

// The same chains, and the two nets of README.md, where layers below 2048 weights cost what they gained.
int64_t least_weights(int64_t width) { return width >= 16 ? 2048 : 16384; }

struct Layer {
  Constant weights, bias;
  int activation = kTfLiteActNone;
  int64_t width = 0;
};

void begin_fully_connected(const TfLiteNode &node, Product &product, Layer &layer) {
  const auto *p = static_cast<const TfLiteFullyConnectedParams *>(node.builtin_data);
  if (p == nullptr) throw Refusal("its parameters are missing");
  if (p->weights_format != 0) throw Refusal("its weights are shuffled");
  product.keeps_rank = p->keep_num_dims;
  layer.activation = p->activation;
}

void begin_convolution(const TfLiteNode &node, Product &product, Layer &layer) {
  const auto *p = static_cast<const TfLiteConvParams *>(node.builtin_data);
  if (p == nullptr) throw Refusal("its parameters are missing");
  if (p->stride_height < 1 || p->stride_width < 1) throw Refusal("its stride is not positive");
  product.convolution = true;
  product.stride_height = p->stride_height;
  product.stride_width = p->stride_width;
  layer.activation = p->activation;
}

// rows of X, or pixels of Y, as far as the graph knows them before it runs.
int64_t width_of(const TfLiteTensor &x, const Product &product, int64_t otherwise) {
  const auto *unknown = x.dims_signature;
  for (int i = 0; unknown != nullptr && i < unknown->size; i++)
    if (unknown->data[i] < 0) return otherwise;
  if (count(x.dims) == 0) return otherwise;
  int64_t width = count(x.dims) / product.columns;
  if (product.convolution) {
    const std::vector<int> y = product.shape({x.dims->data, x.dims->data + x.dims->size});
    width = int64_t(y[0]) * y[1] * y[2];
  }
  return std::clamp<int64_t>(width, 1, 65536);
}

void check(lcn_status status) {
  if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
}

void make_plan(const Layer &layer, const Options &options, int64_t threads, Product &product, Decision &decision) {
  const float *w = layer.weights.data;
  const int64_t total = product.rows * product.columns, zeros = std::count(w, w + total, 0.0f);
  decision.zeros = double(zeros) / total;
  if (total < (options.min_weights < 0 ? least_weights(layer.width) : options.min_weights))
    throw Refusal("it has few weights");
  if (decision.zeros < (options.min_zeros < 0 ? least_zeros(layer.width, total) : options.min_zeros))
    throw Refusal("it has few zeros for " + std::to_string(layer.width) + " rows");

  lcn_plan_options plan = LCN_PLAN_OPTIONS_INIT;
  plan.layout = LCN_ROWS;
  plan.width = layer.width;
  plan.bias = layer.bias.data;
  plan.bias_count = layer.bias.data == nullptr ? 0 : product.rows;
  plan.threads = static_cast<int32_t>(std::clamp<int64_t>((total - zeros) * layer.width / kWorthAThread, 1, threads));
  plan.activation = LCN_ACTIVATION_CLAMP;
  plan.clamp_upper = std::numeric_limits<double>::infinity();
  switch (layer.activation) {
    case kTfLiteActNone: plan.activation = LCN_ACTIVATION_NONE; break;
    case kTfLiteActRelu: plan.activation = LCN_ACTIVATION_RELU; break;
    case kTfLiteActRelu6: plan.clamp_upper = 6; break;
    case kTfLiteActReluN1To1: plan.clamp_lower = -1, plan.clamp_upper = 1; break;
    default: throw Refusal("its activation is another than RELU, RELU6 and RELU_N1_TO_1");
  }
  // Dense would be OpenBLAS's, and what is to be beaten is LiteRT's own: `min_zeros` says from where on.
  plan.exclude_dense = 1;

  std::vector<int32_t> offsets = {0}, indices;
  std::vector<float> values;
  indices.reserve(total - zeros);
  values.reserve(total - zeros);
  for (int64_t i = 0; i < product.rows; i++) {
    for (int64_t j = 0; j < product.columns; j++) {
      if (w[i * product.columns + j] == 0) continue;
      indices.push_back(static_cast<int32_t>(j));
      values.push_back(w[i * product.columns + j]);
    }
    offsets.push_back(static_cast<int32_t>(indices.size()));
  }
  lcn_csr_desc csr = LCN_CSR_DESC_INIT;
  csr.rows = product.rows;
  csr.columns = product.columns;
  csr.nnz = static_cast<int64_t>(values.size());
  csr.row_offsets = offsets.data();
  csr.column_indices = indices.data();
  csr.values = values.data();
  lcn_matrix *matrix = nullptr;
  check(lcn_matrix_from_csr(&csr, &matrix));

  lcn_plan *made = nullptr;
  const lcn_status status = lcn_plan_create(matrix, &plan, &made);
  lcn_matrix_destroy(matrix);
  check(status);
  product.plan.reset(made);
  lcn_plan_info info = LCN_PLAN_INFO_INIT;
  check(lcn_plan_get_info(made, &info));
  decision.kernel = info.kernel;
}

}  // namespace

std::vector<int> Product::shape(const std::vector<int> &x) const {
  const auto misfit = [&](int64_t features) {
    return Refusal("an input has " + std::to_string(features) + " features where the weights have " + std::to_string(columns));
  };
  if (convolution) {
    if (x.size() != 4) throw Refusal("the input of a convolution has " + std::to_string(x.size()) + " dimensions");
    if (x[3] != columns) throw misfit(x[3]);
    return {x[0], x[1] < 1 ? 0 : (x[1] - 1) / stride_height + 1, x[2] < 1 ? 0 : (x[2] - 1) / stride_width + 1,
            static_cast<int>(rows)};
  }
  std::vector<int> y = x;
  if (keeps_rank) {
    if (x.empty() || x.back() != columns) throw misfit(x.empty() ? 1 : x.back());
    y.back() = static_cast<int>(rows);
    return y;
  }
  int64_t elements = 1;
  for (int d : x) elements *= d;
  if (elements % columns != 0) throw misfit(elements);
  return {static_cast<int>(elements / columns), static_cast<int>(rows)};
}

bool is_product(const Node &node) {
  return node.type == kTfLiteBuiltinFullyConnected || node.type == kTfLiteBuiltinConv2d;
}

std::shared_ptr<Product> examine(const Graph &graph, const Node &node, const Options &options, int64_t threads,
                                 Decision &decision) {
  const bool convolution = node.type == kTfLiteBuiltinConv2d;
  const TfLiteIntArray &in = *node.node->inputs, &out = *node.node->outputs;
  decision.type = convolution ? "CONV_2D" : "FULLY_CONNECTED";
  decision.nodes.push_back(node.index);
  try {
    if (in.size < 2 || in.size > 3 || out.size != 1) throw Refusal("it has another number of inputs or outputs");
    decision.name = graph.name(out.data[0]);
    auto product = std::make_shared<Product>();
    Layer layer;
    product->node = node.index;
    product->x = in.data[0];
    product->y = out.data[0];
    const TfLiteTensor &x = graph.tensor(product->x);
    if (x.type != kTfLiteFloat32 || graph.tensor(product->y).type != kTfLiteFloat32)
      throw Refusal(x.type == kTfLiteInt8 ? "its input is 8-bit integers" : "its input or output is not float32");
    if (convolution) {
      begin_convolution(*node.node, *product, layer);
    } else {
      begin_fully_connected(*node.node, *product, layer);
    }
    layer.weights = graph.constant(in.data[1], "its weights are");
    const std::vector<int> &shape = layer.weights.shape;
    if (shape.size() != (convolution ? 4u : 2u)) throw Refusal("its weights have another number of dimensions");
    product->rows = shape.front();
    product->columns = shape.back();
    decision.rows = product->rows;
    decision.columns = product->columns;
    if (convolution && (shape[1] != 1 || shape[2] != 1)) throw Refusal("a kernel of several taps needs convolution plans");
    if (convolution && (x.dims->size != 4 || x.dims->data[3] != shape[3])) throw Refusal("groups need convolution plans");
    product->constants = layer.weights.nodes;
    if (in.size == 3 && in.data[2] >= 0) {
      layer.bias = graph.constant(in.data[2], "its bias is");
      int64_t biases = 1;
      for (int d : layer.bias.shape) biases *= d;
      if (biases != product->rows) throw Refusal("its bias is not one constant per output");
      product->constants.insert(product->constants.end(), layer.bias.nodes.begin(), layer.bias.nodes.end());
    }
    layer.width = width_of(x, *product, options.width);
    decision.width = layer.width;
    make_plan(layer, options, threads, *product, decision);
    decision.nodes.insert(decision.nodes.end(), product->constants.begin(), product->constants.end());
    return product;
  } catch (const std::exception &why) {
    decision.reason = why.what();
    return nullptr;
  }
}
