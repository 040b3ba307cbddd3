// A trained network as stored tensors: dense f32, sparse f32, 16-bit or 8-bit; with its architecture.

import LacunaFormats
import LacunaIO

/// A model as a `.lacuna` file holds it: an architecture, and its tensors in a compact form.
public struct CompressedModel: Sendable, Equatable {
  /// How kernels are stored. Biases and normalisation stay dense f32: they are a thousandth of the bytes.
  public enum Form: String, Codable, Sendable, CaseIterable {
    /// Every weight, f32.
    case dense
    /// The nonzero weights (or blocks), f32.
    case sparse
    /// The nonzero weights (or blocks), rounded to bf16: half the bytes where they run, too.
    case bf16
    /// The nonzero weights (or blocks), rounded to half precision.
    case f16
    /// The nonzero weights (or blocks), in 8 bits or fewer, symmetric with one scale per output channel.
    case quantized
    /// The nonzero weights, as few values for all of a kernel: exactly, where a kernel has no more of them than
    /// the bits allow (``CodebookModel`` trains such), else chosen by rate–distortion: `CodebookSearch`.
    case codebook
  }

  /// What a search for few values may cost, as the mean over the kernels of `Σ (w − ŵ)² / Σ w²`. It was chosen on
  /// images that neither training nor test saw.
  public static let usualError = 0.08

  /// What the network computes.
  public let architecture: Architecture
  /// In the order of the layers.
  public let tensors: [NamedTensor]
  /// Further metadata, such as the recipe or the accuracy.
  public var notes: [String: String]

  /// Compresses the weights of `model`.
  ///
  /// - Parameters:
  ///   - block: store kernels in blocks of this size, which they should have been pruned in.
  ///   - bits: of a quantised value, 2...8, by the name of its tensor.
  ///   - error: of weights that are put on few values.
  /// - Throws: ``ModelError/notFinite(tensor:index:)`` when a weight is NaN or infinite, and
  ///   ``ModelError/tensorKind(name:expected:found:)`` when one is too large for its type.
  /// - Complexity: O(parameters)
  public init(
    _ model: SequentialModel, form: Form, block: BlockSize = .element,
    bits: (String) -> Int = { _ in 8 }, error: Double = usualError, notes: [String: String] = [:]
  ) throws(ModelError) {
    try model.checkFinite()
    architecture = model.architecture
    self.notes = notes
    var tensors: [NamedTensor] = []
    var codebooks =
      form == .codebook ? try Self.codebooks(model, bits, error).reversed() : []
    for p in model.parameters {
      let stored: StoredTensor
      if p.role == .kernel && form == .codebook {
        stored = .codebookSparse(shape: p.shape, codebooks.removeLast())
      } else if p.role == .kernel && form != .dense {
        stored = try Self.sparse(p, form, block, bits(p.name))
      } else {
        stored = .dense(shape: p.shape, values: Array(p.values.elements))
      }
      tensors.append(NamedTensor(name: p.name, tensor: stored))
    }
    self.tensors = tensors
  }

  private static func sparse(
    _ p: Parameter, _ form: Form, _ block: BlockSize, _ bits: Int
  ) throws(ModelError) -> StoredTensor {
    do {
      let matrix = try DenseMatrix<Float>(
        rows: p.rows, columns: p.columns, values: Array(p.values.elements))
      if let precision = NarrowMatrix.Precision(rawValue: form.rawValue) {
        let narrow =
          block == .element
          ? NarrowMatrix(rounding: CSRMatrix(dense: matrix), to: precision)
          : NarrowMatrix(rounding: BSRMatrix(dense: matrix, block: block), to: precision)
        if narrow.values.contains(where: \.isInfinite) {
          throw ModelError.tensorKind(
            name: p.name, expected: "weights that \(precision) can hold",
            found: "\(matrix.values.map(\.magnitude).max() ?? 0)")
        }
        return .narrow(shape: p.shape, narrow)
      }
      switch (form, block == .element) {
      case (.quantized, true):
        let csr = CSRMatrix(dense: matrix)
        return .quantizedSparse(shape: p.shape, try QuantizedCSR(quantizing: csr, bits: bits))
      case (.quantized, false):
        let bsr = BSRMatrix(dense: matrix, block: block)
        return .quantizedBlockSparse(shape: p.shape, try QuantizedBSR(quantizing: bsr, bits: bits))
      case (_, true): return .sparse(shape: p.shape, CSRMatrix(dense: matrix))
      case (_, false): return .blockSparse(shape: p.shape, BSRMatrix(dense: matrix, block: block))
      }
    } catch let error as ModelError {
      throw error
    } catch {
      // Finite weights of a consistent shape convert; this is where a broken one would surface.
      throw .tensorKind(name: p.name, expected: "a finite matrix", found: "\(error)")
    }
  }

