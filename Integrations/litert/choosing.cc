// Which stretches of a graph are taken. See stretch.h.
#include <algorithm>

#include "../cost.h"
#include "stretch.h"
#include "windows.h"

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
  c.cost = cost(double(weights) * pixels, zeros, int64_t(kernel->shape[1]) * kernel->shape[2], depthwise, 4);
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
      if (!sum.gains(threads > 1 ? Cost::kShareOnThreads : Cost::kShare)) throw Refusal(sum.sentence("LiteRT"));
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
