// Which pieces of a graph are taken whole. See region.h.
#include "region.h"

#include <algorithm>
#include <map>

#include "../cost.h"
#include "candidate.h"
#include "writer.h"

namespace {

bool is_depthwise(const Graph &graph, const Candidate &c) {
  return c.type == "Conv" && c.weights->shape[1] == 1 && graph.integer(c.node, "group", 1) > 1;
}

Cost cost_of(const Graph &graph, const Candidate &c) {
  const int64_t positions = c.type == "Conv" ? c.weights->shape[2] * c.weights->shape[3] : 1;
  return cost(double(c.weights->count()) * c.pixels, c.zeros, positions, is_depthwise(graph, c), 3);
}

void asked(lcn_status status) {
  if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
}

struct GraphDeleter {
  void operator()(lcn_graph *graph) const { lcn_graph_destroy(graph); }
};

// The kernel of each step of a plan, by the name of the first node that it computes. A line is "name: what → type, kernel".
std::map<std::string, std::string> kernels(const lcn_graph_plan *plan, const std::vector<Candidate *> &members) {
  size_t length = 0;
  asked(lcn_graph_plan_describe(plan, nullptr, 0, &length));
  std::string text(length + 1, 0);
  asked(lcn_graph_plan_describe(plan, text.data(), text.size(), &length));
  text.resize(length);
  std::map<std::string, std::string> result;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    const size_t comma = line.rfind(", ");
    for (const Candidate *c : members)
      if (line.rfind(c->key + ": ", 0) == 0 && comma != std::string::npos) result[c->key] = line.substr(comma + 2);
    start = end + 1;
  }
  return result;
}

// Plans a region.
Region planned(const Graph &graph, const OrtGraph *ort, const std::vector<Candidate *> &members, bool open,
               const Options &options) {
  Region region;
  std::map<std::string, size_t> readers;
  for (const Candidate *c : members)
    for (const OrtValueInfo *value : graph.inputs(c->node))
      if (value != nullptr) readers[graph.name(value)]++;
  for (const Candidate *c : members) {
    const OrtValueInfo *made = graph.outputs(c->node)[0];
    region.nodes.push_back(c->node);
    region.keys.push_back(c->key);
    if (!graph.is_read_elsewhere(made, readers[c->key])) continue;
    bool ignored = false;
    region.outputs.push_back(c->key);
    region.output_shapes.push_back(*planned_shape(graph, made, ignored));
  }
  const Written network_of = written(graph, graph.version(ort), members, region.outputs);
  region.inputs = network_of.inputs;
  region.input_shapes = network_of.input_shapes;
  region.one_by_one = open;
  lcn_graph *read = nullptr;
  asked(lcn_graph_read(network_of.bytes.data(), network_of.bytes.size(), &read));
  const std::unique_ptr<lcn_graph, GraphDeleter> network(read);
  lcn_graph_options o = LCN_GRAPH_OPTIONS_INIT;
  o.threads = static_cast<int32_t>(options.threads);
  lcn_graph_plan *plan = nullptr;
  asked(lcn_graph_plan_create(read, nullptr, 0, &o, &plan));
  region.plan.reset(plan);
  return region;
}

// What is said of the products of a region that is taken: each node of it belongs to one of them.
void decide(const Graph &graph, const Region &region, const std::vector<Candidate *> &members,
            std::vector<Decision> &decisions) {
  const auto chosen = kernels(region.plan.get(), members);
  std::vector<std::string> before;
  size_t first = decisions.size();
  for (const Candidate *c : members) {
    const std::string name = graph.name(c->node).empty() ? c->key : graph.name(c->node);
    if (!c->weights) {
      if (decisions.size() == first) before.push_back(name);
      else decisions.back().nodes.push_back(name);
      continue;
    }
    Decision d;
    d.name = name;
    d.type = c->type;
    d.nodes = std::move(before);
    before.clear();
    d.nodes.push_back(name);
    d.rows = c->weights->shape[is_product_of_rows(c->type) && graph.integer(c->node, "transB", 0) == 0 ? 1 : 0];
    d.columns = c->weights->count() / std::max<int64_t>(1, d.rows);
    d.width = c->pixels;
    d.zeros = c->zeros;
    const auto kernel = chosen.find(c->key);
    d.kernel = kernel == chosen.end() ? "fused" : kernel->second;
    d.stretch = static_cast<int64_t>(members.size());
    decisions.push_back(std::move(d));
  }
}

}  // namespace

