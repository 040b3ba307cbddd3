// lcn_plan_serialize, lcn_plan_map: a plan as bytes without pointers.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations

// The blob, little-endian, every section starting at a multiple of 64 bytes:
//
//     header        256 bytes, see BlobHeader
//     row offsets   u64 each, rows (or block rows) + 1; none for a dense matrix
//     columns       u16 each where all columns fit, else u32; none for a dense matrix
//     values        f32 or f64
//     bias          f32 or f64, or none
//
// It holds the matrix and the choice, not the packed form: packing differs between processors, and a blob made on
// one of them has to run on all.

/// What the first 256 bytes start with. Behind it: length, checksum, and the numbers in the order in which
/// `emit` writes them.
private enum BlobHeader {
  static let size = 256
  static let magic: UInt64 = 0x004e_414c_504e_434c  // "LCNPLAN\0"
  static let version: UInt32 = 1
}

/// Writes at rising positions, or only counts when there is no memory.
private struct BlobWriter {
  let memory: UnsafeMutableRawPointer?
  var position = 0

  mutating func put<T: BitwiseCopyable>(_ value: T) {
    memory?.storeBytes(of: value, toByteOffset: position, as: T.self)
    position += MemoryLayout<T>.size
  }

  mutating func put<T: BitwiseCopyable>(_ values: [T]) {
    values.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress {
        if let memory { (memory + position).copyMemory(from: base, byteCount: bytes.count) }
      }
    }
    position += values.count * MemoryLayout<T>.stride
    align()
  }

  /// Zeros up to the next multiple of 64.
  mutating func align() {
    let end = (position + 63) / 64 * 64
    if let memory {
      (memory + position).initializeMemory(as: UInt8.self, repeating: 0, count: end - position)
    }
    position = end
  }
}

/// Reads at rising positions; fails at the end.
private struct BlobReader {
  let bytes: UnsafeRawBufferPointer
  var position = 0

  mutating func take<T: BitwiseCopyable>(_: T.Type) throws(Failure) -> T {
    try need(1, MemoryLayout<T>.size)
    let value = bytes.loadUnaligned(fromByteOffset: position, as: T.self)
    position += MemoryLayout<T>.size
    return value
  }

  mutating func take<T: BitwiseCopyable>(_ count: Int, _: T.Type) throws(Failure) -> [T] {
    let size = try need(count, MemoryLayout<T>.stride)
    let values = [T](unsafeUninitializedCapacity: count) { buffer, written in
      if size > 0 {
        UnsafeMutableRawPointer(buffer.baseAddress.unsafelyUnwrapped).copyMemory(
          from: bytes.baseAddress.unsafelyUnwrapped + position, byteCount: size)
      }
      written = count
    }
    position = (position + size + 63) / 64 * 64
    return values
  }

  @discardableResult
  private func need(_ count: Int, _ size: Int) throws(Failure) -> Int {
    let (total, overflow) = count.multipliedReportingOverflow(by: size)
    if overflow || count < 0 || total > bytes.count - min(position, bytes.count) {
      throw damaged("it ends inside \(count) elements of \(size) bytes at \(position)")
    }
    return total
  }
}

private func damaged(_ what: String) -> Failure {
  Failure(.badData, "this is not the blob of a plan: \(what)")
}

/// FNV-1a over 64-bit words, the tail byte by byte: finds accidents, not attacks.
private func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  let words = bytes.count / 8
  for i in 0..<words {
    hash = (hash ^ bytes.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self)) &* 0x100_0000_01b3
  }
  for i in words * 8..<bytes.count { hash = (hash ^ UInt64(bytes[i])) &* 0x100_0000_01b3 }
  return hash
}

@c @implementation
public func lcn_plan_serialize(
  _ plan: OpaquePointer?, _ blob: UnsafeMutableRawPointer?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let length else { throw Failure(.nullPointer, "length is NULL") }
    try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
      switch object.value {
      case .f32(let plan, let source): try write(plan, source, blob, capacity, length)
      case .f64(let plan, let source): try write(plan, source, blob, capacity, length)
      case .i8: throw Failure(.unsupported, "plans of 8-bit weights are not serialised")
      }
    }
  }
}

private func write<Scalar: SparseScalar>(
  _ plan: Plan<Scalar>, _ source: PlanObject.Source<Scalar>, _ blob: UnsafeMutableRawPointer?,
  _ capacity: Int, _ length: UnsafeMutablePointer<Int>
) throws(Failure) {
  // An updatable plan is the only one that knows its values.
  let updated = plan.updated
  var count = BlobWriter(memory: nil)
  emit(plan, source, updated, to: &count)
  length.pointee = count.position
  if blob == nil && capacity == 0 { return }
  guard let blob else { throw Failure(.nullPointer, "blob is NULL, but capacity is \(capacity)") }
  if capacity >= 0 && capacity < count.position {
    throw Failure(
      .bufferTooSmall, "capacity is \(capacity), the blob takes \(count.position) bytes")
  }
  var writer = BlobWriter(memory: blob)
  emit(plan, source, updated, to: &writer)
  // The sum covers everything behind itself; it stands at byte 24.
  let body = UnsafeRawBufferPointer(start: blob + 32, count: count.position - 32)
  blob.storeBytes(of: checksum(body), toByteOffset: 24, as: UInt64.self)
}

