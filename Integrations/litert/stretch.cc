// See stretch.h.
#include "stretch.h"

#include <algorithm>
#include <limits>
#include <new>
#include <optional>

#include "../cost.h"
#include "../network.h"
#include "partition.h"

namespace {

using Shape = std::vector<int64_t>;

void asked(lcn_status status) {
  if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
}

// The shape of images [n, height, width, channels]; none for anything else.
std::optional<Shape> image(const TfLiteTensor &tensor) {
  if (tensor.type != kTfLiteFloat32 || tensor.dims == nullptr || tensor.dims->size != 4 || count(tensor.dims) == 0)
    return std::nullopt;
  return Shape(tensor.dims->data, tensor.dims->data + 4);
}

bool is_convolution(int type) { return type == kTfLiteBuiltinConv2d || type == kTfLiteBuiltinDepthwiseConv2d; }

// What the two kinds of convolutions and pooling say of their windows.
struct Windows {
  Axis axes[2];
  int activation = kTfLiteActNone;
};

Windows windows_of(const Node &node, const Shape &kernel) {
  const auto made = [&](const auto *p, int dilation_height, int dilation_width, int64_t height, int64_t width) {
    if (p->padding != kTfLitePaddingSame && p->padding != kTfLitePaddingValid) throw Refusal("its padding is not known");
    const bool same = p->padding == kTfLitePaddingSame;
    Windows w{{{height, p->stride_height, dilation_height, same}, {width, p->stride_width, dilation_width, same}},
              p->activation};
    for (const Axis &axis : w.axes)
      if (axis.stride < 1 || axis.dilation < 1 || axis.taps < 1) throw Refusal("a stride, a dilation or a size is not positive");
    return w;
  };
  if (node.node->builtin_data == nullptr) throw Refusal("its parameters are missing");
  if (node.type == kTfLiteBuiltinConv2d) {
    const auto *p = static_cast<const TfLiteConvParams *>(node.node->builtin_data);
    return made(p, p->dilation_height_factor, p->dilation_width_factor, kernel[1], kernel[2]);
  }
  if (node.type == kTfLiteBuiltinDepthwiseConv2d) {
    const auto *p = static_cast<const TfLiteDepthwiseConvParams *>(node.node->builtin_data);
    return made(p, p->dilation_height_factor, p->dilation_width_factor, kernel[1], kernel[2]);
  }
  const auto *p = static_cast<const TfLitePoolParams *>(node.node->builtin_data);
  return made(p, 1, 1, p->filter_height, p->filter_width);
}

Shape shape_of(const Constant &constant) { return Shape(constant.shape.begin(), constant.shape.end()); }

// The zeros that PAD puts around images, [top, left, bottom, right]; none when it does something else.
std::optional<Shape> padding_of(const Graph &graph, const Node &node) {
  const TfLiteTensor &t = graph.tensor(node.node->inputs->data[1]);
  if (t.type != kTfLiteInt32 || t.allocation_type != kTfLiteMmapRo || t.data == nullptr || t.dims->size != 2 ||
      count(t.dims) != 8)
    return std::nullopt;
  const auto *p = static_cast<const int32_t *>(t.data);
  if (p[0] || p[1] || p[6] || p[7] || *std::min_element(p, p + 8) < 0) return std::nullopt;
  return Shape{p[2], p[4], p[3], p[5]};
}

// Fails, with the reason, when Lacuna's networks cannot compute a node as it is; else its convolution's kernel.
std::optional<Constant> examine_node(const Graph &graph, const Node &node) {
  const TfLiteIntArray &in = *node.node->inputs, &out = *node.node->outputs;
  if (out.size != 1 || in.size < 1 || !image(graph.tensor(out.data[0])) || !image(graph.tensor(in.data[0])))
    throw Refusal("it does not make images of floats from images of floats");
  const TfLiteTensor &x = graph.tensor(in.data[0]);
  if (x.allocation_type == kTfLiteMmapRo) throw Refusal("its image is a constant");
  const auto *signature = x.dims_signature;
  for (int i = 0; signature != nullptr && i < signature->size; i++)
    if (signature->data[i] < 0) throw Refusal("the size of its images is known only at run time");
  const auto activation = [&](int function) {
    if (function < kTfLiteActNone || function > kTfLiteActRelu6) throw Refusal("its activation is not known");
  };
  switch (node.type) {
    case kTfLiteBuiltinConv2d:
    case kTfLiteBuiltinDepthwiseConv2d: {
      Constant kernel = graph.constant(in.data[1], "its weights are");
      if (kernel.shape.size() != 4) throw Refusal("its weights have another number of dimensions");
      if (in.size == 3 && in.data[2] >= 0) graph.constant(in.data[2], "its bias is");
      activation(windows_of(node, shape_of(kernel)).activation);
      const int64_t channels = x.dims->data[3];
      if (node.type == kTfLiteBuiltinConv2d ? channels % kernel.shape[3] != 0
                                            : kernel.shape[0] != 1 || kernel.shape[3] % channels != 0)
        throw Refusal("its weights do not fit its input's channels");
      return kernel;
    }
    case kTfLiteBuiltinAdd:
    case kTfLiteBuiltinMul: {
      if (in.size != 2 || node.node->builtin_data == nullptr) throw Refusal("its parameters are missing");
      const auto other = image(graph.tensor(in.data[1]));
      if (!other || *other != *image(x) || graph.tensor(in.data[1]).allocation_type == kTfLiteMmapRo)
        throw Refusal("its operands are not two images of one shape");
      activation(static_cast<const TfLiteArithmeticParams *>(node.node->builtin_data)->activation);
      return std::nullopt;
    }
    case kTfLiteBuiltinMaxPool2d:
    case kTfLiteBuiltinAveragePool2d: activation(windows_of(node, {}).activation); return std::nullopt;
    case kTfLiteBuiltinRelu:
    case kTfLiteBuiltinRelu6:
    case kTfLiteBuiltinLogistic:
    case kTfLiteBuiltinHardSwish: return std::nullopt;
    case kTfLiteBuiltinPad:
      if (in.size != 2 || !padding_of(graph, node)) throw Refusal("it is not zeros around images");
      return std::nullopt;
    case kTfLiteBuiltinResizeBilinear: {
      if (node.node->builtin_data == nullptr || in.size != 2) throw Refusal("its parameters are missing");
      const TfLiteTensor &sizes = graph.tensor(in.data[1]);
      if (sizes.type != kTfLiteInt32 || sizes.allocation_type != kTfLiteMmapRo || sizes.data == nullptr || count(sizes.dims) != 2)
        throw Refusal("its sizes are known only at run time");
      return std::nullopt;
    }
    case kTfLiteBuiltinDepthToSpace:
      if (node.node->builtin_data == nullptr) throw Refusal("its parameters are missing");
      return std::nullopt;
    default: throw Refusal("it is not known to stretches");
  }
}

// Writes nodes as a network on channels first.
class Writer {
 public:
  Writer(const Graph &graph, const std::vector<const Node *> &nodes) : graph_(graph) {
    for (const Node *node : nodes) inside_.insert(node->index), made_.insert(node->node->outputs->data[0]);
    for (const Node *node : nodes) add(*node);
  }

