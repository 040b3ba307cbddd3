// One-shot pruning of whole networks: layers in order, on their own inputs, resumable, without
// training

import LacunaFormats
import LacunaNN
import LacunaPruning
import Testing

@Suite struct OneShotTests {
  /// A small convolutional network that has learned the quadrants.
  private func trained() throws -> (SequentialModel, ImageDataset, ImageDataset) {
    let model = try SequentialModel(Fixtures.network, seed: 2, threads: 2)
    try model.setWeights(Self.learned.get())
    let train = try Fixtures.quadrants(count: 512, seed: 1)
    return (model, train, try Fixtures.quadrants(count: 256, seed: 3))
  }

  /// Its weights, learned once.
  private static let learned = Result {
    let model = try SequentialModel(Fixtures.network, seed: 2, threads: 2)
    try Trainer(
      model, data: Fixtures.quadrants(count: 512, seed: 1),
      settings: TrainingSettings(epochs: 4, batchSize: 32)
    ).run()
    return model.weights
  }

  private func settings(
    _ method: any OneShotMethod, _ sparsity: Double?, budget: OneShotBudget = .uniform,
    excluded: [String] = []
  ) -> NetworkOneShotSettings {
    NetworkOneShotSettings(
      layer: OneShotSettings(method: method, sparsity: sparsity), budget: budget,
      excluded: excluded)
  }

  @Test func everyKernelLosesItsShareAndTheNetworkKeepsItsAccuracy() throws {
    let (model, train, test) = try trained()
    let dense = try model.evaluate(test).accuracy
    let samples = NetworkSamples(train.prefix(256))
    var seen: [String] = []
    let reports = try oneShot(
      model, calibration: samples, settings: settings(ALPS(), 0.6)
    ) { report, mask in
      seen.append(report.name)
      #expect(mask.keptCount == report.kept)
    }
    #expect(seen == ["conv1/kernel", "conv2/kernel", "dense1/kernel", "dense2/kernel"])
    #expect(reports.map(\.name) == seen)
    for report in reports {
      let kernel = model.parameter(named: report.name)!
      #expect(kernel.values.elements.count { $0 != 0 } <= report.kept)
      #expect(report.kept == keptCount(of: kernel.count, sparsity: 0.6))
      #expect(report.error! <= report.errorOfMask!)
    }
    // 32 patches of each image of the first convolution; the second has 4 places.
    #expect(reports.map(\.samples) == [256 * 32, 256 * 4, 256, 256])
    #expect(try model.evaluate(test).accuracy >= dense - 0.05)
  }

  @Test func laterLayersSeeWhatEarlierOnesBecame() throws {
    let (model, train, _) = try trained()
    let samples = NetworkSamples(train.prefix(64))
    let (whole, single) = (model.weights, settings(SparseGPT(), 0.5, excluded: ["conv1/*"]))
    try oneShot(model, calibration: samples, settings: settings(SparseGPT(), 0.5))
    let inOrder = model.weights["dense2/kernel"]!
    try model.setWeights(whole)
    try oneShot(model, calibration: samples, settings: single)
    #expect(model.weights["conv1/kernel"]! == whole["conv1/kernel"]!)
    #expect(model.weights["dense2/kernel"]! != inOrder)
  }

  @Test func layersThatAimAtTheDenseNetworkKeepItsOutputsBetter() throws {
    let (model, train, test) = try trained()
    let samples = NetworkSamples(train.prefix(512))
    let whole = model.weights
    func outputs() -> [Float] {
      let input = model.input(batch: test.count)
      for i in 0..<test.count { test.write(i, to: input + i * 64) }
      model.forward(batch: test.count, training: false, random: RandomStream(seed: 0))
      return (0..<test.count * model.outputShape.count).map { model.output[$0] }
    }
    let dense = outputs()
    var errors: [OneShotAim: Float] = [:]
    for aim in OneShotAim.allCases {
      try model.setWeights(whole)
      var request = settings(SparseGPT(), 0.6)
      request.aim = aim
      try oneShot(model, calibration: samples, settings: request)
      errors[aim] = zip(outputs(), dense).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect((model.weights["dense1/bias"]! == whole["dense1/bias"]!) == (aim == .own))
    }
    #expect(errors[.dense]! < 0.95 * errors[.own]!, "\(errors)")
  }

  @Test func samplesGoWithTheWidestLayer() throws {
    let (model, _, _) = try trained()
    #expect(try model.oneShotSamples(settings: settings(Wanda(), 0.5)) == 1024)
    let wide = try SequentialModel(
      Architecture(
        name: "wide", input: Shape(height: 1, width: 1, channels: 3000),
        layers: [.flatten(name: "flat"), .dense(name: "dense", units: 10, relu: false)]))
    #expect(try wide.oneShotSamples(settings: settings(Wanda(), 0.5)) == 6000)
  }

