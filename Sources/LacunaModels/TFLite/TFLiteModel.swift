// A TFLite model: its constant tensors, read one at a time, and the same file with some of them changed.

import LacunaIO

/// The weights of a TFLite model.
///
/// TFLite is a flatbuffer, decoded here by hand with every offset checked. Tensors are those that have
/// elements in the file: dense, or in TFLite's sparse encoding with any order of dimensions, blocks and
/// index types. A name that occurs twice gets `#` and the tensor's number.
public struct TFLiteModel: Sendable {
  /// Where a tensor and its elements are.
  struct Entry: Sendable {
    let graph: Int
    let index: Int
    let buffer: Int
    /// The stored elements; in the flatbuffer, or behind it in files over 2 GB.
    let data: Range<Int>
    let isBehind: Bool
    let sparsity: TFLiteSparsity?
    let shape: [Int]
    let type: TensorType
    /// Numbers of the operators that read it, as BuiltinOperator says.
    let operators: [Int]

    /// Whether DENSIFY can stand before it: of int8 weights behind it LiteRT's default delegate cannot
    /// make a product.
    var canBeSparse: Bool {
      (type == .f32 || type == .f16) && shape.count >= 2 && !operators.isEmpty && !isBehind
    }
  }

  let bytes: ByteSlice
  let entries: [Entry]
  /// Where the file's own tables and vectors are.
  let structure: [Range<Int>]
  /// In the order of the file.
  public let tensors: [ModelTensor]

  static let identifier: StaticString = "TFL3"

  /// Opens the file at `path`, mapped.
  ///
  /// - Throws: `FileError`
  public init(contentsOf path: String) throws(FileError) {
    let bytes = ByteSlice(try ByteStorage(mapping: path))
    do throws(DataProblem) { try self.init(bytes) } catch { throw .malformed(path: path, error) }
  }

  /// Reads a model that is in memory.
  ///
  /// - Throws: `DataProblem`
  public init(bytes: [UInt8]) throws(DataProblem) { try self.init(ByteSlice(bytes)) }

  package init(_ bytes: ByteSlice) throws(DataProblem) {
    self.bytes = bytes
    let model = try FlatBuffer(bytes).root(Self.identifier)
    let codes = try Self.codes(model)
    let buffers = try model.tables(4)
    var (entries, tensors, names): ([Entry], [ModelTensor], Set<ByteName>) = ([], [], [])
    for (graph, table) in try model.tables(2).enumerated() {
      let found = try TFLiteGraph(table, codes)
      for (index, tensor) in try table.tables(0).enumerated() {
        let number = Int(try tensor.integer(2, UInt32.self))
        guard number < buffers.count else {
          throw .outOfRange(
            what: "buffer of tensor \(index)", value: number, lowest: 0, highest: buffers.count - 1)
        }
        guard let (data, isBehind) = try Self.data(buffers[number], bytes.count) else { continue }
        let plain = try tensor.text(3)
        var name = plain
        if name.isEmpty || !names.insert(ByteName(name)).inserted {
          name += "#\(graph).\(index)"
          if !names.insert(ByteName(name)).inserted { throw .duplicateName(name) }
        }
        let entry = Entry(
          graph: graph, index: index, buffer: number, data: data, isBehind: isBehind,
          sparsity: try tensor.table(6).map { (t) throws(DataProblem) in
            try TFLiteSparsity(t, name: name)
          },
          shape: try tensor.integers(0, Int32.self),
          type: try Self.type(Int(try tensor.integer(1, Int8.self)), name),
          operators: found.operators(of: index))
        if entry.shape.count > 16 {
          throw .outOfRange(
            what: "rank of \(name)", value: entry.shape.count, lowest: 0, highest: 16)
        }
        _ = try elementCount(of: entry.shape, name)
        let use = found.use(of: index, rank: entry.shape.count)
        entries.append(entry)
        tensors.append(
          ModelTensor(
            name: name, shape: entry.shape, type: entry.type, role: use.role,
            operation: use.operation, view: use.view,
            encoding: entry.sparsity.map { .sparse($0.description) } ?? .dense,
            quantization: try Self.quantization(tensor, entry.shape, name),
            byteCount: data.count + (entry.sparsity?.byteCount ?? 0),
            canBeSparse: entry.canBeSparse))
      }
    }
    (self.entries, self.tensors) = (entries, tensors)
    structure = model.buffer.structure
  }

