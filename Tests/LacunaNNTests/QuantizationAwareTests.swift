// Training for products of bytes: gradients pass roundings, ranges follow, and what is stored is what was trained.

import LacunaFormats
import LacunaIO
import LacunaNN
import LacunaOperations
import LacunaPruning
import TestSupport
import Testing

@Suite struct QuantizationAwareTests {
  private static func bits(_ ranges: [String: ActivationBounds]) -> [String: [UInt32]] {
    ranges.mapValues { [$0.low.bitPattern, $0.high.bitPattern] }
  }

  private func settings(
    _ quantization: QuantizationSettings?, epochs: Int = 4, seed: UInt64 = 11
  ) -> TrainingSettings {
    TrainingSettings(epochs: epochs, batchSize: 32, seed: seed, quantization: quantization)
  }

  // MARK: Gradients and ranges

  /// Two dense layers over vectors, every step over all samples, so that a step can be computed by hand.
  private static let pair = Architecture(
    name: "pair", input: Shape(features: 12),
    layers: [.dense(name: "a", units: 9, relu: true), .dense(name: "b", units: 3, relu: false)])

  /// Vectors of −1...2 with labels.
  private struct Vectors: LabelledSamples {
    let shape: Shape
    let classes = 3, labelsPerSample = 1
    let labels: [UInt8]
    var values: [Float]

    init(_ count: Int, features: Int = 12, seed: UInt64) {
      var generator = SeededGenerator(seed: seed)
      shape = Shape(features: features)
      labels = (0..<count).map { _ in UInt8.random(in: 0..<3, using: &generator) }
      values = (0..<count * features).map { _ in Float.random(in: -1...2, using: &generator) }
    }

    func write(_ index: Int, to x: UnsafeMutablePointer<Float>) {
      for i in 0..<shape.count { x[i] = values[index * shape.count + i] }
    }
  }

  /// What a row of weights is rounded to.
  private func rounded(_ row: ArraySlice<Float>, bits: Int) -> [Double] {
    let levels = Double(1 << (bits - 1) - 1)
    let scale = Double(row.map(abs).max()!) / levels
    return row.map { (Double($0) / scale).rounded() * scale }
  }

  @Test(
    "A step's gradients are those of the formula, and so is the range that it leaves",
    arguments: 1...3)
  func gradients(seed: UInt64) throws {
    let count = 20
    let data = Vectors(count, seed: seed)
    let model = try SequentialModel(Self.pair, seed: seed, threads: 2)
    let trainer = try Trainer(
      model, data: data,
      settings: TrainingSettings(
        epochs: 3, batchSize: count, optimiser: .sgd(momentum: 0), learningRate: .constant(1.5),
        quantization: QuantizationSettings(
          weightBits: 4, roundsActivations: true, rangeMomentum: 0.75, frozenShare: 0)))
    #expect(trainer.activationRanges.isEmpty)
    try trainer.run(until: 1)
    let (ranges, weights) = (trainer.activationRanges, model.weights)
    #expect(ranges["a"]!.low == data.values.min() && ranges["a"]!.high == data.values.max())
    #expect(ranges["b"]!.low == 0)
    try trainer.run(until: 2)

    let grids = ["a", "b"].map { OutputScale(covering: ranges[$0]!.low...ranges[$0]!.high) }
    func bytes(_ x: Double, _ grid: OutputScale) -> (value: Double, isCut: Bool) {
      let (steps, zero) = (x / Double(grid.scale), Double(grid.zeroPoint))
      let bounded = min(max(steps, -zero), 255 - zero)
      return (bounded.rounded(.toNearestOrEven) * Double(grid.scale), bounded != steps)
    }
    func kernel(_ name: String, _ columns: Int) -> [[Double]] {
      let w = weights["\(name)/kernel"]!
      return stride(from: 0, to: w.count, by: columns).map {
        rounded(w[$0..<$0 + columns], bits: 4)
      }
    }
    let (wa, wb) = (kernel("a", 12), kernel("b", 9))
    var da = [Double](repeating: 0, count: 9 * 12), db = [Double](repeating: 0, count: 3 * 9)
    // The same without the clamp's zeros, to see that the test tells them apart.
    var uncut = da
    var (cuts, most) = (0, 0.0)
    for s in 0..<count {
      let x = (0..<12).map { bytes(Double(data.values[s * 12 + $0]), grids[0]).value }
      let h = wa.indices.map { i in
        max(0, zip(wa[i], x).reduce(Double(weights["a/bias"]![i])) { $0 + $1.0 * $1.1 })
      }
      most = max(most, h.max()!)
      let read = h.map { bytes($0, grids[1]) }
      cuts += read.count { $0.isCut }
      let z = wb.indices.map { i in
        zip(wb[i], read).reduce(Double(weights["b/bias"]![i])) { $0 + $1.0 * $1.1.value }
      }
      let powers = z.map { exponential($0 - z.max()!) }
      for i in 0..<3 {
        let share = powers[i] / powers.reduce(0, +) - (i == Int(data.labels[s]) ? 1 : 0)
        for j in 0..<9 {
          db[i * 9 + j] += share / Double(count) * read[j].value
          for k in 0..<12 where h[j] > 0 {
            let part = share / Double(count) * wb[i][j] * x[k]
            uncut[j * 12 + k] += part
            if !read[j].isCut { da[j * 12 + k] += part }
          }
        }
      }
    }
    #expect(cuts > 0, "nothing was cut off: the test tests nothing")
    for (name, expected) in [("a/kernel", da), ("b/kernel", db)] {
      let found = model.parameter(named: name)!.gradient.elements.map(Double.init)
      let reach = expected.map(abs).max()!
      let worst = zip(found, expected).map { abs($0 - $1) }.max()!
      #expect(worst <= 1e-4 * reach, "\(name): \(worst) of \(reach), seed \(seed)")
    }
    #expect(zip(da, uncut).map { abs($0 - $1) }.max()! > 1e-3 * da.map(abs).max()!)
    let high = Double(ranges["b"]!.high)
    let expected = high + 0.25 * (most - high)
    #expect(abs(Double(trainer.activationRanges["b"]!.high) - expected) <= 1e-5 * expected)
  }