private func emit<Scalar: SparseScalar>(
  _ plan: Plan<Scalar>, _ source: PlanObject.Source<Scalar>,
  _ updated: (values: [Scalar], bias: [Scalar])?, to out: inout BlobWriter
) {
  var pattern: CSRPattern?
  var block = BlockSize.element
  let (format, entries): (Int, Int)
  switch source.matrix {
  case .dense(let m):
    (format, entries) = (LCN_DENSE, m.rows * m.columns)
  case .csr(let m):
    (format, entries, pattern) = (LCN_CSR, m.nnz, m.pattern)
  case .bsr(let m):
    (format, entries, pattern, block) = (LCN_BSR, m.blocks, m.blockPattern, m.block)
  }
  let bias = updated?.bias ?? source.epilogue.bias ?? []
  let (activation, lower, upper): (Int, Double, Double) =
    switch source.epilogue.activation {
    case .none: (LCN_ACTIVATION_NONE, 0, 0)
    case .relu: (LCN_ACTIVATION_RELU, 0, 0)
    case .clamp(let lower, let upper): (LCN_ACTIVATION_CLAMP, lower, upper)
    }
  var wide = false
  if case .u32 = pattern?.columnIndices { wide = true }

  out.put(BlobHeader.magic)
  out.put(BlobHeader.version)
  out.put(UInt32(BlobHeader.size))
  out.put(UInt64(0))  // length, below
  out.put(UInt64(0))  // checksum, by the caller
  out.put(UInt32(constant(Scalar.dtype)))
  out.put(UInt32(format))
  out.put(UInt32(plan.layout == .columns ? LCN_COLUMNS : LCN_ROWS))
  out.put(UInt32(plan.threads))
  out.put(UInt32(activation))
  out.put(UInt32(wide ? 1 : 0))
  out.put(UInt32(source.epilogue.bias == nil ? 0 : 1))
  out.put(UInt32((source.excludesDense ? 1 : 0) | (plan.isUpdatable ? 2 : 0)))
  out.put(lower)
  out.put(upper)
  for number in [
    plan.width, source.matrix.rows, source.matrix.columns, block.rows, block.columns, entries,
  ] { out.put(Int64(number)) }
  var name = [UInt8](plan.kernelName.utf8.prefix(63))
  name += [UInt8](repeating: 0, count: BlobHeader.size - out.position - name.count)
  out.put(name)
  if let pattern {
    out.put(pattern.rowOffsets)
    switch pattern.columnIndices {
    case .u16(let columns): out.put(columns)
    case .u32(let columns): out.put(columns)
    }
  }
  if let updated {
    out.put(updated.values)
  } else {
    switch source.matrix {
    case .dense(let m): out.put(m.values)
    case .csr(let m): out.put(m.values)
    case .bsr(let m): out.put(m.values)
    }
  }
  out.put(bias)
  out.memory?.storeBytes(of: UInt64(out.position), toByteOffset: 16, as: UInt64.self)
}

@c @implementation
public func lcn_plan_map(
  _ blob: UnsafeRawPointer?, _ length: Int, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    guard let blob else { throw Failure(.nullPointer, "blob is NULL") }
    if length < 0 { throw Failure(.sizeOverflow, "length does not fit the address space") }
    var reader = BlobReader(bytes: UnsafeRawBufferPointer(start: blob, count: length))
    if try reader.take(UInt64.self) != BlobHeader.magic { throw damaged("it has another magic") }
    let version = try reader.take(UInt32.self)
    if version != BlobHeader.version {
      throw Failure(
        .unsupported, "the blob has version \(version), this library reads \(BlobHeader.version)")
    }
    if try reader.take(UInt32.self) != UInt32(BlobHeader.size) {
      throw damaged("its header has another size")
    }
    let size = try reader.take(UInt64.self)
    if size != UInt64(length) { throw damaged("it has \(length) bytes and says \(size)") }
    let sum = try reader.take(UInt64.self)
    let body = UnsafeRawBufferPointer(rebasing: reader.bytes[reader.position...])
    if sum != checksum(body) { throw damaged("its checksum disagrees") }
    // The matrix, and its indices in 64 bits on their way.
    try reserve(try product(length, 4, "bytes"))
    switch Int(try reader.take(UInt32.self)) {
    case LCN_F32:
      let (plan, source) = try read(&reader, Float.self)
      try deliver(PlanObject(plan, source), .plan, to: out)
    case LCN_F64:
      let (plan, source) = try read(&reader, Double.self)
      try deliver(PlanObject(plan, source), .plan, to: out)
    case let other: throw damaged("its element type is \(other)")
    }
  }
}

