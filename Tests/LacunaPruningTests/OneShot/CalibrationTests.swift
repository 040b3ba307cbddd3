// H = X·Xᵀ whatever the order in memory and the cut into batches; what is refused, by name and
// number

import Lacuna
import Testing

@Suite struct CalibrationTests {
  /// Σx_i·x_j in double precision.
  private func expected(_ layer: LayerCase) -> [Double] {
    let n = layer.columns
    var h = [Double](repeating: 0, count: n * n)
    for s in 0..<layer.samples {
      for i in 0..<n {
        for j in 0..<n {
          h[i * n + j] += Double(layer.inputs[s * n + i]) * Double(layer.inputs[s * n + j])
        }
      }
    }
    return h
  }

  /// γ(samples)·‖x_i‖·‖x_j‖ bounds the rounding of any order of summation.
  private func isWithinRounding(
    _ h: [Double], of layer: LayerCase, unit: Double
  ) -> Bool {
    let (n, oracle) = (layer.columns, expected(layer))
    let gamma = 2 * Double(layer.samples + 2) * unit
    return (0..<n * n).allSatisfy { k in
      let bound = (oracle[k / n * (n + 1)] * oracle[k % n * (n + 1)]).squareRoot() * gamma
      return abs(h[k] - oracle[k]) <= bound
    }
  }

  @Test(arguments: [1, 7, 255, 256, 257, 300])
  func productsAreThoseOfAllPairs(columns: Int) throws {
    let layer = LayerCase(rows: 1, columns: columns, samples: 9, seed: UInt64(columns))
    let double = try layer.calibration(.double).products!
    #expect(isWithinRounding(double, of: layer, unit: 0x1p-53))
    let single = try layer.calibration(.single).products!
    #expect(isWithinRounding(single, of: layer, unit: 0x1p-24))
    let norms = try layer.calibration(.norms)
    #expect(norms.products == nil)
    for (j, norm) in norms.squaredNorms.enumerated() {
      #expect(abs(norm - expected(layer)[j * (columns + 1)]) <= norm * 1e-14)
    }
  }

  @Test(arguments: Calibration.Moments.allCases)
  func bothOrdersInMemoryAndAnyStrideGiveTheSame(moments: Calibration.Moments) throws {
    let (n, samples) = (37, 700)
    let layer = LayerCase(rows: 1, columns: n, samples: samples, seed: 4)
    let rows = try layer.calibration(moments)
    let columns = try Calibration(inputs: n, moments: moments)
    let stride = samples + 3
    var turned = [Float](repeating: .nan, count: n * stride)
    for s in 0..<samples { for j in 0..<n { turned[j * stride + s] = layer.inputs[s * n + j] } }
    try turned.withUnsafeBufferPointer { all in
      // In two batches of columns.
      for part in [0..<300, 300..<samples] {
        let elements = UnsafeBufferPointer(rebasing: all[part.lowerBound...])
        try columns.add(
          CalibrationBatch(
            elements, samples: part.count, inputs: n, layout: .columns, stride: stride))
      }
    }
    #expect(columns.samples == samples && rows.samples == samples)
    let unit = moments == .single ? 0x1p-24 : 0x1p-53
    if moments != .norms {
      #expect(isWithinRounding(rows.products!, of: layer, unit: unit))
      #expect(isWithinRounding(columns.products!, of: layer, unit: unit))
    }
    for (a, b) in zip(rows.squaredNorms, columns.squaredNorms) {
      #expect(abs(a - b) <= a * Double(samples) * unit * 2)
    }
  }

  @Test func productsCanBeReadBetweenBatches() throws {
    let layer = LayerCase(rows: 1, columns: 20, samples: 50, seed: 5)
    let calibration = try Calibration(inputs: 20)
    for half in 0..<2 {
      try layer.inputs.withUnsafeBufferPointer {
        try calibration.add(
          CalibrationBatch(
            UnsafeBufferPointer(rebasing: $0[half * 500..<(half + 1) * 500]), samples: 25,
            inputs: 20))
      }
      let h = calibration.products!
      let turned = (0..<400).map { (k: Int) in h[k % 20 * 20 + k / 20] }
      #expect(h == turned)
    }
    #expect(isWithinRounding(calibration.products!, of: layer, unit: 0x1p-53))
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func aValueThatIsNotFiniteIsNamed(value: Float) throws {
    let calibration = try Calibration(name: "fc", inputs: 19)
    for layout in [CalibrationLayout.rows, .columns] {
      var values = [Float](repeating: 1, count: 19 * 10)
      values[layout == .rows ? 6 * 19 + 18 : 18 * 10 + 6] = value
      #expect(throws: OneShotError.inputNotFinite(layer: "fc", sample: 6, input: 18)) {
        try values.withUnsafeBufferPointer {
          try calibration.add(CalibrationBatch($0, samples: 10, inputs: 19, layout: layout))
        }
      }
    }
    // Nothing was added.
    #expect(calibration.samples == 0 && calibration.squaredNorms.allSatisfy { $0 == 0 })
  }

  @Test func anotherWidthAndShortBatchesAreRefused() throws {
    let calibration = try Calibration(name: "fc", inputs: 8)
    let values = [Float](repeating: 1, count: 40)
    values.withUnsafeBufferPointer { values in
      #expect(throws: OneShotError.inputCount(layer: "fc", expected: 8, actual: 10)) {
        try calibration.add(CalibrationBatch(values, samples: 4, inputs: 10))
      }
      #expect(throws: OneShotError.batchTooShort(layer: "fc", expected: 48, actual: 40)) {
        try calibration.add(CalibrationBatch(values, samples: 6, inputs: 8))
      }
      #expect(throws: OneShotError.batchTooShort(layer: "fc", expected: .max, actual: 40)) {
        try calibration.add(CalibrationBatch(values, samples: 4, inputs: 8, stride: .max))
      }
      #expect(throws: OneShotError.self) {
        try calibration.add(CalibrationBatch(values, samples: 4, inputs: 8, stride: 7))
      }
    }
    #expect(throws: OneShotError.self) { try Calibration(inputs: 0) }
    #expect(throws: OneShotError.batchTooShort(layer: "calibration", expected: 12, actual: 11)) {
      try CalibrationSamples([Float](repeating: 0, count: 11), samples: 3, inputs: 4)
    }
  }

  @Test(arguments: [OneShotMethodName.wanda, .sparsegpt, .obs, .alps])
  func noSamplesAndOnlyZerosAreRefused(name: OneShotMethodName) throws {
    var layer = LayerCase(rows: 4, columns: 8, samples: 5, seed: 6)
    layer.inputs = [Float](repeating: 0, count: 40)
    #expect(throws: OneShotError.allInputsZero(layer: "layer", inputs: 8, samples: 5)) {
      try layer.pruned(name.method, 0.5)
    }
    (layer.inputs, layer.samples) = ([], 0)
    #expect(throws: OneShotError.noSamples(layer: "layer")) {
      try layer.pruned(name.method, 0.5)
    }
  }

  @Test func normsAreNotEnoughForProducts() throws {
    let layer = LayerCase(rows: 4, columns: 8, samples: 5, seed: 7)
    #expect(
      throws: OneShotError.calibrationTooPoor(
        layer: "layer", method: "sparsegpt", needed: "products", collected: "norms")
    ) { try layer.pruned(SparseGPT(), 0.5, moments: .norms) }
    #expect(try layer.pruned(Wanda(), 0.5, moments: .norms).report.error == nil)
  }
}
