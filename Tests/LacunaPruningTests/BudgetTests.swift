// How a model's sparsity is shared out: uniform, global, Erdős–Rényi, by rules, under a limit.

import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

@Suite struct BudgetTests {
  /// A small convolutional model: scales differ from layer to layer.
  private func model(seed: UInt64 = 1) -> [Weights] {
    let shapes: [(String, [Int], Float)] = [
      ("conv1/kernel", [8, 3, 3, 1], 1), ("conv1/bias", [8], 1),
      ("conv2/kernel", [16, 3, 3, 8], 0.3), ("dense/kernel", [64, 400], 0.05),
      ("head/kernel", [10, 64], 0.5), ("head/bias", [10], 1),
    ]
    return shapes.enumerated().map { n, item in
      let count = item.1.reduce(1, *)
      return Weights(
        item.0, shape: item.1,
        values: randomWeights(count, seed: seed &+ UInt64(n)).map { $0 * item.2 })
    }
  }

  private func prune(_ model: [Weights], _ settings: PruningSettings) throws -> PruningReport {
    let pruner = try Pruner(settings: settings)
    try pruner.step(model.map { try $0.tensor() })
    return pruner.report
  }

  private func report(_ name: String, _ report: PruningReport) throws -> TensorReport {
    try #require(report.tensors.first { $0.name == name })
  }

