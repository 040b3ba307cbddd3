// Calls of lacuna.h in any order: matrices made, converted, planned, run and destroyed.

import CLacuna
import Lacuna
import LacunaABI

let callTargets = [
  FuzzTarget("calls", memory: (1 << 24, 4096)) { bytes in
    var cursor = InputCursor(bytes)
    var matrices: [KnownMatrix] = []
    defer { for matrix in matrices { _ = lcn_matrix_destroy(matrix.handle) } }
    var calls = 0
    while !cursor.isAtEnd && calls < 24 {
      calls += 1
      switch cursor.choice(8) {
      case 0, 1:
        if matrices.count < 8, let made = try makeMatrix(&cursor) { matrices.append(made) }
      case 2:
        if let (index, _) = pick(&cursor, matrices) {
          let matrix = matrices.remove(at: index)
          let first = lcn_matrix_destroy(matrix.handle)
          let second = lcn_matrix_destroy(matrix.handle)
          try hold(
            first == Int32(LCN_OK) && second == Int32(LCN_INVALID_HANDLE),
            "destroyed twice: \(first), \(second)")
        }
      case 3, 4:
        if let (_, matrix) = pick(&cursor, matrices), let other = try converted(&cursor, matrix) {
          matrices.append(other)
          if matrices.count > 8 { _ = lcn_matrix_destroy(matrices.removeFirst().handle) }
        }
      case 5: if let (_, matrix) = pick(&cursor, matrices) { try exported(&cursor, matrix) }
      case 6: if let (_, matrix) = pick(&cursor, matrices) { try planned(&cursor, matrix) }
      default: try pruned(&cursor)
      }
    }
  },
  // Behind a length and a checksum that are right. A plan keeps a table for each 65536 columns of
  // its matrix, which is tens of megabytes for 2³¹ of them, however few entries there are. A dense
  // plan takes up to 2²⁴ elements twice.
  FuzzTarget("plan-blob", memory: (1 << 28, 4096)) { bytes in
    let bytes = repairedBlob(bytes)
    let memory = CaseMemory()
    var plan: OpaquePointer?
    let status = lcn_plan_map(memory.array(bytes), bytes.count, &plan)
    if status != Int32(LCN_OK) { throw Refused(status: status) }
    defer { _ = lcn_plan_destroy(plan) }
    try checkBlob(plan)
    try ran(plan)
  },
]

private struct Refused: Error { let status: lcn_status }

private func pick(
  _ cursor: inout InputCursor, _ matrices: [KnownMatrix]
) -> (Int, KnownMatrix)? {
  if matrices.isEmpty { return nil }
  let index = cursor.choice(matrices.count)
  return (index, matrices[index])
}

/// The matrix in another format, or transposed; nil when that was refused.
private func converted(
  _ cursor: inout InputCursor, _ matrix: KnownMatrix
) throws -> KnownMatrix? {
  var handle: OpaquePointer?
  var (rows, columns, elements) = (matrix.rows, matrix.columns, matrix.elements)
  let status: lcn_status
  if cursor.flag() {
    status = lcn_matrix_transpose(matrix.handle, &handle)
    (rows, columns) = (columns, rows)
    elements = (0..<rows * columns).map { matrix.elements[$0 % columns * rows + $0 / columns] }
  } else {
    status = lcn_matrix_convert(
      matrix.handle, Int32(cursor.choice(5)), Int64(cursor.size(9)), Int64(cursor.size(9)), &handle)
  }
  guard status == Int32(LCN_OK), let handle else { return nil }
  let other = KnownMatrix(
    handle: handle, rows: rows, columns: columns, dtype: matrix.dtype, elements: elements)
  try check(other)
  return other
}

/// The arrays of a matrix out again, into memory of exactly the size that its description gives.
private func exported(_ cursor: inout InputCursor, _ matrix: KnownMatrix) throws {
  let memory = CaseMemory()
  var info = lcn_matrix_info()
  info.struct_size = UInt32(MemoryLayout<lcn_matrix_info>.size)
  let described = lcn_matrix_get_info(matrix.handle, &info)
  try hold(described == Int32(LCN_OK), "get_info: status \(described)")
  let isBlocked = info.format == Int32(LCN_BSR)
  let type = Int32(cursor.choice(2) + 1)
  let short = cursor.choice(4) == 0 ? 1 : 0
  let rows =
    isBlocked
    ? (matrix.rows + Int(info.block_rows) - 1) / Int(info.block_rows) : matrix.rows
  // A dense matrix becomes CSR on the way: at most all of its elements.
  let entries = max(0, Int(isBlocked ? info.blocks : info.stored) - short)
  let values = entries * (isBlocked ? Int(info.block_rows * info.block_columns) : 1)
  let offsets = memory.indices([Int](repeating: 0, count: rows + 1), type)
  let indices = memory.indices([Int](repeating: 0, count: entries), type)
  let target = memory.values([Double](repeating: 0, count: values), matrix.dtype)
  let status =
    isBlocked
    ? lcn_matrix_to_bsr(matrix.handle, type, offsets, indices, target, Int64(entries))
    : lcn_matrix_to_csr(matrix.handle, type, offsets, indices, target, Int64(entries))
  let allowed = [LCN_OK, LCN_BUFFER_TOO_SMALL, LCN_UNSUPPORTED].map { Int32($0) }
  try hold(allowed.contains(status), "export: status \(status)")
}

