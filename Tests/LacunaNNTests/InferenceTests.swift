// Sparse inference equals dense inference within the error bound of the sums, for every form and batch.

import LacunaFormats
import LacunaIO
import LacunaNN
import LacunaPruning
import TestSupport
import Testing

@Suite struct InferenceTests {
  /// An untrained network with moved statistics whose kernels keep a share of their weights.
  static func pruned(
    _ architecture: Architecture, sparsity: Double, granularity: Granularity = .element,
    seed: UInt64
  ) throws -> SequentialModel {
    let model = try SequentialModel(architecture, seed: seed, threads: 1)
    var random = SeededGenerator(seed: seed)
    for p in model.parameters {
      for i in 0..<p.count where p.role != .kernel {
        p.values.pointer[i] += Float.random(in: -0.3...0.3, using: &random)
      }
      if p.role == .kernel {
        let mask = try magnitudeMask(
          UnsafeBufferPointer(p.values.elements), shape: [p.rows, p.columns],
          sparsity: sparsity, granularity: granularity
        ).mask
        for i in 0..<p.count where !mask[i / p.columns, i % p.columns] { p.values.pointer[i] = 0 }
      }
    }
    return model
  }

  static func images(_ count: Int, _ shape: Shape, seed: UInt64) -> [Float] {
    var random = SeededGenerator(seed: seed)
    return (0..<count * shape.count).map { _ in Float.random(in: -1...1, using: &random) }
  }