  /// The kernels on few values, in the order of the layers.
  private static func codebooks(
    _ model: SequentialModel, _ bits: (String) -> Int, _ error: Double
  ) throws(ModelError) -> [CodebookCSR] {
    let kernels = model.parameters.filter { $0.role == .kernel }
    let most = kernels.map { CodebookModel.most(bits: bits($0.name)) }
    let matrices = kernels.map(\.sparse)
    let exact = zip(matrices, most).map { CodebookCSR(exactly: $0, most: $1) }
    let others = exact.indices.filter { exact[$0] == nil }
    do throws(CodebookSearch.Failure) {
      let found = try CodebookSearch.found(
        others.map { matrices[$0] }, most: others.map { most[$0] }, error: error)
      return exact.indices.map { exact[$0] ?? found.matrices[others.firstIndex(of: $0)!] }
    } catch { throw .codebook(error) }
  }

  /// The tensor called `name`.
  public subscript(name: String) -> StoredTensor? { tensors.first { $0.name == name }?.tensor }

  /// A dense network with these weights: the oracle of sparse inference.
  ///
  /// - Throws: ``ModelError`` when a tensor does not fit the architecture.
  public func makeModel(threads: Int? = nil) throws(ModelError) -> SequentialModel {
    let model = try SequentialModel(architecture, threads: threads)
    var weights: [String: [Float]] = [:]
    for tensor in tensors {
      switch tensor.tensor {
      case .dense(_, let values): weights[tensor.name] = values
      case .sparse(_, let matrix): weights[tensor.name] = matrix.dense().values
      case .quantizedSparse(_, let matrix):
        weights[tensor.name] = matrix.dequantized().dense().values
      case .blockSparse(_, let matrix): weights[tensor.name] = matrix.dense().values
      case .quantizedBlockSparse(_, let matrix):
        weights[tensor.name] = matrix.dequantized().dense().values
      case .codebookSparse(_, let matrix): weights[tensor.name] = matrix.values().dense().values
      case .narrow(_, let matrix): weights[tensor.name] = matrix.csr.dense().values
      case .bitMask, .bytes: continue
      }
    }
    try model.setWeights(weights)
    return model
  }
}

extension CompressedModel {
  /// Writes the model beside `path` and renames it.
  ///
  /// - Throws: ``ModelError/file(_:)``.
  public func save(to path: String) throws(ModelError) {
    do throws(FileError) { try file.write(to: path) } catch { throw .file(error) }
  }

  /// Reads and checks a model.
  ///
  /// - Throws: ``ModelError``: the file cannot be read, is damaged, is no model, or its tensors do not
  ///   fit its architecture.
  public static func load(from path: String) throws(ModelError) -> CompressedModel {
    let file: LacunaFile
    do throws(FileError) { file = try LacunaFile(contentsOf: path) } catch { throw .file(error) }
    return try CompressedModel(file)
  }

  /// The container that holds the model.
  public var file: LacunaFile {
    var metadata = notes
    metadata["kind"] = FileKind.model.rawValue
    metadata["architecture"] = json(architecture)
    return LacunaFile(metadata: metadata, tensors: tensors)
  }

  /// Checks every name, shape and value of a container.
  public init(_ file: LacunaFile) throws(ModelError) {
    try file.metadata.check(kind: .model)
    architecture = try file.metadata.decoded(Architecture.self, key: "architecture")
    notes = file.metadata.filter { $0.key != "kind" && $0.key != "architecture" }
    var tensors: [NamedTensor] = []
    for (name, shape, role) in try architecture.tensorShapes() {
      guard let tensor = file[name] else { throw .missingTensor(name) }
      if tensor.shape != shape {
        throw .tensorShape(name: name, expected: shape, found: tensor.shape)
      }
      try tensor.check(name: name, shape: shape, isKernel: role == .kernel)
      tensors.append(NamedTensor(name: name, tensor: tensor))
    }
    self.tensors = tensors
  }
}

extension StoredTensor {
  fileprivate func check(name: String, shape: [Int], isKernel: Bool) throws(ModelError) {
    var matrix = (rows: shape.first ?? 1, columns: shape.dropFirst().reduce(1, *))
    var values: [Float] = []
    switch self {
    case .dense(_, let v): values = v
    case .sparse(_, let m): (matrix, values) = ((m.rows, m.columns), m.values)
    case .quantizedSparse(_, let m): (matrix, values) = ((m.rows, m.columns), m.scales)
    case .blockSparse(_, let m): (matrix, values) = ((m.rows, m.columns), m.values)
    case .quantizedBlockSparse(_, let m): (matrix, values) = ((m.rows, m.columns), m.scales)
    case .codebookSparse(_, let m): (matrix, values) = ((m.rows, m.columns), m.codebook)
    case .narrow(_, let m): (matrix, values) = ((m.rows, m.columns), m.values)
    case .bitMask, .bytes:
      throw .tensorKind(name: name, expected: "numbers", found: "\(kind)")
    }
    if !isKernel && kind != .dense {
      throw .tensorKind(name: name, expected: "dense", found: "\(kind)")
    }
    if matrix.rows != shape.first ?? 1 || matrix.columns != shape.dropFirst().reduce(1, *) {
      throw .tensorShape(name: name, expected: shape, found: [matrix.rows, matrix.columns])
    }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(tensor: name, index: bad)
    }
  }
}
