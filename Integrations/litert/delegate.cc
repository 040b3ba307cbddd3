// An external delegate for LiteRT (TensorFlow Lite): sparse products by Lacuna, all else by LiteRT.
//
// A node that it does not take, for whatever reason, stays with LiteRT's own kernels or goes to the next delegate; no exception
// leaves it.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "../report.h"
#include "partition.h"
#include "stretch.h"

namespace {

struct Delegate : TfLiteDelegate {
  Options options;
  // Of each graph that was prepared; a graph may be prepared again, and a model has as many as it has branches and loops.
  std::map<TfLiteContext *, std::vector<Decision>> decisions;
  std::vector<TfLiteContext *> order;
  // While a graph is prepared.
  std::map<int, std::shared_ptr<Product>> taken;
  std::vector<std::shared_ptr<Stretch>> stretches;
  std::shared_ptr<const Graph> graph;
  int64_t threads = 1;
};

TfLiteStatus failed(TfLiteContext *context, const std::exception &why) {
  context->ReportError(context, "lacuna: %s", why.what());
  return kTfLiteDelegateError;
}

// Whether a node makes weights of what the model stores.
bool is_maker(const Node &node) {
  return node.type == kTfLiteBuiltinDequantize || node.type == kTfLiteBuiltinDensify;
}

// -- What LiteRT calls for the nodes that were taken ---------------------------------------------

void *init(TfLiteContext *context, const char *buffer, size_t) {
  const auto &parameters = *reinterpret_cast<const TfLiteDelegateParams *>(buffer);
  try {
    return new Partition(parameters, static_cast<Delegate *>(parameters.delegate->data_)->taken);
  } catch (const std::exception &why) {
    failed(context, why);
    return nullptr;  // prepare fails then
  }
}

void *init_stretch(TfLiteContext *context, const char *buffer, size_t) {
  const auto &parameters = *reinterpret_cast<const TfLiteDelegateParams *>(buffer);
  try {
    auto &delegate = *static_cast<Delegate *>(parameters.delegate->data_);
    const TfLiteIntArray &in = *parameters.nodes_to_replace, &out = *parameters.output_tensors;
    const std::vector<int> nodes(in.data, in.data + in.size);
    const std::set<int> outputs(out.data, out.data + out.size);
    std::set<int> computed;
    for (int node : nodes)
      if (!is_maker(delegate.graph->node(node))) computed.insert(node);
    // LiteRT may have put several stretches together.
    for (auto &stretch : delegate.stretches)
      if (stretch->nodes() == computed) {
        stretch->hand_over(outputs);
        return new std::shared_ptr<Stretch>(stretch);
      }
    return new std::shared_ptr<Stretch>(std::make_shared<Stretch>(delegate.graph, nodes, outputs, delegate.threads));
  } catch (const std::exception &why) {
    failed(context, why);
    return nullptr;  // prepare fails then
  }
}

template <class Taken>
void release(TfLiteContext *, void *taken) { delete static_cast<Taken *>(taken); }

Partition &computed(Partition *partition) { return *partition; }
Stretch &computed(std::shared_ptr<Stretch> *stretch) { return **stretch; }

template <class Taken, auto step>
TfLiteStatus call(TfLiteContext *context, TfLiteNode *node) {
  if (node->user_data == nullptr) return kTfLiteDelegateError;
  try {
    (computed(static_cast<Taken *>(node->user_data)).*step)(context);
    return kTfLiteOk;
  } catch (const std::exception &why) {
    return failed(context, why);
  }
}

// -- Choosing ------------------------------------------------------------------------------------

// The nodes that make weights of what is taken and of nothing else: they need not run.
std::set<int> idle_makers(const Graph &graph, const std::set<int> &taken) {
  std::set<int> result;
  // From the last node to the first, so that who reads is decided before who makes.
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    if (!is_maker(*node) || node->node->outputs->size != 1) continue;
    const int made = node->node->outputs->data[0];
    const auto &readers = graph.readers(made);
    const bool idle = std::all_of(readers.begin(), readers.end(), [&](const std::pair<int, int> &reader) {
      return result.count(reader.first) > 0 || (taken.count(reader.first) > 0 && reader.second > 0);
    });
    if (idle && !readers.empty() && !graph.leaves(made)) result.insert(node->index);
  }
  return result;
}

template <class Taken>
TfLiteRegistration registration_of(void *(*init)(TfLiteContext *, const char *, size_t)) {
  TfLiteRegistration result{};
  result.init = init;
  result.free = release<Taken>;
  using Computed = std::remove_reference_t<decltype(computed(static_cast<Taken *>(nullptr)))>;
  result.prepare = call<Taken, &Computed::prepare>;
  result.invoke = call<Taken, &Computed::run>;
  result.builtin_code = kTfLiteBuiltinDelegate;
  result.custom_name = "Lacuna";
  result.version = 1;
  return result;
}

