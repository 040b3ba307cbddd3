// A layer that aims at given outputs: least squares with a bias, whatever was removed

import Lacuna
import TestSupport
import Testing

@Suite struct AimedCalibrationTests {
  /// Inputs that the earlier layers left, and the outputs that the layer should have: those of
  /// other weights on other inputs.
  private struct Problem {
    var layer: LayerCase
    var targets: [Float]

    init(rows: Int = 7, columns: Int = 12, samples: Int = 90, seed: UInt64 = 3) {
      let dense = LayerCase(rows: rows, columns: columns, samples: samples, seed: seed)
      var random = SeededGenerator(seed: seed + 100)
      let bias = (0..<rows).map { _ in LayerCase.normal(&random) }
      targets = []
      for s in 0..<samples {
        for i in 0..<rows {
          targets.append(
            (0..<columns).reduce(bias[i]) {
              $0 + dense.weights[i * columns + $1] * dense.inputs[s * columns + $1]
            })
        }
      }
      layer = dense
      // As if something before had changed the inputs: noise, and another mean.
      for i in layer.inputs.indices { layer.inputs[i] += 0.3 * LayerCase.normal(&random) + 0.5 }
    }

    func calibration(
      adaptsBias: Bool = true, batches: Int = 1, order: CalibrationLayout = .rows
    ) throws -> AimedCalibration {
      let calibration = try AimedCalibration(
        name: "layer", inputs: layer.columns, outputs: layer.rows, adaptsBias: adaptsBias)
      for b in 0..<batches {
        let range = layer.samples * b / batches..<layer.samples * (b + 1) / batches
        func part(_ values: [Float], _ width: Int) -> [Float] {
          let own = Array(values[range.lowerBound * width..<range.upperBound * width])
          if order == .rows { return own }
          return (0..<width).flatMap { j in (0..<range.count).map { own[$0 * width + j] } }
        }
        try part(layer.inputs, layer.columns).withUnsafeBufferPointer { x in
          try part(targets, layer.rows).withUnsafeBufferPointer { t in
            try calibration.add(
              CalibrationBatch(x, samples: range.count, inputs: layer.columns, layout: order),
              targets: CalibrationBatch(
                t, samples: range.count, inputs: layer.rows, layout: order))
          }
        }
      }
      return calibration
    }

    func pruned(
      _ method: any OneShotMethod, _ sparsity: Double, adaptsBias: Bool = true,
      refit: Refit? = nil, damping: Double = OneShotSettings.usualDamping
    ) throws -> OneShotResult {
      try layer.weights.withUnsafeBufferPointer {
        try oneShot(
          $0, rows: layer.rows, columns: layer.columns,
          calibration: calibration(adaptsBias: adaptsBias),
          settings: OneShotSettings(
            method: method, sparsity: sparsity, refit: refit, damping: damping))
      }
    }

    /// t̄ − W·x̄
    func bestBias(_ weights: [Float]) -> [Float] {
      (0..<layer.rows).map { i in
        var sum: Float = 0
        for s in 0..<layer.samples {
          sum += targets[s * layer.rows + i]
          for j in 0..<layer.columns {
            sum -= weights[i * layer.columns + j] * layer.inputs[s * layer.columns + j]
          }
        }
        return sum / Float(layer.samples)
      }
    }

    /// ‖W·X + b − T‖² / ‖T − t̄‖², from the samples themselves.
    func error(_ weights: [Float], _ bias: [Float]?) -> Double {
      var (change, energy) = (0.0, 0.0)
      for i in 0..<layer.rows {
        var mean = 0.0
        for s in 0..<layer.samples { mean += Double(targets[s * layer.rows + i]) }
        mean = bias == nil ? 0 : mean / Double(layer.samples)
        for s in 0..<layer.samples {
          let t = Double(targets[s * layer.rows + i])
          var y = Double(bias?[i] ?? 0)
          for j in 0..<layer.columns {
            y +=
              Double(weights[i * layer.columns + j])
              * Double(layer.inputs[s * layer.columns + j])
          }
          change += (y - t) * (y - t)
          energy += (t - mean) * (t - mean)
        }
      }
      return change / energy
    }
  }