  @Test(arguments: [OneShotBudget.uniform, .global, .leastError])
  func aRunThatWasStoppedGoesOnToTheSameWeights(budget: OneShotBudget) throws {
    let (model, train, _) = try trained()
    let samples = NetworkSamples(train.prefix(64))
    let request = settings(SparseGPT(), 0.5, budget: budget)
    let whole = model.weights
    try oneShot(model, calibration: samples, settings: request)
    let expected = model.weights
    try model.setWeights(whole)
    struct Stop: Error {}
    var done: [String: PrunedKernel] = [:]
    #expect(throws: Stop.self) {
      try oneShot(model, calibration: samples, settings: request) { report, _ in
        done[report.name] = model.prunedKernel(named: report.name)!
        if done.count == 2 { throw Stop() }
      }
    }
    // What goes on starts from the dense network, too.
    try model.setWeights(whole)
    let rest = try oneShot(model, calibration: samples, settings: request, done: done)
    #expect(rest.map(\.name) == ["dense1/kernel", "dense2/kernel"])
    #expect(model.weights == expected)
  }

  @Test(arguments: [
    OneShotBudget.global, .outliers(factor: 2), .perLayer(["dense1/kernel": 0.9]), .leastError,
  ])
  func budgetsAreShared(budget: OneShotBudget) throws {
    let (model, train, _) = try trained()
    let reports = try oneShot(
      model, calibration: NetworkSamples(train.prefix(64)),
      settings: settings(Magnitude(), 0.7, budget: budget))
    let weights = reports.reduce(0) { $0 + $1.weights }
    let sparsity = 1 - Double(reports.reduce(0) { $0 + $1.kept }) / Double(weights)
    if case .perLayer = budget {
      #expect(abs(reports[2].target - 0.9) < 1e-9 && abs(reports[0].target - 0.7) < 1e-9)
    } else {
      // Each layer rounds by itself.
      #expect(abs(sparsity - 0.7) < 4 / Double(weights))
      #expect(Set(reports.map(\.target)).count > 1)
    }
  }

  @Test func floatsAreSamplesToo() throws {
    let (model, train, _) = try trained()
    let floats = train.prefix(40).images.map { Float($0) * (1 / 255) }
    let whole = model.weights
    try oneShot(
      model, calibration: NetworkSamples(train.prefix(40)), settings: settings(Wanda(), 0.5))
    let expected = model.weights
    try model.setWeights(whole)
    try oneShot(
      model, calibration: NetworkSamples(floats, valuesPerSample: 64),
      settings: settings(Wanda(), 0.5))
    #expect(model.weights == expected)
  }

  @Test func aLatencyBudgetIsKeptByThePrediction() throws {
    let (model, train, _) = try trained()
    let samples = NetworkSamples(train.prefix(64))
    let request = settings(Wanda(), nil)
    func pruned(_ seconds: Double) throws -> NetworkLatencyReport {
      try oneShot(
        model, calibration: samples, settings: request, within: LatencyBudget(seconds: seconds),
        batch: 8, candidates: [(0.5, .element), (0.9, .element), (nil, .pattern(keep: 1, of: 4))])
    }
    let whole = model.weights
    let all = try pruned(10)
    // With time to spare every layer stays as it is.
    #expect(all.choices.allSatisfy { $0.sparsity == 0 } && all.layers.isEmpty)
    #expect(model.weights == whole && all.measuredSeconds > 0)
    #expect(throws: ModelError.self) { try pruned(1e-12) }
    #expect(model.weights == whole)
    #expect(all.kernels == ["conv1/kernel", "conv2/kernel", "dense1/kernel", "dense2/kernel"])
    #expect(all.predictedSeconds == all.denseSeconds)
  }

  @Test func impossibleRequestsChangeNothing() throws {
    let (model, train, _) = try trained()
    let whole = model.weights
    let samples = NetworkSamples(train.prefix(8))
    #expect(throws: ModelError.oneShot(.noSamples(layer: "input"))) {
      try oneShot(
        model, calibration: NetworkSamples(train.prefix(0)), settings: settings(Wanda(), 0.5))
    }
    #expect(throws: ModelError.self) {
      try oneShot(
        model, calibration: NetworkSamples([Float](repeating: 0, count: 63), valuesPerSample: 63),
        settings: settings(Wanda(), 0.5))
    }
    #expect(throws: ModelError.self) { try NetworkSamples([1, 2, 3], valuesPerSample: 2) }
    #expect(
      throws: ModelError.oneShot(.inputNotFinite(layer: "input", sample: 1, input: 0))
    ) { try NetworkSamples([1, 2, .nan, 4], valuesPerSample: 2) }
    #expect(throws: ModelError.self) {
      try oneShot(
        model, calibration: samples, settings: settings(Wanda(), 0.5, excluded: ["conv9*"]))
    }
    #expect(throws: ModelError.self) {
      try oneShot(model, calibration: samples, settings: settings(Wanda(), 0.5, excluded: ["*"]))
    }
    #expect(throws: ModelError.self) {
      try oneShot(model, calibration: samples, settings: settings(Wanda(), 1.5))
    }
    #expect(throws: ModelError.self) {
      try oneShot(
        model, calibration: samples, settings: settings(Wanda(), nil, budget: .global))
    }
    #expect(model.weights == whole)
  }
}