  /// Compares logits with the double-precision network, sample by sample.
  static func check(
    _ network: InferenceNetwork, _ model: SequentialModel, count: Int, seed: UInt64, _ what: String
  ) throws {
    let images = images(count, model.inputShape, seed: seed)
    let logits = try network.logits(images)
    let classes = model.outputShape.count
    #expect(logits.count == count * classes)
    let size = model.inputShape.count
    for sample in 0..<count {
      let exact = DoubleOracle.run(model, Array(images[sample * size..<(sample + 1) * size]))
      for j in 0..<classes {
        let difference = abs(Double(logits[sample * classes + j]) - exact.values[j])
        #expect(
          difference <= exact.errors[j],
          "\(what) seed \(seed) sample \(sample) class \(j): off by \(difference), bound \(exact.errors[j])"
        )
      }
    }
  }

  static let networks: [Architecture] = GradientTests.networks + [Fixtures.network]

  @Test(
    "Every kind of layer, sparse and dense, at batch 1 and at a batch with a ragged tile",
    arguments: networks, [1, 19])
  func layers(architecture: Architecture, batch: Int) throws {
    let model = try Self.pruned(architecture, sparsity: 0.8, seed: 7)
    let compressed = try CompressedModel(model, form: .sparse)
    let sparse = try SparseNetwork(compressed, batch: batch)
    try Self.check(
      sparse, model, count: batch == 1 ? 2 : 23, seed: 8, "sparse \(architecture.name)")
    let dense = try DenseNetwork(compressed, batch: batch)
    try Self.check(dense, model, count: batch == 1 ? 2 : 23, seed: 8, "dense \(architecture.name)")
  }

  @Test(
    "Every form of the tutorial network", arguments: CompressedModel.Form.allCases,
    [BlockSize.element, try! BlockSize(4, 1)])
  func tutorial(form: CompressedModel.Form, block: BlockSize) throws {
    let granularity: Granularity = block == .element ? .element : .block(block)
    let model = try Self.pruned(.tutorial, sparsity: 0.9, granularity: granularity, seed: 3)
    let compressed = try CompressedModel(model, form: form, block: block)
    // What the file holds is what runs: 8-bit weights are compared with themselves, expanded.
    let stored = try compressed.makeModel(threads: 1)
    try Self.check(
      try SparseNetwork(compressed, batch: 1), stored, count: 1, seed: 4, "\(form) \(block)")
    try Self.check(
      try SparseNetwork(compressed, batch: 18), stored, count: 2, seed: 5, "\(form) \(block)")
  }

  @Test("Logits do not depend on the number of threads, bit for bit")
  func threads() throws {
    let compressed = try CompressedModel(
      try Self.pruned(Fixtures.network, sparsity: 0.7, seed: 5), form: .sparse)
    let images = Self.images(70, Fixtures.network.input, seed: 6)
    let one = try SparseNetwork(compressed, batch: 70, threads: 1).logits(images)
    #expect(try SparseNetwork(compressed, batch: 70, threads: 3).logits(images) == one)
    for count in [0, -1, 1025, .max] {
      #expect(throws: ModelError.self) { try SparseNetwork(compressed, batch: 1, threads: count) }
    }
  }

  @Test(
    "With products of bytes a sample has the same logits in every mini-batch, near those of f32",
    arguments: networks)
  func bytes(architecture: Architecture) throws {
    let model = try Self.pruned(architecture, sparsity: 0.8, seed: 7)
    for block in try [BlockSize.element, BlockSize(4, 1)] {
      let compressed = try CompressedModel(model, form: .quantized, block: block)
      let images = Self.images(23, architecture.input, seed: 8)
      let floats = try SparseNetwork(compressed, batch: 23).logits(images)
      let bytes = try SparseNetwork(compressed, arithmetic: .i8).logits(images)
      for (batch, threads) in [(5, 1), (19, 1), (40, 3)] {
        let network = try SparseNetwork(
          compressed, batch: batch, threads: threads, arithmetic: .i8)
        #expect(try network.logits(images) == bytes, "\(architecture.name), batch \(batch)")
      }
      let largest = floats.map { $0.magnitude }.max()!
      let difference = zip(floats, bytes).map { ($0 - $1).magnitude }.max()!
      #expect(difference > 0 && difference < 0.03 * largest, "\(difference) of \(largest)")
    }
  }

  @Test("A model without kernels in 8 bits has no products of bytes")
  func bytesOfFloats() throws {
    let model = try Self.pruned(Fixtures.network, sparsity: 0.7, seed: 5)
    for form in CompressedModel.Form.allCases where form != .quantized {
      #expect(
        throws: ModelError.invalidSetting(
          name: "arithmetic", reason: "is i8, but no kernel of the model is stored in 8 bits")
      ) { _ = try SparseNetwork(CompressedModel(model, form: form), arithmetic: .i8) }
    }
  }

  @Test("Sparse inference agrees with the training network's own evaluation")
  func agreesWithTraining() throws {
    let data = try Fixtures.quadrants(count: 90, seed: 4)
    let model = try Self.pruned(Fixtures.network, sparsity: 0.7, seed: 5)
    let network = try SparseNetwork(try CompressedModel(model, form: .sparse), batch: 32)
    let (a, b) = (try network.evaluate(data), try model.evaluate(data))
    #expect(a.count == b.count)
    #expect(abs(a.loss - b.loss) < 1e-5)
    #expect(abs(a.accuracy - b.accuracy) < 0.02)
  }

  @Test("A model file round-trips in every form", arguments: CompressedModel.Form.allCases)
  func roundTrip(form: CompressedModel.Form) throws {
    let model = try Self.pruned(Fixtures.network, sparsity: 0.8, seed: 9)
    let compressed = try CompressedModel(model, form: form, notes: ["accuracy": "0.5"])
    let loaded = try Fixtures.withFolder { folder in
      try compressed.save(to: "\(folder)/model.lacuna")
      return try CompressedModel.load(from: "\(folder)/model.lacuna")
    }
    #expect(loaded == compressed)
    let zeros = { (m: SequentialModel) in
      m.parameters.map { p in p.values.elements.map { $0 == 0 } }
    }
    let restored = try loaded.makeModel(threads: 1)
    #expect(zeros(restored) == zeros(model), "zero stays zero")
    // The others keep every weight.
    if form == .dense || form == .sparse { #expect(restored.weights == model.weights) }
  }

  @Test("A model whose tensors do not fit its architecture is refused")
  func misfit() throws {
    let model = try Self.pruned(Fixtures.network, sparsity: 0.8, seed: 9)
    var file = try CompressedModel(model, form: .sparse).file
    file.tensors.removeAll { $0.name == "conv1/bias" }
    #expect(throws: ModelError.missingTensor("conv1/bias")) { _ = try CompressedModel(file) }
    file.tensors.append(
      NamedTensor(name: "conv1/bias", tensor: try .dense(shape: [5], values: [1, 2, 3, 4, 5])))
    #expect(throws: ModelError.tensorShape(name: "conv1/bias", expected: [6], found: [5])) {
      _ = try CompressedModel(file)
    }
    file.tensors[file.tensors.count - 1].tensor = try .dense(
      shape: [6], values: [1, 2, .nan, 4, 5, 6])
    #expect(throws: ModelError.notFinite(tensor: "conv1/bias", index: 2)) {
      _ = try CompressedModel(file)
    }
    #expect(throws: ModelError.self) {
      _ = try SparseNetwork(CompressedModel(model, form: .sparse), batch: 0)
    }
  }
}
