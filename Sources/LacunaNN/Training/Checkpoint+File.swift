// A checkpoint as a `.lacuna` container: tensors under weights/, moment0/, moment1/, mask/, range/, and the pruner.

import LacunaFormats
import LacunaIO
import LacunaPruning

extension Checkpoint {
  /// Writes the checkpoint beside `path` and renames it: a kill at any moment leaves the previous file.
  ///
  /// - Throws: ``ModelError/file(_:)``.
  public func write(to path: String) throws(ModelError) {
    do throws(FileError) { try file.write(to: path) } catch { throw .file(error) }
  }

  /// Reads and checks a checkpoint.
  ///
  /// - Throws: ``ModelError``: the file cannot be read, is damaged, is no checkpoint, holds tensors
  ///   that its architecture does not have, or a weight that is not finite.
  public init(contentsOf path: String) throws(ModelError) {
    let file: LacunaFile
    do throws(FileError) { file = try LacunaFile(contentsOf: path) } catch { throw .file(error) }
    try self.init(file)
  }

  /// The container that holds the checkpoint.
  public var file: LacunaFile {
    var metadata = [
      "kind": FileKind.checkpoint.rawValue, "architecture": json(architecture),
      "training": json(settings), "progress": json(progress),
    ]
    var tensors: [NamedTensor] = []
    // Weights and moments have the shapes of the network's tensors; files of before are flat.
    let shapes = Dictionary(
      ((try? architecture.tensorShapes()) ?? []).map { ($0.name, $0.shape) }
    ) { first, _ in first }
    func add(_ prefix: String, _ name: String, _ values: [Float]) {
      let flat = [values.count]
      let shape = shapes[name].map { $0.reduce(1, *) == values.count ? $0 : flat } ?? flat
      // As many as the shape has.
      let tensor = try! StoredTensor.dense(shape: shape, values: values)
      tensors.append(NamedTensor(name: "\(prefix)/\(name)", tensor: tensor))
    }
    for (name, values) in weights.sorted(by: { $0.key < $1.key }) { add("weights", name, values) }
    for (name, list) in moments.sorted(by: { $0.key < $1.key }) {
      for (i, values) in list.enumerated() { add("moment\(i)", name, values) }
    }
    if let pruning {
      metadata["recipe"] = pruning.recipe
      tensors.append(NamedTensor(name: "pruner", tensor: .bytes(pruning.state.bytes)))
      for (name, mask) in pruning.masks.sorted(by: { $0.key < $1.key }) {
        tensors.append(NamedTensor(name: "mask/\(name)", tensor: .bitMask(mask)))
      }
    }
    // As tensors, which keep every bit.
    for (name, range) in activationRanges.sorted(by: { $0.key < $1.key }) {
      let tensor = try! StoredTensor.dense(shape: [2], values: [range.low, range.high])
      tensors.append(NamedTensor(name: "range/\(name)", tensor: tensor))
    }
    return LacunaFile(metadata: metadata, tensors: tensors)
  }

  /// Checks every name, length and value of a container.
  public init(_ file: LacunaFile) throws(ModelError) {
    let metadata = file.metadata
    try metadata.check(kind: .checkpoint)
    architecture = try metadata.decoded(Architecture.self, key: "architecture")
    settings = try metadata.decoded(TrainingSettings.self, key: "training")
    progress = try metadata.decoded(Progress.self, key: "progress")
    try settings.validate()
    try progress.validate(settings, labelsPerSample: try architecture.shapes().last!.pixels)
    let expected = try architecture.tensorShapes()

    func dense(_ name: String) throws(ModelError) -> [Float]? {
      guard let tensor = file[name] else { return nil }
      guard let values = tensor.denseValues else {
        throw .tensorKind(name: name, expected: "dense", found: tensor.kindName)
      }
      return values
    }
    var weights: [String: [Float]] = [:]
    var moments: [String: [[Float]]] = [:]
    for (name, shape, role) in expected {
      let count = shape.reduce(1, *)
      guard let values = try dense("weights/\(name)") else { throw .missingTensor(name) }
      if values.count != count {
        throw .tensorShape(name: name, expected: shape, found: [values.count])
      }
      if let bad = values.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(tensor: name, index: bad)
      }
      weights[name] = values
      if role == .statistic { continue }
      for i in 0..<settings.optimiser.momentCount {
        guard let values = try dense("moment\(i)/\(name)") else {
          throw .missingTensor("moment\(i)/\(name)")
        }
        if values.count != count {
          throw .tensorShape(name: "moment\(i)/\(name)", expected: shape, found: [values.count])
        }
        moments[name, default: []].append(values)
      }
    }
    (self.weights, self.moments) = (weights, moments)
    var ranges: [String: ActivationBounds] = [:]
    if settings.quantization?.roundsActivations == true && progress.step > 0 {
      for layer in try architecture.layersOfBytes() {
        guard let values = try dense("range/\(layer)") else {
          throw .missingTensor("range/\(layer)")
        }
        if values.count != 2 {
          throw .tensorShape(name: "range/\(layer)", expected: [2], found: [values.count])
        }
        ranges[layer] = try ActivationBounds(checking: values[0], values[1], of: layer)
      }
    }
    activationRanges = ranges
    pruning = try Self.pruning(in: file, expected)
  }

  private static func pruning(
    in file: LacunaFile, _ expected: [(name: String, shape: [Int], role: Parameter.Role)]
  ) throws(ModelError) -> Pruning? {
    guard let stored = file["pruner"] else { return nil }
    guard case .bytes(let bytes) = stored else {
      throw .tensorKind(name: "pruner", expected: "bytes", found: stored.kindName)
    }
    let state: PrunerState
    do throws(PruningError) { state = try PrunerState(bytes: bytes) } catch {
      throw .metadata(key: "pruner", reason: "\(error)")
    }
    var masks: [String: BitMask] = [:]
    for (name, shape, _) in expected {
      let rows = shape.first ?? 1
      if let tensor = file["mask/\(name)"] {
        guard case .bitMask(let mask) = tensor else {
          throw .tensorKind(name: "mask/\(name)", expected: "bitMask", found: tensor.kindName)
        }
        if mask.rows != rows || mask.columns != shape.dropFirst().reduce(1, *) {
          throw .tensorShape(
            name: "mask/\(name)", expected: shape, found: [mask.rows, mask.columns])
        }
        masks[name] = mask
      }
    }
    return Pruning(state: state, masks: masks, recipe: file.metadata["recipe"])
  }
}

extension Checkpoint.Progress {
  /// Every counter is one that a run with these settings can reach: none overflows on the way on.
  fileprivate func validate(
    _ settings: TrainingSettings, labelsPerSample: Int
  ) throws(ModelError) {
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ModelError) {
      if range.contains(value) { return }
      throw .metadata(
        key: "progress",
        reason: "\(name) is \(value), must be in \(range.lowerBound)...\(range.upperBound)")
    }
    // The order of the samples is kept in 32 bits.
    try check("samples", samples, 1...Int(Int32.max))
    try check("step", step, 0...settings.totalSteps(samples: samples))
    try check("optimiserStep", optimiserStep, 0...step)
    try check("epochSamples", epochLabels, 0...samples * labelsPerSample)
    try check("epochCorrect", epochCorrect, 0...epochLabels)
  }
}
