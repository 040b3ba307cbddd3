// lcn_schedule_…, lcn_mask_…, lcn_topk_threshold: pruning on memory of a training program.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations
import LacunaPruning

extension Failure {
  init(_ error: PruningError) {
    switch error {
    case .notANumber, .infinite, .normOverflow: self.init(.notANumber, error.description)
    case .wrongCount, .shapeMismatch: self.init(.shapeMismatch, error.description)
    case .malformedState: self.init(.badData, error.description)
    case .format(let error): self.init(error)
    default: self.init(.invalidArgument, error.description)
    }
  }

  /// Runs `body`, whose errors are pruning's own.
  static func pruning<R>(_ body: () throws(PruningError) -> R) throws(Failure) -> R {
    do { return try body() } catch { throw Failure(error) }
  }
}

/// The schedule that a descriptor describes.
private func schedule(
  _ pointer: UnsafePointer<lcn_schedule_desc>?
) throws(Failure) -> any PruningSchedule {
  let d = try descriptor(pointer, "schedule")
  switch Int(d.kind) {
  case LCN_SCHEDULE_CONSTANT:
    return try Failure.pruning { () throws(PruningError) in
      try ConstantSparsity(
        d.final_sparsity, begin: Int(d.begin_step), end: d.end_step < 0 ? nil : Int(d.end_step),
        frequency: Int(d.frequency))
    }
  case LCN_SCHEDULE_POLYNOMIAL:
    return try Failure.pruning { () throws(PruningError) in
      try PolynomialDecay(
        initial: d.initial_sparsity, final: d.final_sparsity, begin: Int(d.begin_step),
        end: Int(d.end_step), power: d.power, frequency: Int(d.frequency))
    }
  default:
    throw Failure(.invalidArgument, "kind is \(d.kind), must be one of LCN_SCHEDULE_…")
  }
}

@c @implementation
public func lcn_schedule_sparsity(
  _ schedule: UnsafePointer<lcn_schedule_desc>?, _ step: Int64,
  _ sparsity: UnsafeMutablePointer<Double>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let sparsity else { throw Failure(.nullPointer, "sparsity is NULL") }
    sparsity.pointee = try LacunaABI.schedule(schedule).sparsity(at: Int(step))
  }
}

@c @implementation
public func lcn_schedule_is_update(
  _ schedule: UnsafePointer<lcn_schedule_desc>?, _ step: Int64,
  _ is_update: UnsafeMutablePointer<Int32>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let is_update else { throw Failure(.nullPointer, "is_update is NULL") }
    is_update.pointee = try LacunaABI.schedule(schedule).isUpdate(at: Int(step)) ? 1 : 0
  }
}

@c @implementation
public func lcn_mask_compute(
  _ weights: UnsafePointer<lcn_dense_desc>?, _ options: UnsafePointer<lcn_mask_options>?,
  _ mask: UnsafePointer<lcn_mask_desc>?, _ kept: UnsafeMutablePointer<Int64>?
) -> lcn_status {
  call { () throws(Failure) in
    let view = try DenseView(weights, "weights")
    let target = try MaskView(mask, "mask")
    try requireShape(
      "mask", rows: target.rows, columns: target.columns, expectedRows: view.rows,
      expectedColumns: view.columns)
    let request = try MaskRequest(try descriptor(options, "options"))
    let type = try arithmetic(view.type, "dtype of weights")
    // Scores, those among which the threshold is sought, and the mask itself.
    try reserve(try product(view.count, 2 * type.size + 4, "bytes"))
    let bits: BitMask
    switch type {
    case .f32: bits = try computed(view, request, Float.self)
    case .f64: bits = try computed(view, request, Double.self)
    }
    target.write(bits)
    kept?.pointee = Int64(bits.keptCount)
  }
}

/// What lcn_mask_options asks for.
private struct MaskRequest {
  let sparsity: Double
  let granularity: Granularity
  let ties: TiePolicy