  @Test func uniformGivesEachTensorTheSame() throws {
    let report = try prune(model(), PruningSettings(schedule: OneShot(0.75)))
    for tensor in report.tensors where tensor.skipped == nil {
      #expect(tensor.kept == keptCount(of: tensor.weights, sparsity: 0.75))
    }
    #expect(
      report.tensors.filter { $0.skipped == .bias }.map(\.name) == ["conv1/bias", "head/bias"])
  }

  @Test func oneThresholdRulesTheWholeModel() throws {
    let model = model()
    let before = model.map(\.values)
    let report = try prune(model, PruningSettings(schedule: OneShot(0.9), budget: .global))
    let pruned = report.tensors.filter { $0.skipped == nil }
    let total = pruned.reduce(0) { $0 + $1.weights }
    #expect(pruned.reduce(0) { $0 + $1.kept } == keptCount(of: total, sparsity: 0.9))
    let threshold = try #require(pruned[0].threshold)
    #expect(pruned.allSatisfy { $0.threshold == threshold })
    for (weights, old) in zip(model, before) where weights.shape.count > 1 {
      for (now, then) in zip(weights.values, old) {
        #expect(now == (Double(then.magnitude) >= threshold ? then : 0))
      }
    }
    // The layer of small weights lost the most.
    #expect(try self.report("dense/kernel", report).sparsity > 0.9)
    #expect(try self.report("conv1/kernel", report).sparsity < 0.5)
  }

  @Test func aGlobalThresholdNeverEmptiesATensor() throws {
    let small = Weights(
      "small", shape: [4, 5], values: randomWeights(20, seed: 1).map { $0 * 1e-6 })
    let tiny = Weights("tiny", shape: [2, 2], values: [1e-9, -3e-9, 2e-9, 0])
    let large = Weights("large", shape: [30, 30], values: randomWeights(900, seed: 2))
    let report = try prune(
      [small, tiny, large], PruningSettings(schedule: OneShot(0.9), budget: .global))
    #expect(report.tensors.map(\.kept) == [1, 1, keptCount(of: 924, sparsity: 0.9) - 2])
    #expect(tiny.values == [0, -3e-9, 0, 0])
    // Constant tensors share a threshold by the order of the tensors.
    let same = [1, 2].map { Weights("w\($0)", shape: [10], values: Array(repeating: 1, count: 10)) }
    let tied = try prune(
      same, PruningSettings(schedule: OneShot(0.7), budget: .global, exclusions: []))
    #expect(tied.tensors.reduce(0) { $0 + $1.kept } == 6)
  }

  @Test func globalBlocksCompeteAsBlocks() throws {
    let model = model()
    let report = try prune(
      model,
      PruningSettings(
        schedule: OneShot(0.8), granularity: .block(try BlockSize(2, 4)), budget: .global))
    let pruned = report.tensors.filter { $0.skipped == nil }
    let cells = pruned.reduce(0) { $0 + $1.cells! }
    #expect(pruned.reduce(0) { $0 + $1.keptCells! } == keptCount(of: cells, sparsity: 0.8))
    for granularity: Granularity in [.pattern(keep: 2, of: 4), .window(keep: 2, of: 16)] {
      #expect(throws: PruningError.self) {
        try prune(
          self.model(),
          PruningSettings(schedule: OneShot(0.5), granularity: granularity, budget: .global))
      }
    }
    #expect(throws: PruningError.self) {
      try prune(
        self.model(),
        PruningSettings(
          schedule: OneShot(0.5), budget: .global,
          rules: [TensorRule("head/*", granularity: .rows())]))
    }
  }

  @Test func smallTensorsStayDenserUnderErdosRenyi() throws {
    let shapes = model().filter { $0.shape.count > 1 }.map(\.shape)
    let sizes = shapes.map { $0.reduce(1, *) }
    for sparsity in [0.1, 0.5, 0.8, 0.9, 0.99] {
      let each = erdosRenyiSparsities(of: shapes, sparsity: sparsity)
      var kept = 0.0
      for (share, size) in zip(each, sizes) { kept += (1 - share) * Double(size) }
      let density = kept / Double(sizes.reduce(0, +))
      #expect(abs(density - (1 - sparsity)) < 1e-9)
      #expect(each.allSatisfy { (0...1).contains($0) })
      // Densities of those that are not full go as Σ dimensions / Π dimensions.
      var scale: [Double] = []
      for (share, shape) in zip(each, shapes) where share > 0 {
        let (product, sum) = (shape.reduce(1, *), shape.reduce(0, +))
        scale.append((1 - share) * Double(product) / Double(sum))
      }
      #expect(scale.allSatisfy { abs($0 / scale[0] - 1) < 1e-9 }, "\(sparsity): \(scale)")
    }
    let report = try prune(model(), PruningSettings(schedule: OneShot(0.9), budget: .erdosRenyi))
    #expect(
      try self.report("conv1/kernel", report).sparsity
        < self.report("dense/kernel", report).sparsity)
  }

  @Test(arguments: Budget.allCases, [1_000, 3_000, 12_345, 20_000])
  func aParameterLimitIsKeptWithHardlyARemainder(_ budget: Budget, _ limit: Int) throws {
    let ramp = try PolynomialDecay(initial: 0.1, final: 0.5, begin: 1, end: 10, frequency: 1)
    let model = model()
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: ramp, budget: budget, parameterLimit: limit,
        rules: [TensorRule("head/kernel", schedule: try OneShot(0.5))]))
    for _ in 1...10 { try pruner.step(model.map { try $0.tensor() }) }
    let kept = pruner.report.kept
    #expect(kept <= limit && kept >= limit - 4, "\(budget): \(kept) of \(limit)")
    #expect(model.reduce(0) { $0 + $1.values.count { $0 != 0 } } == kept)
    #expect(try report("head/kernel", pruner.report).kept == 320)
  }

  @Test func anImpossibleLimitSaysWhatIsPossible() throws {
    do {
      _ = try prune(model(), PruningSettings(schedule: OneShot(0.5), parameterLimit: 10))
      Issue.record("nothing thrown")
    } catch {
      // 18 biases, and one weight of each of the four kernels.
      #expect(
        "\(error)"
          == "parameterLimit is 10, must be 22 or more: 18 weights are not part of the budget")
    }
    #expect(throws: PruningError.self) {
      try prune(model(), PruningSettings(schedule: OneShot(0), parameterLimit: 5_000))
    }
  }

  @Test func rulesApplyByNameAndPattern() throws {
    let report = try prune(
      model(),
      PruningSettings(
        schedule: OneShot(0.9),
        rules: [
          TensorRule("conv*", schedule: try OneShot(0.5)),
          TensorRule("conv2/*", granularity: .block(try BlockSize(1, 4))),
          TensorRule("*/bias", excluded: false), TensorRule("hea?/kernel", excluded: true),
        ]))
    #expect(try self.report("conv1/kernel", report).kept == 36)
    #expect(try self.report("conv2/kernel", report).cells == 16 * 18)
    #expect(try self.report("conv1/bias", report).kept == 4)
    #expect(try self.report("head/bias", report).kept == 1)
    #expect(try self.report("head/kernel", report).skipped == .excludedByRule)
    #expect(try self.report("dense/kernel", report).kept == 2560)
    do {
      _ = try prune(
        model(),
        PruningSettings(schedule: OneShot(0.9), rules: [TensorRule("convolution*")]))
      Issue.record("nothing thrown")
    } catch {
      #expect(
        "\(error)".hasPrefix("no tensor matches \"convolution*\"; the tensors are conv1/kernel,"))
    }
  }

  @Test func exclusionsLeaveTensorsAlone() throws {
    let report = try prune(
      model(),
      PruningSettings(
        schedule: OneShot(0.9), exclusions: [.biases, .firstConvolution, .lastLayer]))
    #expect(
      report.tensors.map(\.skipped) == [.firstConvolution, .bias, nil, nil, .lastLayer, .bias])
    let all = try prune(model(), PruningSettings(schedule: OneShot(0.9), exclusions: []))
    #expect(all.tensors.allSatisfy { $0.skipped == nil })
  }

  @Test func patternsMatchAsAShellWould() {
    for (pattern, name, matches) in [
      ("*", "", true), ("", "", true), ("", "a", false), ("a*b", "ab", true), ("a*b", "axxb", true),
      ("a*b", "axxbc", false), ("*b*", "abc", true), ("?", "", false), ("??", "ab", true),
      ("a**c", "abc", true), ("*a*a*", "banana", true), ("*an?", "banana", true),
      ("x*", "banana", false),
    ] { #expect(TensorRule(pattern).matches(name) == matches, "\(pattern) and \(name)") }
  }
}
