// Which pieces of a graph are taken whole. See region.h.
#include "region.h"

#include <algorithm>
#include <map>
#include <set>

#include "../cost.h"
#include "../network.h"

namespace {

// The settings that Lacuna's networks know of each operator; operators that are not here end a region.
struct Known {
  const char *type;
  std::vector<std::pair<const char *, Setting::Kind>> settings;
};

const std::vector<Known> &known() {
  static const std::vector<Known> table = {
      {"Conv", {{"auto_pad", Setting::kText}, {"dilations", Setting::kIntegers}, {"group", Setting::kInteger},
                {"kernel_shape", Setting::kIntegers}, {"pads", Setting::kIntegers}, {"strides", Setting::kIntegers}}},
      {"MaxPool", {{"auto_pad", Setting::kText}, {"ceil_mode", Setting::kInteger}, {"dilations", Setting::kIntegers},
                   {"kernel_shape", Setting::kIntegers}, {"pads", Setting::kIntegers}, {"strides", Setting::kIntegers}}},
      {"AveragePool", {{"auto_pad", Setting::kText}, {"ceil_mode", Setting::kInteger}, {"count_include_pad", Setting::kInteger},
                       {"dilations", Setting::kIntegers}, {"kernel_shape", Setting::kIntegers}, {"pads", Setting::kIntegers}, {"strides", Setting::kIntegers}}},
      {"GlobalAveragePool", {}},
      {"MatMul", {}},
      {"Gemm", {{"alpha", Setting::kReal}, {"beta", Setting::kReal}, {"transB", Setting::kInteger}}},
      {"Reshape", {{"allowzero", Setting::kInteger}}},
      {"LayerNormalization", {{"axis", Setting::kInteger}, {"epsilon", Setting::kReal}}},
      {"Add", {}},
      {"Mul", {}},
      {"Div", {}},
      {"Relu", {}},
      {"Sigmoid", {}},
      {"HardSwish", {}},
      {"HardSigmoid", {{"alpha", Setting::kReal}, {"beta", Setting::kReal}}},
      {"LeakyRelu", {{"alpha", Setting::kReal}}},
      {"Clip", {{"min", Setting::kReal}, {"max", Setting::kReal}}},
      {"Pad", {{"mode", Setting::kText}}},
      {"Resize", {{"coordinate_transformation_mode", Setting::kText}, {"mode", Setting::kText},
                  {"nearest_mode", Setting::kText}}},
      {"DepthToSpace", {{"blocksize", Setting::kInteger}, {"mode", Setting::kText}}},
  };
  return table;
}

const Known *known(const std::string &type) {
  for (const Known &k : known())
    if (type == k.type) return &k;
  return nullptr;
}

// What `find_regions` knows of a node.
struct Candidate {
  const OrtNode *node;
  std::string type, key;
  bool fits = false;    // may be part of a region
  int64_t level = 0;    // how often the way to it enters or leaves the nodes that fit
  size_t region = 0;
  // Of a convolution or a product.
  std::optional<Constant> weights;
  double zeros = 0;
  int64_t pixels = 0;  // of its result, of all images; or rows
};

// The shape of a value of floats, as it is planned: −1 for the number of images becomes 1. None when it is not known.
std::optional<std::vector<int64_t>> planned_shape(const Graph &graph, const OrtValueInfo *value, bool &open) {
  auto shape = graph.shape(value);
  if (!shape || shape->size() < 2) return std::nullopt;
  open = shape->size() == 4 && shape->at(0) < 0;
  if (open) shape->at(0) = 1;
  for (int64_t d : *shape)
    if (d < 1) return std::nullopt;
  return shape;
}

bool is_product_of_rows(const std::string &type) { return type == "MatMul" || type == "Gemm"; }

bool is_sum(const std::string &type) { return type == "Add" || type == "Mul" || type == "Div"; }

// Whether a node can be computed by a network of Lacuna's: all that it reads and makes are floats of known shapes, or constants.
// `open` is whether the number of images is left open, and has to be the same for all nodes of a region.
bool fits(const Graph &graph, Candidate &c, std::optional<bool> &open) {
  if (known(c.type) == nullptr) return false;
  const auto in = graph.inputs(c.node), out = graph.outputs(c.node);
  if (in.empty() || out.empty() || out[0] == nullptr) return false;
  for (size_t i = 1; i < out.size(); i++)
    if (out[i] != nullptr) return false;
  bool is_open = false;
  const auto result = planned_shape(graph, out[0], is_open);
  if (!result || (open && *open != is_open)) return false;
  const bool of_rows = is_product_of_rows(c.type) || c.type == "LayerNormalization" || c.type == "Reshape";
  if (!of_rows && !is_sum(c.type) && c.type != "Relu" && c.type != "Clip" && result->size() != 4) return false;
  if (c.type == "Gemm" && graph.integer(c.node, "transA", 0) != 0) return false;
  bool varies = false;
  for (size_t i = 0; i < in.size(); i++) {
    if (in[i] == nullptr) continue;
    if (const auto held = graph.tensor(in[i])) {
      if ((i == 0 && !is_sum(c.type)) || (held->type != kOrtFloat && held->type != kOrtI64)) return false;
      continue;
    }
    bool other = false;
    varies = true;
    if (!planned_shape(graph, in[i], other) || other != is_open) return false;
    // Kernels, sizes and bounds are constants.
    if (i > 0 && !is_sum(c.type)) return false;
  }
  if (!varies) return false;
  if (c.type == "Conv" || is_product_of_rows(c.type)) {
    c.weights = graph.constant(in.at(1));
    if (!c.weights || c.weights->shape.size() != (of_rows ? 2u : 4u) || c.weights->count() == 0) return false;
    const int64_t count = c.weights->count();
    c.zeros = double(std::count(c.weights->data, c.weights->data + count, 0.0f)) / count;
    c.pixels = 1;
    for (size_t i = 0; i < result->size(); i++)
      if (of_rows ? i + 1 < result->size() : i != 1) c.pixels *= result->at(i);
  }
  if (c.type == "LayerNormalization") {
    const int64_t axis = graph.integer(c.node, "axis", -1);
    if (axis != -1 && axis != static_cast<int64_t>(result->size()) - 1) return false;
  }
  // Older operator sets have its numbers elsewhere, newer ones more of them.
  if (c.type == "Pad" && (in.size() < 2 || (in.size() > 3 && in[3] != nullptr))) return false;
  if (c.type == "Resize") {
    const std::string policy = graph.word(c.node, "keep_aspect_ratio_policy");
    if (graph.integer(c.node, "antialias", 0) != 0 || graph.integer(c.node, "exclude_outside", 0) != 0 ||
        !graph.integers(c.node, "axes").empty() || (!policy.empty() && policy != "stretch"))
      return false;
  }
  if (c.type == "DepthToSpace" && is_open) return false;
  if (!open) open = is_open;
  return true;
}

bool is_depthwise(const Graph &graph, const Candidate &c) {
  return c.type == "Conv" && c.weights->shape[1] == 1 && graph.integer(c.node, "group", 1) > 1;
}

std::vector<Setting> settings(const Graph &graph, const Candidate &c) {
  std::vector<Setting> result;
  for (const auto &[name, kind] : known(c.type)->settings) {
    if (!graph.has(c.node, name)) continue;
    if (kind == Setting::kReal) result.push_back(Setting::of(name, graph.real(c.node, name, 0)));
    if (kind == Setting::kInteger) result.push_back(Setting::of(name, graph.integer(c.node, name, 0)));
    if (kind == Setting::kText) result.push_back(Setting::of(name, graph.word(c.node, name)));
    if (kind == Setting::kIntegers) result.push_back(Setting::of(name, graph.integers(c.node, name)));
  }
  return result;
}

Cost cost_of(const Graph &graph, const Candidate &c) {
  const int64_t positions = c.type == "Conv" ? c.weights->shape[2] * c.weights->shape[3] : 1;
  return cost(double(c.weights->count()) * c.pixels, c.zeros, positions, is_depthwise(graph, c));
}

// Writes nodes as a network.
class Writer {
 public:
  Writer(const Graph &graph, int64_t version, const std::vector<Candidate *> &members)
      : graph_(graph), network(version) {
    for (const Candidate *c : members) made_.insert(c->key);
    for (const Candidate *c : members)
      if (c->type == "Pad") fold(*c);
    for (const Candidate *c : members) add(*c);
  }

