// One door for every model file: named tensors, read one at a time, and the file with some of them changed.

import LacunaFormats
import LacunaIO

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The format of a model file, by its content.
public enum ModelFormat: String, Sendable, Codable, CaseIterable {
  /// An ONNX model.
  case onnx
  /// A TFLite model.
  case tflite
  /// Arrays in Hugging Face's format.
  case safetensors
  /// An archive of NumPy arrays.
  case npz
  /// One NumPy array.
  case npy
  /// Lacuna's own container.
  case lacuna
  /// A `scipy.sparse` matrix.
  case scipy
  /// `model.safetensors.index.json`: a checkpoint in several safetensors files.
  case safetensorsIndex = "safetensors-index"
  /// A matrix in Matrix Market's text format.
  case matrixMarket = "matrix-market"
  /// The positions of a matrix as text, without values, as the DLMC collection has them.
  case smtx
}

/// A model file of any format, its tensors read when they are asked for.
///
/// ```swift
/// let file = try ModelFile(contentsOf: "model.onnx")
/// for tensor in file.tensors { print(tensor.name, tensor.shape, tensor.type) }
/// ```
///
/// Files are mapped where the format allows, so that opening one reads little more than its header.
/// Writing one back copies everything that was not changed byte for byte: other tensors, metadata,
/// fields that Lacuna does not know.
public struct ModelFile: Sendable {
  /// What errors call the file.
  public let path: String
  /// What the file is, by its content.
  public let format: ModelFormat
  let model: any ModelContent

  /// In the order of the file, with names that differ.
  public var tensors: [ModelTensor] { model.tensors }