  @Test(arguments: [true, false])
  func theErrorIsThatOfTheSamples(adaptsBias: Bool) throws {
    let problem = Problem()
    for method in [SparseGPT(), ALPS(), Wanda(), OptimalBrainSurgeon()] as [any OneShotMethod] {
      let result = try problem.pruned(method, 0.5, adaptsBias: adaptsBias)
      #expect((result.bias != nil) == adaptsBias)
      let expected = problem.error(result.weights, result.bias)
      #expect(abs(result.report.error! - expected) <= 1e-5 * expected, "\(method.name)")
      #expect(result.report.kept == result.weights.count { $0 != 0 })
    }
  }

  @Test func withoutDampingNoOtherWeightsOrBiasComeNearer() throws {
    let problem = Problem()
    // Nothing is removed: plain least squares.
    let result = try problem.pruned(Magnitude(), 0, damping: 0)
    let least = problem.error(result.weights, result.bias)
    #expect(least > 1e-4 && least < problem.error(problem.layer.weights, result.bias))
    var random = SeededGenerator(seed: 8)
    for _ in 0..<50 {
      var (weights, bias) = (result.weights, result.bias!)
      for i in weights.indices { weights[i] += 1e-3 * LayerCase.normal(&random) }
      for i in bias.indices { bias[i] += 1e-3 * LayerCase.normal(&random) }
      #expect(problem.error(weights, bias) > least)
    }
    // And on a mask: with the refit no kept weight can do better by itself.
    let pruned = try problem.pruned(SparseGPT(), 0.5, refit: .cholesky, damping: 0)
    let error = problem.error(pruned.weights, pruned.bias)
    for i in pruned.weights.indices where pruned.weights[i] != 0 {
      for step in [-1e-2, 1e-2] as [Float] {
        var weights = pruned.weights
        weights[i] += step
        #expect(problem.error(weights, pruned.bias) > error)
      }
    }
  }