  Network network{17};
  std::vector<int> inputs;

  static std::string name(int tensor) { return "t" + std::to_string(tensor); }
  // Gives a tensor to LiteRT, as it has images.
  void give(int tensor) {
    network.node("Transpose", "out" + name(tensor), {name(tensor)}, {"out" + name(tensor)},
                 {Setting::of("perm", Shape{0, 2, 3, 1})});
    network.output("out" + name(tensor));
  }

 private:
  // The shape of an image, [n, height, width, channels]: of those inside, which LiteRT does not resize any more, as it follows
  // from the inputs'.
  const Shape &shape(int tensor) {
    const auto known = shapes_.find(tensor);
    if (known != shapes_.end()) return known->second;
    const auto given = image(graph_.tensor(tensor));
    if (!given) throw Refusal("its input is no image any more");
    return shapes_[tensor] = *given;
  }
  Shape channels_first(int tensor) {
    const Shape s = shape(tensor);
    return {s[0], s[3], s[1], s[2]};
  }

  // The name of an image that is read.
  std::string image_of(int tensor) {
    if (made_.count(tensor) == 0 && there_.insert(tensor).second) {
      network.input("in" + name(tensor), shape(tensor));
      network.node("Transpose", "in " + name(tensor), {"in" + name(tensor)}, {name(tensor)},
                   {Setting::of("perm", Shape{0, 3, 1, 2})});
      inputs.push_back(tensor);
    }
    return name(tensor);
  }

