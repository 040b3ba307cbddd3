// See graph.h.
#include "graph.h"

#include <algorithm>

int64_t count(const TfLiteIntArray *dims) {
  int64_t product = 1;
  for (int i = 0; i < dims->size; i++) {
    if (dims->data[i] < 0) return 0;
    product *= dims->data[i];
    if (product >= int64_t(1) << 31) return 0;
  }
  return product;
}

Graph::Graph(TfLiteContext *context) : context_(context) {
  for (size_t i = 0; i < context->tensors_size; i++) {
    const TfLiteTensor &t = context->tensors[i];
    if (t.type < 0 || t.type > 63 || t.allocation_type < 0 || t.allocation_type > 63)
      throw Refusal("this LiteRT lays out its tensors in a way that is not known");
  }
  TfLiteIntArray *plan = nullptr;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) throw Refusal("LiteRT does not show its graph");
  const std::vector<int> indices(plan->data, plan->data + plan->size);
  readers_.resize(context->tensors_size);
  producers_.assign(context->tensors_size, -1);
  const auto known = [&](int tensor) { return tensor >= 0 && static_cast<size_t>(tensor) < context->tensors_size; };
  for (int index : indices) {
    TfLiteNode *node = nullptr;
    TfLiteRegistration *registration = nullptr;
    if (context->GetNodeAndRegistration(context, index, &node, &registration) != kTfLiteOk)
      throw Refusal("LiteRT does not show its graph");
    for (int i = 0; i < node->inputs->size; i++)
      if (known(node->inputs->data[i])) readers_[node->inputs->data[i]].emplace_back(index, i);
    for (int i = 0; i < node->outputs->size; i++)
      if (known(node->outputs->data[i])) producers_[node->outputs->data[i]] = static_cast<int>(nodes_.size());
    copies_.push_back(*node);
    places_[index] = nodes_.size();
    nodes_.push_back({index, registration->builtin_code, &copies_.back()});
  }
  find_outputs();
}

// LiteRT shows a delegate no outputs of the graph; they are what a delegate that took every node would have to hand over.
void Graph::find_outputs() {
  std::vector<int> all = {static_cast<int>(nodes_.size())};
  for (const Node &node : nodes_) all.push_back(node.index);
  TfLiteDelegateParams *parts = nullptr;
  int count = 0;
  if (context_->PreviewDelegatePartitioning == nullptr ||
      context_->PreviewDelegatePartitioning(context_, reinterpret_cast<const TfLiteIntArray *>(all.data()), &parts, &count) !=
          kTfLiteOk)
    return;
  for (int i = 0; i < count; i++)
    outputs_.insert(parts[i].output_tensors->data, parts[i].output_tensors->data + parts[i].output_tensors->size);
  knows_outputs_ = true;
}

const TfLiteTensor &Graph::tensor(int index) const {
  if (index < 0 || static_cast<size_t>(index) >= context_->tensors_size) throw Refusal("an input is missing");
  const TfLiteTensor &result = context_->tensors[index];
  if (result.dims == nullptr) throw Refusal("a tensor has no shape");
  return result;
}

std::string Graph::name(int index) const {
  const char *name = tensor(index).name;
  return name == nullptr ? "" : name;
}

const Node *Graph::producer(int tensor) const { return producers_[tensor] < 0 ? nullptr : &nodes_[producers_[tensor]]; }

Constant Graph::integers(int index, const std::string &what) const {
  Constant result;
  const Node *maker = producer(index);
  if (maker != nullptr && maker->type == kTfLiteBuiltinDensify && maker->node->inputs->size == 1) {
    result.nodes.push_back(maker->index);
    index = maker->node->inputs->data[0];
  }
  const TfLiteTensor &t = tensor(index);
  if (t.allocation_type != kTfLiteMmapRo || t.data == nullptr) throw Refusal(what + " known only at run time");
  if (t.type != kTfLiteInt8 && t.type != kTfLiteInt32) throw Refusal(what + " not integers of 8 or 32 bits");
  if (count(t.dims) == 0) throw Refusal(what + " empty or too many");
  result.shape.assign(t.dims->data, t.dims->data + t.dims->size);
  result.decoded = decode(t);
  result.data = result.decoded.data();
  return result;
}

Affine affine_of(const TfLiteTensor &tensor, const std::string &what) {
  const auto *params = static_cast<const TfLiteAffineQuantization *>(tensor.quantization.params);
  if (tensor.quantization.type != kTfLiteAffineQuantization || params == nullptr || params->scale == nullptr ||
      params->scale->size < 1)
    throw Refusal(what + " without a scale");
  Affine result;
  result.scales.assign(params->scale->data, params->scale->data + params->scale->size);
  result.zeros.assign(result.scales.size(), 0);
  if (params->zero_point != nullptr)
    for (size_t i = 0; i < result.zeros.size() && params->zero_point->size > 0; i++)
      result.zeros[i] = params->zero_point->data[std::min<int>(static_cast<int>(i), params->zero_point->size - 1)];
  for (float scale : result.scales)
    if (!(scale > 0)) throw Refusal(what + " with a scale that is not positive");
  result.dimension = params->quantized_dimension;
  return result;
}

Constant Graph::constant(int index, const std::string &what) const {
  Constant result;
  if (tensor(index).type != kTfLiteFloat32)
    throw Refusal(what + (tensor(index).type == kTfLiteInt8 ? " 8-bit integers" : " not float32"));
  // DENSIFY, then DEQUANTIZE, at most one of each: the way back to what the model holds.
  for (int step = 0; step < 2; step++) {
    const Node *maker = producer(index);
    if (maker == nullptr || (maker->type != kTfLiteBuiltinDequantize && maker->type != kTfLiteBuiltinDensify) ||
        maker->node->inputs->size != 1)
      break;
    result.nodes.push_back(maker->index);
    index = maker->node->inputs->data[0];
  }
  const TfLiteTensor &t = tensor(index);
  if (t.allocation_type != kTfLiteMmapRo || t.data == nullptr) throw Refusal(what + " known only at run time");
  if (t.type != kTfLiteFloat32 && t.type != kTfLiteFloat16)
    throw Refusal(what + (t.type == kTfLiteInt8 ? " 8-bit integers" : " not float32 or float16"));
  if (count(t.dims) == 0) throw Refusal(what + " empty or too many");
  result.shape.assign(t.dims->data, t.dims->data + t.dims->size);
  const bool plain = t.type == kTfLiteFloat32 && t.sparsity == nullptr &&
                     reinterpret_cast<uintptr_t>(t.data) % alignof(float) == 0 &&
                     t.bytes == static_cast<size_t>(count(t.dims)) * sizeof(float);
  if (plain) {
    result.data = static_cast<const float *>(t.data);
  } else {
    result.decoded = decode(t);
    result.data = result.decoded.data();
  }
  return result;
}
