// See product.h.
#include "product.h"

#include <algorithm>
#include <cmath>

#include "layer.h"

namespace {

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
  if (p->padding != kTfLitePaddingSame && p->padding != kTfLitePaddingValid) throw Refusal("its padding is not known");
  const bool same = p->padding == kTfLitePaddingSame;
  product.convolution = true;
  product.axes[0] = {1, p->stride_height, p->dilation_height_factor, same};
  product.axes[1] = {1, p->stride_width, p->dilation_width_factor, same};
  for (const Axis &axis : product.axes)
    if (axis.stride < 1 || axis.dilation < 1) throw Refusal("a stride or a dilation is not positive");
  layer.activation = p->activation;
}

// Of weights [filters, height, width, channels / groups].
void take_kernel(const std::vector<int> &shape, int64_t channels, Product &product) {
  if (channels < 1 || channels % shape[3] != 0) throw Refusal("its weights do not fit its input's channels");
  product.channels = channels;
  product.groups = channels / shape[3];
  product.axes[0].taps = shape[1];
  product.axes[1].taps = shape[2];
  product.columns = product.axes[0].taps * product.axes[1].taps * shape[3];
}

// How much a product gets at once: rows of X, or pixels of Y, as far as the graph knows before it runs.
void take_width(const TfLiteTensor &x, const Product &product, int64_t otherwise, Layer &layer) {
  const auto *signature = x.dims_signature;
  bool known = count(x.dims) > 0;
  for (int i = 0; signature != nullptr && i < signature->size; i++) known = known && signature->data[i] >= 0;
  layer.width = otherwise;
  if (product.convolution) {
    // Square images of so many pixels where nothing is known.
    const int64_t side = static_cast<int64_t>(std::ceil(std::sqrt(double(otherwise))));
    const auto size = [&](const Axis &axis, int64_t given) {
      return known ? given : std::max(side, axis.dilation * (axis.taps - 1) + 1);
    };
    layer.images = known ? x.dims->data[0] : 1;
    layer.height = size(product.axes[0], x.dims->data[1]);
    layer.image_width = size(product.axes[1], x.dims->data[2]);
  }
  if (!known) return;
  layer.width = product.convolution
                    ? layer.images * product.axes[0].result(layer.height) * product.axes[1].result(layer.image_width)
                    : count(x.dims) / product.columns;
  layer.width = std::clamp<int64_t>(layer.width, 1, 65536);
}

// What the bytes of X, W and Y stand for; W and the bias become the numbers that they are.
void take_scales(const Graph &graph, const TfLiteIntArray &in, const Product &product, Layer &layer) {
  const auto one = [&](int tensor, const std::string &what, float &scale, int64_t &zero) {
    const Affine affine = affine_of(graph.tensor(tensor), what);
    if (affine.scales.size() != 1) throw Refusal(what + " with several scales");
    scale = affine.scales[0];
    zero = affine.zeros[0];
  };
  one(product.x, "its input is", layer.x_scale, layer.x_zero);
  one(product.y, "its output is", layer.y_scale, layer.y_zero);
  const Affine affine = affine_of(graph.tensor(in.data[1]), "its weights are");
  for (int64_t zero : affine.zeros)
    if (zero != 0) throw Refusal("its weights have a zero point");
  layer.scales = affine.scales;
  if (affine.scales.size() == 1) {
    layer.scales.assign(product.rows, affine.scales[0]);
  } else if (affine.dimension != 0 || affine.scales.size() != static_cast<size_t>(product.rows)) {
    throw Refusal("its weights have scales along their inputs");
  }
  for (size_t i = 0; i < layer.weights.decoded.size(); i++)
    layer.weights.decoded[i] *= layer.scales[i / static_cast<size_t>(product.columns)];
  // The steps of the bias are those of the sums.
  for (size_t i = 0; i < layer.bias.decoded.size(); i++) layer.bias.decoded[i] *= layer.x_scale * layer.scales[i];
}

}  // namespace

int64_t Axis::result(int64_t size) const {
  const int64_t extent = dilation * (taps - 1) + 1;
  if (same) return size < 1 ? 0 : (size - 1) / stride + 1;
  return size < extent ? 0 : (size - extent) / stride + 1;
}

int64_t Axis::padding(int64_t size) const {
  return same ? std::max<int64_t>(0, (result(size) - 1) * stride + dilation * (taps - 1) + 1 - size) : 0;
}

