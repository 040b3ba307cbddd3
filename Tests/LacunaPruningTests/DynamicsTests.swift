// Saliencies, regrowth, freezing, drop-and-grow; resume; reports; strip.

import Foundation
import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

/// Weights and the gradients of a made-up loss, moving by a seeded random walk.
private final class Walk {
  let weights: Weights
  let gradients: Weights
  private var random: SeededGenerator

  init(_ name: String, shape: [Int], seed: UInt64) {
    let count = shape.reduce(1, *)
    weights = Weights(name, shape: shape, values: randomWeights(count, seed: seed))
    gradients = Weights(name, shape: shape, values: randomWeights(count, seed: seed &+ 1))
    random = SeededGenerator(seed: seed &+ 2)
  }

  func tensor() throws -> PrunableTensor {
    try PrunableTensor(
      name: weights.name, weights: weights.buffer, shape: weights.shape,
      gradients: UnsafeBufferPointer(gradients.buffer))
  }

  /// One training step of `pruner`.
  func train(_ pruner: Pruner) throws {
    try pruner.step([tensor()])
    for i in gradients.buffer.indices {
      gradients.buffer[i] = Float.random(in: -1...1, using: &random)
    }
    try pruner.observe([tensor()])
    for i in weights.buffer.indices { weights.buffer[i] -= 0.1 * gradients.buffer[i] }
    pruner.enforce([try tensor()])
  }
}

@Suite struct DynamicsTests {
  static func recipes() throws -> [(String, PruningSettings)] {
    let ramp = try PolynomialDecay(initial: 0.2, final: 0.9, begin: 2, end: 30, frequency: 4)
    return [
      ("magnitude", PruningSettings(schedule: ramp)),
      ("shrink", PruningSettings(schedule: ramp, dynamics: .shrink)),
      (
        "averaged magnitude",
        PruningSettings(schedule: ramp, saliency: try Saliency(.magnitude, decay: 0.9))
      ),
      ("gradients", PruningSettings(schedule: ramp, saliency: try Saliency(.gradientTimesWeight))),
      (
        "averaged gradients",
        PruningSettings(
          schedule: ramp, granularity: .block(try BlockSize(1, 4)),
          saliency: try Saliency(.gradientTimesWeight, decay: 0.5))
      ),
      ("movement", PruningSettings(schedule: ramp, saliency: try Saliency(.movement))),
      (
        "scaled movement",
        PruningSettings(
          schedule: ramp, budget: .global,
          saliency: try Saliency(.movement, isScaledPerTensor: true))
      ),
      (
        "RigL",
        PruningSettings(
          schedule: try ConstantSparsity(0.8, begin: 1, frequency: 3),
          dynamics: .dropAndGrow(fraction: 0.3, until: 30, growth: .gradient))
      ),
      (
        "SET in blocks",
        PruningSettings(
          schedule: try ConstantSparsity(0.8, begin: 1, frequency: 3),
          granularity: .block(try BlockSize(2, 2)),
          dynamics: .dropAndGrow(fraction: 0.3, until: 30, growth: .random(seed: 5)))
      ),
      ("window", PruningSettings(schedule: ramp, granularity: .window(keep: 2, of: 16))),
    ]
  }