  void activated(const std::string &type, int tensor, const std::vector<std::string> &in, int activation,
                 const std::vector<Setting> &settings = {}) {
    const std::string out = name(tensor), sums = activation == kTfLiteActNone ? out : out + ".sums";
    network.node(type, out, in, {sums}, settings);
    if (activation == kTfLiteActNone) return;
    if (activation == kTfLiteActRelu) {
      network.node("Relu", out + ".relu", {sums}, {out});
      return;
    }
    const float lower = activation == kTfLiteActRelu6 ? 0 : -1, upper = activation == kTfLiteActRelu6 ? 6 : 1;
    network.constant(out + ".lower", {}, &lower);
    network.constant(out + ".upper", {}, &upper);
    network.node("Clip", out + ".clip", {sums, out + ".lower", out + ".upper"}, {out});
  }

  std::vector<Setting> settings(const Windows &w, const Shape &x, const Shape &outer) const {
    Shape pads = outer;
    for (size_t i = 0; i < 2 && outer.empty(); i++) pads.push_back(w.axes[i].padding(x[1 + i]) / 2);
    for (size_t i = 0; i < 2 && outer.empty(); i++) pads.push_back(w.axes[i].padding(x[1 + i]) - pads[i]);
    return {Setting::of("kernel_shape", Shape{w.axes[0].taps, w.axes[1].taps}),
            Setting::of("strides", Shape{w.axes[0].stride, w.axes[1].stride}), Setting::of("pads", pads)};
  }

  // Whether zeros around an image become the padding of all convolutions that read it.
  bool folds(const Node &pad) const {
    const int made = pad.node->outputs->data[0];
    const Shape zeros = *padding_of(graph_, pad);
    if (graph_.leaves(made)) return false;
    for (const auto &[index, place] : graph_.readers(made)) {
      const Node &reader = graph_.node(index);
      if (inside_.count(index) == 0 || place != 0 || !is_convolution(reader.type)) return false;
      const Windows w = windows_of(reader, shape_of(graph_.constant(reader.node->inputs->data[1], "its weights are")));
      for (size_t i = 0; i < 2; i++) {
        const int64_t extent = w.axes[i].dilation * (w.axes[i].taps - 1) + 1;
        if (w.axes[i].same || zeros[i] >= extent || zeros[2 + i] >= extent) return false;
      }
    }
    return true;
  }

