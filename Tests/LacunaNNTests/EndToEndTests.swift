// Real images: train, prune to 80 %, store in 8 bits, run sparse: above 80 % accuracy throughout.

import LacunaFormats
import LacunaNN
import LacunaPruning
import Testing

/// A smaller sibling of the tutorial network: 8 and 16 filters, 64 units.
private let network = Architecture(
  name: "small tutorial", input: Shape(height: 28, width: 28, channels: 1),
  layers: [
    .convolution(
      name: "conv1", filters: 8, window: Window2D(height: 5, width: 5, padding: .same), relu: true),
    .maxPooling(
      name: "pool1", window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
    .batchNormalization(name: "norm", momentum: 0.9, epsilon: 1e-3),
    .convolution(
      name: "conv2", filters: 16, window: Window2D(height: 5, width: 5, padding: .same), relu: true),
    .maxPooling(
      name: "pool2", window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
    .flatten(name: "flatten"),
    .dense(name: "dense1", units: 64, relu: true),
    .dropout(name: "dropout", rate: 0.2),
    .dense(name: "dense2", units: 10, relu: false),
  ])

@Suite struct EndToEndTests {
  @Test(
    "4 000 images of Fashion-MNIST: without 80 % of the weights, accuracy is above 80 %",
    .enabled(
      if: (try? ImageDataset.load(directory: ImageDataset.fashionMNISTDirectory)) != nil,
      "needs Debian's dataset-fashion-mnist"))
  func fashion() throws {
    let (all, test) = try ImageDataset.load(directory: ImageDataset.fashionMNISTDirectory)
    let (data, held) = (all.prefix(4000), test.prefix(2000))
    let model = try SequentialModel(network, seed: 1, threads: 1)
    try Trainer(
      model, data: data, settings: TrainingSettings(epochs: 4, batchSize: 64, seed: 1)
    ).run()
    let dense = try model.evaluate(held)
    #expect(dense.accuracy > 0.80, "dense: \(dense)")

    // The first and the last layer hold 840 of 54 216 weights and are the most sensitive: they stay
    // dense, and the others give a little more.
    let pruned = try pruneLowMagnitude(
      model,
      schedule: try PolynomialDecay(initial: 0.3, final: 0.815, begin: 1, end: 120, frequency: 20),
      exclusions: [.biases, .firstConvolution, .lastLayer])
    try Trainer(
      pruned, data: data, settings: TrainingSettings(epochs: 4, batchSize: 64, seed: 2)
    ).run()
    let sparse = try model.evaluate(held)
    let kernels = model.parameters.filter { $0.role == .kernel }
    let zeros = kernels.reduce(0) { $0 + $1.values.elements.count { $0 == 0 } }
    #expect(Double(zeros) / Double(kernels.reduce(0) { $0 + $1.count }) > 0.80)
    #expect(sparse.accuracy > 0.80, "dense \(dense), sparse \(sparse)")

    let file = try CompressedModel(model, form: .sparse)
    let run = try SparseNetwork(file, batch: 100).evaluate(held)
    #expect(abs(run.accuracy - sparse.accuracy) <= 0.001, "sparse \(sparse), run \(run)")
    let quantized = try CompressedModel(model, form: .quantized)
    let small = try SparseNetwork(quantized, batch: 100).evaluate(held)
    #expect(small.accuracy > sparse.accuracy - 0.01, "f32 \(sparse), 8-bit \(small)")
    let bytes = try SparseNetwork(quantized, batch: 100, arithmetic: .i8).evaluate(held)
    #expect(abs(bytes.accuracy - sparse.accuracy) <= 0.003, "f32 \(sparse), in 8 bits \(bytes)")
    #expect(try quantized.file.encoded().count < file.file.encoded().count / 2)
  }
}