/// The plan behind a header whose checksum is right. Every number is checked again: a sum can be forged.
private func read<Scalar: SparseScalar>(
  _ reader: inout BlobReader, _: Scalar.Type
) throws(Failure) -> (Plan<Scalar>, PlanObject.Source<Scalar>) {
  let format = Int(try reader.take(UInt32.self))
  var o = lcn_plan_options()
  o.layout = Int32(truncatingIfNeeded: try reader.take(UInt32.self))
  o.threads = Int32(truncatingIfNeeded: try reader.take(UInt32.self))
  o.activation = Int32(truncatingIfNeeded: try reader.take(UInt32.self))
  let wide = try reader.take(UInt32.self) != 0
  let hasBias = try reader.take(UInt32.self) != 0
  let flags = try reader.take(UInt32.self)
  if flags > 3 { throw damaged("its flags are \(flags)") }
  (o.exclude_dense, o.updatable) = (Int32(flags & 1), Int32(flags >> 1))
  o.clamp_lower = try reader.take(Double.self)
  o.clamp_upper = try reader.take(Double.self)
  o.width = try reader.take(Int64.self)
  o.deterministic = 1
  let rows = try dimension(try reader.take(Int64.self), "rows")
  let columns = try dimension(try reader.take(Int64.self), "columns")
  let block = try blockSize(try reader.take(Int64.self), try reader.take(Int64.self))
  let entries = try reader.take(Int64.self)
  if entries < 0 || entries > Int64(Int.max / 16) { throw damaged("it has \(entries) entries") }
  let name = try reader.take(BlobHeader.size - reader.position, UInt8.self)
  var request = try PlanRequestFromC(o)
  request.options.kernel = String(validating: name.prefix { $0 != 0 }, as: UTF8.self)

  let matrix: StoredMatrix<Scalar>
  switch format {
  case LCN_DENSE:
    let values = try reader.take(try product(rows, columns, "elements"), Scalar.self)
    matrix = .dense(
      try Failure.format { () throws(FormatError) in
        try DenseMatrix(rows: rows, columns: columns, values: values)
      })
  case LCN_CSR:
    let pattern = try readPattern(&reader, rows, columns, Int(entries), wide: wide)
    let values = try reader.take(pattern.nnz, Scalar.self)
    matrix = .csr(
      try Failure.format { () throws(FormatError) in
        try CSRMatrix(pattern: pattern, values: values)
      })
  case LCN_BSR:
    let grid = block.grid(rows: rows, columns: columns)
    let pattern = try readPattern(&reader, grid.rows, grid.columns, Int(entries), wide: wide)
    let values = try reader.take(try product(pattern.nnz, block.area, "values"), Scalar.self)
    matrix = .bsr(
      try Failure.format { () throws(FormatError) in
        try BSRMatrix(
          rows: rows, columns: columns, block: block, blockPattern: pattern, values: values)
      })
  default: throw damaged("its format is \(format)")
  }
  if request.options.kernel == "dense" { try checkDense(matrix, rows: rows, columns: columns) }
  let bias = hasBias ? try reader.take(rows, Scalar.self) : nil
  do { return try makePlan(matrix, request, bias: bias) } catch {
    // A kernel that this processor or library lacks: let it choose.
    if error.status != .unsupported { throw error }
    request.options.kernel = nil
    return try makePlan(matrix, request, bias: bias)
  }
}

/// Weights that run dense take memory of their shape, and a few bytes of sparse ones can name any shape.
private func checkDense<Scalar: SparseScalar>(
  _ matrix: StoredMatrix<Scalar>, rows: Int, columns: Int
) throws(Failure) {
  let stored = matrix.stored
  let elements = try product(rows, columns, "elements")
  if elements > 1 << 24 && elements / 4096 > stored {
    throw damaged("its plan is dense, and its matrix stores \(stored) of \(elements) elements")
  }
}

private func readPattern(
  _ reader: inout BlobReader, _ rows: Int, _ columns: Int, _ entries: Int, wide: Bool
) throws(Failure) -> CSRPattern {
  let offsets = try reader.take(rows + 1, Int.self)
  let indices: [Int]
  if wide {
    indices = try reader.take(entries, UInt32.self).map { Int($0) }
  } else {
    indices = try reader.take(entries, UInt16.self).map { Int($0) }
  }
  return try Failure.format { () throws(FormatError) in
    try CSRPattern(rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
  }
}