  void convolution(const Node &node) {
    const TfLiteIntArray &in = *node.node->inputs;
    const int out = node.node->outputs->data[0];
    const Constant kernel = graph_.constant(in.data[1], "its weights are");
    const bool depthwise = node.type == kTfLiteBuiltinDepthwiseConv2d;
    const Shape k = shape_of(kernel);
    // [filters, height, width, channels], or [1, height, width, filters] → [filters, channels, height, width].
    const int64_t filters = depthwise ? k[3] : k[0], channels = depthwise ? 1 : k[3], taps = k[1] * k[2];
    std::vector<float> turned(static_cast<size_t>(filters * channels * taps));
    for (int64_t f = 0; f < filters; f++)
      for (int64_t c = 0; c < channels; c++)
        for (int64_t t = 0; t < taps; t++)
          turned[(f * channels + c) * taps + t] = kernel.data[depthwise ? t * filters + f : (f * taps + t) * channels + c];
    const std::string weights = name(out) + ".weights", bias = name(out) + ".bias";
    network.constant(weights, {filters, channels, k[1], k[2]}, turned.data());
    int x = in.data[0];
    Shape outer;
    const auto folded = folded_.find(x);
    if (folded != folded_.end()) x = folded->second.first, outer = folded->second.second;
    std::vector<std::string> operands = {image_of(x), weights};
    if (in.size == 3 && in.data[2] >= 0) {
      const Constant numbers = graph_.constant(in.data[2], "its bias is");
      network.constant(bias, {filters}, numbers.data);
      operands.push_back(bias);
    }
    const Windows w = windows_of(node, k);
    const Shape images = shape(x);
    shapes_[out] = windowed(w, images, outer, filters);
    auto with = settings(w, images, outer);
    with.push_back(Setting::of("dilations", Shape{w.axes[0].dilation, w.axes[1].dilation}));
    with.push_back(Setting::of("group", depthwise ? images[3] : images[3] / channels));
    activated("Conv", out, operands, w.activation, with);
  }

  // The shape of what windows make of images with zeros around them.
  static Shape windowed(const Windows &w, const Shape &x, const Shape &outer, int64_t channels) {
    Shape result = {x[0], 0, 0, channels};
    for (size_t i = 0; i < 2; i++) {
      result[1 + i] = w.axes[i].result(x[1 + i] + (outer.empty() ? 0 : outer[i] + outer[2 + i]));
      if (result[1 + i] < 1) throw Refusal("an image is smaller than a kernel");
    }
    return result;
  }

  void add(const Node &node) {
    const TfLiteIntArray &in = *node.node->inputs;
    const int x = in.data[0], out = node.node->outputs->data[0];
    const auto function = [&](const char *type) { network.node(type, name(out), {image_of(x)}, {name(out)}); };
    if (!is_convolution(node.type)) shapes_[out] = Shape(shape(x));
    switch (node.type) {
      case kTfLiteBuiltinConv2d:
      case kTfLiteBuiltinDepthwiseConv2d: return convolution(node);
      case kTfLiteBuiltinAdd:
      case kTfLiteBuiltinMul:
        return activated(node.type == kTfLiteBuiltinAdd ? "Add" : "Mul", out, {image_of(x), image_of(in.data[1])},
                         static_cast<const TfLiteArithmeticParams *>(node.node->builtin_data)->activation);
      case kTfLiteBuiltinMaxPool2d:
      case kTfLiteBuiltinAveragePool2d: {
        const Windows w = windows_of(node, {});
        const Shape images = shape(x);
        shapes_[out] = windowed(w, images, {}, images[3]);
        return activated(node.type == kTfLiteBuiltinMaxPool2d ? "MaxPool" : "AveragePool", out, {image_of(x)},
                         w.activation, settings(w, images, {}));
      }
      case kTfLiteBuiltinRelu: return function("Relu");
      case kTfLiteBuiltinRelu6: return activated("Identity", out, {image_of(x)}, kTfLiteActRelu6);
      case kTfLiteBuiltinLogistic: return function("Sigmoid");
      case kTfLiteBuiltinHardSwish: return function("HardSwish");
      case kTfLiteBuiltinPad: {
        const Shape p = *padding_of(graph_, node);
        shapes_[out][1] += p[0] + p[2];
        shapes_[out][2] += p[1] + p[3];
        if (folds(node)) {
          image_of(x);
          folded_[out] = {x, p};
          return;
        }
        const Shape all = {0, 0, p[0], p[1], 0, 0, p[2], p[3]};
        network.constant(name(out) + ".pads", {8}, all.data());
        return network.node("Pad", name(out), {image_of(x), name(out) + ".pads"}, {name(out)});
      }
      case kTfLiteBuiltinResizeBilinear: {
        const auto *p = static_cast<const TfLiteResizeBilinearParams *>(node.node->builtin_data);
        const auto *asked = static_cast<const int32_t *>(graph_.tensor(in.data[1]).data);
        shapes_[out][1] = asked[0];
        shapes_[out][2] = asked[1];
        const Shape sizes = channels_first(out);
        network.constant(name(out) + ".sizes", {4}, sizes.data());
        const std::string mode = p->align_corners ? "align_corners" : p->half_pixel_centers ? "half_pixel" : "asymmetric";
        return network.node("Resize", name(out), {image_of(x), "", "", name(out) + ".sizes"}, {name(out)},
                            {Setting::of("mode", std::string("linear")),
                             Setting::of("coordinate_transformation_mode", mode)});
      }
      default: {
        const auto *p = static_cast<const TfLiteDepthToSpaceParams *>(node.node->builtin_data);
        const Shape s = shape(x);
        shapes_[out] = {s[0], s[1] * p->block_size, s[2] * p->block_size, s[3] / (p->block_size * p->block_size)};
        return network.depth_to_space(image_of(x), name(out), channels_first(x), p->block_size);
      }
    }
  }

