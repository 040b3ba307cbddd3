// See recurrent.h.
#include "recurrent.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "running.h"

namespace {

void asked(lcn_status status) {
  if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
}

struct MatrixDeleter {
  void operator()(lcn_matrix *matrix) const { lcn_matrix_destroy(matrix); }
};
using Matrix = std::unique_ptr<lcn_matrix, MatrixDeleter>;

// The nonzeros of a direction's gates.
Matrix nonzeros(const float *values, int64_t rows, int64_t columns) {
  lcn_dense_desc dense = LCN_DENSE_DESC_INIT;
  dense.dtype = LCN_F32;
  dense.rows = rows;
  dense.columns = columns;
  dense.row_stride = columns;
  dense.column_stride = 1;
  dense.values = const_cast<float *>(values);
  lcn_matrix *full = nullptr, *sparse = nullptr;
  asked(lcn_matrix_from_dense(&dense, &full));
  const lcn_status status = lcn_matrix_convert(full, LCN_CSR, 1, 1, &sparse);
  lcn_matrix_destroy(full);
  asked(status);
  return Matrix(sparse);
}

// Only the usual functions, named or not: σ for gates, tanh for the rest.
void check_activations(const Graph &graph, const OrtNode *node, bool lstm, int64_t directions) {
  auto names = graph.words(node, "activations");
  if (names.empty()) return;
  const std::vector<std::string> usual = lstm ? std::vector<std::string>{"sigmoid", "tanh", "tanh"}
                                              : std::vector<std::string>{"sigmoid", "tanh"};
  bool same = names.size() == usual.size() * static_cast<size_t>(directions);
  for (size_t i = 0; same && i < names.size(); i++) {
    std::transform(names[i].begin(), names[i].end(), names[i].begin(), [](unsigned char c) { return std::tolower(c); });
    same = names[i] == usual[i % usual.size()];
  }
  if (!same) throw Refusal("its activations are others than Sigmoid and Tanh");
}

const OrtValueInfo *at(const std::vector<const OrtValueInfo *> &values, size_t place) {
  return place < values.size() ? values[place] : nullptr;
}

// From where on a recurrent node beats onnxruntime's own. AVX-512 (Zen 5), onnxruntime 1.32.0, one thread: with 50 % zeros LSTMs
// and GRUs of 64 to 512 units took 0.73 to 0.98 of its time for one sequence and 0.79 for 64, but 1.1 for 4 and 1.7 for 16; with
// 70 % 0.76 and 0.97 for those, with 90 % 0.42. (Its products are at their best there, the strips of few sums at their worst.)
double least_zeros(int64_t batch) { return batch == 1 || batch >= 32 ? 0.5 : 0.7; }

}  // namespace

bool is_recurrent(const std::string &type) { return type == "LSTM" || type == "GRU"; }