  private func exponential(_ x: Double) -> Double {
    // e^x = (e^(x/1024))^1024, by its series: no libm in a test that is about formulas.
    let y = x / 1024
    var power = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4)))
    for _ in 0..<10 { power *= power }
    return power
  }

  @Test("Ranges move, then stand still for the last share of the steps")
  func frozen() throws {
    let model = try SequentialModel(Fixtures.network, seed: 2, threads: 2)
    let trainer = try Trainer(
      model, data: try Fixtures.quadrants(count: 300, seed: 1),
      settings: settings(
        QuantizationSettings(roundsActivations: true, rangeMomentum: 0.5, frozenShare: 0.3)))
    var seen: [[String: [UInt32]]] = []
    try trainer.run { _ in seen.append(Self.bits(trainer.activationRanges)) }
    #expect(trainer.totalSteps == 40 && seen.count == 40)
    #expect(Set(seen[0].keys) == ["conv1", "conv2", "dense1", "dense2"])
    for step in 1..<28 { #expect(seen[step] != seen[step - 1], "step \(step + 1)") }
    for step in 28..<40 { #expect(seen[step] == seen[27], "step \(step + 1)") }
  }

  // MARK: What is stored

  @Test(
    "The last step leaves weights that as many bits store as they are, and zeros zeros",
    arguments: [2, 4, 8])
  func grid(bits: Int) throws {
    let model = try SequentialModel(Fixtures.network, seed: 3, threads: 2)
    let pruned = try PrunedModel(model, settings: try Fixtures.recipe())
    let trainer = try Trainer(
      pruned, data: try Fixtures.quadrants(count: 300, seed: 1),
      settings: settings(QuantizationSettings(weightBits: bits)))
    func stored() throws -> [String: [Float]] {
      try CompressedModel(model, form: .quantized, bits: { _ in bits }).makeModel(threads: 1)
        .weights
    }
    try trainer.run(until: trainer.totalSteps - 1)
    #expect(try stored() != model.weights)
    try trainer.run()
    #expect(try stored() == model.weights)
    let levels = Float(1 << (bits - 1) - 1)
    for p in model.parameters where p.role == .kernel {
      let quantized = try QuantizedCSR(
        quantizing: CSRMatrix(
          dense: DenseMatrix(rows: p.rows, columns: p.columns, values: Array(p.values.elements))),
        bits: bits)
      let mask = pruned.masks[p.name]!
      for row in 0..<p.rows {
        let weights = (0..<p.columns).map { p.values.pointer[row * p.columns + $0] }
        let scale = quantized.scales[row]
        #expect(weights.allSatisfy { abs($0) <= scale * levels }, "\(p.name) \(row)")
        for at in quantized.pattern.rowOffsets[row]..<quantized.pattern.rowOffsets[row + 1] {
          let weight = weights[quantized.pattern.columnIndices[at]]
          let q = Float(quantized.values[at])
          #expect(weight == scale * q && q == (weight / scale).rounded(), "\(p.name) \(row)")
        }
        for column in 0..<p.columns where !mask[row, column] {
          #expect(weights[column].bitPattern == 0, "\(p.name) \(row), \(column)")
        }
      }
    }
  }

  /// A network pruned to 70 %, trained on with or without roundings by the same steps.
  private func trained(_ quantization: QuantizationSettings?, seed: UInt64) throws
    -> (model: SequentialModel, ranges: [String: ActivationBounds])
  {
    let data = try Fixtures.quadrants(count: 600, seed: seed)
    let model = try SequentialModel(Fixtures.network, seed: seed, threads: 1)
    let schedule = try PolynomialDecay(initial: 0.3, final: 0.7, begin: 1, end: 60, frequency: 5)
    let pruned = try pruneLowMagnitude(model, schedule: schedule)
    var settings = settings(nil, epochs: 5, seed: seed)
    settings.learningRate = .cosine(initial: 3e-3, finalFraction: 0.1)
    try Trainer(pruned, data: data, settings: settings).run()
    settings.quantization = quantization
    let trainer = try Trainer(pruned, data: data, settings: settings)
    try trainer.run()
    return (model, trainer.activationRanges)
  }

  /// What answers are right in bytes from layer to layer: of a network that was trained for it, and of one that was
  /// trained as long without and rounded afterwards, with ranges of its training images.
  private func inBytes(weightBits: Int, seed: UInt64) throws -> (aware: Double, after: Double) {
    let held = try Fixtures.quadrants(count: 400, seed: seed + 100)
    func accuracy(
      _ network: SequentialModel, _ ranges: (CompressedModel) throws -> CompressedModel
    ) throws -> Double {
      let stored = try CompressedModel(network, form: .quantized, bits: { _ in weightBits })
      return try SparseNetwork(ranges(stored), batch: 16, arithmetic: .i8).evaluate(held).accuracy
    }
    let images = try Fixtures.quadrants(count: 600, seed: seed).images.map { Float($0) / 255 }
    let after = try accuracy(trained(nil, seed: seed).model) { try $0.calibrated(on: images) }
    let (model, ranges) = try trained(
      QuantizationSettings(weightBits: weightBits, roundsActivations: true), seed: seed)
    let aware = try accuracy(model) { try $0.calibrated(with: ranges) }
    return (aware, after)
  }

  /// The margin is that of 400 answers: networks as small as these lose little by being rounded.
  @Test(
    "In 8-bit arithmetic a network that was trained for it is as good as one rounded afterwards",
    arguments: [(8, 0.01), (4, 0.02)], [UInt64(1), 5, 9])
  func accuracy(weights: (bits: Int, margin: Double), seed: UInt64) throws {
    let (aware, after) = try inBytes(weightBits: weights.bits, seed: seed)
    let said = "\(weights.bits) bits, seed \(seed): \(aware) against \(after)"
    #expect(aware >= after - weights.margin && aware > 0.9, "\(said)")
  }

  @Test("Ranges from training stay with the model, and refuse what they do not fit")
  func ranges() throws {
    let (model, ranges) = try trained(QuantizationSettings(roundsActivations: true), seed: 4)
    let stored = try CompressedModel(model, form: .quantized).calibrated(with: ranges)
    let read = try CompressedModel(LacunaFile(bytes: stored.file.encoded()))
    #expect(try read == stored && Self.bits(read.activationRanges()) == Self.bits(ranges))
    #expect(throws: ModelError.self) { try stored.calibrated(with: ["flatten": ranges["conv1"]!]) }
    #expect(throws: ModelError.self) {
      try CompressedModel(model, form: .sparse).calibrated(with: ranges)
    }
  }

  // MARK: Going on

  @Test(
    "A run resumed from a checkpoint goes on bit for bit",
    arguments: [0, 1, 2, 17, 29, 31, 39, 40])
  func resume(at step: Int) throws {
    let data = try Fixtures.quadrants(count: 300, seed: 1)
    let settings = settings(
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
    #expect(Self.bits(checkpoint.activationRanges) == Self.bits(first.activationRanges))
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
      try Trainer(model, data: data, settings: settings(nil, epochs: 1)).run()
      return TrainingTests.bits(model)
    }
    let model = try SequentialModel(Fixtures.network, seed: 6, threads: 1)
    try Trainer(
      model, data: data,
      settings: settings(QuantizationSettings(roundsActivations: true), epochs: 1)
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
      _ = try Trainer(model, data: data, settings: settings(quantization))
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
    let data = Vectors(32, seed: 1)
    func trainer(_ rounds: Bool) throws -> Trainer {
      try Trainer(
        try SequentialModel(branch, threads: 1), data: data,
        settings: settings(QuantizationSettings(roundsActivations: rounds), epochs: 1))
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
      _ = try Trainer(codebook, data: quadrants, settings: settings(QuantizationSettings()))
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
      settings: settings(QuantizationSettings(roundsActivations: true), epochs: 1))
    try trainer.run(until: 1)
    let whole = Checkpoint(trainer).file
    func changed(_ values: [Float]?) -> LacunaFile {
      var file = whole
      file.tensors.removeAll { $0.name == "range/dense1" }
      if let values {
        file.tensors.append(
          NamedTensor(
            name: "range/dense1", tensor: .dense(shape: [values.count], values: values)))
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
      settings: settings(QuantizationSettings(weightBits: 2, roundsActivations: true), epochs: 1))
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
    var data = Vectors(32, seed: 3)
    data.values[12] = .infinity
    data.values[24] = .nan
    let model = try SequentialModel(architecture, seed: 1, threads: 1)
    // The products of a fixed mask skip what it drops.
    for row in 0..<3 { model.parameter(named: "a/kernel")!.values.pointer[row * 12] = 0 }
    let pruned = try pruneLowMagnitude(model, schedule: OneShot(0.8, at: 1))
    let trainer = try Trainer(
      pruned, data: data,
      settings: settings(QuantizationSettings(roundsActivations: true), epochs: 1))
    #expect(throws: ModelError.calibration(layer: "a", .notFinite(numbers: 2))) {
      try trainer.run()
    }
  }
}