  const Graph &graph_;
  std::set<int> inside_, made_, there_;
  std::map<int, Shape> shapes_;
  std::map<int, std::pair<int, Shape>> folded_;  // what PAD makes: of which image, with which zeros
};

struct DestroyGraph {
  void operator()(lcn_graph *graph) const { lcn_graph_destroy(graph); }
};

}  // namespace

Stretch::Stretch(std::shared_ptr<const Graph> graph, const std::vector<int> &nodes, const std::set<int> &outputs,
                 int64_t threads)
    : graph_(std::move(graph)), threads_(threads) {
  std::set<int> made;
  for (int index : nodes) {
    const Node &node = graph_->node(index);
    if (node.type == kTfLiteBuiltinDequantize || node.type == kTfLiteBuiltinDensify) continue;  // in the plan
    nodes_.push_back(&node);
    made.insert(node.node->outputs->data[0]);
  }
  for (int tensor : outputs) (made.count(tensor) > 0 ? outputs_ : unused_).push_back(tensor);
  plan();
}

std::set<int> Stretch::nodes() const {
  std::set<int> result;
  for (const Node *node : nodes_) result.insert(node->index);
  return result;
}

void Stretch::hand_over(const std::set<int> &outputs) {
  unused_.clear();
  for (int tensor : outputs)
    if (std::find(outputs_.begin(), outputs_.end(), tensor) == outputs_.end()) unused_.push_back(tensor);
}

void Stretch::plan() {
  Writer writer(*graph_, nodes_);
  for (int tensor : outputs_) writer.give(tensor);
  inputs_ = writer.inputs;
  const std::string bytes = writer.network.bytes();
  lcn_graph *read = nullptr;
  asked(lcn_graph_read(bytes.data(), bytes.size(), &read));
  const std::unique_ptr<lcn_graph, DestroyGraph> network(read);
  lcn_graph_options options = LCN_GRAPH_OPTIONS_INIT;
  options.threads = static_cast<int32_t>(threads_);
  lcn_graph_plan *made = nullptr;
  asked(lcn_graph_plan_create(read, nullptr, 0, &options, &made));
  plan_.reset(made);
  input_shapes_.clear();
  for (int tensor : inputs_) {
    const TfLiteIntArray &dims = *graph_->tensor(tensor).dims;
    input_shapes_.emplace_back(dims.data, dims.data + dims.size);
  }
  output_shapes_.clear();
  for (size_t i = 0; i < outputs_.size(); i++) {
    lcn_graph_value value = LCN_GRAPH_VALUE_INIT;
    asked(lcn_graph_plan_get_output(made, static_cast<int64_t>(i), &value));
    output_shapes_.emplace_back(value.shape, value.shape + value.rank);
  }
}

