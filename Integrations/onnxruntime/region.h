// Connected pieces of a network that one plan computes: convolutions with what is between them, or products of rows with their
// sums and normalisations. Everything between two places where other operators are, in one layout, with activations and
// sums fused.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "stretch.h"

// A piece that is taken.
struct Region {
  std::vector<const OrtNode *> nodes;  // in the graph's order
  std::vector<std::string> keys;       // of the nodes
  std::vector<std::string> inputs, outputs;                // the plan's, by name
  std::vector<std::vector<int64_t>> input_shapes, output_shapes;  // for as many images as it is planned for
  bool one_by_one = false;  // planned for one image, where the model leaves their number open
  std::unique_ptr<lcn_graph_plan, PlanDeleter> plan;
};

// The regions of a graph that gain by being taken, and in `decisions` what became of their products. Nodes in `nodes` are in
// the graph's order. Into `left` go products of regions that do not gain which are not worth taking alone, either.
std::vector<Region> find_regions(const Graph &graph, const OrtGraph *ort, const std::vector<const OrtNode *> &nodes,
                                 const Options &options, std::vector<Decision> &decisions, std::set<const OrtNode *> &left);