  @Test func everyRecipeKeepsTheInvariantAndItsCount() throws {
    for (name, settings) in try Self.recipes() {
      let walk = Walk("w", shape: [24, 36], seed: 9)
      let pruner = try Pruner(settings: settings)
      for step in 1...34 {
        try walk.train(pruner)
        guard let mask = pruner.masks["w"] else {
          #expect(step < 2, "\(name)")
          continue
        }
        for (value, bit) in zip(walk.weights.values, mask.bits) where bit == 0 {
          #expect(value.bitPattern == 0, "\(name) at step \(step)")
        }
      }
      let report = pruner.report.tensors[0]
      if settings.granularity != .window(keep: 2, of: 16) && settings.dynamics != .shrink {
        #expect(
          report.keptCells == keptCount(of: report.cells!, sparsity: report.target!), "\(name)")
      }
    }
  }

  @Test func everyRecipeResumesBitForBitFromBytes() throws {
    for (name, settings) in try Self.recipes() {
      func run(pausedAfter pause: Int?) throws -> ([UInt32], [String: BitMask], [UInt8]) {
        let walk = Walk("w", shape: [24, 36], seed: 3)
        var pruner = try Pruner(settings: settings)
        for step in 1...34 {
          try walk.train(pruner)
          if step == pause {
            pruner = try Pruner(
              settings: settings, resuming: PrunerState(bytes: pruner.state.bytes),
              masks: pruner.masks)
          }
        }
        return (walk.weights.values.map(\.bitPattern), pruner.masks, pruner.state.bytes)
      }
      let whole = try run(pausedAfter: nil)
      for pause in [1, 3, 4, 8, 12, 16, 29, 33] {
        #expect(try run(pausedAfter: pause) == whole, "\(name), paused after \(pause)")
      }
    }
  }

  @Test func aDamagedStateIsRefused() throws {
    let walk = Walk("w", shape: [4, 5], seed: 3)
    let first = try Pruner(
      settings: PruningSettings(schedule: ConstantSparsity(0.5, begin: 2, frequency: 1)))
    try walk.train(first)
    try walk.train(first)
    let bytes = first.state.bytes
    #expect(try PrunerState(bytes: bytes) == first.state)
    for length in 0..<bytes.count {
      #expect(throws: PruningError.self) { try PrunerState(bytes: Array(bytes[..<length])) }
    }
    #expect(throws: PruningError.self) { try PrunerState(bytes: bytes + [0]) }
    // Whatever a flipped byte makes of it, it is an error or another state; never a trap.
    for position in bytes.indices {
      var flipped = bytes
      flipped[position] ^= 0xFF
      if let state = try? PrunerState(bytes: flipped) { #expect(state != first.state) }
    }
    // A step after which no other can be counted.
    let last = bytes[..<4] + [255, 255, 255, 255, 255, 255, 255, 127] + bytes[12...]
    #expect(throws: PruningError.self) { try PrunerState(bytes: Array(last)) }
    // A state of another model: the number of values disagrees with the mask.
    let other = try Pruner(
      settings: first.settings, resuming: first.state, masks: ["w": BitMask(rows: 4, columns: 5)])
    #expect(throws: PruningError.self) { try other.step([walk.tensor()]) }
  }

  @Test func droppedWeightsComeBackOnlyWhereTheyMay() throws {
    let ramp = try ConstantSparsity(0.5, begin: 1, frequency: 1)
    for (dynamics, returns) in [(MaskDynamics.recompute, true), (.shrink, false)] {
      let weights = Weights("w", shape: [1, 4], values: [4, 3, 2, 1])
      let pruner = try Pruner(settings: PruningSettings(schedule: ramp, dynamics: dynamics))
      try pruner.step([weights.tensor()])
      #expect(weights.values == [4, 3, 0, 0])
      // The optimiser lifts a dropped weight over a kept one.
      weights.buffer[3] = 9
      pruner.enforce([try weights.tensor()])
      #expect(weights.values == [4, 3, 0, 0])
      try pruner.step([weights.tensor()])
      #expect(weights.values == (returns ? [4, 0, 0, 9] : [4, 3, 0, 0]))
    }
  }

  @Test func shrinkingMasksNest() throws {
    let walk = Walk("w", shape: [20, 20], seed: 4)
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: PolynomialDecay(final: 0.9, begin: 1, end: 30, frequency: 1), dynamics: .shrink))
    var last: BitMask?
    for _ in 1...30 {
      try walk.train(pruner)
      let mask = try #require(pruner.masks["w"])
      if let last { #expect(try mask.subtracting(last).keptCount == 0) }
      last = mask
    }
    #expect(last!.keptCount <= keptCount(of: 400, sparsity: 0.9))
  }

  @Test func aFrozenPrunerChangesNoMask() throws {
    let walk = Walk("w", shape: [20, 20], seed: 4)
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: PolynomialDecay(final: 0.9, begin: 1, end: 30, frequency: 1)))
    for _ in 1...10 { try walk.train(pruner) }
    pruner.freeze()
    let mask = pruner.masks["w"]
    for _ in 1...10 { try walk.train(pruner) }
    #expect(pruner.masks["w"] == mask && pruner.currentStep == 20)
    #expect(try PrunerState(bytes: pruner.state.bytes).isFrozen)
  }

  @Test func dropAndGrowExchangesTheRightOnes() throws {
    // Kept by magnitude: 0, 1, 2, 3. A quarter of them goes, the weakest: 3.
    let weights = Weights("w", shape: [1, 8], values: [8, 7, 6, 5, 1, 1, 1, 1])
    let gradients = Weights("w", shape: [1, 8], values: [0, 0, 0, 0, 1, 2, -9, 3])
    let tensor = try PrunableTensor(
      name: "w", weights: weights.buffer, shape: [1, 8],
      gradients: UnsafeBufferPointer(gradients.buffer))
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: ConstantSparsity(0.5, begin: 1, frequency: 1),
        dynamics: .dropAndGrow(fraction: 0.3, until: 1_000_000, growth: .gradient)))
    try pruner.step([tensor])
    #expect(weights.values == [8, 7, 6, 5, 0, 0, 0, 0])
    try pruner.step([tensor])
    #expect(pruner.masks["w"]!.bits == [1, 1, 1, 0, 0, 0, 1, 0])
    // What grows starts at zero.
    #expect(weights.values == [8, 7, 6, 0, 0, 0, 0, 0])
    let blind = try PrunableTensor(name: "w", weights: weights.buffer, shape: [1, 8])
    #expect(throws: PruningError.missingGradients(tensor: "w", saliency: "RigL growth")) {
      try pruner.step([blind])
    }
    for bad in [
      MaskDynamics.dropAndGrow(fraction: 0, until: 9, growth: .gradient),
      .dropAndGrow(fraction: 1, until: 9, growth: .gradient),
      .dropAndGrow(fraction: 0.5, until: 0, growth: .gradient),
    ] {
      #expect(throws: PruningError.self) {
        try Pruner(settings: PruningSettings(schedule: OneShot(0.5), dynamics: bad))
      }
    }
    #expect(throws: PruningError.self) {
      try Pruner(
        settings: PruningSettings(
          schedule: OneShot(0.5), granularity: .pattern(keep: 2, of: 4),
          dynamics: .dropAndGrow(fraction: 0.5, until: 5, growth: .gradient)))
    }
  }

  @Test func saliencyDecidesWhoStays() throws {
    let values: [Float] = [1, 2, 3, 4]
    let slopes: [Float] = [-9, 4, 1, 0.5]
    func kept(_ saliency: Saliency) throws -> [Float] {
      let weights = Weights("w", shape: [1, 4], values: values)
      let gradients = Weights("w", shape: [1, 4], values: slopes)
      let tensor = try PrunableTensor(
        name: "w", weights: weights.buffer, shape: [1, 4],
        gradients: UnsafeBufferPointer(gradients.buffer))
      let pruner = try Pruner(
        settings: PruningSettings(schedule: OneShot(0.5, at: 2), saliency: saliency))
      try pruner.step([tensor])
      try pruner.observe([tensor])
      pruner.enforce([tensor])
      try pruner.step([tensor])
      return weights.values
    }
    #expect(try kept(.magnitude) == [0, 0, 3, 4])
    // |w·g| = 9, 8, 3, 2
    #expect(try kept(Saliency(.gradientTimesWeight)) == [1, 2, 0, 0])
    // −w·g = 9, −8, −3, −2
    #expect(try kept(Saliency(.movement)) == [1, 0, 0, 4])
    let own = Saliency.Measure.custom(name: "evenness") { observation in
      observation.weights.map { Int($0) % 2 == 0 ? 1 : 0 }
    }
    #expect(try kept(Saliency(own)) == [0, 2, 0, 4])
    let short = Saliency.Measure.custom(name: "short") { _ in [1] }
    #expect(
      throws: PruningError.wrongCount(tensor: "w", name: "short scores", expected: 4, actual: 1)
    ) { try kept(Saliency(short)) }
    let undefined = Saliency.Measure.custom(name: "undefined") { _ in [1, 2, .nan, 3] }
    #expect(throws: PruningError.notANumber(tensor: "undefined of w", index: 2)) {
      try kept(Saliency(undefined))
    }
    #expect(throws: PruningError.self) { try Saliency(.magnitude, decay: 1) }
  }

  @Test func averagesForgetAtTheirRate() throws {
    let weights = Weights("w", shape: [1, 2], values: [1, 1])
    let gradients = Weights("w", shape: [1, 2], values: [0, 0])
    let tensor = try PrunableTensor(
      name: "w", weights: weights.buffer, shape: [1, 2],
      gradients: UnsafeBufferPointer(gradients.buffer))
    // First 1 and 0; then 0 and 0.8 each time. At decay 0.5 the second leads after one observation more.
    for (decay, more, winner) in [(0.5, 1, 0), (0.5, 2, 1), (0.9, 5, 0), (0.9, 9, 1)] {
      let pruner = try Pruner(
        settings: PruningSettings(
          schedule: OneShot(0.5, at: 1),
          saliency: try Saliency(.gradientTimesWeight, decay: decay)))
      (weights.buffer[0], weights.buffer[1]) = (1, 1)
      (gradients.buffer[0], gradients.buffer[1]) = (1, 0)
      try pruner.observe([tensor])
      (gradients.buffer[0], gradients.buffer[1]) = (0, 0.8)
      for _ in 0..<more { try pruner.observe([tensor]) }
      try pruner.step([tensor])
      // 0.5: 0.5 vs 0.4, then 0.25 vs 0.6. 0.9: 0.59 vs 0.33, then 0.39 vs 0.49.
      #expect(pruner.masks["w"]!.bits == (winner == 0 ? [1, 0] : [0, 1]), "\(decay), \(more)")
    }
    let blind = try Pruner(
      settings: PruningSettings(
        schedule: OneShot(0.5), saliency: try Saliency(.gradientTimesWeight)))
    #expect(throws: PruningError.missingGradients(tensor: "w", saliency: "gradient × weight")) {
      try blind.step([tensor])
    }
    #expect(blind.currentStep == 0)
  }

  @Test func scalingLetsTensorsCompete() throws {
    let strong = Weights("strong", shape: [1, 4], values: [100, 200, 300, 400])
    let weak = Weights("weak", shape: [1, 4], values: [1, 2, 3, 4])
    // Unscaled, the weak tensor keeps its one best weight in place of the strong one's last.
    for (isScaled, kept) in [(false, [3, 1]), (true, [2, 2])] {
      let tensors = [strong, weak].map {
        Weights($0.name, shape: $0.shape, values: $0.values)
      }
      let pruner = try Pruner(
        settings: PruningSettings(
          schedule: OneShot(0.5), budget: .global,
          saliency: try Saliency(.magnitude, isScaledPerTensor: isScaled)))
      try pruner.step(tensors.map { try $0.tensor() })
      #expect(pruner.report.tensors.map(\.kept) == kept)
    }
  }

  @Test func stripKeepsEveryBitOfTheOutputs() throws {
    let walk = Walk("w", shape: [30, 40], seed: 12)
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: PolynomialDecay(final: 0.9, begin: 1, end: 10, frequency: 2)))
    for _ in 1...12 { try walk.train(pruner) }
    let x = randomWeights(40, seed: 1)
    func outputs() -> [UInt32] {
      (0..<30).map { i in
        (0..<40).reduce(Float(0)) { $0 + walk.weights.buffer[i * 40 + $1] * x[$1] }.bitPattern
      }
    }
    let (weights, before) = (walk.weights.values.map(\.bitPattern), outputs())
    let report = pruner.strip([try walk.tensor()])
    #expect(pruner.masks.isEmpty && report.tensors[0].kept == 120)
    #expect(walk.weights.values.map(\.bitPattern) == weights && outputs() == before)
    #expect(walk.weights.values.count { $0 != 0 } == 120)
  }

  @Test func theHistoryTellsEveryStep() throws {
    let walk = Walk("a \"quoted\"\nname", shape: [10, 10], seed: 2)
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: PolynomialDecay(final: 0.8, begin: 2, end: 7, frequency: 2)))
    for _ in 1...9 { try walk.train(pruner) }
    let lines = pruner.history.jsonLines.split(separator: "\n")
    #expect(lines.count == 9)
    for (n, line) in lines.enumerated() {
      let entry = JSON(try JSONSerialization.jsonObject(with: Data(line.utf8)))
      #expect(entry["step"].int == n + 1)
      #expect(entry["update"].bool == [2, 4, 6, 7].contains(n + 1))
      if n + 1 >= 7 { #expect(abs(entry["sparsity"].double! - 0.8) < 1e-9) }
      for tensor in entry["tensors"].array {
        #expect(tensor["name"].string == "a \"quoted\"\nname" && tensor["weights"].int == 100)
        #expect(tensor["threshold"].double != nil)
      }
    }
    let csv = pruner.history.csv
    #expect(csv.hasPrefix("step,tensor,target,sparsity,threshold,kept,weights\n1,,,0.0,,,\n"))
    #expect(csv.contains("\n7,\"a \"\"quoted\"\"\nname\",0.8"))
    #expect(csv.hasSuffix("9,,,0.8,,,\n"))
    let report = pruner.report.tensors[0]
    #expect(report.lastUpdate == 7 && report.kept == 20 && report.keptCells == 20)
    #expect(report.threshold! > 0 && abs(report.target! - 0.8) < 1e-6)
  }

  @Test func modelsThatChangeAreNoticed() throws {
    let pruner = try Pruner(
      settings: PruningSettings(schedule: ConstantSparsity(0.5, frequency: 1)))
    let a = Weights("a", shape: [4, 4], values: randomWeights(16, seed: 1))
    let other = Weights("a", shape: [2, 4], values: randomWeights(8, seed: 1))
    try pruner.step([a.tensor()])
    #expect(
      throws: PruningError.shapeMismatch(
        tensor: "a", expectedRows: 4, expectedColumns: 4, rows: 2, columns: 4)
    ) { try pruner.step([other.tensor()]) }
    #expect(throws: PruningError.duplicateTensor(name: "a")) {
      try pruner.step([a.tensor(), a.tensor()])
    }
    #expect(throws: PruningError.self) {
      try PrunableTensor(name: "a", weights: a.buffer, shape: [4, 5])
    }
    let short = UnsafeBufferPointer(rebasing: UnsafeBufferPointer(a.buffer)[..<3])
    #expect(
      throws: PruningError.wrongCount(tensor: "a", name: "gradients", expected: 16, actual: 3)
    ) { try PrunableTensor(name: "a", weights: a.buffer, shape: [4, 4], gradients: short) }
  }
}
