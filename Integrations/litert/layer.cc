// Whether a product gains, and the plan that computes it. See layer.h.
#include "layer.h"

#include <algorithm>
#include <limits>

namespace {

// Multiply-adds for which another thread pays: about 100 µs of work.
constexpr int64_t kWorthAThread = 4'000'000;

// From where on a product beats LiteRT's own. Measured against XNNPACK in LiteRT 2.3.0, one thread, AVX2 (Zen 3), chains of
// FULLY_CONNECTED of 48² to 512² with 50 to 90 % zeros: from 32 rows of X on half the weights may be left; with few rows LiteRT
// is bound by reading the weights, whose positions Lacuna reads as well, and with 3 to 6 Lacuna's kernels are at their
// weakest. Weights that leave the second-level cache gain earlier. Convolutions of windows: 3×3 and 5×5, 7² to 56² pixels.
constexpr int64_t kBeyondCache = 1 << 18;

double least_zeros(int64_t width, int64_t weights, bool windows) {
  if (width >= 32) return windows ? 0.6 : 0.5;
  if (windows) return width >= 7 ? 0.75 : 0.9;
  if (width >= 16 || weights >= kBeyondCache) return 0.6;
  return width >= 3 && width <= 6 ? 0.9 : 0.75;
}

// The same of products of bytes, whose zeros count in groups of four inputs: against XNNPACK's in LiteRT 2.3.0, one thread,
// AVX2 without VNNI, nothing else running, FULLY_CONNECTED of 48² to 1024² and 768×3072 weights.
double least_groups(int64_t width) {
  if (width >= 16) return 0.5;
  if (width >= 8) return 0.6;
  if (width >= 4) return 0.75;
  return width >= 2 ? 0.9 : 0.96;
}
// The same of kernels of several taps on bytes: AVX-512 with VNNI (Zen 5), one thread, 3×3 of 64 to 512 channels at 56² to 7²
// pixels, groups of 1×4, took 1.0 of LiteRT's time at 60 % zeros, 0.75 to 0.9 at 70 %, 0.3 to 0.5 at 90 %; 32 channels at 28²
// 1.3 and 0.9, 64 at 7² 1.3 and 0.8. `work` is what nothing left out would multiply and add.
double least_windows(double work) { return work >= 2e7 ? 0.65 : 0.9; }
int64_t least_bytes(int64_t width) { return width >= 64 ? 2048 : width >= 16 ? 8192 : 16384; }

// The same chains, and the two nets of README.md, where layers below 2048 weights cost what they gained.
int64_t least_weights(int64_t width) { return width >= 16 ? 2048 : 16384; }

// An activation as plans and convolutions have it.
template <class Options> void set_activation(int activation, Options &options) {
  options.activation = LCN_ACTIVATION_CLAMP;
  options.clamp_upper = std::numeric_limits<double>::infinity();
  switch (activation) {
    case kTfLiteActNone: options.activation = LCN_ACTIVATION_NONE; break;
    case kTfLiteActRelu: options.activation = LCN_ACTIVATION_RELU; break;
    case kTfLiteActRelu6: options.clamp_upper = 6; break;
    case kTfLiteActReluN1To1: options.clamp_lower = -1, options.clamp_upper = 1; break;
    default: throw Refusal("its activation is another than RELU, RELU6 and RELU_N1_TO_1");
  }
}

// What bytes stand for, as plans and convolutions have it.
template <class Options> void set_bytes(const Layer &layer, const std::vector<float> &scales, Options &options) {
  options.weights = LCN_I8;
  options.weight_scales = scales.data();
  options.weight_scale_count = static_cast<int64_t>(scales.size());
  options.activations = options.output = LCN_I8;
  options.activation_scale = layer.x_scale;
  options.zero_point = static_cast<int32_t>(layer.x_zero);
  options.output_scale = layer.y_scale;
  options.output_zero_point = static_cast<int32_t>(layer.y_zero);
}

// Share of zeros; of bytes those that fill whole groups of four inputs at one tap, of which one instruction takes care.
double zeros_of(const Layer &layer, const Product &product) {
  const int64_t group = product.bytes ? 4 : 1, total = product.rows * product.columns;
  int64_t zeros = 0;
  for (int64_t tap = 0; tap < total; tap += layer.inputs)
    for (int64_t first = 0; first < layer.inputs; first += group) {
      const float *begin = layer.weights.data + tap + first;
      const int64_t size = std::min(group, layer.inputs - first);
      if (std::all_of(begin, begin + size, [](float w) { return w == 0; })) zeros += size;
    }
  return double(zeros) / total;
}

void check(lcn_status status) {
  if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
}

std::unique_ptr<lcn_matrix, Destroy> nonzeros(const Layer &layer, int64_t rows, int64_t columns, int64_t stored) {
  std::vector<int32_t> offsets = {0}, indices;
  std::vector<float> values;
  indices.reserve(stored);
  values.reserve(stored);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j++) {
      const float w = layer.weights.data[i * columns + j];
      if (w == 0) continue;
      indices.push_back(static_cast<int32_t>(j));
      values.push_back(w);
    }
    offsets.push_back(static_cast<int32_t>(indices.size()));
  }
  lcn_csr_desc csr = LCN_CSR_DESC_INIT;
  csr.rows = rows;
  csr.columns = columns;
  csr.nnz = static_cast<int64_t>(values.size());
  csr.row_offsets = offsets.data();
  csr.column_indices = indices.data();
  csr.values = values.data();
  lcn_matrix *matrix = nullptr;
  check(lcn_matrix_from_csr(&csr, &matrix));
  return std::unique_ptr<lcn_matrix, Destroy>(matrix);
}

