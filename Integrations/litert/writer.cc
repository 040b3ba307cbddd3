// See writer.h.
#include "writer.h"

#include <map>
#include <set>

#include "../network.h"
#include "windows.h"

namespace {

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

}  // namespace

Written written(const Graph &graph, const std::vector<const Node *> &nodes, const std::vector<int> &outputs) {
  Writer writer(graph, nodes);
  for (int tensor : outputs) writer.give(tensor);
  return {writer.network.bytes(), writer.inputs};
}
