// Runs of training for products of bytes: resumed, left off, refused.

import LacunaFormats
import LacunaIO
import LacunaNN
import LacunaOperations
import LacunaPruning
import TestSupport
import Testing

@Suite struct QuantizationAwareRunTests {
  // MARK: Going on

  @Test(
    "A run resumed from a checkpoint goes on bit for bit",
    arguments: [0, 1, 2, 17, 29, 31, 39, 40])
  func resume(at step: Int) throws {
    let data = try Fixtures.quadrants(count: 300, seed: 1)
    let settings = QuantizationAware.settings(
      QuantizationSettings(weightBits: 4, roundsActivations: true, rangeMomentum: 0.9))
    func start() throws -> Trainer {
      try Trainer(
        try PrunedModel(
          try SequentialModel(Fixtures.network, seed: 4, threads: 2),
          settings: try Fixtures.recipe()), data: data, settings: settings)
    }
    let whole = try start()
    try whole.run()
    let first = try start()
    try first.run(until: step)
    let checkpoint = try Fixtures.withFolder { folder in
      try Checkpoint(first).write(to: "\(folder)/run.lacuna")
      return try Checkpoint(contentsOf: "\(folder)/run.lacuna")
    }
    #expect(checkpoint == Checkpoint(first))
    #expect(
      QuantizationAware.bits(checkpoint.activationRanges)
        == QuantizationAware.bits(first.activationRanges))
    let resumed = try checkpoint.resume(data: data, pruning: try Fixtures.recipe(), threads: 1)
    try resumed.run()
    #expect(Checkpoint(resumed) == Checkpoint(whole), "resumed at \(step)")
    #expect(
      TrainingTests.bits(resumed.model.network) == TrainingTests.bits(whole.model.network))
  }

  @Test("A network trained for bytes trains on without, as if it never had been")
  func plainAgain() throws {
    let data = try Fixtures.quadrants(count: 100, seed: 1)
    func run(_ model: SequentialModel) throws -> [[UInt32]] {
      try Trainer(model, data: data, settings: QuantizationAware.settings(nil, epochs: 1)).run()
      return TrainingTests.bits(model)
    }
    let model = try SequentialModel(Fixtures.network, seed: 6, threads: 1)
    try Trainer(
      model, data: data,
      settings: QuantizationAware.settings(QuantizationSettings(roundsActivations: true), epochs: 1)
    ).run()
    let other = try SequentialModel(Fixtures.network, threads: 1)
    try other.setWeights(model.weights)
    #expect(try run(model) == run(other))
  }

  @Test("Checkpoints of runs without roundings are the bytes that they were")
  func plainCheckpoint() throws {
    let file = Checkpoint(try BadInputTests.trainer()).file
    #expect(file.metadata["training"]?.contains("quantization") == false)
    #expect(!file.tensors.contains { $0.name.hasPrefix("range/") })
  }

  // MARK: Bad input

  @Test(
    "Settings out of range are refused by name",
    arguments: [
      (QuantizationSettings(weightBits: 1), "bits of a weight", "1"),
      (QuantizationSettings(weightBits: 9), "bits of a weight", "9"),
      (QuantizationSettings(weightBits: .min), "bits of a weight", "-9223372036854775808"),
      (QuantizationSettings(rangeMomentum: .nan), "momentum of ranges", "nan"),
      (QuantizationSettings(rangeMomentum: 1), "momentum of ranges", "1.0"),
      (QuantizationSettings(rangeMomentum: -0.5), "momentum of ranges", "-0.5"),
      (QuantizationSettings(frozenShare: .nan), "share of frozen ranges", "nan"),
      (QuantizationSettings(frozenShare: 1), "share of frozen ranges", "1.0"),
      (QuantizationSettings(frozenShare: -.infinity), "share of frozen ranges", "-inf"),
    ])
  func badSettings(quantization: QuantizationSettings, name: String, value: String) throws {
    let model = try SequentialModel(Fixtures.network, threads: 1)
    let data = try Fixtures.quadrants(count: 40, seed: 1)
    do {
      _ = try Trainer(model, data: data, settings: QuantizationAware.settings(quantization))
      Issue.record("\(quantization) is accepted")
    } catch {
      guard case .invalidSetting(name, let reason) = error, reason.hasPrefix("is \(value),") else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test("Networks whose activations cannot be bytes, and weights on few values, are refused")
  func notForThese() throws {
    let branch = Architecture(
      name: "branch", input: Shape(features: 12),
      layers: [
        .residual(
          name: "r", body: [.dense(name: "a", units: 12, relu: true)], shortcut: [], relu: true),
        .dense(name: "b", units: 3, relu: false),
      ])
    let data = QuantizationAware.Vectors(32, seed: 1)
    func trainer(_ rounds: Bool) throws -> Trainer {
      try Trainer(
        try SequentialModel(branch, threads: 1), data: data,
        settings: QuantizationAware.settings(
          QuantizationSettings(roundsActivations: rounds), epochs: 1))
    }
    #expect(
      throws: ModelError.invalidLayer(
        name: "r", reason: "activations in bytes are for chains of layers alone")
    ) { _ = try trainer(true) }
    // Its weights can be.
    let weights = try trainer(false)
    try weights.run()
    let network = weights.model.network
    #expect(
      try CompressedModel(network, form: .quantized).makeModel(threads: 1).weights
        == network.weights)

    let codebook = try CodebookModel(try SequentialModel(Fixtures.network, threads: 1), error: 0.3)
    let quadrants = try Fixtures.quadrants(count: 40, seed: 1)
    do {
      _ = try Trainer(
        codebook, data: quadrants, settings: QuantizationAware.settings(QuantizationSettings()))
      Issue.record("a codebook is accepted")
    } catch {
      guard case .invalidSetting("quantization", _) = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test("A checkpoint whose ranges are missing or damaged is refused by name")
  func damagedRanges() throws {
    let trainer = try Trainer(
      try SequentialModel(Fixtures.network, threads: 1),
      data: try Fixtures.quadrants(count: 40, seed: 1),
      settings: QuantizationAware.settings(QuantizationSettings(roundsActivations: true), epochs: 1)
    )
    try trainer.run(until: 1)
    let whole = Checkpoint(trainer).file
    func changed(_ values: [Float]?) throws -> LacunaFile {
      var file = whole
      file.tensors.removeAll { $0.name == "range/dense1" }
      if let values {
        file.tensors.append(
          NamedTensor(
            name: "range/dense1", tensor: try .dense(shape: [values.count], values: values)))
      }
      return file
    }
    #expect(try Checkpoint(changed([0, 1])).activationRanges["dense1"]?.high == 1)
    #expect(throws: ModelError.missingTensor("range/dense1")) { try Checkpoint(changed(nil)) }
    #expect(throws: ModelError.tensorShape(name: "range/dense1", expected: [2], found: [3])) {
      try Checkpoint(changed([0, 1, 2]))
    }
    for values: [Float] in [
      [.nan, 1], [0, .nan], [-.infinity, 0], [0, .infinity], [0.5, 1], [-1, -0.5],
    ] {
      let error = #expect(throws: ModelError.self) { try Checkpoint(changed(values)) }
      guard case .metadata("activations", let reason) = error, reason.contains("dense1") else {
        Issue.record("\(values): \(String(describing: error))")
        continue
      }
    }
  }

  @Test("A step that fails leaves the weights in full precision")
  func failure() throws {
    let trainer = try Trainer(
      try SequentialModel(Fixtures.network, threads: 1),
      data: try Fixtures.quadrants(count: 40, seed: 1),
      settings: QuantizationAware.settings(
        QuantizationSettings(weightBits: 2, roundsActivations: true), epochs: 1))
    let network = trainer.model.network
    network.parameter(named: "dense2/bias")!.values.pointer[1] = .infinity
    func kernels() -> [[UInt32]] {
      network.parameters.filter { $0.role == .kernel }.map {
        $0.values.elements.map(\.bitPattern)
      }
    }
    let before = kernels()
    #expect(throws: ModelError.diverged(step: 1)) { try trainer.run() }
    #expect(kernels() == before && trainer.activationRanges.isEmpty)
  }

  @Test("An activation that is not finite has no range, even where no weight reads it")
  func infiniteActivation() throws {
    let architecture = Architecture(
      name: "one", input: Shape(features: 12), layers: [.dense(name: "a", units: 3, relu: false)])
    var data = QuantizationAware.Vectors(32, seed: 3)
    data.values[12] = .infinity
    data.values[24] = .nan
    let model = try SequentialModel(architecture, seed: 1, threads: 1)
    // The products of a fixed mask skip what it drops.
    for row in 0..<3 { model.parameter(named: "a/kernel")!.values.pointer[row * 12] = 0 }
    let pruned = try pruneLowMagnitude(model, schedule: OneShot(0.8, at: 1))
    let trainer = try Trainer(
      pruned, data: data,
      settings: QuantizationAware.settings(QuantizationSettings(roundsActivations: true), epochs: 1)
    )
    #expect(throws: ModelError.calibration(layer: "a", .notFinite(numbers: 2))) {
      try trainer.run()
    }
  }
}
