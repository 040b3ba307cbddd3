// An ONNX model: its named tensors, read one at a time, and the same file with some of them changed.

import LacunaIO

/// The weights of an ONNX model.
///
/// ONNX is protobuf, decoded here by hand: only what leads to tensors is looked at, and all else is
/// copied through byte for byte when the model is written again. Tensors are
///
/// - initialisers, with raw or typed data, in the file or in one beside it,
/// - sparse initialisers, with linear indices or coordinates,
/// - values of `Constant` nodes,
///
/// of the graph and of the graphs inside its operators (`If`, `Loop`), whose tensors are called
/// `NODE.BRANCH/NAME`.
public struct ONNXModel: Sendable {
  let bytes: ByteSlice
  let graphs: ONNXGraphs
  let outside: ONNXExternalData
  /// In the order of the file.
  public let tensors: [ModelTensor]

  /// Opens the file at `path`, mapped.
  ///
  /// - Throws: `FileError`
  public init(contentsOf path: String) throws(FileError) {
    let bytes = ByteSlice(try ByteStorage(mapping: path))
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) }
    do throws(DataProblem) { try self.init(bytes, folder: folder ?? ".") } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a model that is in memory; its tensors cannot lie in other files.
  ///
  /// - Throws: `DataProblem`
  public init(bytes: [UInt8]) throws(DataProblem) { try self.init(ByteSlice(bytes), folder: nil) }

  /// - Parameter folder: Where files with external data may lie.
  package init(_ bytes: ByteSlice, folder: String?) throws(DataProblem) {
    self.bytes = bytes
    graphs = try ONNXGraphs(bytes)
    outside = ONNXExternalData(folder: folder)
    var tensors: [ModelTensor] = []
    var names: Set<ByteName> = []
    var known = Scales()
    for (entry, use) in zip(graphs.entries, graphs.uses()) {
      let name = graphs.graphs[entry.graph].prefix + entry.name.text
      // Two inner graphs of operators without names, or damaged text.
      if !names.insert(ByteName(name)).inserted { throw .duplicateName(name) }
      tensors.append(
        ModelTensor(
          name: name, shape: entry.shape, type: entry.type, role: use.role,
          operation: use.operation, view: use.view, encoding: Self.encoding(entry),
          quantization: try Self.quantization(entry, use, graphs, bytes, outside, &known),
          byteCount: Self.byteCount(entry),
          canBeSparse: !entry.isConstant && (entry.type.bits ?? 0) >= 8))
    }
    self.tensors = tensors
  }

  private static func encoding(_ entry: ONNXEntry) -> TensorEncoding {
    switch entry.content {
    case .dense: .dense
    case .sparse(let tensor): .sparse(tensor.indices.shape.count == 1 ? "linear" : "coordinates")
    }
  }

  private static func byteCount(_ entry: ONNXEntry) -> Int {
    switch entry.content {
    case .dense(let tensor):
      tensor.external == nil
        ? tensor.storedBytes : tensor.type.byteCount(of: tensor.elementCount) ?? 0
    case .sparse(let tensor): tensor.values.storedBytes + tensor.indices.storedBytes
    }
  }

  /// Scales and zero points where they are constants of the file.
  ///
  /// Tensors may share them, so that each is read once.
  private struct Scales {
    var numbers: [Int: [Double]] = [:]

    mutating func numbers(
      _ name: ByteName?, _ graph: Int, _ graphs: ONNXGraphs, _ bytes: ByteSlice,
      _ outside: ONNXExternalData
    ) throws(DataProblem) -> [Double]? {
      guard let name, !name.isEmpty, let index = graphs.entry(name, seenFrom: graph) else {
        return nil
      }
      if let known = numbers[index] { return known }
      guard case .dense(let tensor) = graphs.entries[index].content, tensor.shape.count <= 1 else {
        return nil
      }
      let found = try TensorNumbers.doubles(
        try tensor.content(in: bytes, outside), tensor.type, name.text)
      numbers[index] = found
      return found
    }
  }

  private static func quantization(
    _ entry: ONNXEntry, _ use: ONNXUse, _ graphs: ONNXGraphs, _ bytes: ByteSlice,
    _ outside: ONNXExternalData, _ known: inout Scales
  ) throws(DataProblem) -> TensorQuantization? {
    guard let source = use.quantization else { return nil }
    let scales = try known.numbers(source.scale, source.graph, graphs, bytes, outside)
    let zeros = try known.numbers(source.zeroPoint, source.graph, graphs, bytes, outside)
    if scales == nil && zeros == nil { return nil }
    let size = entry.shape.indices.contains(source.axis) ? entry.shape[source.axis] : 1
    for found in [scales?.count, zeros?.count].compactMap({ $0 }) where found != 1 && found != size
    {
      throw .mismatch(
        what: "number of scales of \(entry.name.text)", expected: size, actual: found)
    }
    var points: [Int] = []
    for point in zeros ?? [0] {
      guard let whole = Int(exactly: point) else {
        throw .unsupported(what: "zero point of \(entry.name.text)", found: "\(point)")
      }
      points.append(whole)
    }
    return TensorQuantization(
      scales: (scales ?? [1]).map { Float($0) }, zeroPoints: points,
      axis: (scales?.count ?? 1) > 1 || points.count > 1 ? source.axis : nil)
  }

  /// The elements of tensor `index`, zeros too, little-endian and row-major.
  ///
  /// - Throws: `DataProblem` when there are more or fewer than the shape says, or they lie outside of
  ///   the model's folder.
  package func content(_ index: Int) throws(DataProblem) -> ByteSlice {
    switch graphs.entries[index].content {
    case .dense(let tensor): try tensor.content(in: bytes, outside)
    case .sparse(let tensor): try tensor.content(in: bytes, outside)
    }
  }
}
