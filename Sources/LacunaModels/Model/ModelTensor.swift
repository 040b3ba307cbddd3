// What is known of a tensor in a model file before its numbers are read.

/// What a tensor is for.
public enum TensorRole: String, Sendable, Codable {
  /// Multiplied with activations.
  case weight
  /// Multiplied with the state of a recurrent cell.
  case recurrent
  /// Rows are looked up, not multiplied.
  case embedding
  /// Added to products.
  case bias
  /// Scales and offsets of a normalisation.
  case normalization
  /// A scale or zero point of another tensor.
  case quantization
  /// The file does not say.
  case unknown
}

/// How the zeros of a tensor are stored.
public enum TensorEncoding: Equatable, Sendable {
  /// Every element, row-major.
  case dense
  /// Values with their positions; the text says in which way, as in `csr` or `csr 1×4`.
  case sparse(String)
}

/// How integers stand for numbers: `(q − zeroPoint) · scale`.
public struct TensorQuantization: Equatable, Sendable {
  /// One for all, or one for each index of ``axis``.
  public let scales: [Float]
  /// As many as ``scales``, or one for all.
  public let zeroPoints: [Int]
  /// The axis that the scales belong to; nil where there is one for all.
  public let axis: Int?

  /// Whether a byte of zeros stands for zero.
  public var isSymmetric: Bool { zeroPoints.allSatisfy { $0 == 0 } }
}

/// A tensor of a model file.
public struct ModelTensor: Sendable {
  /// Unique in the file.
  public let name: String
  /// Dimensions, outermost first; empty for a single number.
  public let shape: [Int]
  /// The type of an element.
  public let type: TensorType
  /// What the tensor is for, as far as the file says.
  public let role: TensorRole
  /// The operator that uses it, as the file calls it: `Gemm`, `CONV_2D`.
  public let operation: String?
  /// The tensor as a matrix [out, in].
  public let view: MatrixView
  /// How its zeros are stored.
  public let encoding: TensorEncoding
  /// What its integers stand for; nil where they are numbers themselves.
  public let quantization: TensorQuantization?
  /// Bytes that the file spends on the elements and their positions.
  public let byteCount: Int
  /// Whether the file's format has a sparse encoding for it.
  public let canBeSparse: Bool

  init(
    name: String, shape: [Int], type: TensorType, role: TensorRole = .unknown,
    operation: String? = nil, view: MatrixView? = nil, encoding: TensorEncoding = .dense,
    quantization: TensorQuantization? = nil, byteCount: Int, canBeSparse: Bool = false
  ) {
    (self.name, self.shape, self.type) = (name, shape, type)
    (self.role, self.operation, self.encoding) = (role, operation, encoding)
    (self.quantization, self.byteCount) = (quantization, byteCount)
    self.canBeSparse = canBeSparse || encoding != .dense
    self.view = view ?? MatrixView(rank: shape.count)
  }

  /// Number of elements, zeros too.
  public var elementCount: Int { shape.reduce(1, *) }
}

/// A name as its bytes: two that differ only in their Unicode normal form are two names.
struct ByteName: Hashable, Sendable {
  let bytes: [UInt8]
  init(_ text: String) { bytes = Array(text.utf8) }
  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
  /// Damaged UTF-8 is repaired for the eye.
  var text: String { String(decoding: bytes, as: UTF8.self) }
  var isEmpty: Bool { bytes.isEmpty }
}
