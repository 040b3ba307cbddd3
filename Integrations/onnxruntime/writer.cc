// See writer.h.
#include "writer.h"

#include <algorithm>
#include <map>
#include <set>

namespace {

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

}  // namespace

Written written(const Graph &graph, int64_t version, const std::vector<Candidate *> &members,
                const std::vector<std::string> &outputs) {
  Writer writer(graph, version, members);
  for (const std::string &name : outputs) writer.network.output(name);
  return {writer.network.bytes(), writer.inputs, writer.input_shapes};
}