/// Y = W · X by a plan of chosen options, beside the sum by definition.
private func planned(_ cursor: inout InputCursor, _ matrix: KnownMatrix) throws {
  let memory = CaseMemory()
  var options = lcn_plan_options()
  options.struct_size = UInt32(MemoryLayout<lcn_plan_options>.size)
  options.layout = Int32(cursor.choice(3) == 0 ? LCN_ROWS : LCN_COLUMNS)
  options.width = Int64(cursor.size(40))
  options.activation = Int32(cursor.choice(2))
  options.threads = 1
  options.deterministic = 1
  let bias = (0..<(cursor.flag() ? matrix.rows : 0)).map { _ in cursor.value() }
  options.bias = UnsafeRawPointer(memory.values(bias, operandType(matrix.dtype)))
  options.bias_count = Int64(bias.count)
  if bias.isEmpty { options.bias = nil }
  var plan: OpaquePointer?
  let status = lcn_plan_create(matrix.handle, &options, &plan)
  if status != Int32(LCN_OK) {
    let isRefused = !isSmall(Int(options.width)) || options.width == 0
    try hold(isRefused, "a plan for \(matrix.rows)×\(matrix.columns): status \(status)")
    return
  }
  defer { _ = lcn_plan_destroy(plan) }
  if cursor.flag() { try checkBlob(plan) }
  let width = cursor.choice(34)
  let isColumns = options.layout == Int32(LCN_COLUMNS)
  let (pad, slices) = (cursor.choice(3), 1 + cursor.choice(4))
  let inner = isColumns ? width : matrix.columns
  let x = (0..<(isColumns ? matrix.columns : width) * (inner + pad)).map { Double($0 * 7 % 11 - 5) }
  let outer = isColumns ? width : matrix.rows
  let y = [Double](repeating: 77, count: (isColumns ? matrix.rows : width) * (outer + pad))
  let type = operandType(matrix.dtype)
  let (source, target) = (memory.values(x, type), memory.values(y, type))
  for slice in 0..<slices {
    let ran = lcn_plan_run_slice(
      plan, Int64(slice), Int64(slices), source, Int64(inner + pad), target, Int64(outer + pad),
      Int64(width), nil, 0)
    try hold(ran == Int32(LCN_OK), "a run: status \(ran)")
  }
  let unit = matrix.dtype == Int32(LCN_F64) ? Double.ulpOfOne : Double(Float.ulpOfOne)
  for index in y.indices {
    let found = element(target, index, type)
    let (first, second) = index.quotientAndRemainder(dividingBy: outer + pad)
    if second >= outer {
      try hold(found == 77, "the padding of Y was written")
      continue
    }
    let (row, column) = isColumns ? (first, second) : (second, first)
    var (sum, size) = bias.isEmpty ? (0, 0) : (bias[row], abs(bias[row]))
    for k in 0..<matrix.columns {
      let weight = matrix.elements[row * matrix.columns + k]
      if weight == 0 { continue }
      let term = weight * x[isColumns ? k * (inner + pad) + column : column * (inner + pad) + k]
      (sum, size) = (sum + term, size + abs(term))
    }
    // What a NaN or an infinity becomes is a rule of its own, with tests of its own.
    if !size.isFinite { continue }
    if options.activation == Int32(LCN_ACTIVATION_RELU) { sum = max(sum, 0) }
    let bound = Double(matrix.columns + 2) * unit * size
    try hold(
      abs(found - sum) <= bound,
      "Y[\(row), \(column)] is \(found), the sum is \(sum) ± \(bound)")
  }
}