void Stretch::prepare(TfLiteContext *context) {
  bool fits = true;
  for (size_t i = 0; i < input_shapes_.size() && fits; i++) {
    const TfLiteIntArray &dims = *graph_->tensor(inputs_[i]).dims;
    fits = std::equal(input_shapes_[i].begin(), input_shapes_[i].end(), dims.data, dims.data + dims.size);
  }
  if (!fits) plan();
  for (size_t i = 0; i < outputs_.size(); i++) resize(context, outputs_[i], output_shapes_[i]);
  for (int tensor : unused_) resize(context, tensor, {0});
}

void Stretch::run(TfLiteContext *context) {
  std::vector<const void *> from;
  std::vector<void *> to;
  for (size_t i = 0; i < inputs_.size(); i++) from.push_back(memory(context, inputs_[i], input_shapes_[i], sizeof(float)));
  for (size_t i = 0; i < outputs_.size(); i++) to.push_back(memory(context, outputs_[i], output_shapes_[i], sizeof(float)));
  asked(lcn_graph_plan_run(plan_.get(), from.data(), to.data()));
}

// A line is "name: what → type, kernel", the name that of the tensor that the first node makes.
std::map<int, std::string> Stretch::kernels() const {
  size_t length = 0;
  asked(lcn_graph_plan_describe(plan_.get(), nullptr, 0, &length));
  std::string text(length + 1, 0);
  asked(lcn_graph_plan_describe(plan_.get(), text.data(), text.size(), &length));
  text.resize(length);
  std::map<int, std::string> result;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    const size_t comma = line.rfind(", ");
    if (line[0] == 't' && comma != std::string::npos) result[std::atoi(line.c_str() + 1)] = line.substr(comma + 2);
    start = end + 1;
  }
  return result;
}

// -- Choosing ------------------------------------------------------------------------------------

namespace {

// What `find_stretches` knows of a node.
struct Candidate {
  const Node *node;
  bool fits = false;
  int64_t level = 0;  // how often the way to it enters or leaves the nodes that fit
  size_t stretch = 0;
  Cost cost;
  bool is_convolution = false, is_sparse = false;
  Decision decision;
};

void examine(const Graph &graph, const Options &options, Candidate &c) {
  const auto kernel = examine_node(graph, *c.node);
  c.fits = true;
  if (!kernel) return;
  const bool depthwise = c.node->type == kTfLiteBuiltinDepthwiseConv2d;
  const TfLiteTensor &out = graph.tensor(c.node->node->outputs->data[0]);
  int64_t weights = 1;
  for (int d : kernel->shape) weights *= d;
  const double zeros = double(std::count(kernel->data, kernel->data + weights, 0.0f)) / weights;
  const int64_t pixels = count(out.dims) / out.dims->data[3];
  c.is_convolution = true;
  c.cost = cost(double(weights) * pixels, zeros, int64_t(kernel->shape[1]) * kernel->shape[2], depthwise);
  c.is_sparse = !depthwise && zeros >= (options.min_zeros < 0 ? 0.5 : options.min_zeros) &&
                weights >= (options.min_weights < 0 ? 2048 : options.min_weights);
  Decision &d = c.decision;
  d.name = graph.name(c.node->node->outputs->data[0]);
  d.type = depthwise ? "DEPTHWISE_CONV_2D" : "CONV_2D";
  d.rows = depthwise ? kernel->shape[3] : kernel->shape[0];
  d.columns = weights / d.rows;
  d.width = pixels;
  d.zeros = zeros;
  d.nodes.push_back(c.node->index);
  d.nodes.insert(d.nodes.end(), kernel->nodes.begin(), kernel->nodes.end());
  const TfLiteIntArray &in = *c.node->node->inputs;
  if (in.size != 3 || in.data[2] < 0) return;
  const Constant bias = graph.constant(in.data[2], "its bias is");
  d.nodes.insert(d.nodes.end(), bias.nodes.begin(), bias.nodes.end());
}

}  // namespace