void examine_recurrent(const Graph &graph, const OrtNode *node, const Options &options, Stretch &stretch,
                       Decision &decision) {
  const bool lstm = decision.type == "LSTM";
  const auto in = graph.inputs(node), out = graph.outputs(node);
  const auto shape = graph.shape(at(in, 0));
  if (!shape || shape->size() != 3) throw Refusal("its input is not float32 of three dimensions");
  const auto w = graph.constant(at(in, 1)), r = graph.constant(at(in, 2));
  if (!w || !r || w->shape.size() != 3 || r->shape.size() != 3) throw Refusal("its weights are not constant floats");
  const std::string direction = graph.word(node, "direction");
  lcn_recurrent_options o = LCN_RECURRENT_OPTIONS_INIT;
  if (direction == "reverse") o.direction = LCN_REVERSE;
  else if (direction == "bidirectional") o.direction = LCN_BIDIRECTIONAL;
  else if (!direction.empty() && direction != "forward") throw Refusal("its direction is " + direction);
  auto made = std::make_shared<Recurrence>();
  made->has_cell = lstm;
  made->directions = w->shape[0];
  made->hidden = r->shape[2];
  made->inputs = w->shape[2];
  const int64_t gates = (lstm ? 4 : 3) * made->hidden;
  if (made->directions != (o.direction == LCN_BIDIRECTIONAL ? 2 : 1) || w->shape[1] != gates || r->shape[1] != gates ||
      r->shape[0] != made->directions)
    throw Refusal("the shapes of its weights do not fit each other");
  if (graph.integer(node, "layout", 0) != 0) throw Refusal("its sequences come first");
  if (graph.has(node, "clip") && graph.real(node, "clip", 0) > 0) throw Refusal("its gates are clipped");
  if (graph.integer(node, "input_forget", 0) != 0) throw Refusal("its input and forget gates are coupled");
  if (at(in, 7) != nullptr) throw Refusal("it has peepholes");
  check_activations(graph, node, lstm, made->directions);
  const auto bias = graph.constant(at(in, 3));
  if (at(in, 3) != nullptr && (!bias || bias->count() != 2 * gates * made->directions)) throw Refusal("its bias is not constant");

  decision.rows = gates * made->directions;
  decision.columns = made->inputs + made->hidden;
  decision.width = std::max<int64_t>(1, shape->at(1));
  const int64_t zeros = std::count(w->data, w->data + w->count(), 0.0f) + std::count(r->data, r->data + r->count(), 0.0f);
  decision.zeros = double(zeros) / std::max<int64_t>(1, w->count() + r->count());
  if (w->count() + r->count() < options.min_weights) throw Refusal("it has few weights");
  const double least = options.min_zeros > 0 ? std::max(options.min_zeros, least_zeros(decision.width)) : 0;
  if (decision.zeros < least) throw Refusal("it has few zeros");

  for (size_t i = 0; i < 4; i++) {
    const size_t place = i == 0 ? 0 : 3 + i;  // X; sequence_lens, initial_h, initial_c
    const OrtValueInfo *value = i == 3 && !lstm ? nullptr : at(in, place);
    if (value == nullptr) continue;
    const auto held = graph.tensor(value);
    if (i == 0 || !held) {
      made->names[i] = graph.name(value);
    } else if (i == 1) {
      if (held->type != kOrtI32) throw Refusal("its lengths are not int32");
      const auto *lengths = static_cast<const int32_t *>(held->data);
      made->lengths.assign(lengths, lengths + held->count());
    } else {
      if (held->type != kOrtFloat) throw Refusal("its first state is not float32");
      const auto *state = static_cast<const float *>(held->data);
      (i == 2 ? made->first_hidden : made->first_cell).assign(state, state + held->count());
    }
  }
  for (size_t i = 0; i < (lstm ? 3u : 2u); i++)
    if (at(out, i) != nullptr) made->results[i] = graph.name(out[i]);

  std::vector<Matrix> kept;
  std::vector<lcn_recurrent_weights> each(static_cast<size_t>(made->directions), LCN_RECURRENT_WEIGHTS_INIT);
  std::vector<const lcn_recurrent_weights *> all;
  for (int64_t d = 0; d < made->directions; d++) {
    lcn_recurrent_weights &weights = each[d];
    kept.push_back(nonzeros(w->data + d * gates * made->inputs, gates, made->inputs));
    weights.input = kept.back().get();
    kept.push_back(nonzeros(r->data + d * gates * made->hidden, gates, made->hidden));
    weights.recurrent = kept.back().get();
    if (bias) {
      weights.input_bias = bias->data + d * 2 * gates;
      weights.recurrent_bias = weights.input_bias + gates;
    }
    all.push_back(&weights);
  }
  o.cell = lstm ? LCN_LSTM : graph.integer(node, "linear_before_reset", 0) != 0 ? LCN_GRU_RESET_AFTER : LCN_GRU;
  o.inputs = made->inputs;
  o.hidden = made->hidden;
  o.order = LCN_GATES_ONNX;
  o.layout = LCN_TIME_DIRECTIONS;
  o.steps = shape->at(0) > 0 ? shape->at(0) : options.width;
  o.batch = decision.width;
  o.exclude_dense = 1;  // what is to be beaten is onnxruntime's own
  lcn_recurrent *network = nullptr;
  asked(lcn_recurrent_create(all.data(), made->directions, &o, &network));
  made->network.reset(network);
  lcn_recurrent_info info = LCN_RECURRENT_INFO_INIT;
  asked(lcn_recurrent_get_info(network, &info));
  decision.kernel = info.kernel;
  made->stored = info.stored;
  stretch.recurrence = std::move(made);
}

namespace {

struct RecurrentRun {
  const lcn_recurrent *network;
  lcn_recurrent_operands operands;
  int64_t slices;
  std::atomic<lcn_status> status{LCN_OK};
};

void run_slice(void *context, size_t slice) {
  RecurrentRun &run = *static_cast<RecurrentRun *>(context);
  const lcn_status status =
      lcn_recurrent_run_slice(run.network, static_cast<int64_t>(slice), run.slices, &run.operands);
  if (status != LCN_OK) run.status.store(status);
}

}  // namespace