/// A serialised plan gives, mapped, the same blob again.
private func checkBlob(_ plan: OpaquePointer?) throws {
  var length = 0
  let asked = lcn_plan_serialize(plan, nil, 0, &length)
  try hold(asked == Int32(LCN_OK), "the blob's length: status \(asked)")
  func blob(_ plan: OpaquePointer?) throws -> [UInt8] {
    let memory = CaseMemory()
    let target = memory.array([UInt8](repeating: 0, count: length))
    var written = 0
    let status = lcn_plan_serialize(plan, target, length, &written)
    try hold(status == Int32(LCN_OK) && written == length, "serialize: status \(status)")
    return Array(UnsafeRawBufferPointer(start: target, count: length))
  }
  let first = try blob(plan)
  let memory = CaseMemory()
  var other: OpaquePointer?
  let status = lcn_plan_map(memory.array(first), first.count, &other)
  try hold(status == Int32(LCN_OK), "a plan's own blob: status \(status)")
  defer { _ = lcn_plan_destroy(other) }
  try hold(try blob(other) == first, "a mapped plan has another blob")
}

/// A mapped plan runs in memory of the size that it asks for.
private func ran(_ plan: OpaquePointer?) throws {
  var info = lcn_plan_info()
  info.struct_size = UInt32(MemoryLayout<lcn_plan_info>.size)
  let status = lcn_plan_get_info(plan, &info)
  try hold(status == Int32(LCN_OK), "get_info: status \(status)")
  let (rows, columns, width) = (Int(info.rows), Int(info.columns), min(Int(info.width), 5))
  if rows > 256 || columns > 4096 { return }
  let memory = CaseMemory()
  // Of an 8-bit product floats or bytes: floats are room for both.
  let dtype = operandType(info.dtype)
  let x = memory.values([Double](repeating: 1, count: columns * width), dtype)
  let y = memory.values([Double](repeating: 0, count: rows * width), dtype)
  let isColumns = info.layout == Int32(LCN_COLUMNS)
  let ran = lcn_plan_run(
    plan, x, Int64(isColumns ? width : columns), y, Int64(isColumns ? width : rows), Int64(width),
    nil, 0)
  try hold(ran == Int32(LCN_OK), "a run: status \(ran)")
}

/// lcn_mask_compute, lcn_mask_apply, lcn_topk_threshold and schedules, of chosen numbers.
private func pruned(_ cursor: inout InputCursor) throws {
  let memory = CaseMemory()
  let (rows, columns) = (1 + cursor.choice(12), 1 + cursor.choice(12))
  let dtype = Int32(cursor.choice(2) + 1)
  let values = (0..<rows * columns).map { _ in cursor.value() }
  var weights = lcn_dense_desc(
    struct_size: UInt32(MemoryLayout<lcn_dense_desc>.size), dtype: dtype, rows: Int64(rows),
    columns: Int64(columns), row_stride: 0, column_stride: 0, values: memory.values(values, dtype))
  var mask = lcn_mask_desc(
    struct_size: UInt32(MemoryLayout<lcn_mask_desc>.size), kind: Int32(LCN_MASK_BYTES),
    rows: Int64(rows), columns: Int64(columns), row_stride: 0,
    data: memory.array([UInt8](repeating: 9, count: rows * columns)))
  var options = lcn_mask_options()
  options.struct_size = UInt32(MemoryLayout<lcn_mask_options>.size)
  options.granularity = Int32(cursor.choice(8))
  options.sparsity = cursor.element(of: [0, 0.1, 0.5, 0.9, 0.99999, 1, -0.1, .nan])
  (options.block_rows, options.block_columns) = (Int64(cursor.size(9)), Int64(cursor.size(9)))
  (options.pooling, options.ties) = (Int32(cursor.choice(6)), Int32(cursor.choice(4)))
  (options.group_keep, options.group_size) = (Int32(cursor.choice(9)), Int32(cursor.choice(17)))
  var kept: Int64 = -1
  if lcn_mask_compute(&weights, &options, &mask, &kept) == Int32(LCN_OK) {
    let ones = (0..<rows * columns).count {
      mask.data.load(fromByteOffset: $0, as: UInt8.self) == 1
    }
    try hold(Int64(ones) == kept, "\(kept) kept, \(ones) ones in the mask")
    let applied = lcn_mask_apply(&weights, &mask)
    try hold(applied == Int32(LCN_OK), "mask_apply: status \(applied)")
    for index in values.indices {
      let found = element(weights.values, index, dtype)
      let isKept = mask.data.load(fromByteOffset: index, as: UInt8.self) == 1
      try hold(
        isKept ? found == values[index] || found.isNaN : found == 0, "weight \(index) is \(found)")
    }
  }
  var threshold = 0.0
  _ = lcn_topk_threshold(
    dtype, weights.values, Int64(values.count), Int64(cursor.size(150)), &threshold)
  var schedule = lcn_schedule_desc()
  schedule.struct_size = UInt32(MemoryLayout<lcn_schedule_desc>.size)
  schedule.kind = Int32(cursor.choice(4))
  schedule.initial_sparsity = cursor.element(of: [0, 0.5, 0.999, 1, .infinity])
  schedule.final_sparsity = cursor.element(of: [0, 0.5, 0.999, 1, .nan])
  schedule.power = cursor.element(of: [3, 0, 1, 1e300, -1])
  (schedule.begin_step, schedule.end_step) = (Int64(cursor.size(99)), Int64(cursor.size(99)))
  schedule.frequency = Int64(cursor.size(99))
  let step = Int64(cursor.size(249))
  var (sparsity, isUpdate) = (0.0, Int32(7))
  if lcn_schedule_sparsity(&schedule, step, &sparsity) == Int32(LCN_OK) {
    try hold((0..<1).contains(sparsity), "sparsity \(sparsity)")
  }
  if lcn_schedule_is_update(&schedule, step, &isUpdate) == Int32(LCN_OK) {
    try hold(isUpdate == 0 || isUpdate == 1, "is_update \(isUpdate)")
  }
}