  const Graph &graph_;
  Network network;
  std::vector<std::string> inputs;
  std::vector<std::vector<int64_t>> input_shapes;

 private:
  // Zeros around an image that only convolutions without padding of their own read become their padding.
  void fold(const Candidate &c) {
    const auto in = graph_.inputs(c.node);
    const auto pads = in.size() > 1 ? graph_.tensor(in[1]) : std::nullopt;
    const std::string mode = graph_.word(c.node, "mode");
    if (!pads || pads->type != kOrtI64 || pads->count() != 8 || (!mode.empty() && mode != "constant")) return;
    const auto *p = static_cast<const int64_t *>(pads->data);
    if (p[0] || p[1] || p[4] || p[5] || p[2] < 0 || p[3] < 0 || p[6] < 0 || p[7] < 0) return;
    const auto readers = graph_.followers(c.node, 64);
    if (readers.empty()) return;
    for (const auto &[reader, place] : readers) {
      const auto own = graph_.integers(reader, "pads");
      const auto kernel = graph_.constant(graph_.inputs(reader).size() > 1 ? graph_.inputs(reader)[1] : nullptr);
      const auto dilations = graph_.integers(reader, "dilations");
      if (place != 0 || graph_.type(reader) != "Conv" || made_.count(graph_.key(reader)) == 0 || !kernel) return;
      if (graph_.has(reader, "auto_pad") && graph_.word(reader, "auto_pad") != "NOTSET") return;
      if (std::any_of(own.begin(), own.end(), [](int64_t pad) { return pad != 0; })) return;
      for (size_t axis = 0; axis < 2; axis++) {
        const int64_t extent = (kernel->shape[2 + axis] - 1) * (dilations.size() == 2 ? dilations[axis] : 1) + 1;
        if (p[2 + axis] >= extent || p[6 + axis] >= extent) return;
      }
    }
    folded_[c.key] = {graph_.name(in[0]), {p[2], p[3], p[6], p[7]}};
  }

