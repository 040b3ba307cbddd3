// Whole stretches of a convolutional network as one plan: channels come first inside, and last where LiteRT has the images.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "product.h"

struct DestroyPlan {
  void operator()(lcn_graph_plan *plan) const { lcn_graph_plan_destroy(plan); }
};

// Nodes that LiteRT handed over as one: what it calls to prepare and to run them.
class Stretch {
 public:
  // `nodes` are LiteRT's numbers; `outputs` the tensors that are read by others, which may be weights that nobody reads any
  // more. Fails when Lacuna's networks cannot compute something.
  Stretch(std::shared_ptr<const Graph> graph, const std::vector<int> &nodes, const std::set<int> &outputs, int64_t threads);

  // LiteRT's numbers of what is computed.
  std::set<int> nodes() const;
  // What LiteRT wants of these nodes: beside the outputs, weights that nobody reads.
  void hand_over(const std::set<int> &outputs);

  // A plan for the shapes that the inputs have now, and the shapes of what comes out.
  void prepare(TfLiteContext *context);
  void run(TfLiteContext *context);
  // The kernel of each step, by the tensor that it makes.
  std::map<int, std::string> kernels() const;

 private:
  void plan();

  std::shared_ptr<const Graph> graph_;
  std::vector<const Node *> nodes_;
  int64_t threads_;
  std::vector<int> inputs_, outputs_, unused_;
  std::vector<std::vector<int>> input_shapes_, output_shapes_;
  std::unique_ptr<lcn_graph_plan, DestroyPlan> plan_;
};

// The stretches of a graph that gain by being taken, and in `decisions` what became of their convolutions; nodes that are not
// in one are looked at by themselves, but for those in `left`: they are in one that does not gain, and not worth it alone.
std::vector<std::shared_ptr<Stretch>> find_stretches(const std::shared_ptr<const Graph> &graph, const Options &options,
                                                     int64_t threads, std::vector<Decision> &decisions,
                                                     std::set<int> &left);