// Hands nodes over, with those that make their weights and nothing else.
TfLiteStatus take(TfLiteContext *context, TfLiteDelegate *self, const Graph &graph, const std::set<int> &taken,
                  const TfLiteRegistration &registration) {
  if (taken.empty()) return kTfLiteOk;
  const std::set<int> makers = idle_makers(graph, taken);
  std::vector<int> nodes = {0};
  for (const Node &node : graph.nodes())
    if (taken.count(node.index) > 0 || makers.count(node.index) > 0) nodes.push_back(node.index);
  nodes[0] = static_cast<int>(nodes.size()) - 1;
  return context->ReplaceNodeSubsetsWithDelegateKernels(context, registration,
                                                        reinterpret_cast<const TfLiteIntArray *>(nodes.data()), self);
}

TfLiteStatus prepare(TfLiteContext *context, TfLiteDelegate *self) {
  auto &delegate = *static_cast<Delegate *>(self->data_);
  const Options &options = delegate.options;
  const auto finish = [&](TfLiteStatus status) {
    delegate.taken.clear();
    delegate.stretches.clear();
    delegate.graph.reset();
    return status;
  };
  try {
    finish(kTfLiteOk);
    const auto graph = delegate.graph = std::make_shared<const Graph>(context);
    delegate.threads = options.threads > 0 ? options.threads : std::clamp<int64_t>(context->recommended_num_threads, 1, 1024);
    std::vector<Decision> decisions;
    std::set<int> whole, single, left;
    delegate.stretches = find_stretches(graph, options, delegate.threads, decisions, left);
    for (const auto &stretch : delegate.stretches) {
      const std::set<int> nodes = stretch->nodes();
      whole.insert(nodes.begin(), nodes.end());
    }
    for (const Node &node : graph->nodes()) {
      if (!is_product(node) || whole.count(node.index) > 0) continue;
      decisions.emplace_back();
      auto product = examine(*graph, node, options, delegate.threads, left.count(node.index) > 0, decisions.back());
      if (!product) continue;
      single.insert(node.index);
      delegate.taken[node.index] = std::move(product);
    }
    if (delegate.decisions.count(context) == 0) delegate.order.push_back(context);
    delegate.decisions[context] = std::move(decisions);
    if (!options.report.empty()) {
      std::vector<Decision> all;
      for (TfLiteContext *graph_of : delegate.order)
        all.insert(all.end(), delegate.decisions[graph_of].begin(), delegate.decisions[graph_of].end());
      write_report(options.report, all);
    }
    const TfLiteStatus status =
        take(context, self, *graph, whole, registration_of<std::shared_ptr<Stretch>>(init_stretch));
    if (status != kTfLiteOk) return finish(status);
    return finish(take(context, self, *graph, single, registration_of<Partition>(init)));
  } catch (const std::exception &why) {
    finish(kTfLiteOk);
    return failed(context, why);
  }
}

// -- Options -------------------------------------------------------------------------------------

double number(const std::string &key, const std::string &text, double least, double most) {
  char *end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != 0 || !(value >= least && value <= most))
    throw Refusal("option " + key + " is \"" + text + "\", must be a number from " + std::to_string(least) + " to " +
                  std::to_string(most));
  return value;
}

void set(Options &options, const std::string &key, const std::string &value) {
  const auto whole = [&](double least, double most) { return static_cast<int64_t>(number(key, value, least, most)); };
  if (key == "min_zeros") {
    options.min_zeros = number(key, value, 0, 1);
  } else if (key == "min_weights") {
    options.min_weights = whole(0, 1e15);
  } else if (key == "width") {
    options.width = whole(1, 65536);
  } else if (key == "threads") {
    options.threads = whole(0, 1024);
  } else if (key == "report") {
    options.report = value;
  } else {
    throw Refusal("there is no option \"" + key + "\": they are min_zeros, min_weights, width, threads and report");
  }
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED TfLiteDelegate *tflite_plugin_create_delegate(const char *const *keys, const char *const *values, size_t count,
                                                       void (*report_error)(const char *)) {
  try {
    if (lcn_abi_version() != LCN_ABI_VERSION) throw Refusal("liblacuna has another interface than this delegate was built for");
    lcn_cpu_info cpu = LCN_CPU_INFO_INIT;
    if (lcn_get_cpu_info(&cpu) != LCN_OK) throw Refusal(lcn_last_error());
    auto delegate = std::make_unique<Delegate>();
    for (size_t i = 0; i < count; i++) set(delegate->options, keys[i], values[i]);
    static_cast<TfLiteDelegate &>(*delegate) = TfLiteDelegate{};
    delegate->data_ = delegate.get();
    delegate->Prepare = prepare;
    // Shapes are computed in each prepare, so that a graph with sizes known only at run time is served too.
    delegate->flags = kTfLiteDelegateFlagsAllowDynamicTensors;
    return delegate.release();
  } catch (const std::exception &why) {
    if (report_error != nullptr) report_error((std::string("lacuna: ") + why.what()).c_str());
    return nullptr;
  }
}

EXPORTED void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate) {
  if (delegate != nullptr) delete static_cast<Delegate *>(delegate->data_);
}
