// The weights of a model file pruned at once, each on the inputs that are given for it.

import LacunaFormats
import LacunaIO
import LacunaPruning

/// How the weights of a model file are pruned at once so that their products with given inputs
/// change least.
///
/// ```swift
/// let file = try ModelFile(contentsOf: "model.onnx")
/// let pruning = ModelOneShot(layer: OneShotSettings(method: SparseGPT(), sparsity: 0.7))
/// let place = CalibrationPlace("activations.npz")
/// var weights: [String: [Float]] = [:]
/// try pruning.prune(file, inputs: { try place.inputs(of: $0, isOnly: $1) }) { report, new in
///   weights[report.name] = new
/// }
/// let pruned = weights
/// try ModelOneShot.write(file, to: "pruned.onnx", changed: Set(pruned.keys)) { pruned[$0]! }
/// ```
///
/// Weights are those of ``ModelPruning`` that are floating-point numbers, seen as the matrix [out,
/// in] of their ``MatrixView``; the inputs of a convolution are patches in the order of its
/// columns. Layers do not see each other: each has the inputs that it is given. One layer's weights
/// and products are in memory at a time. Arithmetic is single precision, also for f64 weights.
public struct ModelOneShot: Sendable {
  /// The method, structure and sparsity; the sparsity is that of all weights that take part
  /// together.
  public var layer: OneShotSettings
  /// How the layers share the sparsity.
  public var budget: OneShotBudget
  /// Prune only tensors whose name matches one of these; `*` matches any characters.
  public var include: [String]
  /// Leave alone what matches one of these, named in ``include`` or not.
  public var exclude: [String]

  /// Settings by which all weights of a file take part unless names say otherwise.
  public init(
    layer: OneShotSettings, budget: OneShotBudget = .uniform, include: [String] = [],
    exclude: [String] = []
  ) {
    (self.layer, self.budget, self.include, self.exclude) = (layer, budget, include, exclude)
  }

  /// The tensors that take part, by their place in the file.
  ///
  /// - Throws: ``ModelPruningError/nothingToPrune(path:)``
  public func tensors(_ file: ModelFile) throws(ModelPruningError) -> [Int] {
    let candidates = try ModelPruning(sparsity: 0, include: include, exclude: exclude)
      .candidates(file).filter { file.tensors[$0].type.isFloatingPoint }
    if candidates.isEmpty { throw .nothingToPrune(path: file.path) }
    return candidates
  }

  /// Prunes the weights that take part, one after the other.
  ///
  /// - Parameters:
  ///   - inputs: The inputs of the layer of that name, and whether it is the only one.
  ///   - done: Layers that an earlier, interrupted call with the same settings has pruned.
  ///   - finished: Called after each layer with its report and new weights, row by row of the matrix;
  ///     what it throws ends the run.
  /// - Throws: ``ModelPruningError``, `FileError`, `OneShotError`, and what the closures throw.
  public func prune(
    _ file: ModelFile, inputs: (String, Bool) throws -> any CalibrationSource,
    done: Set<String> = [],
    finished: (OneShotLayerReport, [Float]) throws -> Void
  ) throws {
    let indices = try tensors(file)
    func calibration(_ index: Int, _ moments: Calibration.Moments) throws -> Calibration {
      let name = file.tensors[index].name
      return try Calibration(name: name, inputs(name, indices.count == 1), moments: moments)
    }
    var sparsities = indices.map { _ in layer.sparsity }
    if budget != .uniform {
      guard let sparsity = layer.sparsity else {
        throw OneShotError.invalidParameter(
          name: "budget", value: "\(budget)", allowed: "uniform: N:M groups all keep the same")
      }
      let measured = budget.measures ? layer : nil
      let scores = try indices.map { index in
        try Self.withMatrix(file, index) { weights, rows, columns in
          try OneShotLayerScores(
            weights, rows: rows, columns: columns,
            calibration: calibration(index, measured == nil ? .norms : .double),
            measuring: measured)
        }
      }
      sparsities = try budget.sparsities(of: scores, sparsity: sparsity)
    }
    for (index, sparsity) in zip(indices, sparsities) where !done.contains(file.tensors[index].name)
    {
      var own = layer
      own.sparsity = sparsity
      let result = try Self.withMatrix(file, index) { weights, rows, columns in
        try oneShot(
          weights, rows: rows, columns: columns, calibration: calibration(index, .double),
          settings: own)
      }
      try finished(result.report, result.weights)
    }
  }

  /// Writes the file with other weights in some tensors, everything else byte for byte as it was.
  ///
  /// - Parameters:
  ///   - changed: The names of the tensors that get new elements.
  ///   - weights: The new elements of the tensor of that name, row by row of its matrix, asked for when
  ///     its turn comes.
  /// - Throws: `FileError`, also when a number is too large for the tensor's type.
  public static func write(
    _ file: ModelFile, to output: String, changed: Set<String>,
    weights: @escaping @Sendable (String) throws(DataProblem) -> [Float]
  ) throws(FileError) {
    var changes: [Int: TensorChange] = [:]
    for (index, tensor) in file.tensors.enumerated() where changed.contains(tensor.name) {
      changes[index] = TensorChange { () throws(DataProblem) in
        try tensor.bytes(ofMatrix: weights(tensor.name))
      }
    }
    try file.rewritten(changes, output: output).write(to: output)
  }

  /// Calls `body` with a tensor's matrix in f32.
  private static func withMatrix<R>(
    _ file: ModelFile, _ index: Int,
    _ body: (UnsafeBufferPointer<Float>, _ rows: Int, _ columns: Int) throws -> R
  ) throws -> R {
    let tensor = file.tensors[index]
    let (rows, columns) = tensor.view.size(of: tensor.shape)
    let weights = tensor.view.matrixOrder(try file.numbers(index), shape: tensor.shape)
    return try weights.withUnsafeBufferPointer { try body($0, rows, columns) }
  }
}

extension ModelTensor {
  /// The elements of the tensor, little-endian and in its type, from those of its matrix.
  func bytes(ofMatrix values: [Float]) throws(DataProblem) -> [UInt8] {
    if values.count != elementCount {
      throw .mismatch(
        what: "number of weights of \(name)", expected: elementCount, actual: values.count)
    }
    var ordered = values
    if !view.isIdentity {
      var taken = 0
      view.forEachRun(of: shape) { offset, step, count in
        for k in 0..<count { ordered[offset + k * step] = values[taken + k] }
        taken += count
      }
    }
    let array = try NumericArray(shape: [ordered.count], values: .f32(ordered))
    func bytes<T: BitwiseCopyable>(_ elements: [T]) -> [UInt8] {
      elements.withUnsafeBytes(Array.init)
    }
    switch type {
    case .f32: return bytes(ordered)
    case .f64: return bytes(ordered.map { Double($0) })
    case .f16, .bf16:
      let narrow = try type == .f16 ? array.rounded16() : array.roundedBFloat16()
      let back = try narrow.floats()
      if let place = back.indices.first(where: { !back[$0].isFinite }) {
        throw .inside(name, .overflow(what: "\(type.rawValue) of \(ordered[place])"))
      }
      switch narrow.values {
      case .f16(let bits), .bf16(let bits): return bytes(bits)
      default: preconditionFailure("rounded to \(type)")
      }
    default:
      throw .inside(name, .unsupported(what: "new weights of type", found: type.rawValue))
    }
  }
}
