// A C++17 program over lacuna.hpp: the same layer in four formats, from several threads, checked.
//
//     c++ -std=c++17 client.cpp $(pkg-config --cflags --libs lacuna) -pthread -o client && ./client
#include <lacuna.hpp>

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr int64_t out = 60, in = 90, batch = 5;

// Y[batch, out] = X[batch, in]·Wᵀ by its definition.
std::vector<double> reference(const std::vector<double> &w, const std::vector<double> &x) {
  std::vector<double> y(batch * out);
  for (int64_t b = 0; b < batch; b++)
    for (int64_t i = 0; i < out; i++)
      for (int64_t j = 0; j < in; j++) y[b * out + i] += w[i * in + j] * x[b * in + j];
  return y;
}

bool close(const std::vector<double> &a, const std::vector<double> &b) {
  for (size_t i = 0; i < a.size(); i++)
    if (!(std::abs(a[i] - b[i]) <= 1e-12)) return false;
  return true;
}

int failures = 0;
void expect(bool condition, const char *what) {
  if (condition) return;
  std::cerr << "not true: " << what << "\n";
  failures++;
}

}  // namespace

int main() try {
  lacuna::check_version();
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> w(out * in), x(batch * in);
  for (double &v : w) v = uniform(random) > 0.8 ? uniform(random) : 0;
  for (double &v : x) v = uniform(random);
  const std::vector<double> expected = reference(w, x);

  const lacuna::Matrix dense = lacuna::Matrix::dense<double>(out, in, w.data());
  lacuna::PlanOptions options;
  options.layout = LCN_ROWS;
  options.width = batch;
  std::vector<lacuna::Matrix> matrices;
  matrices.push_back(dense.converted(LCN_CSR));
  matrices.push_back(dense.converted(LCN_BSR, {4, 4}));
  matrices.push_back(dense.transposed().converted(LCN_BSR, {2, 8}).transposed());
  for (const lacuna::Matrix &matrix : matrices) {
    expect(matrix.values<double>() == w, "a conversion loses nothing");
    const lacuna::Plan<double> plan(matrix, options);
    std::vector<std::vector<double>> results(4, std::vector<double>(batch * out));
    std::vector<std::thread> threads;
    for (auto &y : results)
      threads.emplace_back([&] { plan.run(x.data(), in, y.data(), out, batch); });
    for (std::thread &thread : threads) thread.join();
    for (const auto &y : results) {
      expect(close(y, expected), "the product");
      expect(y == results[0], "the same bits from every thread");
    }
    const auto blob = plan.serialized();
    const auto mapped = lacuna::Plan<double>::map(blob.data(), blob.size());
    std::vector<double> y(batch * out);
    mapped.run(x.data(), in, y.data(), out, batch);
    expect(y == results[0], "a mapped plan computes the same bits");
    expect(!plan.description().empty(), "a description");
  }

  // A 1×1 convolution of images whose pixels are the rows of X is the same product.
  lacuna::ConvolutionOptions pointwise;
  pointwise.layout = LCN_NHWC;
  pointwise.channels = in;
  pointwise.height = 1;
  pointwise.width = batch;
  pointwise.filters = out;
  const lacuna::Convolution<double> convolution(matrices[0], pointwise);
  std::vector<double> pixels(batch * out);
  convolution.run(x.data(), pixels.data(), 1);
  expect(close(pixels, expected), "a pointwise convolution");
  for (int64_t slice = 0; slice < 3; slice++) convolution.run_slice(slice, 3, x.data(), pixels.data(), 1);
  expect(close(pixels, expected), "its slices");
  expect(convolution.info().output_width == batch && !convolution.description().empty(), "its description");

  // A GRU whose weights are all zero halves its state in each step.
  const std::vector<float> zeros(3 * 2 * 2);
  const lacuna::Matrix gates = lacuna::Matrix::dense<float>(6, 2, zeros.data()).converted(LCN_CSR);
  lacuna::RecurrentOptions gru;
  gru.cell = LCN_GRU;
  gru.inputs = gru.hidden = 2;
  const lacuna::Recurrent network({lacuna::recurrent_weights(gates, gates)}, gru);
  const std::vector<float> input(3 * 2, 1);
  std::vector<float> state = {1, -2}, outputs(3 * 2);
  lacuna::RecurrentOperands sequence;
  sequence.steps = 3;
  sequence.x = input.data();
  sequence.y = outputs.data();
  sequence.first_hidden = sequence.last_hidden = state.data();
  network.run(sequence);
  expect(outputs == std::vector<float>({0.5f, -1, 0.25f, -0.5f, 0.125f, -0.25f}), "a GRU without weights");
  expect(state == std::vector<float>({0.125f, -0.25f}), "its last state");
  network.run_slice(0, 1, sequence);
  expect(state == std::vector<float>({0.015625f, -0.03125f}), "its state goes on");
  expect(network.info().outputs == 2 && !network.description().empty(), "its description");
  expect(network.workspace_size(3, 1) > 0, "its workspace");

  // A network of ONNX with one node, y = Relu(x) of [5, 9].
  const unsigned char model[] = {
      0x08, 0x08, 0x3a, 0x2e, 0x0a, 0x0c, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79, 0x22, 0x04,
      0x52, 0x65, 0x6c, 0x75, 0x12, 0x04, 0x72, 0x65, 0x6c, 0x75, 0x5a, 0x13, 0x0a, 0x01,
      0x78, 0x12, 0x0e, 0x0a, 0x0c, 0x08, 0x01, 0x12, 0x08, 0x0a, 0x02, 0x08, 0x05, 0x0a,
      0x02, 0x08, 0x09, 0x62, 0x03, 0x0a, 0x01, 0x79, 0x42, 0x04, 0x0a, 0x00, 0x10, 0x11};
  const std::string path = "/tmp/lacuna-client-" + std::to_string(getpid()) + ".onnx";
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char *>(model), sizeof model);
  const lacuna::Graph graph(path);
  std::remove(path.c_str());
  expect(graph.info().nodes == 1 && graph.output(0).name == "y", "a graph's nodes and outputs");
  expect(graph.input(0).name == "x" && graph.input(0).shape == std::vector<int64_t>({5, 9}), "a graph's input");
  const lacuna::GraphPlan relu(graph, {{"x", {5, 9}}});
  expect(relu.output(0).shape == relu.input(0).shape && relu.output(0).dtype == LCN_F32, "a graph's result");
  std::vector<float> signs(45, -1), positive(45);
  signs[7] = 3;
  relu.run({signs.data()}, {positive.data()});
  signs.assign(45, 0);
  signs[7] = 3;
  expect(positive == signs && !relu.description().empty(), "a graph's run");

  try {
    const int32_t offsets[] = {0, 2}, indices[] = {1, 0};
    const float values[] = {1, 2};
    lacuna::Matrix::csr<float>(1, 2, offsets, indices, values);
    expect(false, "unsorted columns are refused");
  } catch (const lacuna::Error &error) {
    expect(error.status() == LCN_INVALID_STRUCTURE, "unsorted columns have their status");
  }
  try {
    lacuna::Plan<float> plan(dense);
    expect(false, "a plan of another type is refused");
  } catch (const std::invalid_argument &) {
  }
  if (failures == 0) std::cout << "C++: Lacuna " << lcn_version_string() << "\n";
  return failures != 0;
} catch (const std::exception &error) {
  std::cerr << error.what() << "\n";
  return 1;
}