// A product's plan.
void make_plan(const Layer &layer, Product &product, Decision &decision) {
  lcn_plan_options plan = LCN_PLAN_OPTIONS_INIT;
  plan.layout = LCN_ROWS;
  plan.width = layer.width;
  plan.bias = layer.bias.data;
  plan.bias_count = layer.bias.data == nullptr ? 0 : product.rows;
  plan.threads = static_cast<int32_t>(layer.threads);
  set_activation(layer.activation, plan);
  if (product.bytes) set_bytes(layer, layer.scales, plan);
  // Dense would be OpenBLAS's, and what is to be beaten is LiteRT's own: `min_zeros` says from where on.
  plan.exclude_dense = 1;
  lcn_plan *made = nullptr;
  check(lcn_plan_create(product.weights.get(), &plan, &made));
  product.plan.reset(made);
  product.weights.reset();
  lcn_plan_info info = LCN_PLAN_INFO_INIT;
  check(lcn_plan_get_info(made, &info));
  decision.kernel = info.kernel;
}

// A convolution of windows, for images of the size that the graph says.
void make_convolution(const Layer &layer, Product &product, Decision &decision) {
  lcn_conv_options &o = product.options;
  o.layout = LCN_NHWC;
  o.kernel_order = LCN_OHWI;
  o.images = layer.images;
  o.channels = product.channels;
  o.filters = product.rows;
  o.groups = product.groups;
  o.kernel_height = product.axes[0].taps;
  o.kernel_width = product.axes[1].taps;
  o.stride_y = product.axes[0].stride;
  o.stride_x = product.axes[1].stride;
  o.dilation_y = product.axes[0].dilation;
  o.dilation_x = product.axes[1].dilation;
  if (layer.bias.data != nullptr) product.bias.assign(layer.bias.data, layer.bias.data + product.rows);
  o.bias = product.bias.empty() ? nullptr : product.bias.data();
  o.bias_count = static_cast<int64_t>(product.bias.size());
  o.threads = static_cast<int32_t>(layer.threads);
  set_activation(layer.activation, o);
  o.exclude_dense = 1;  // as above
  if (product.bytes) {
    product.scales = layer.scales;
    set_bytes(layer, product.scales, o);
  }
  product.plan_images(layer.height, layer.image_width);
  lcn_conv_info info = LCN_CONV_INFO_INIT;
  check(lcn_conv_get_info(product.conv.get(), &info));
  decision.kernel = info.kernel;
}

}  // namespace

void Product::plan_images(int64_t height, int64_t width) {
  if (conv && options.height == height && options.width == width) return;
  lcn_conv_options o = options;
  o.height = height;
  o.width = width;
  o.pad_top = axes[0].padding(height) / 2;
  o.pad_bottom = axes[0].padding(height) - o.pad_top;
  o.pad_left = axes[1].padding(width) / 2;
  o.pad_right = axes[1].padding(width) - o.pad_left;
  lcn_conv *made = nullptr;
  check(lcn_conv_create(weights.get(), &o, &made));
  conv.reset(made);
  options = o;
}

void make_product(Layer &layer, const Options &options, int64_t threads, Product &product, Decision &decision) {
  const float *w = layer.weights.data;
  const int64_t total = product.rows * product.columns, zeros = std::count(w, w + total, 0.0f);
  decision.zeros = zeros_of(layer, product);
  const int64_t few = product.bytes ? least_bytes(layer.width) : least_weights(layer.width);
  if (total < (options.min_weights < 0 ? few : options.min_weights))
    throw Refusal("it has few weights");
  const double least = options.min_zeros >= 0 ? options.min_zeros
                       : product.bytes && layer.windows ? least_windows(double(total) * layer.width)
                       : product.bytes        ? least_groups(layer.width)
                                              : least_zeros(layer.width, total, layer.windows);
  if (decision.zeros < least)
    throw Refusal("it has few zeros " + std::string(product.bytes ? "in whole groups of four inputs " : "") + "for " +
                  std::to_string(layer.width) + " rows");
  layer.threads = std::clamp<int64_t>((total - zeros) * layer.width / kWorthAThread, 1, threads);
  product.weights = nonzeros(layer, product.rows, product.columns, total - zeros);
  if (!layer.windows) {
    make_plan(layer, product, decision);
  } else {
    make_convolution(layer, product, decision);
  }
}
