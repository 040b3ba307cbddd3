// `lacuna prune FILE --method …`: one matrix in a .npy file, or the kernels of a network one after
// the other

import Lacuna

/// One-shot pruning of a file.
struct OneShotRun {
  var input: String
  var kind: FileKind
  var output: String
  var method: OneShotMethodName
  var options: OneShotOptions
  var settings: OneShotSettings
  var excluded: [String]
  var resume: Bool
  var threads: Int?
  var common: CommonOptions

  func run() throws {
    guard let calibration = options.calibration else {
      throw Failure(
        .usage, "--method \(method.rawValue) needs the layer's inputs: give --calibration")
    }
    try checkWritable(outputPath(output))
    let facts = try ArrayFile.kinds.contains(kind) ? matrix(calibration) : network(calibration)
    try common.show(facts, besides: output) { facts.text }
  }

  /// A weight array: the first dimension by all others.
  private func matrix(_ calibration: String) throws -> OneShotFacts {
    try refuse(
      [("--resume", resume)] + options.forNetworks, "is for networks: one matrix is one step")
    let file = try ArrayFile(contentsOf: input)
    let place = try file.placeOfOnlyNumbers()
    let stored = file.arrays[place]
    guard stored.shape.count >= 2, stored.type.isFloatingPoint, stored.count > 0 else {
      throw Failure(
        .badData, "\(input) is no floating-point array of rank 2 or more: nothing to prune")
    }
    let weights = try file.read(place).floats()
    let name = "\(stored.name)"
    var bar = common.progressBar(total: 2, title: "prune")
    let inputs = try Calibration(name: name, try CalibrationFiles(calibration))
    bar.update(step: 1, detail: "\(inputs.samples) samples")
    let rows = stored.shape[0]
    let result = try weights.withUnsafeBufferPointer {
      try oneShot(
        $0, rows: rows, columns: weights.count / rows, calibration: inputs, settings: settings)
    }
    bar.update(step: 2, detail: name)
    bar.finish()
    try file.write([place: stored.bytes(rounding: result.weights)], toOutput: outputPath(output))
    return OneShotFacts(output: output, layers: [result.report])
  }

  private func network(_ calibration: String) throws -> OneShotFacts {
    try refuse(
      [("--output", outputPath(output) == AtomicFile.standardOutput)],
      "- is for one matrix: the layers of a network that are done are kept beside the output")
    let file = try LacunaFile(contentsOf: input)
    let checkpoint =
      file.metadata["kind"] == "lacuna checkpoint" ? try Checkpoint(file) : nil
    let model =
      try checkpoint?.makeModel(threads: threads)
      ?? CompressedModel(file).makeModel(threads: threads)
    let samples = try samples(calibration, for: model)
    let request = NetworkOneShotSettings(
      layer: settings, budget: options.budget, excluded: excluded,
      patchesPerSample: options.patches ?? 32)
    let kernels = try model.oneShotKernels(calibration: samples, settings: request)
    var progress = OneShotProgress(
      output: output,
      request: "\(input) \(calibration) \(method.rawValue) \(settings.sparsity ?? 0) "
        + "\(settings.structure) \(options.refit) \(settings.damping) \(options.budget) "
        + "\(excluded) \(request.patchesPerSample) \(samples.count)")
    if resume {
      try progress.resume()
      for case (let name, .dense(_, let values)) in progress.kernels.map({ ($0.name, $0.tensor) }) {
        guard let kernel = model.parameter(named: name), kernel.count == values.count else {
          throw Failure(.badData, "\(progress.path): \(name) does not fit \(input)")
        }
        _ = kernel.values.elements.update(from: values)
      }
    }
    let interruption = Interruption.caught()
    let work = try kernels.map { try Self.work(of: $0, in: model) }
    var bar = common.progressBar(total: work.reduce(0, +), title: "prune")
    var done = 0
    try oneShot(
      model, calibration: samples, settings: request, done: Set(progress.reports.map(\.name))
    ) { report, _ in
      let kernel = model.parameter(named: report.name)!
      try progress.append(report, Array(kernel.values.elements), shape: kernel.shape)
      done += try Self.work(of: report.name, in: model)
      bar.update(step: done, detail: report.name)
      if interruption.isCancelled && progress.reports.count < kernels.count {
        bar.finish()
        throw Failure(
          .interrupted,
          "stopped after \(progress.reports.count) of \(kernels.count) layers; go on with --resume")
      }
    }
    bar.finish()
    if let checkpoint {
      try Checkpoint(checkpoint, weightsOf: model).write(to: output)
    } else {
      try CompressedModel(model, form: .sparse).save(to: output)
    }
    progress.remove()
    return OneShotFacts(output: output, layers: progress.reports)
  }

  /// What a layer's time goes with, in units that a progress bar counts.
  private static func work(of name: String, in model: SequentialModel) throws -> Int {
    guard let kernel = model.parameter(named: name) else { return 1 }
    let (outputs, inputs) = (Double(kernel.rows), Double(kernel.columns))
    return 1 + Int(inputs * inputs * (inputs + outputs) / 1e6)
  }

  /// IDX images of a folder that holds them, otherwise `.npy` samples.
  private func samples(_ path: String, for model: SequentialModel) throws -> NetworkSamples {
    let isImages = ["", ".gz"].contains {
      access("\(path)/train-images-idx3-ubyte\($0)", F_OK) == 0
    }
    if isImages {
      return NetworkSamples(
        try ImageDataset.load(directory: path).training.prefix(options.samples ?? 1024))
    }
    return try CalibrationFiles.networkSamples(
      at: path, valuesPerSample: model.inputShape.count
    ).prefix(options.samples ?? 1024)
  }
}
