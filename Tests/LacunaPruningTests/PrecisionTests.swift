// f64 weights are ranked, pooled and thresholded as f64; norms neither overflow nor vanish.

import LacunaFormats
import LacunaPruning
import Testing

@Suite struct PrecisionTests {
  /// A tensor of doubles in memory that is never freed.
  private func doubles(
    _ name: String, _ values: [Double], shape: [Int]
  ) throws -> (buffer: UnsafeMutableBufferPointer<Double>, tensor: PrunableTensor) {
    let buffer = UnsafeMutableBufferPointer<Double>.allocate(capacity: values.count)
    _ = buffer.initialize(from: values)
    return (buffer, try PrunableTensor(name: name, weights: buffer, shape: shape))
  }

  private func mask<Scalar: SparseScalar>(
    _ values: [Scalar], _ granularity: Granularity, sparsity: Double = 0.5
  ) throws(PruningError) -> MaskOutcome {
    try values.withUnsafeBufferPointer { (buffer) throws(PruningError) in
      try magnitudeMask(
        buffer, shape: [1, values.count], sparsity: sparsity, granularity: granularity)
    }
  }

  @Test(arguments: Budget.allCases)
  func aPrunerRanksDoublesAsDoubles(_ budget: Budget) throws {
    // One number, or none, in float32.
    let (w, tensor) = try doubles("w", [1e-50, 2e-50, 3e-50, 4e-50], shape: [2, 2])
    let pruner = try Pruner(
      settings: PruningSettings(schedule: OneShot(0.5), budget: budget))
    try pruner.step([tensor])
    #expect(Array(w) == [0, 0, 3e-50, 4e-50])
    #expect(pruner.report.tensors[0].threshold == 3e-50)
    #expect(pruner.strip([tensor]).zeros == 2)
  }

  @Test func floatsAndDoublesCompeteUnderOneThreshold() throws {
    let (w, wide) = try doubles("wide", [1 + 1e-12, 1 + 3e-12, 1e-60, 2], shape: [2, 2])
    let narrow = Weights("narrow", shape: [2, 2], values: [1, 0.5, 3, 1e-30])
    let pruner = try Pruner(settings: PruningSettings(schedule: OneShot(0.5), budget: .global))
    try pruner.step([wide, narrow.tensor()])
    #expect(Array(w) == [1 + 1e-12, 1 + 3e-12, 0, 2] && narrow.values == [0, 0, 3, 0])
  }

  @Test func valuesOfDroppedDoublesComeBackAsTheyWereAndSurviveASave() throws {
    let (w, tensor) = try doubles("w", [1e-50, 2e-50, 3e-50, 4e-50], shape: [2, 2])
    let settings = PruningSettings(schedule: try ConstantSparsity(0.5, begin: 1, frequency: 1))
    let pruner = try Pruner(settings: settings)
    try pruner.step([tensor])
    w[0] = 5e-50
    pruner.enforce([tensor])
    #expect(w[0] == 0)
    let state = try PrunerState(bytes: pruner.state.bytes)
    #expect(state == pruner.state)
    let next = try Pruner(settings: settings, resuming: state, masks: pruner.masks)
    try next.step([tensor])
    #expect(Array(w) == [5e-50, 0, 0, 4e-50])
    // The same state beside float32 weights is refused.
    let other = Weights("w", shape: [2, 2], values: [1, 2, 3, 4])
    let wrong = try Pruner(settings: settings, resuming: state, masks: pruner.masks)
    #expect(throws: PruningError.self) { try wrong.step([other.tensor()]) }
  }