  /// Opens the file at `path`; what it is, its content says.
  ///
  /// - Throws: `FileError`: the file cannot be read, is of no format that Lacuna knows, or is damaged.
  ///   Damage inside a tensor's elements is found when they are read.
  public init(contentsOf path: String) throws(FileError) {
    // A pipe cannot be mapped.
    let storage: ByteStorage
    do throws(FileError) { storage = try ByteStorage(mapping: path) } catch {
      guard case .system = error else { throw error }
      storage = try ByteStorage(reading: path)
    }
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) }
    do throws(DataProblem) {
      try self.init(ByteSlice(storage), path: path, folder: folder ?? ".")
    } catch { throw .malformed(path: path, error) }
  }

  /// Reads a file that is in memory; errors call it `path`.
  ///
  /// - Throws: `DataProblem`
  public init(bytes: [UInt8], path: String = "the file") throws(DataProblem) {
    try self.init(ByteSlice(bytes), path: path, folder: nil)
  }

  /// Reads an index of shards, all of them in memory, by name.
  package init(index: [UInt8], shards: [String: [UInt8]]) throws(DataProblem) {
    (path, format) = ("the index", .safetensorsIndex)
    model = try ShardedModel(ByteSlice(index)) { (name) throws(FileError) in
      guard let bytes = shards[name] else { throw .unreadable(path: name, code: ENOENT) }
      return ByteSlice(bytes)
    }
  }

  private init(_ bytes: ByteSlice, path: String, folder: String?) throws(DataProblem) {
    self.path = path
    if bytes.startsAs(TFLiteModel.identifier, at: 4) {
      (format, model) = (.tflite, try TFLiteModel(bytes))
    } else if bytes.isSafetensorsIndex {
      (format, model) = (.safetensorsIndex, try ShardedModel(bytes, folder: folder))
    } else if let kind = try? FileKind(of: bytes) {
      switch kind {
      case .npy, .npz, .safetensors:
        let file = try ArrayFile(opening: bytes, path: path)
        if file.isSciPySparse {
          (format, model) = (.scipy, try MatrixModel(bytes, .npz, path: path))
        } else {
          format = ModelFormat(rawValue: kind.rawValue)!
          model =
            kind == .safetensors ? try SafetensorsModel(file, bytes) : try ArrayModel(file, bytes)
        }
      case .matrixMarket:
        (format, model) = (.matrixMarket, try MatrixModel(bytes, .matrixMarket, path: path))
      case .smtx: (format, model) = (.smtx, try MatrixModel(bytes, .smtx, path: path))
      case .lacuna: (format, model) = (.lacuna, try ContainerModel(bytes, path: path))
      case .idx: throw .unsupported(what: "a model", found: "in an IDX file")
      }
    } else if WireReader.isModel(bytes) {
      (format, model) = (.onnx, try ONNXModel(bytes, folder: folder))
    } else {
      let head = bytes.part(0..<min(8, bytes.count)).array.map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
      throw .wrongMagic(
        format:
          "a model (ONNX, TFLite, safetensors, npy, npz, Matrix Market, smtx, .lacuna)",
        found: head.isEmpty ? "nothing: it is empty" : "bytes " + head.joined(separator: " "))
    }
  }

  /// The elements of tensor `index`, zeros too, little-endian and row-major.
  ///
  /// - Throws: `FileError/malformed(path:_:)`
  package func content(_ index: Int) throws(FileError) -> ByteSlice {
    do throws(DataProblem) { return try model.content(index) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// The nonzeros of tensor `index` as the matrix [out, in]; nil where every element has to be looked at.
  package func sparseMatrix(_ index: Int) throws(FileError) -> CSRMatrix<Float>? {
    do throws(DataProblem) { return try model.sparseMatrix(index) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// The elements of tensor `index`, zeros too, row-major, as numbers: integers times their scale.
  ///
  /// - Throws: `FileError/malformed(path:_:)`, also for a type that is carried only.
  public func numbers(_ index: Int) throws(FileError) -> [Float] {
    let tensor = tensors[index]
    let bytes = try content(index)
    do throws(DataProblem) {
      var values = try TensorNumbers.floats(bytes, tensor.type, tensor.name)
      tensor.quantization?.apply(to: &values, shape: tensor.shape)
      return values
    } catch { throw .malformed(path: path, error) }
  }

  /// The file with the tensors of `changes` replaced, by index.
  ///
  /// - Parameter output: The name of the file to be written, for files that go beside it.
  /// - Throws: `FileError/malformed(path:_:)`
  package func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(FileError) -> ModelImage {
    do throws(DataProblem) {
      var image = try model.rewritten(changes, output: output)
      image.main.origin = path
      for place in image.beside.indices { image.beside[place].image.origin = path }
      return image
    } catch { throw .malformed(path: path, error) }
  }

  /// The elements of tensor `index` where they lie in the file; nil where they have to be made.
  func slice(_ index: Int) -> ByteSlice? { model.slice(index) }

  /// Metadata that goes from one format to another.
  package var metadata: [String: String] { model.metadata }
}

/// What each format does for ``ModelFile``.
protocol ModelContent: Sendable {
  var tensors: [ModelTensor] { get }
  var metadata: [String: String] { get }
  func content(_ index: Int) throws(DataProblem) -> ByteSlice
  /// The elements where they lie in the file as they are handed out; nil where they have to be made.
  func slice(_ index: Int) -> ByteSlice?
  func sparseMatrix(_ index: Int) throws(DataProblem) -> CSRMatrix<Float>?
  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage
}

extension ModelContent {
  var metadata: [String: String] { [:] }
  func slice(_ index: Int) -> ByteSlice? { nil }
  func sparseMatrix(_ index: Int) throws(DataProblem) -> CSRMatrix<Float>? { nil }
}

extension ONNXModel: ModelContent {
  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage {
    let name = output.map { ($0.split(separator: "/").last.map(String.init) ?? $0) + ".data" }
    return try rewritten(changes, dataName: hasExternalData ? name : nil)
  }
}

extension TFLiteModel: ModelContent {
  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage { try rewritten(changes) }
}

extension WireReader {
  /// Whether the fields of a message go to the end of `bytes` and are those of a ModelProto.
  static func isModel(_ bytes: ByteSlice) -> Bool {
    var reader = WireReader(bytes, 0..<bytes.count)
    var hasGraph = false
    do {
      while let field = try reader.next("ModelProto") {
        if field.number == 7 && field.kind == .bytes { hasGraph = true }
        if field.number == 1 && field.kind != .varint { return false }
      }
    } catch { return false }
    return hasGraph
  }
}

extension ByteSlice {
  /// Whether `text` stands at `place`.
  func startsAs(_ text: StaticString, at place: Int) -> Bool {
    let wanted = text.withUTF8Buffer { Array($0) }
    return count >= place + wanted.count
      && part(place..<place + wanted.count).withUnsafeBytes { $0.elementsEqual(wanted) }
  }
}

extension TensorQuantization {
  /// `(q − zeroPoint) · scale` for every element.
  func apply(to values: inout [Float], shape: [Int]) {
    guard let axis else {
      let (scale, point) = (scales.first ?? 1, Float(zeroPoints.first ?? 0))
      for place in values.indices { values[place] = (values[place] - point) * scale }
      return
    }
    let inner = shape[(axis + 1)...].reduce(1, *)
    for place in values.indices {
      let channel = place / inner % shape[axis]
      let point = Float(zeroPoints.count == 1 ? zeroPoints[0] : zeroPoints[channel])
      values[place] = (values[place] - point) * (scales.count == 1 ? scales[0] : scales[channel])
    }
  }
}