  @Test func aimingBeatsKeepingTheOwnOutputs() throws {
    let problem = Problem(rows: 24, columns: 32, samples: 400)
    let own = try problem.layer.pruned(ALPS(), 0.5).weights
    let aimed = try problem.pruned(ALPS(), 0.5)
    #expect(
      problem.error(aimed.weights, aimed.bias) < 0.95 * problem.error(own, problem.bestBias(own)))
  }

  @Test func theLayersOwnOutputsAreTheUsualProblem() throws {
    var problem = Problem()
    let (rows, columns) = (problem.layer.rows, problem.layer.columns)
    problem.targets = (0..<problem.layer.samples * rows).map { place in
      let (s, i) = place.quotientAndRemainder(dividingBy: rows)
      return (0..<columns).reduce(0) {
        $0 + problem.layer.weights[i * columns + $1] * problem.layer.inputs[s * columns + $1]
      }
    }
    let plain = try problem.layer.pruned(SparseGPT(), 0.5)
    let aimed = try problem.pruned(SparseGPT(), 0.5, adaptsBias: false)
    #expect(aimed.mask == plain.mask)
    #expect(largestDifference(aimed.weights, plain.weights.map(Double.init)) < 1e-4)
    #expect(abs(aimed.report.error! - plain.report.error!) < 1e-5)
    // A bias that may change too only helps.
    let free = try problem.pruned(ALPS(), 0.6)
    let bound = try problem.pruned(ALPS(), 0.6, adaptsBias: false)
    #expect(problem.error(free.weights, free.bias) * 1.0 < 1)
    #expect(
      free.report.error! * Self.variance(problem.targets, rows)
        < bound.report.error! * Self.energy(problem.targets))
  }

  private static func energy(_ t: [Float]) -> Double { t.reduce(0) { $0 + Double($1 * $1) } }

  private static func variance(_ t: [Float], _ rows: Int) -> Double {
    (0..<rows).reduce(energy(t)) { sum, i in
      let own = stride(from: i, to: t.count, by: rows).map { Double(t[$0]) }
      let total = own.reduce(0, +)
      return sum - total * total / Double(own.count)
    }
  }

  @Test func batchesAndLayoutsDoNotMatter() throws {
    let problem = Problem(samples: 1100)
    func result(_ batches: Int, _ order: CalibrationLayout) throws -> OneShotResult {
      try problem.layer.weights.withUnsafeBufferPointer {
        try oneShot(
          $0, rows: problem.layer.rows, columns: problem.layer.columns,
          calibration: problem.calibration(batches: batches, order: order),
          settings: OneShotSettings(method: SparseGPT(), sparsity: 0.5))
      }
    }
    let whole = try result(1, .rows)
    #expect(whole.report.samples == 1100)
    for (batches, order) in [(3, .rows), (1, .columns), (4, .columns)] as [(Int, CalibrationLayout)]
    {
      let other = try result(batches, order)
      #expect(other.mask == whole.mask && other.report.samples == 1100)
      #expect(largestDifference(other.weights, whole.weights.map(Double.init)) < 1e-5)
      #expect(largestDifference(other.bias!, whole.bias!.map(Double.init)) < 1e-4)
    }
  }

  @Test func anInputThatNeverChangesBelongsToTheBias() throws {
    var problem = Problem()
    let columns = problem.layer.columns
    for s in 0..<problem.layer.samples { problem.layer.inputs[s * columns + 4] = 3.7 }
    let result = try problem.pruned(SparseGPT(), 0.4)
    #expect(result.report.deadInputs == 1)
    for i in 0..<problem.layer.rows { #expect(!result.mask[i, 4]) }
    let expected = problem.error(result.weights, result.bias)
    #expect(abs(result.report.error! - expected) <= 1e-5 * expected)
  }

  @Test func wrongBatchesAndShapesAreRefused() throws {
    let calibration = try AimedCalibration(name: "up", inputs: 2, outputs: 3)
    func add(_ x: [Float], _ t: [Float], samples: Int, targets: Int, width: Int = 3) throws {
      try x.withUnsafeBufferPointer { x in
        try t.withUnsafeBufferPointer { t in
          try calibration.add(
            CalibrationBatch(x, samples: samples, inputs: 2),
            targets: CalibrationBatch(t, samples: targets, inputs: width))
        }
      }
    }
    let (x, t) = ([1, 2, 3, 4] as [Float], [1, 2, 3, 4, 5, 6] as [Float])
    #expect(
      throws: OneShotError.shapeMismatch(
        layer: "up", what: "batch of targets", expectedRows: 2, expectedColumns: 3, rows: 1,
        columns: 3)
    ) { try add(x, t, samples: 2, targets: 1) }
    #expect(throws: OneShotError.inputCount(layer: "targets of up", expected: 3, actual: 2)) {
      try add(x, t, samples: 2, targets: 2, width: 2)
    }
    #expect(throws: OneShotError.inputNotFinite(layer: "targets of up", sample: 1, input: 2)) {
      try add(x, [1, 2, 3, 4, 5, .nan], samples: 2, targets: 2)
    }
    #expect(throws: OneShotError.inputNotFinite(layer: "up", sample: 0, input: 1)) {
      try add([1, .infinity, 3, 4], t, samples: 2, targets: 2)
    }
    #expect(calibration.samples == 0)
    func prune(rows: Int, columns: Int) throws {
      try [Float](repeating: 1, count: rows * columns).withUnsafeBufferPointer {
        _ = try oneShot(
          $0, rows: rows, columns: columns, calibration: calibration,
          settings: OneShotSettings(method: SparseGPT(), sparsity: 0.5))
      }
    }
    #expect(throws: OneShotError.noSamples(layer: "up")) { try prune(rows: 3, columns: 2) }
    try add(x, t, samples: 2, targets: 2)
    #expect(
      throws: OneShotError.shapeMismatch(
        layer: "up", what: "targets", expectedRows: 2, expectedColumns: 2, rows: 3, columns: 2)
    ) { try prune(rows: 2, columns: 2) }
    #expect(throws: OneShotError.inputCount(layer: "up", expected: 3, actual: 2)) {
      try prune(rows: 3, columns: 3)
    }
    #expect(throws: OneShotError.self) { try AimedCalibration(inputs: 0, outputs: 1) }
    #expect(throws: OneShotError.self) { try AimedCalibration(inputs: 1, outputs: 0) }
  }
}
