// `lacuna prune FILE --method …`: the weights of a model file, or the kernels of a network, one
// after the other

import Lacuna

/// One-shot pruning of a file.
struct OneShotRun {
  var file: ModelFile
  var output: String
  var method: OneShotMethodName
  var options: OneShotOptions
  var settings: OneShotSettings
  var included: [String]
  var excluded: [String]
  var resume: Bool
  var threads: Int?
  var common: CommonOptions

  private var input: String { file.path }

  func run() throws {
    guard let calibration = options.calibration else {
      throw Failure(
        .usage, "--method \(method.rawValue) needs the layers' inputs: give --calibration")
    }
    try checkWritable(outputPath(output))
    if let report = options.report { try checkWritable(report) }
    let facts = try file.format == .lacuna ? network(calibration) : weights(calibration)
    try common.show(facts, besides: output) { facts.text }
  }

  /// The weights of a model file, on inputs that are given for each.
  private func weights(_ calibration: String) throws -> OneShotFacts {
    try refuse(options.forNetworks, "is for networks of this library, which run on samples")
    let pruning = ModelOneShot(
      layer: settings, budget: options.budget, include: included, exclude: excluded)
    let tensors = try pruning.tensors(file).map { file.tensors[$0] }
    let place = CalibrationPlace(calibration)
    // What is missing is said before the first layer is pruned.
    for tensor in tensors { _ = try place.inputs(of: tensor.name, isOnly: tensors.count == 1) }
    var steps = try begin(
      tensors.map {
        ($0.name, $0.view.size(of: $0.shape).rows, $0.view.size(of: $0.shape).columns)
      },
      request: "\(included)")
    try pruning.prune(
      file, inputs: { try place.inputs(of: $0, isOnly: $1) }, done: steps.done
    ) { report, weights in
      try steps.finish(report, PrunedKernel(weights: weights))
    }
    let progress = steps.end()
    try ModelOneShot.write(
      file, to: outputPath(output), changed: Set(progress.reports.map(\.name))
    ) { (name) throws(DataProblem) in
      do throws(FileError) { return try progress.kernel(name).weights } catch {
        throw .inside(name, .absent(what: "its pruned weights (\(error))"))
      }
    }
    return try facts(progress)
  }

  /// The kernels of a checkpoint or compact model, each on what the pruned layers before it give.
  private func network(_ calibration: String) throws -> OneShotFacts {
    try refuse(
      [("--output", outputPath(output) == AtomicFile.standardOutput)],
      "- is for model files of other formats")
    try refuse([("--include", !included.isEmpty)], "is for model files of other formats")
    let stored = try StoredNetwork(contentsOf: input, threads: threads)
    let model = stored.model
    let request = NetworkOneShotSettings(
      layer: settings, budget: options.budget, excluded: excluded,
      patchesPerSample: options.patches ?? 32, aim: options.aim)
    let samples = try samples(calibration, for: model, request)
    if let latency = options.latency {
      let report = try oneShot(
        model, calibration: samples, settings: request,
        within: LatencyBudget(seconds: latency * 1e-6), batch: 1,
        candidates: LatencyBudget.usualCandidates)
      try stored.write(to: output)
      var facts = OneShotFacts(output: output, layers: report.layers)
      facts.latency = OneShotFacts.Latency(report)
      if let page = options.report {
        try OneShotPage(facts: facts, input: input).write(to: page) {
          Array(model.parameter(named: $0)!.values.elements)
        }
      }
      return facts
    }
    let kernels = try model.oneShotKernels(calibration: samples, settings: request)
    var steps = try begin(
      kernels.map { name in
        let kernel = model.parameter(named: name)!
        return (name, kernel.rows, kernel.columns)
      }, request: "\(request.patchesPerSample) \(samples.count) \(request.chosenAim)")
    var done: [String: PrunedKernel] = [:]
    for report in steps.progress.reports {
      done[report.name] = try steps.progress.kernel(report.name)
    }
    try oneShot(model, calibration: samples, settings: request, done: done) { report, _ in
      try steps.finish(report, model.prunedKernel(named: report.name)!)
    }
    let progress = steps.end()
    try stored.write(to: output)
    return try facts(progress)
  }

  /// The way through the layers: progress with the time left, and what a stopped run left.
  private func begin(
    _ layers: [(name: String, rows: Int, columns: Int)], request: String
  ) throws -> OneShotSteps {
    var progress = OneShotProgress(
      output: outputPath(output) == AtomicFile.standardOutput ? "standard-output" : output,
      request: "\(input) \(options.calibration ?? "") \(method.rawValue) \(settings.sparsity ?? 0) "
        + "\(settings.structure) \(options.refit) \(settings.damping) \(options.budget) "
        + "\(excluded) \(request)")
    if resume { try progress.resume() } else { progress.remove() }
    return OneShotSteps(progress, layers, common)
  }

  /// The report, and the page when one is wanted; the layers' files are not needed any more.
  private func facts(_ progress: OneShotProgress) throws -> OneShotFacts {
    let facts = OneShotFacts(output: output, layers: progress.reports)
    if let page = options.report {
      try OneShotPage(facts: facts, input: input).write(to: page) {
        try progress.kernel($0).weights
      }
    }
    progress.remove()
    return facts
  }

  /// IDX images of a folder that holds them, otherwise samples in files of arrays.
  private func samples(
    _ path: String, for model: SequentialModel, _ request: NetworkOneShotSettings
  ) throws -> NetworkSamples {
    let limit = try options.samples ?? model.oneShotSamples(settings: request)
    let isImages = ["", ".gz"].contains {
      access("\(path)/train-images-idx3-ubyte\($0)", F_OK) == 0
    }
    if isImages {
      return NetworkSamples(try ImageDataset.load(directory: path).training.prefix(limit))
    }
    var values: [Float] = []
    try CalibrationFiles(path).forEachBatch { values += $0.elements }
    return try NetworkSamples(values, valuesPerSample: model.inputShape.count).prefix(limit)
  }
}

/// The layers of a run, one after the other.
struct OneShotSteps {
  private(set) var progress: OneShotProgress
  private let layers: [(name: String, rows: Int, columns: Int)]
  private var bar: ProgressBar
  private let interruption = Interruption.caught()

  init(
    _ progress: OneShotProgress, _ layers: [(name: String, rows: Int, columns: Int)],
    _ common: CommonOptions
  ) {
    (self.progress, self.layers) = (progress, layers)
    bar = common.progressBar(
      total: layers.reduce(0) { $0 + Self.work($1.rows, $1.columns) }, title: "prune")
  }

  /// What a layer's time goes with, in units that a progress bar counts.
  private static func work(_ rows: Int, _ columns: Int) -> Int {
    1 + Int(Double(columns) * Double(columns) * Double(rows + columns) / 1e6)
  }

  /// Layers that are done.
  var done: Set<String> { Set(progress.reports.map(\.name)) }

  /// Keeps a layer; ends the run when somebody asked for it.
  mutating func finish(_ report: OneShotLayerReport, _ kernel: PrunedKernel) throws {
    try progress.append(report, kernel)
    let step = progress.reports.reduce(0) { $0 + Self.work($1.rows, $1.columns) }
    bar.update(step: step, detail: report.name)
    if interruption.isCancelled && progress.reports.count < layers.count {
      bar.finish()
      throw Failure(
        .interrupted,
        "stopped after \(progress.reports.count) of \(layers.count) layers; go on with --resume")
    }
  }

  /// Ends the bar.
  mutating func end() -> OneShotProgress {
    bar.finish()
    return progress
  }
}
