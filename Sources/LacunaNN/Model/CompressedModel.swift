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
        stored = try Self.shaped(SparseTensor(codebooks.removeLast()), as: p)
      } else if p.role == .kernel && form != .dense {
        stored = try Self.sparse(p, form, block, bits(p.name))
      } else {
        stored = try Self.shaped(SparseTensor(Self.matrix(of: p)), as: p)
      }
      tensors.append(NamedTensor(name: p.name, tensor: stored))
    }
    self.tensors = tensors
  }

  private static func sparse(
    _ p: Parameter, _ form: Form, _ block: BlockSize, _ bits: Int
  ) throws(ModelError) -> StoredTensor {
    let matrix = try matrix(of: p)
    let weights =
      block == .element
      ? StoredMatrix.csr(CSRMatrix(dense: matrix))
      : StoredMatrix.bsr(BSRMatrix(dense: matrix, block: block))
    switch form {
    case .dense, .sparse, .codebook: return try shaped(SparseTensor(weights), as: p)
    case .bf16: return try shaped(rounded(weights, BFloat16.self, p), as: p)
    case .f16: return try shaped(rounded(weights, Float16.self, p), as: p)
    case .quantized:
      let quantized: QuantizedMatrix
      do throws(QuantizationError) {
        quantized = try QuantizedMatrix(quantizing: weights, bits: bits)
      } catch { throw .tensorKind(name: p.name, expected: "a finite matrix", found: "\(error)") }
      return try shaped(SparseTensor(quantized), as: p)
    }
  }

  private static func matrix(of p: Parameter) throws(ModelError) -> DenseMatrix<Float> {
    do throws(FormatError) {
      return try DenseMatrix(rows: p.rows, columns: p.columns, values: Array(p.values.elements))
    } catch { throw .tensorKind(name: p.name, expected: "a finite matrix", found: "\(error)") }
  }

  private static func shaped(
    _ tensor: SparseTensor, as p: Parameter
  ) throws(ModelError) -> StoredTensor {
    do throws(FormatError) { return .weights(try tensor.shaped(p.shape)) } catch {
      throw .tensorKind(name: p.name, expected: "a tensor of \(p.shape)", found: "\(error)")
    }
  }

  private static func rounded<Scalar: NarrowScalar>(
    _ weights: StoredMatrix<Float>, _: Scalar.Type, _ p: Parameter
  ) throws(ModelError) -> SparseTensor {
    let narrow = weights.converted(to: Scalar.self)
    if narrow.values.contains(where: \.widened.isInfinite) {
      throw .tensorKind(
        name: p.name, expected: "weights that \(Scalar.numberType) can hold",
        found: "\(weights.values.map(\.magnitude).max() ?? 0)")
    }
    return SparseTensor(narrow)
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
      weights[tensor.name] = tensor.tensor.weights?.matrix(of: Float.self).dense().values
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
    guard let weights else {
      throw .tensorKind(name: name, expected: "numbers", found: kindName)
    }
    if !isKernel && kind != .dense {
      throw .tensorKind(name: name, expected: "dense", found: kindName)
    }
    if weights.rows != shape.first ?? 1 || weights.columns != shape.dropFirst().reduce(1, *) {
      throw .tensorShape(name: name, expected: shape, found: [weights.rows, weights.columns])
    }
    let values: [Float] =
      switch weights.storage {
      case .i8(let matrix): matrix.scales
      case .codebook(let matrix): matrix.codebook
      case .f32, .f64, .bf16, .f16: weights.matrix(of: Float.self).values
      }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(tensor: name, index: bad)
    }
  }
}