  // The name of an operand, which becomes a constant or an input of the network when it is not there yet.
  std::string operand(const OrtValueInfo *value) {
    if (value == nullptr) return "";
    const std::string name = graph_.name(value);
    if (made_.count(name) > 0 || !there_.insert(name).second) return name;
    if (const auto held = graph_.tensor(value)) {
      if (held->type == kOrtFloat) network.constant(name, held->shape, static_cast<const float *>(held->data));
      else network.constant(name, held->shape, static_cast<const int64_t *>(held->data));
      return name;
    }
    bool open = false;
    inputs.push_back(name);
    input_shapes.push_back(*planned_shape(graph_, value, open));
    network.input(name, input_shapes.back());
    return name;
  }

  void add(const Candidate &c) {
    if (folded_.count(c.key) > 0) {
      // Its source is read in its place.
      operand(graph_.inputs(c.node)[0]);
      return;
    }
    std::vector<std::string> in;
    for (const OrtValueInfo *value : graph_.inputs(c.node)) in.push_back(operand(value));
    while (!in.empty() && in.back().empty()) in.pop_back();
    auto with = settings(graph_, c);
    const auto pad = folded_.find(in[0]);
    if (pad != folded_.end()) {
      in[0] = pad->second.first;
      with.erase(std::remove_if(with.begin(), with.end(), [](const Setting &s) { return s.name == "pads"; }), with.end());
      with.push_back(Setting::of("pads", pad->second.second));
    }
    if (c.type == "DepthToSpace") {
      bool open = false;
      const auto shape = planned_shape(graph_, graph_.inputs(c.node)[0], open);
      return network.depth_to_space(in[0], c.key, *shape, graph_.integer(c.node, "blocksize", 1),
                                    graph_.word(c.node, "mode") == "CRD");
    }
    network.node(c.type, c.key, in, {c.key}, with);
  }

  std::set<std::string> made_, there_;
  std::map<std::string, std::pair<std::string, std::vector<int64_t>>> folded_;
};

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
  Writer writer(graph, graph.version(ort), members);
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
    writer.network.output(c->key);
  }
  region.inputs = writer.inputs;
  region.input_shapes = writer.input_shapes;
  region.one_by_one = open;
  const std::string bytes = writer.network.bytes();
  lcn_graph *read = nullptr;
  asked(lcn_graph_read(bytes.data(), bytes.size(), &read));
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