std::vector<std::shared_ptr<Stretch>> find_stretches(const std::shared_ptr<const Graph> &shared, const Options &options,
                                                     int64_t threads, std::vector<Decision> &decisions,
                                                     std::set<int> &left) {
  const Graph &graph = *shared;
  std::vector<Candidate> candidates;
  std::map<int, size_t> maker;  // of each tensor
  std::vector<size_t> parent;
  const auto root = [&](size_t s) {
    while (parent[s] != s) s = parent[s];
    return s;
  };
  for (const Node &node : graph.nodes()) {
    if (node.type == kTfLiteBuiltinDequantize || node.type == kTfLiteBuiltinDensify) continue;
    Candidate c{&node, false, 0, 0, {}, false, false, {}};
    try {
      examine(graph, options, c);
    } catch (const std::exception &) {
      // It stays outside; its product, if it is one, is looked at by itself and gets its reason there.
    }
    const TfLiteIntArray &in = *node.node->inputs, &out = *node.node->outputs;
    for (int i = 0; i < in.size; i++) {
      const auto found = maker.find(in.data[i]);
      if (found == maker.end()) continue;
      const Candidate &before = candidates[found->second];
      c.level = std::max(c.level, before.level + (before.fits != c.fits ? 1 : 0));
    }
    for (int i = 0; i < out.size; i++) maker[out.data[i]] = candidates.size();
    if (c.fits) {
      c.stretch = parent.size();
      parent.push_back(c.stretch);
    }
    for (int i = 0; i < in.size && c.fits; i++) {
      const auto found = maker.find(in.data[i]);
      if (found == maker.end()) continue;
      const Candidate &before = candidates[found->second];
      if (before.fits && before.level == c.level) parent[root(before.stretch)] = root(c.stretch);
    }
    candidates.push_back(std::move(c));
  }
  std::map<size_t, std::vector<Candidate *>> stretches;
  for (Candidate &c : candidates)
    if (c.fits) stretches[root(c.stretch)].push_back(&c);

  std::vector<std::shared_ptr<Stretch>> taken;
  for (auto &[number, members] : stretches) {
    Cost sum;
    int64_t products = 0, sparse = 0;
    std::vector<int> nodes;
    std::set<int> inside, outputs;
    for (const Candidate *c : members) {
      sum += c->cost;
      products += c->is_convolution;
      sparse += c->is_sparse;
      nodes.push_back(c->node->index);
      inside.insert(c->node->index);
    }
    // One product alone is looked at by itself.
    if (products < 2 || sparse == 0) continue;
    for (const Candidate *c : members) {
      const int made = c->node->node->outputs->data[0];
      bool leaves = graph.leaves(made);
      for (const auto &[reader, place] : graph.readers(made)) leaves = leaves || inside.count(reader) == 0;
      if (leaves) outputs.insert(made);
    }
    try {
      if (!sum.gains()) throw Refusal(sum.sentence("LiteRT"));
      auto whole = std::make_shared<Stretch>(shared, nodes, outputs, threads);
      const auto kernels = whole->kernels();
      std::vector<int> before;
      const size_t first = decisions.size();
      for (Candidate *c : members) {
        if (!c->is_convolution) {
          (decisions.size() == first ? before : decisions.back().nodes).push_back(c->node->index);
          continue;
        }
        Decision d = std::move(c->decision);
        const auto kernel = kernels.find(c->node->node->outputs->data[0]);
        d.kernel = kernel == kernels.end() ? "fused" : kernel->second;
        d.stretch = static_cast<int64_t>(members.size());
        d.nodes.insert(d.nodes.end(), before.begin(), before.end());
        before.clear();
        decisions.push_back(std::move(d));
      }
      taken.push_back(std::move(whole));
    } catch (const std::exception &why) {
      // Its products are looked at one by one instead.
      Decision d;
      d.name = graph.name(members.front()->node->node->outputs->data[0]);
      d.type = "stretch";
      d.reason = why.what();
      d.stretch = static_cast<int64_t>(members.size());
      d.nodes = nodes;
      for (const Candidate *c : members)
        if (c->is_convolution && options.min_zeros != 0 && !c->cost.is_worth_leaving()) left.insert(c->node->index);
      decisions.push_back(std::move(d));
    }
  }
  return taken;
}
