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

namespace {

struct Delegate : TfLiteDelegate {
  Options options;
  // Of each graph that was prepared; a graph may be prepared again, and a model has as many as it has branches and loops.
  std::map<TfLiteContext *, std::vector<Decision>> decisions;
  std::vector<TfLiteContext *> order;
  std::map<int, std::shared_ptr<Product>> taken;  // while a graph is prepared
};

TfLiteStatus failed(TfLiteContext *context, const std::exception &why) {
  context->ReportError(context, "lacuna: %s", why.what());
  return kTfLiteDelegateError;
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

void release(TfLiteContext *, void *partition) { delete static_cast<Partition *>(partition); }

template <void (Partition::*step)(TfLiteContext *)>
TfLiteStatus call(TfLiteContext *context, TfLiteNode *node) {
  if (node->user_data == nullptr) return kTfLiteDelegateError;
  try {
    (static_cast<Partition *>(node->user_data)->*step)(context);
    return kTfLiteOk;
  } catch (const std::exception &why) {
    return failed(context, why);
  }
}

// -- Choosing ------------------------------------------------------------------------------------

// The nodes that make weights of what is taken and of nothing else: they need not run.
std::set<int> idle_makers(const Graph &graph, const std::map<int, std::shared_ptr<Product>> &taken) {
  std::set<int> candidates, result;
  for (const auto &[index, product] : taken) candidates.insert(product->constants.begin(), product->constants.end());
  // From the last node to the first, so that who reads is decided before who makes.
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    if (candidates.count(node->index) == 0) continue;
    const int made = node->node->outputs->data[0];
    const auto &readers = graph.readers(made);
    const bool idle = std::all_of(readers.begin(), readers.end(), [&](const std::pair<int, int> &reader) {
      return result.count(reader.first) > 0 || (taken.count(reader.first) > 0 && reader.second > 0);
    });
    if (idle && !graph.leaves(made)) result.insert(node->index);
  }
  return result;
}

TfLiteStatus prepare(TfLiteContext *context, TfLiteDelegate *self) {
  auto &delegate = *static_cast<Delegate *>(self->data_);
  const Options &options = delegate.options;
  try {
    const Graph graph(context);
    const int64_t threads =
        options.threads > 0 ? options.threads : std::clamp<int64_t>(context->recommended_num_threads, 1, 1024);
    std::vector<Decision> decisions;
    delegate.taken.clear();
    for (const Node &node : graph.nodes()) {
      if (!is_product(node)) continue;
      decisions.emplace_back();
      if (auto product = examine(graph, node, options, threads, decisions.back()))
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
    if (delegate.taken.empty()) return kTfLiteOk;

    const std::set<int> makers = idle_makers(graph, delegate.taken);
    std::vector<int> nodes = {0};
    for (const Node &node : graph.nodes())
      if (delegate.taken.count(node.index) > 0 || makers.count(node.index) > 0) nodes.push_back(node.index);
    nodes[0] = static_cast<int>(nodes.size()) - 1;
    TfLiteRegistration registration{};
    registration.init = init;
    registration.free = release;
    registration.prepare = call<&Partition::prepare>;
    registration.invoke = call<&Partition::run>;
    registration.builtin_code = kTfLiteBuiltinDelegate;
    registration.custom_name = "Lacuna";
    registration.version = 1;
    const TfLiteStatus status = context->ReplaceNodeSubsetsWithDelegateKernels(
        context, registration, reinterpret_cast<const TfLiteIntArray *>(nodes.data()), self);
    delegate.taken.clear();
    return status;
  } catch (const std::exception &why) {
    delegate.taken.clear();
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
