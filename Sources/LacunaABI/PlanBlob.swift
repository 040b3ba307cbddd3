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
//     scales        f32 for each row; of 8-bit weights alone
//     values        f32, f64, bf16, f16 or i8
//     bias          f64 for weights in f64, else f32; or none
//
// It holds the matrix and the choice, not the packed form: packing differs between processors, and a blob made on
// one of them has to run on all.

@c @implementation
public func lcn_plan_serialize(
  _ plan: OpaquePointer?, _ blob: UnsafeMutableRawPointer?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let length else { throw Failure(.nullPointer, "length is NULL") }
    try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
      switch object.value {
      case .floats(let plan): try write(blob, capacity, length, plan.emitter)
      case .i8(let source):
        try write(blob, capacity, length) { emit(object.core, source, to: &$0) }
      }
    }
  }
}

/// Counts first, then writes, then sums.
private func write(
  _ blob: UnsafeMutableRawPointer?, _ capacity: Int, _ length: UnsafeMutablePointer<Int>,
  _ emit: (inout BlobWriter) -> Void
) throws(Failure) {
  var count = BlobWriter(memory: nil)
  emit(&count)
  length.pointee = count.position
  if blob == nil && capacity == 0 { return }
  guard let blob else { throw Failure(.nullPointer, "blob is NULL, but capacity is \(capacity)") }
  if capacity >= 0 && capacity < count.position {
    throw Failure(
      .bufferTooSmall, "capacity is \(capacity), the blob takes \(count.position) bytes")
  }
  var writer = BlobWriter(memory: blob)
  emit(&writer)
  blob.storeBytes(of: UInt64(count.position), toByteOffset: 16, as: UInt64.self)
  let body = UnsafeRawBufferPointer(
    start: blob + BlobHeader.start, count: count.position - BlobHeader.start)
  blob.storeBytes(of: checksum(body), toByteOffset: BlobHeader.checksumAt, as: UInt64.self)
}

extension CSRPattern {
  /// Whether its columns take 32 bits.
  var isWide: Bool {
    if case .u32 = columnIndices { true } else { false }
  }
}

extension BlobWriter {
  mutating func put(_ pattern: CSRPattern) {
    put(pattern.rowOffsets)
    switch pattern.columnIndices {
    case .u16(let columns): put(columns)
    case .u32(let columns): put(columns)
    }
  }
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
    let header = try BlobHeader(&reader)
    // The matrix, and its indices in 64 bits on their way.
    try reserve(try product(length, 4, "bytes"))
    let plan =
      switch header.elementType {
      case LCN_F32: try read(&reader, header, Float.self, Float.self)
      case LCN_F64: try read(&reader, header, Double.self, Double.self)
      case LCN_BF16: try read(&reader, header, BFloat16.self, Float.self)
      case LCN_F16: try read(&reader, header, Float16.self, Float.self)
      case LCN_I8: try readQuantized(&reader, header)
      case let other: throw damaged("its element type is \(other)")
      }
    try deliver(plan, .plan, to: out)
  }
}

/// The plan behind a header whose checksum is right. Every number is checked again: a sum can be forged.
private func read<Weight: StoredScalar, Scalar: SparseScalar>(
  _ reader: inout BlobReader, _ header: BlobHeader, _: Weight.Type, _: Scalar.Type
) throws(Failure) -> PlanObject {
  let request = try header.request()
  let (rows, columns) = header.shape
  let matrix: StoredMatrix<Weight>
  switch header.format {
  case LCN_DENSE:
    let values = try reader.take(try product(rows, columns, "elements"), Weight.self)
    matrix = .dense(
      try Failure.format { () throws(FormatError) in
        try DenseMatrix(rows: rows, columns: columns, values: values)
      })
  case LCN_CSR:
    let pattern = try reader.pattern(header, rows, columns)
    let values = try reader.take(pattern.nnz, Weight.self)
    matrix = .csr(
      try Failure.format { () throws(FormatError) in
        try CSRMatrix(pattern: pattern, values: values)
      })
  case LCN_BSR:
    let grid = header.block.grid(rows: rows, columns: columns)
    let pattern = try reader.pattern(header, grid.rows, grid.columns)
    let values = try reader.take(try product(pattern.nnz, header.block.area, "values"), Weight.self)
    matrix = .bsr(
      try Failure.format { () throws(FormatError) in
        try BSRMatrix(
          rows: rows, columns: columns, block: header.block, blockPattern: pattern, values: values)
      })
  default: throw damaged("its format is \(header.format)")
  }
  try checkDense(header, stored: matrix.stored)
  let bias = header.hasBias ? try reader.take(rows, Scalar.self) : nil
  return try choosing(request) { (request) throws(Failure) in
    PlanObject(try FloatPlan(matrix, request, bias: bias))
  }
}

/// A plan with the saved kernel, or with another one where this processor or library lacks it.
func choosing<Plan>(
  _ request: PlanRequestFromC, _ make: (PlanRequestFromC) throws(Failure) -> Plan
) throws(Failure) -> Plan {
  do { return try make(request) } catch {
    if error.status != .unsupported { throw error }
    var request = request
    request.options.kernel = nil
    return try make(request)
  }
}

/// Weights that run dense take memory of their shape, and a few bytes of sparse ones can name any shape.
func checkDense(_ header: BlobHeader, stored: Int) throws(Failure) {
  if header.kernel != "dense" { return }
  let elements = try product(header.shape.rows, header.shape.columns, "elements")
  if elements > 1 << 24 && elements / 4096 > stored {
    throw damaged("its plan is dense, and its matrix stores \(stored) of \(elements) elements")
  }
}

extension BlobReader {
  mutating func pattern(
    _ header: BlobHeader, _ rows: Int, _ columns: Int
  ) throws(Failure) -> CSRPattern {
    let offsets = try take(rows + 1, Int.self)
    let indices: [Int] =
      if header.isWide {
        try take(header.entries, UInt32.self).map { Int($0) }
      } else {
        try take(header.entries, UInt16.self).map { Int($0) }
      }
    return try Failure.format { () throws(FormatError) in
      try CSRPattern(rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
    }
  }
}
