// See stretch.h.
#include "stretch.h"

#include <algorithm>
#include <cstdlib>

#include "partition.h"
#include "writer.h"

namespace {

void asked(lcn_status status) {
  if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
}

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
  const Written network_of = written(*graph_, nodes_, outputs_);
  inputs_ = network_of.inputs;
  lcn_graph *read = nullptr;
  asked(lcn_graph_read(network_of.bytes.data(), network_of.bytes.size(), &read));
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