OrtStatus *run_recurrent(const Kernel &kernel, OrtKernelContext *context) {
  const Api &api = *kernel.api;
  const Recurrence &r = *kernel.stretch.recurrence;
  const void *given[4] = {};
  std::vector<int64_t> shapes[4];
  for (size_t i = 0; i < 4; i++) {
    if (kernel.from[i] == kNowhere) continue;
    const OrtValue *input = nullptr;
    if (OrtStatus *bad = take_input(api, context, kernel.from[i], input, shapes[i])) return bad;
    if (input == nullptr) continue;
    void *data = nullptr;
    if (OrtStatus *bad = api.GetTensorMutableData(const_cast<OrtValue *>(input), &data)) return bad;
    given[i] = data;
  }
  const auto &x = shapes[0];
  if (x.size() != 3 || x[2] != r.inputs)
    return failed(api, "a sequence of " + written(x) + " where the weights have " + std::to_string(r.inputs) + " features");
  const int64_t steps = x[0], batch = x[1];
  const auto fits = [&](size_t i, const std::vector<float> &held) {
    const int64_t count = r.directions * batch * r.hidden;
    return given[i] == nullptr ? held.empty() || static_cast<int64_t>(held.size()) == count : elements(shapes[i]) == count;
  };
  if (!fits(2, r.first_hidden) || !fits(3, r.first_cell))
    return failed(api, "a first state does not fit " + std::to_string(batch) + " sequences");
  const auto state = [&](size_t i, const std::vector<float> &held) {
    return given[i] != nullptr ? static_cast<const float *>(given[i]) : held.empty() ? nullptr : held.data();
  };
  std::vector<int64_t> lengths;
  const int32_t *counts = given[1] != nullptr ? static_cast<const int32_t *>(given[1]) : r.lengths.data();
  const int64_t number = given[1] != nullptr ? elements(shapes[1]) : static_cast<int64_t>(r.lengths.size());
  if (number > 0 || given[1] != nullptr) {
    if (number != batch) return failed(api, std::to_string(number) + " lengths for " + std::to_string(batch) + " sequences");
    lengths.assign(counts, counts + number);
  }
  RecurrentRun run{r.network.get(), LCN_RECURRENT_OPERANDS_INIT, 1};
  lcn_recurrent_operands &o = run.operands;
  o.steps = steps;
  o.batch = batch;
  o.x = static_cast<const float *>(given[0]);
  o.lengths = lengths.empty() ? nullptr : lengths.data();
  o.first_hidden = state(2, r.first_hidden);
  o.first_cell = r.has_cell ? state(3, r.first_cell) : nullptr;
  float *results[3] = {};
  for (size_t i = 0; i < 3; i++) {
    if (kernel.to[i] == kNowhere) continue;
    std::vector<int64_t> shape = {r.directions, batch, r.hidden};
    if (i == 0) shape.insert(shape.begin(), steps);
    OrtValue *output = nullptr;
    if (OrtStatus *bad = api.KernelContext_GetOutput(context, kernel.to[i], static_cast<const int64_t *>(shape.data()),
                                                     shape.size(), &output))
      return bad;
    void *data = nullptr;
    if (OrtStatus *bad = api.GetTensorMutableData(output, &data)) return bad;
    results[i] = static_cast<float *>(data);
  }
  if (batch == 0) return nullptr;
  if (steps == 0) {
    const size_t bytes = static_cast<size_t>(r.directions * batch * r.hidden) * sizeof(float);
    for (size_t i = 1; i < 3; i++) {
      const float *first = i == 1 ? o.first_hidden : o.first_cell;
      if (results[i] == nullptr) continue;
      if (first != nullptr) std::memcpy(results[i], first, bytes);
      else std::memset(results[i], 0, bytes);
    }
    return nullptr;
  }
  o.y = results[0];
  o.last_hidden = results[1];
  o.last_cell = results[2];
  const int64_t useful = threads_worth(double(r.stored) * steps * batch, 0);
  run.slices = std::min({useful, batch, kernel.threads});
  if (run.slices == 1) {
    run_slice(&run, 0);
  } else if (OrtStatus *bad = api.KernelContext_ParallelFor(static_cast<const OrtKernelContext *>(context), &run_slice,
                                                            static_cast<size_t>(run.slices),
                                                            static_cast<size_t>(run.slices), static_cast<void *>(&run))) {
    return bad;
  }
  const lcn_status status = run.status.load();
  return status == LCN_OK ? nullptr : failed(api, std::string(lcn_status_string(status)));
}
