// The pruner as a training loop sees it.

import LacunaFormats
import LacunaPruning
import Testing
import TestSupport

/// Weights in memory that is never freed: tensors point into it, and Swift may end the life of an object
/// after its last use.
final class Weights {
  let name: String
  let buffer: UnsafeMutableBufferPointer<Float>
  let shape: [Int]

  init(_ name: String, shape: [Int], values: [Float]) {
    (self.name, self.shape) = (name, shape)
    buffer = .allocate(capacity: values.count)
    _ = buffer.initialize(from: values)
  }

  var values: [Float] { Array(buffer) }
  func tensor() throws -> PrunableTensor {
    try PrunableTensor(name: name, weights: buffer, shape: shape)
  }
}

/// `count` normal-ish random weights.
func randomWeights(_ count: Int, seed: UInt64) -> [Float] {
  var random = SeededGenerator(seed: seed)
  return (0..<count).map { _ in
    Float.random(in: -1...1, using: &random) + Float.random(in: -1...1, using: &random)
  }
}

@Suite struct PrunerTests {
  @Test func masksFollowTheScheduleAndMaskedWeightsAreZeroAfterEachCall() throws {
    let seed: UInt64 = 7
    let weights = Weights("dense", shape: [40, 70], values: randomWeights(2800, seed: seed))
    let bias = Weights("bias", shape: [40], values: randomWeights(40, seed: seed + 1))
    let schedule = try PolynomialDecay(initial: 0.2, final: 0.9, begin: 2, end: 9, frequency: 3)
    let pruner = try Pruner(settings: PruningSettings(schedule: schedule, plannedSteps: 12))
    var random = SeededGenerator(seed: seed)
    for step in 1...12 {
      let tensors = try [weights.tensor(), bias.tensor()]
      try pruner.step(tensors)
      #expect(pruner.currentStep == step)
      if let mask = pruner.masks["dense"] {
        // Updates at 2, 5, 8, and at 9 because it is the end.
        let last = [2, 5, 8, 9].last { $0 <= step }!
        #expect(
          mask.keptCount == keptCount(of: 2800, sparsity: schedule.sparsity(at: last)),
          "step \(step)")
        #expect(weights.values.count { $0 == 0 } == 2800 - mask.keptCount)
      } else {
        #expect(step < 2)
      }
      // The optimiser moves every weight, masked or not.
      for i in weights.buffer.indices {
        weights.buffer[i] += Float.random(in: -0.1...0.1, using: &random)
      }
      pruner.enforce(tensors)
      if let mask = pruner.masks["dense"] {
        #expect(weights.values.count { $0.bitPattern == 0 } == 2800 - mask.keptCount)
      }
    }
    #expect(pruner.masks["bias"] == nil)
    #expect(pruner.report.tensors[1].skipped == .bias)
    #expect(pruner.report.tensors[0].lastUpdate == 9)
    #expect(abs(pruner.report.tensors[0].sparsity - 0.9) < 1e-6)
  }

  @Test func resumingInTheMiddleOfARampEqualsAnUninterruptedRun() throws {
    let settings = PruningSettings(
      schedule: try PolynomialDecay(final: 0.8, begin: 0, end: 40, frequency: 5),
      granularity: .block(try BlockSize(2, 4)))
    func train(interruptedAfter pause: Int?) throws -> ([Float], [String: BitMask]) {
      let weights = Weights("w", shape: [33, 21], values: randomWeights(33 * 21, seed: 3))
      var pruner = try Pruner(settings: settings)
      var random = SeededGenerator(seed: 5)
      for step in 1...45 {
        try pruner.step([weights.tensor()])
        for i in weights.buffer.indices {
          weights.buffer[i] += Float.random(in: -0.3...0.3, using: &random)
        }
        pruner.enforce([try weights.tensor()])
        if step == pause {
          pruner = try Pruner(settings: settings, resuming: pruner.state, masks: pruner.masks)
        }
      }
      return (weights.values, pruner.masks)
    }
    let whole = try train(interruptedAfter: nil)
    for pause in [1, 4, 5, 14, 22, 39, 40, 44] {
      let resumed = try train(interruptedAfter: pause)
      #expect(resumed.0.map(\.bitPattern) == whole.0.map(\.bitPattern), "paused after \(pause)")
      #expect(resumed.1 == whole.1, "paused after \(pause)")
    }
  }

  @Test func aNaNIsNamedAndChangesNothing() throws {
    let weights = Weights("w", shape: [3, 4], values: [1, 2, 3, 4, 5, 6, 7, .nan, 9, 10, 11, 12])
    let before = weights.values.map(\.bitPattern)
    for granularity: Granularity in [.element, .block(try BlockSize(2, 2), pooling: .max)] {
      let pruner = try Pruner(
        settings: PruningSettings(
          schedule: ConstantSparsity(0.5, frequency: 1), granularity: granularity))
      #expect(throws: PruningError.notANumber(tensor: "w", index: 7)) {
        try pruner.step([weights.tensor()])
      }
      #expect(weights.values.map(\.bitPattern) == before)
      #expect(pruner.currentStep == 0)
    }
  }

  @Test func aScheduleThatNeverFiresIsRefused() throws {
    let late = try ConstantSparsity(0.5, begin: 0, frequency: 100)
    #expect(throws: PruningError.self) {
      try Pruner(settings: PruningSettings(schedule: late, plannedSteps: 99))
    }
    _ = try Pruner(settings: PruningSettings(schedule: late, plannedSteps: 100))
  }
}