  init(_ o: lcn_mask_options) throws(Failure) {
    sparsity = o.sparsity
    switch Int(o.ties) {
    case LCN_TIES_EXACT: ties = .exactK
    case LCN_TIES_KEEP: ties = .keepTies
    default: throw Failure(.invalidArgument, "ties is \(o.ties), must be one of LCN_TIES_…")
    }
    let pooling: Pooling
    switch Int(o.pooling) {
    case LCN_POOL_AVERAGE: pooling = .average
    case LCN_POOL_MAXIMUM: pooling = .max
    case LCN_POOL_L1: pooling = .l1
    case LCN_POOL_L2: pooling = .l2
    default: throw Failure(.invalidArgument, "pooling is \(o.pooling), must be one of LCN_POOL_…")
    }
    let block = try blockSize(o.block_rows, o.block_columns)
    switch Int(o.granularity) {
    case LCN_GRANULARITY_ELEMENT: granularity = .element
    case LCN_GRANULARITY_BLOCK: granularity = .block(block, pooling: pooling)
    case LCN_GRANULARITY_PATTERN:
      granularity = .pattern(keep: Int(o.group_keep), of: Int(o.group_size))
    case LCN_GRANULARITY_WINDOW:
      granularity = .window(keep: Int(o.group_keep), of: Int(o.group_size))
    case LCN_GRANULARITY_ROWS: granularity = .rows(pooling: pooling)
    case LCN_GRANULARITY_COLUMNS: granularity = .columns(pooling: pooling)
    default:
      throw Failure(
        .invalidArgument, "granularity is \(o.granularity), must be one of LCN_GRANULARITY_…")
    }
  }
}

private func computed<Scalar: SparseScalar>(
  _ view: DenseView, _ request: MaskRequest, _: Scalar.Type
) throws(Failure) -> BitMask {
  func mask(_ buffer: UnsafeBufferPointer<Scalar>) throws(Failure) -> BitMask {
    try Failure.pruning { () throws(PruningError) in
      try magnitudeMask(
        buffer, shape: [view.rows, view.columns], sparsity: request.sparsity,
        granularity: request.granularity, ties: request.ties
      ).mask
    }
  }
  let packed = view.columnStride == 1 && (view.rowStride == view.columns || view.rows == 1)
  if packed {
    return try mask(UnsafeBufferPointer(start: view.elements(Scalar.self), count: view.count))
  }
  return try view.copy(Scalar.self).withUnsafeElements { (elements) throws(Failure) in
    try mask(elements)
  }
}

@c @implementation
public func lcn_mask_apply(
  _ weights: UnsafePointer<lcn_dense_desc>?, _ mask: UnsafePointer<lcn_mask_desc>?
) -> lcn_status {
  call { () throws(Failure) in
    let view = try DenseView(weights, "weights")
    let source = try MaskView(mask, "mask")
    try requireShape(
      "mask", rows: source.rows, columns: source.columns, expectedRows: view.rows,
      expectedColumns: view.columns)
    clear(view, source, storedType(view.type))
  }
}

/// w[i, j] ← 0 where the mask removes, read from the caller's mask as it lies: no copy of either.
private func clear<Scalar: StoredScalar>(_ view: DenseView, _ mask: MaskView, _: Scalar.Type) {
  let elements = view.elements(Scalar.self)
  for i in 0..<view.rows {
    let row = elements + i * view.rowStride
    let bits = mask.memory + i * mask.rowStride
    if mask.isBits {
      for j in 0..<view.columns where bits[j >> 3] >> UInt8(j & 7) & 1 == 0 {
        row[j * view.columnStride] = .zero
      }
    } else {
      for j in 0..<view.columns where bits[j] == 0 { row[j * view.columnStride] = .zero }
    }
  }
}

@c @implementation
public func lcn_topk_threshold(
  _ dtype: Int32, _ values: UnsafeRawPointer?, _ count: Int64, _ k: Int64,
  _ threshold: UnsafeMutablePointer<Double>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let threshold else { throw Failure(.nullPointer, "threshold is NULL") }
    let type = try arithmetic(try elementType(dtype), "dtype")
    if count < 1 || count > Int64(Int.max / 16) {
      throw Failure(.invalidArgument, "count is \(count), must be 1 or more")
    }
    if k < 1 || k > count {
      throw Failure(.invalidArgument, "k is \(k), must be in 1...\(count)")
    }
    let source = try array(values, count: Int(count), size: type.size, "values")
    // The values near the threshold.
    try reserve(Int(count) * type.size)
    switch type {
    case .f32: threshold.pointee = Double(try kth(source, Int(count), Int(k), Float.self))
    case .f64: threshold.pointee = try kth(source, Int(count), Int(k), Double.self)
    }
  }
}

private func kth<Scalar: SparseScalar>(
  _ values: UnsafeRawPointer, _ count: Int, _ k: Int, _: Scalar.Type
) throws(Failure) -> Scalar {
  let buffer = UnsafeBufferPointer(
    start: values.assumingMemoryBound(to: Scalar.self), count: count)
  do throws(SelectionError) {
    return try Selection.kthLargestMagnitude(buffer, k: k).threshold
  } catch {
    switch error {
    case .notANumber: throw Failure(.notANumber, error.description)
    case .rankOutOfRange: throw Failure(.invalidArgument, error.description)
    }
  }
}