  @Test func aSaliencyOfFloatsRefusesDoubles() throws {
    let (_, tensor) = try doubles("w", [1, 2, 3, 4], shape: [2, 2])
    let pruner = try Pruner(
      settings: PruningSettings(schedule: OneShot(0.5), saliency: Saliency(decay: 0.5)))
    #expect(throws: PruningError.needsFloat(tensor: "w", saliency: "magnitude")) {
      try pruner.step([tensor])
    }
  }

  @Test(arguments: [0x1.FAp-1064, 1e-200, 1e-160, 1, 1e150, 1e160, 1e307], Pooling.allCases)
  func poolsOfDoublesKeepTheLargerBlock(scale: Double, pooling: Pooling) throws {
    let pair = try BlockSize(1, 2)
    let values = [1, 1, 2, 2, 3, 3, 4, 4].map { $0 * scale }
    let outcome = try mask(values, .block(pair, pooling: pooling))
    #expect(outcome.mask.bits == [0, 0, 0, 0, 1, 1, 1, 1], "\(scale), \(pooling)")
    let norm =
      switch pooling {
      case .average, .max: 3 * scale
      case .l1: 6 * scale
      case .l2: 3 * 2.0.squareRoot() * scale
      }
    let threshold = try #require(outcome.threshold)
    // Subnormal numbers have fewer digits.
    #expect(
      abs(threshold - norm) <= max(norm * 1e-15, .leastNonzeroMagnitude), "\(scale), \(pooling)")
  }

  @Test(arguments: [Float(bitPattern: 7), 1e-30, 1, 1e20, 8e37] as [Float], Pooling.allCases)
  func poolsOfFloatsKeepTheLargerBlock(scale: Float, pooling: Pooling) throws {
    let outcome = try mask(
      [1, 1, 2, 2, 3, 3, 4, 4].map { $0 * scale / 2 }, .block(try BlockSize(1, 2), pooling: pooling)
    )
    #expect(outcome.mask.bits == [0, 0, 0, 0, 1, 1, 1, 1], "\(scale), \(pooling)")
  }

  @Test func anAverageOfTheLargestNumbersIsFinite() throws {
    let most = Double.greatestFiniteMagnitude
    let outcome = try mask([most / 2, most / 2, most, most], .block(try BlockSize(1, 2)))
    #expect(outcome.mask.bits == [0, 0, 1, 1] && outcome.threshold == most)
    let single = Float.greatestFiniteMagnitude
    let narrow = try mask([single, single, single / 2, single / 2], .block(try BlockSize(1, 2)))
    #expect(narrow.mask.bits == [1, 1, 0, 0] && narrow.threshold == Double(single))
  }

  @Test(arguments: [Pooling.l1, .l2]) func aNormBeyondTheTypeIsRefused(_ pooling: Pooling) throws {
    let granularity = Granularity.block(try BlockSize(1, 2), pooling: pooling)
    let (most, single) = (Double.greatestFiniteMagnitude, Float.greatestFiniteMagnitude)
    #expect(throws: PruningError.normOverflow(tensor: "weights", cell: 1)) {
      _ = try mask([1, 1, most, most], granularity)
    }
    #expect(throws: PruningError.normOverflow(tensor: "weights", cell: 0)) {
      _ = try mask([single, single, 1, 1], granularity)
    }
  }

  @Test func aTensorThatIsNotFiniteIsNamedWithTheIndex() throws {
    for (bad, error) in [
      (Double.nan, PruningError.notANumber(tensor: "w", index: 2)),
      (-.infinity, .infinite(tensor: "w", index: 2)),
    ] {
      let (w, tensor) = try doubles("w", [1, 2, bad, 4], shape: [2, 2])
      for budget in Budget.allCases {
        let pruner = try Pruner(settings: PruningSettings(schedule: OneShot(0.5), budget: budget))
        #expect(throws: error) { try pruner.step([tensor]) }
        #expect(w[0] == 1 && pruner.masks.isEmpty && pruner.currentStep == 0)
      }
    }
  }

  @Test func sharesOfHugeShapesDoNotOverflow() {
    let each = erdosRenyiSparsities(of: [[.max, .max, 4], [.max, 8]], sparsity: 0.9)
    #expect(each.allSatisfy { $0 >= 0 && $0 <= 1 })
  }
}