std::vector<int> Product::shape(const std::vector<int> &x) const {
  const auto misfit = [](int64_t given, int64_t planned) {
    return Refusal("an input has " + std::to_string(given) + " features where the weights have " + std::to_string(planned));
  };
  if (convolution) {
    if (x.size() != 4) throw Refusal("the input of a convolution has " + std::to_string(x.size()) + " dimensions");
    if (x[3] != channels) throw misfit(x[3], channels);
    return {x[0], static_cast<int>(axes[0].result(x[1])), static_cast<int>(axes[1].result(x[2])), static_cast<int>(rows)};
  }
  std::vector<int> y = x;
  if (keeps_rank) {
    if (x.empty() || x.back() != columns) throw misfit(x.empty() ? 1 : x.back(), columns);
    y.back() = static_cast<int>(rows);
    return y;
  }
  int64_t elements = 1;
  for (int d : x) elements *= d;
  if (elements % columns != 0) throw misfit(elements, columns);
  return {static_cast<int>(elements / columns), static_cast<int>(rows)};
}

bool is_product(const Node &node) {
  return node.type == kTfLiteBuiltinFullyConnected || node.type == kTfLiteBuiltinConv2d ||
         node.type == kTfLiteBuiltinDepthwiseConv2d;
}

std::shared_ptr<Product> examine(const Graph &graph, const Node &node, const Options &options, int64_t threads, bool is_left,
                                 Decision &decision) {
  const bool depthwise = node.type == kTfLiteBuiltinDepthwiseConv2d;
  const bool convolution = node.type == kTfLiteBuiltinConv2d;
  const TfLiteIntArray &in = *node.node->inputs, &out = *node.node->outputs;
  decision.type = depthwise ? "DEPTHWISE_CONV_2D" : convolution ? "CONV_2D" : "FULLY_CONNECTED";
  decision.nodes.push_back(node.index);
  try {
    if (in.size < 2 || in.size > 3 || out.size != 1) throw Refusal("it has another number of inputs or outputs");
    decision.name = graph.name(out.data[0]);
    // With 90 % zeros they took 1.1 to 6 of LiteRT's own time (AVX2, LiteRT 2.3.0).
    if (depthwise) throw Refusal("depthwise convolutions are quicker in LiteRT");
    if (is_left) throw Refusal("alone it would save less than its borders cost");
    auto product = std::make_shared<Product>();
    Layer layer;
    product->node = node.index;
    product->x = in.data[0];
    product->y = out.data[0];
    const TfLiteTensor &x = graph.tensor(product->x);
    product->bytes = x.type == kTfLiteInt8;
    if ((!product->bytes && x.type != kTfLiteFloat32) || graph.tensor(product->y).type != x.type)
      throw Refusal("its input and output are not both float32 or both int8");
    if (convolution) {
      begin_convolution(*node.node, *product, layer);
    } else {
      begin_fully_connected(*node.node, *product, layer);
    }
    if (product->bytes && graph.tensor(in.data[1]).type != kTfLiteInt8) throw Refusal("its weights are not int8");
    layer.weights = product->bytes ? graph.integers(in.data[1], "its weights are")
                                   : graph.constant(in.data[1], "its weights are");
    const std::vector<int> &shape = layer.weights.shape;
    if (shape.size() != (convolution ? 4u : 2u)) throw Refusal("its weights have another number of dimensions");
    if (convolution && x.dims->size != 4) throw Refusal("its input has another number of dimensions");
    product->columns = shape[1];
    if (convolution) take_kernel(shape, x.dims->data[3], *product);
    decision.rows = product->rows = shape[0];
    decision.columns = product->columns;
    product->constants = layer.weights.nodes;
    if (in.size == 3 && in.data[2] >= 0) {
      if (product->bytes && graph.tensor(in.data[2]).type != kTfLiteInt32) throw Refusal("its bias is not int32");
      layer.bias = product->bytes ? graph.integers(in.data[2], "its bias is") : graph.constant(in.data[2], "its bias is");
      int64_t biases = 1;
      for (int d : layer.bias.shape) biases *= d;
      if (biases != product->rows) throw Refusal("its bias is not one constant per output");
      product->constants.insert(product->constants.end(), layer.bias.nodes.begin(), layer.bias.nodes.end());
    }
    if (product->bytes) take_scales(graph, in, *product, layer);
    take_width(x, *product, options.width, layer);
    decision.width = layer.width;
    layer.windows = convolution && (product->groups != 1 || product->columns != product->channels);
    if (product->bytes && layer.windows && product->channels / product->groups < 4)
      throw Refusal("a kernel on groups of fewer than four channels of bytes");
    layer.inputs = convolution ? shape[3] : shape[1];
    make_product(layer, options, threads, *product, decision);
    decision.nodes.insert(decision.nodes.end(), product->constants.begin(), product->constants.end());
    return product;
  } catch (const std::exception &why) {
    decision.reason = why.what();
    return nullptr;
  }
}
