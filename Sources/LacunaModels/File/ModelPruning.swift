// One-shot pruning of a model file: which tensors, how much of each, and the masks.

import LacunaFormats
import LacunaIO
import LacunaPruning

/// What can go wrong when a model file is pruned.
public enum ModelPruningError: Error, Sendable {
  /// The file cannot be read or written.
  case file(FileError)
  /// The settings are refused, or weights are not finite.
  case pruning(PruningError)
  /// Nothing in the file can be pruned, or nothing of what was asked for.
  case nothingToPrune(path: String)
}

extension ModelPruningError: CustomStringConvertible {
  /// One line: the file or the tensor, and what is wrong with it.
  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .pruning(let error): "\(error)"
    case .nothingToPrune(let path):
      "\(path) holds no weights that can be pruned: matrices of floats or of 8-bit numbers, not excluded"
    }
  }
}

/// How the weights of a model file are pruned, once.
///
/// Weights are the tensors that the operators of the model multiply with; where the file does not say
/// what a tensor is for, every array of floats with two dimensions or more. Each is seen as the matrix
/// [out, in] of its ``MatrixView``, so that blocks and N:M groups run along the inputs.
public struct ModelPruning: Sendable {
  /// The fraction of weights to drop, in `0..<1`.
  public var sparsity: Double
  /// What is kept or dropped as one piece.
  public var granularity: Granularity
  /// How the tensors share the sparsity.
  public var budget: Budget
  /// What happens to weights that tie with the threshold.
  public var ties: TiePolicy
  /// The most weights that may be left, those that are not pruned included.
  public var parameterLimit: Int?
  /// Prune only tensors whose name matches one of these; `*` matches any characters. Embeddings and
  /// tensors without a role take part when they are named here.
  public var include: [String]
  /// Leave alone what matches one of these, named in ``include`` or not.
  public var exclude: [String]
  /// Whose blocks are meant, and how arrays without a role lie: TensorFlow's are `[…, in, out]`, and its block
  /// of R×C is inputs by outputs.
  public var layout: WeightLayout
  /// How pruned tensors are stored. Those that the format has no sparse encoding for stay as they are, and
  /// their ``Outcome`` says so.
  public var storage: TensorStorage

  /// Settings, checked when a file is pruned. By default single weights go, the same share of each
  /// tensor, and every tensor keeps the way that it is stored.
  public init(
    sparsity: Double, granularity: Granularity = .element, budget: Budget = .uniform,
    ties: TiePolicy = .exactK, parameterLimit: Int? = nil, include: [String] = [],
    exclude: [String] = [], layout: WeightLayout = .outputMajor,
    storage: TensorStorage = .asBefore
  ) {
    (self.sparsity, self.granularity, self.budget) = (sparsity, granularity, budget)
    (self.ties, self.parameterLimit) = (ties, parameterLimit)
    (self.include, self.exclude, self.storage) = (include, exclude, storage)
    self.layout = layout
  }

  /// What was done to one tensor.
  public struct Outcome: Sendable, Encodable {
    /// The tensor's name.
    public let name: String
    /// Its dimensions in the file.
    public let shape: [Int]
    /// Number of weights.
    public let weights: Int
    /// Weights that are left.
    public let kept: Int
    /// Weights that are zero now: those that were dropped, and those that were zero before.
    public let zeros: Int
    /// How the tensor is stored in the file that is written.
    public let storage: TensorStorage
    /// Dropped weights over all weights.
    public var sparsity: Double { weights == 0 ? 0 : Double(weights - kept) / Double(weights) }
    let index: Int
    let mask: BitMask

    private enum CodingKeys: CodingKey { case name, shape, weights, kept, zeros, sparsity, storage }

    /// Encodes the public properties, ``sparsity`` included.
    public func encode(to encoder: any Encoder) throws {
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encode(name, forKey: .name)
      try fields.encode(shape, forKey: .shape)
      try fields.encode(weights, forKey: .weights)
      try fields.encode(kept, forKey: .kept)
      try fields.encode(zeros, forKey: .zeros)
      try fields.encode(sparsity, forKey: .sparsity)
      try fields.encode(storage, forKey: .storage)
    }
  }

  /// The tensors that take part.
  ///
  /// - Throws: ``ModelPruningError`` when there is none, or a pattern matches no tensor at all.
  func candidates(_ file: ModelFile) throws(ModelPruningError) -> [Int] {
    let rules = (include: include.map { TensorRule($0) }, exclude: exclude.map { TensorRule($0) })
    let tensors = file.tensors
    let names = tensors.map(\.name)
    if let rule = (rules.include + rules.exclude).first(where: {
      !names.contains(where: $0.matches)
    }) {
      throw .pruning(.unmatchedPattern(pattern: rule.pattern, tensors: names))
    }
    let hasRoles = tensors.contains { $0.role == .weight }
    let found = tensors.indices.filter { index in
      let tensor = tensors[index]
      guard tensor.type.isPrunable, tensor.elementCount > 0, tensor.shape.count >= 2,
        !rules.exclude.contains(where: { $0.matches(tensor.name) })
      else { return false }
      if !rules.include.isEmpty { return rules.include.contains { $0.matches(tensor.name) } }
      // Integers without a scale are indices and labels more often than weights.
      return switch tensor.role {
      case .weight, .recurrent: tensor.type.isFloatingPoint || tensor.quantization != nil
      case .unknown: !hasRoles && tensor.type.isFloatingPoint
      case .embedding, .bias, .normalization, .quantization: false
      }
    }
    if found.isEmpty { throw .nothingToPrune(path: file.path) }
    return found
  }

