// Nodes of onnxruntime's as a network of Lacuna's.
#pragma once
#include <string>
#include <vector>

#include "candidate.h"

// A network as the bytes of a model, and what it reads, in the order of its inputs.
struct Written {
  std::string bytes;
  std::vector<std::string> inputs;
  std::vector<std::vector<int64_t>> input_shapes;
};

// The nodes as a network that gives `outputs` in that order. `version` is that of the model's operators.
Written written(const Graph &graph, int64_t version, const std::vector<Candidate *> &members,
                const std::vector<std::string> &outputs);
