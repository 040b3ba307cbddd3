// Training for products of bytes: gradients pass roundings, ranges follow, and what is stored is what was trained.

import LacunaFormats
import LacunaIO
import LacunaNN
import LacunaOperations
import LacunaPruning
import TestSupport
import Testing

@Suite struct QuantizationAwareTests {
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
    let data = QuantizationAware.Vectors(count, seed: seed)
    let model = try SequentialModel(QuantizationAware.pair, seed: seed, threads: 2)
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
      settings: QuantizationAware.settings(
        QuantizationSettings(roundsActivations: true, rangeMomentum: 0.5, frozenShare: 0.3)))
    var seen: [[String: [UInt32]]] = []
    try trainer.run { _ in seen.append(QuantizationAware.bits(trainer.activationRanges)) }
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
      settings: QuantizationAware.settings(QuantizationSettings(weightBits: bits)))
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
    var settings = QuantizationAware.settings(nil, epochs: 5, seed: seed)
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
    #expect(
      try read == stored
        && QuantizationAware.bits(read.activationRanges()) == QuantizationAware.bits(ranges))
    #expect(throws: ModelError.self) { try stored.calibrated(with: ["flatten": ranges["conv1"]!]) }
    #expect(throws: ModelError.self) {
      try CompressedModel(model, form: .sparse).calibrated(with: ranges)
    }
  }
}