  /// The matrix [out, in] of a tensor.
  private func view(_ tensor: ModelTensor) -> MatrixView {
    let rank = tensor.shape.count
    if layout == .outputMajor || tensor.role != .unknown || rank < 2 { return tensor.view }
    return MatrixView(axes: [rank - 1] + Array(0..<rank - 1), rowAxes: 1)
  }

  /// What is kept or dropped as one, of outputs by inputs.
  private var viewedGranularity: Granularity {
    if layout == .tensorFlow, case .block(let block, let pooling) = granularity,
      let turned = try? BlockSize(block.columns, block.rows)
    {
      return .block(turned, pooling: pooling)
    }
    return granularity
  }

  /// The masks of all tensors that take part.
  ///
  /// With a uniform budget one tensor is in memory at a time; a budget that tensors share needs them all.
  ///
  /// - Parameter progress: Called with the tensors done so far, and all.
  /// - Throws: ``ModelPruningError``
  public func outcomes(
    _ file: ModelFile, progress: ((_ done: Int, _ all: Int) -> Void)? = nil
  ) throws(ModelPruningError) -> [Outcome] {
    let candidates = try candidates(file)
    if budget == .uniform && parameterLimit == nil {
      var outcomes: [Outcome] = []
      for (number, index) in candidates.enumerated() {
        outcomes += try masks(file, [index])
        progress?(number + 1, candidates.count)
      }
      return outcomes
    }
    // A limit counts the weights that stay, too.
    let others =
      parameterLimit == nil
      ? []
      : file.tensors.indices.filter {
        !candidates.contains($0) && file.tensors[$0].type.isFloatingPoint
          && file.tensors[$0].type.isPrunable && file.tensors[$0].elementCount > 0
      }
    return try masks(file, candidates, beside: others)
  }

  /// - Parameter others: Tensors that are counted, not pruned.
  private func masks(
    _ file: ModelFile, _ indices: [Int], beside others: [Int] = []
  ) throws(ModelPruningError) -> [Outcome] {
    var buffers: [ViewedWeights] = []
    defer { for buffer in buffers { buffer.deallocate() } }
    var prunable: [PrunableTensor] = []
    for index in indices + others {
      do throws(FileError) {
        buffers.append(try ViewedWeights(file, index, view(file.tensors[index])))
      } catch {
        throw .file(error)
      }
      do throws(PruningError) {
        // The number keeps names apart that Swift takes for one.
        prunable.append(try buffers[buffers.count - 1].tensor(name: "\(index)"))
      } catch { throw .pruning(error) }
    }
    do throws(PruningError) {
      let pruner = try Pruner(
        settings: PruningSettings(
          schedule: try OneShot(sparsity), granularity: viewedGranularity, ties: ties,
          budget: budget, parameterLimit: parameterLimit,
          rules: others.map { TensorRule("\($0)", excluded: true) }))
      do throws(PruningError) { try pruner.step(prunable) } catch {
        throw error.named(file.tensors.map(\.name))
      }
      return zip(indices, buffers).compactMap { index, weights in
        guard let mask = pruner.masks["\(index)"] else { return nil }
        let tensor = file.tensors[index]
        return Outcome(
          name: tensor.name, shape: tensor.shape, weights: tensor.elementCount,
          kept: mask.keptCount, zeros: weights.zeros,
          storage: storage != .sparse || tensor.canBeSparse ? storage : .asBefore, index: index,
          mask: mask)
      }
    } catch { throw .pruning(error) }
  }

  /// The file with the weights dropped that the masks drop.
  ///
  /// - Throws: ``ModelPruningError``
  package func image(
    _ file: ModelFile, _ outcomes: [Outcome], output: String?
  ) throws(ModelPruningError) -> ModelImage {
    var changes: [Int: TensorChange] = [:]
    for outcome in outcomes {
      let tensor = file.tensors[outcome.index]
      let (mask, index) = (outcome.mask, outcome.index)
      changes[index] = TensorChange(storage: outcome.storage) { () throws(DataProblem) in
        var bytes: [UInt8]
        do throws(FileError) { bytes = try file.content(index).array } catch {
          throw error.problem
        }
        view(tensor).drop(
          mask, from: &bytes, shape: tensor.shape, width: tensor.type.bits! / 8,
          zero: tensor.zeroByte)
        return bytes
      }
    }
    do throws(FileError) { return try file.rewritten(changes, output: output) } catch {
      throw .file(error)
    }
  }

  /// Prunes the file and writes the result to `output` in one step.
  ///
  /// - Returns: what became of each tensor, and the bytes of the file with what lies beside it.
  /// - Throws: ``ModelPruningError``
  @discardableResult
  public func prune(
    _ file: ModelFile, to output: String, progress: ((_ done: Int, _ all: Int) -> Void)? = nil
  ) throws(ModelPruningError) -> (outcomes: [Outcome], byteCount: Int) {
    let outcomes = try outcomes(file, progress: progress)
    let image = try image(file, outcomes, output: output)
    do throws(FileError) { return (outcomes, try image.write(to: output)) } catch {
      throw .file(error)
    }
  }
}

extension PruningError {
  /// The same error with the tensor's name in place of its number.
  fileprivate func named(_ names: [String]) -> PruningError {
    func name(_ number: String) -> String {
      Int(number).flatMap { names.indices.contains($0) ? names[$0] : nil } ?? number
    }
    switch self {
    case .notANumber(let tensor, let index):
      return .notANumber(tensor: name(tensor), index: index)
    case .infinite(let tensor, let index): return .infinite(tensor: name(tensor), index: index)
    case .normOverflow(let tensor, let cell):
      return .normOverflow(tensor: name(tensor), cell: cell)
    default: return self
    }
  }
}

extension FileError {
  /// What is wrong with the data, without the path.
  var problem: DataProblem {
    if case .malformed(_, let problem) = self { return problem }
    return .unsupported(what: "reading", found: "\(self)")
  }
}