/// A blob whose length and checksum are right. It asks for at most three threads: each takes a
/// workspace of up to 4 MB, and 1024 may be asked for.
private func repairedBlob(_ bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  if bytes.count < 48 { return bytes }
  bytes.replaceSubrange(44..<48, with: [bytes[44] & 3, 0, 0, 0])
  func put(_ value: UInt64, _ at: Int) {
    for byte in 0..<8 { bytes[at + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte))) }
  }
  put(UInt64(bytes.count), 16)
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  let words = (bytes.count - 32) / 8
  bytes.withUnsafeBytes { memory in
    for word in 0..<words {
      let value = memory.loadUnaligned(fromByteOffset: 32 + word * 8, as: UInt64.self)
      hash = (hash ^ value) &* 0x100_0000_01b3
    }
    for index in 32 + words * 8..<memory.count {
      hash = (hash ^ UInt64(memory[index])) &* 0x100_0000_01b3
    }
  }
  put(hash, 24)
  return bytes
}

/// Blobs of plans over small matrices of every format and type.
func blobSeeds() throws -> [[UInt8]] {
  var seeds: [[UInt8]] = []
  for (dtype, format, block, quantized) in [
    (1, LCN_DENSE, 1, 0), (1, LCN_CSR, 1, 0), (2, LCN_CSR, 1, 0), (1, LCN_BSR, 2, 0),
    (2, LCN_BSR, 3, 0), (1, LCN_CSR, 1, LCN_I8), (1, LCN_BSR, 2, LCN_I8),
    (LCN_BF16, LCN_CSR, 1, 0), (LCN_F16, LCN_BSR, 2, 0),
  ] {
    let memory = CaseMemory()
    var dense = lcn_dense_desc(
      struct_size: UInt32(MemoryLayout<lcn_dense_desc>.size), dtype: Int32(dtype), rows: 4,
      columns: 6, row_stride: 0, column_stride: 0,
      values: memory.values((0..<24).map { $0 % 3 == 0 ? Double($0) : 0 }, Int32(dtype)))
    var (matrix, other, plan): (OpaquePointer?, OpaquePointer?, OpaquePointer?)
    _ = lcn_matrix_from_dense(&dense, &matrix)
    _ = lcn_matrix_convert(matrix, Int32(format), Int64(block), Int64(block), &other)
    var options = lcn_plan_options()
    options.struct_size = UInt32(MemoryLayout<lcn_plan_options>.size)
    (options.layout, options.width, options.threads) = (Int32(LCN_COLUMNS), 4, 1)
    (options.activation, options.deterministic) = (Int32(LCN_ACTIVATION_RELU), 1)
    options.bias = UnsafeRawPointer(memory.values([1, 2, 3, 4], operandType(Int32(dtype))))
    options.bias_count = 4
    if quantized == LCN_I8 {
      (options.weights, options.activations) = (Int32(LCN_I8), Int32(LCN_U8))
      (options.activation_scale, options.zero_point) = (0.5, 100)
      (options.output, options.output_scale) = (Int32(block == 1 ? LCN_F32 : LCN_I8), 0.25)
      if block == 1 { options.output_scale = 0 }
    }
    _ = lcn_plan_create(other, &options, &plan)
    var length = 0
    _ = lcn_plan_serialize(plan, nil, 0, &length)
    var blob = [UInt8](repeating: 0, count: length)
    _ = lcn_plan_serialize(plan, &blob, length, &length)
    seeds.append(blob)
    _ = lcn_plan_destroy(plan)
    _ = lcn_matrix_destroy(other)
    _ = lcn_matrix_destroy(matrix)
  }
  return seeds
}