std::vector<Region> find_regions(const Graph &graph, const OrtGraph *ort, const std::vector<const OrtNode *> &nodes,
                                 const Options &options, std::vector<Decision> &decisions, std::set<const OrtNode *> &left) {
  std::vector<Candidate> candidates;
  std::map<std::string, size_t> maker;  // of each value
  std::optional<bool> open;
  for (const OrtNode *node : nodes) {
    Candidate c{node, graph.type(node), graph.key(node), false, 0, 0, std::nullopt, 0, 0};
    c.fits = fits(graph, c, open);
    // Nodes that fit and are as many borders away from the inputs make no way out and back in possible.
    for (const OrtValueInfo *value : graph.inputs(node)) {
      if (value == nullptr) continue;
      const auto found = maker.find(graph.name(value));
      if (found == maker.end()) continue;
      const Candidate &before = candidates[found->second];
      c.level = std::max(c.level, before.level + (before.fits != c.fits ? 1 : 0));
    }
    for (const OrtValueInfo *value : graph.outputs(node))
      if (value != nullptr) maker[graph.name(value)] = candidates.size();
    candidates.push_back(std::move(c));
  }
  // Connected ones of a level are a region: numbers of regions that meet become one.
  std::vector<size_t> parent;
  const auto root = [&](size_t r) {
    while (parent[r] != r) r = parent[r];
    return r;
  };
  for (Candidate &c : candidates) {
    if (!c.fits) continue;
    c.region = parent.size();
    parent.push_back(c.region);
    for (const OrtValueInfo *value : graph.inputs(c.node)) {
      const auto found = value == nullptr ? maker.end() : maker.find(graph.name(value));
      if (found == maker.end()) continue;
      const Candidate &before = candidates[found->second];
      if (before.fits && before.level == c.level) parent[root(before.region)] = root(c.region);
    }
  }
  std::map<size_t, std::vector<Candidate *>> regions;
  for (Candidate &c : candidates)
    if (c.fits) regions[root(c.region)].push_back(&c);

  std::vector<Region> taken;
  for (auto &[number, members] : regions) {
    Cost sum;
    int64_t products = 0, sparse = 0;
    for (const Candidate *c : members) {
      if (!c->weights) continue;
      const bool depthwise = is_depthwise(graph, *c);
      sum += cost_of(graph, *c);
      products += 1;
      sparse += !depthwise && c->zeros >= options.min_zeros && c->weights->count() >= options.min_weights ? 1 : 0;
    }
    // One product alone is looked at by itself.
    if (products < 2 || sparse == 0) continue;
    try {
      if (!sum.gains()) throw Refusal(sum.sentence("onnxruntime"));
      Region region = planned(graph, ort, members, *open, options);
      decide(graph, region, members, decisions);
      taken.push_back(std::move(region));
    } catch (const std::exception &why) {
      // Its products are looked at one by one instead.
      Decision d;
      d.name = members.front()->key;
      d.type = "stretch";
      d.reason = why.what();
      d.stretch = static_cast<int64_t>(members.size());
      for (const Candidate *c : members) {
        d.nodes.push_back(graph.name(c->node));
        if (c->type == "Conv" && options.min_zeros > 0 && !cost_of(graph, *c).is_worth_leaving()) left.insert(c->node);
      }
      decisions.push_back(std::move(d));
    }
  }
  return taken;
}