  /// Numbers of the operators that a model uses.
  static func codes(_ model: FlatTable) throws(DataProblem) -> [Int] {
    try model.tables(1).map { (code) throws(DataProblem) in
      // The field for more than 127 operators came later.
      max(Int(try code.integer(0, Int8.self)), Int(try code.integer(3, Int32.self)))
    }
  }

  /// Where the elements of a buffer are; nil where it has none.
  private static func data(
    _ buffer: FlatTable, _ fileSize: Int
  ) throws(DataProblem) -> (Range<Int>, isBehind: Bool)? {
    if let target = try buffer.target(0) {
      let range = try buffer.buffer.vector(at: target, width: 1)
      buffer.buffer.note(target..<range.lowerBound)
      return range.isEmpty ? nil : (range, false)
    }
    // 0 and 1 mean that there is nothing.
    let offset = try buffer.integer(1, UInt64.self)
    let size = try buffer.integer(2, UInt64.self)
    if offset <= 1 { return nil }
    guard offset <= UInt64(fileSize), size <= UInt64(fileSize) - offset else {
      throw .truncated(
        what: "a buffer behind the model", needed: Int(clamping: size),
        available: fileSize - Int(clamping: min(offset, UInt64(fileSize))))
    }
    return (Int(offset)..<Int(offset + size), true)
  }

  /// TensorType by its number.
  static func type(_ code: Int, _ name: String) throws(DataProblem) -> TensorType {
    let types: [TensorType] = [
      .f32, .f16, .i32, .u8, .i64, .text, .bool, .i16, .c64, .i8, .f64, .c128, .u64, .text, .text,
      .u32, .u16, .i4, .bf16, .i2, .u4, .f8e4m3, .f8e5m2,
    ]
    guard types.indices.contains(code) else {
      throw .unsupported(what: "type of \(name)", found: "\(code)")
    }
    return types[code]
  }

  private static func quantization(
    _ tensor: FlatTable, _ shape: [Int], _ name: String
  ) throws(DataProblem) -> TensorQuantization? {
    guard let table = try tensor.table(4) else { return nil }
    // Blockwise and custom ones are not scales of an axis.
    if try table.integer(4, UInt8.self) != 0 { return nil }
    let scales = try table.floats(2)
    if scales.isEmpty { return nil }
    let points = try table.integers(3, Int64.self)
    let axis = Int(try table.integer(6, Int32.self))
    if scales.count > 1 {
      guard shape.indices.contains(axis) else {
        throw .outOfRange(
          what: "quantised dimension of \(name)", value: axis, lowest: 0, highest: shape.count - 1)
      }
      if shape[axis] != scales.count {
        throw .mismatch(
          what: "number of scales of \(name)", expected: shape[axis], actual: scales.count)
      }
    }
    if !points.isEmpty && points.count != 1 && points.count != scales.count {
      throw .mismatch(
        what: "number of zero points of \(name)", expected: scales.count, actual: points.count)
    }
    return TensorQuantization(
      scales: scales, zeroPoints: points.isEmpty ? [0] : points,
      axis: scales.count > 1 ? axis : nil)
  }

  /// The elements of tensor `index`, zeros too, little-endian and row-major.
  ///
  /// - Throws: `DataProblem` when there are more or fewer than the shape says, or the sparse encoding
  ///   contradicts itself.
  package func content(_ index: Int) throws(DataProblem) -> ByteSlice {
    let (entry, name) = (entries[index], tensors[index].name)
    let stored = bytes.part(entry.data)
    guard let bits = entry.type.bits,
      let expected = entry.type.byteCount(of: tensors[index].elementCount)
    else { throw .unsupported(what: name, found: "of texts") }
    if let sparsity = entry.sparsity {
      guard bits >= 8 else {
        throw .unsupported(what: "type of the sparse tensor \(name)", found: "\(entry.type)")
      }
      return try sparsity.unfolded(stored, shape: entry.shape, width: bits / 8, name: name)
    }
    if stored.count != expected {
      throw .mismatch(what: "bytes of \(name)", expected: expected, actual: stored.count)
    }
    return stored
  }
}
