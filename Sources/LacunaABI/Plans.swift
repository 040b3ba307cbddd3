// lcn_plan_create, _get_info, _describe, _workspace_size, _destroy.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations

@c @implementation
public func lcn_plan_create(
  _ matrix: OpaquePointer?, _ options: UnsafePointer<lcn_plan_options>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    _ = try Failure.operation { () throws(OperationError) in try ISA.validated() }
    var request = PlanRequestFromC()
    var biasValues: UnsafeRawPointer?
    var biasCount: Int64 = 0
    if let options {
      let o = try descriptor(options, "options")
      request = try PlanRequestFromC(o)
      (biasValues, biasCount) = (o.bias, o.bias_count)
    }
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      guard let quantization = request.quantization else {
        return try deliver(
          try object.value.plan(request, biasValues, biasCount), .plan, to: out)
      }
      guard case .f32(let m) = object.tensor.storage else {
        throw Failure(
          .unsupported,
          "weights is LCN_I8, the matrix is \(name(object.tensor.type)), must be LCN_F32")
      }
      let bias = try bias(biasValues, biasCount, rows: m.rows, Float.self)
      try deliver(
        try makeQuantizedPlan(m, request, quantization, bias: bias), .plan, to: out)
    }
  }
}

/// The bias values of the caller, nil for none.
func bias<Scalar: SparseScalar>(
  _ values: UnsafeRawPointer?, _ count: Int64, rows: Int, _: Scalar.Type
) throws(Failure) -> [Scalar]? {
  if values == nil && count == 0 { return nil }
  if count != Int64(rows) {
    throw Failure(.shapeMismatch, "bias_count is \(count), expected one for each of \(rows) rows")
  }
  let source = try array(values, count: rows, size: MemoryLayout<Scalar>.size, "bias")
  return try copied(source, rows, Scalar.self)
}

@c @implementation
public func lcn_plan_update_values(
  _ plan: OpaquePointer?, _ values: UnsafeRawPointer?, _ count: Int64, _ bias: UnsafeRawPointer?,
  _ biasCount: Int64
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
      switch object.value {
      case .floats(let plan): try plan.update(values, count, bias, biasCount)
      case .i8: try Failure.operation { () throws(OperationError) in throw .notUpdatable }
      }
    }
  }
}

extension PlanRequestFromC {
  init(_ o: lcn_plan_options) throws(Failure) {
    layout = try productLayout(o.layout)
    width = try dimension(o.width, "width")
    if width == 0 { throw Failure(.invalidArgument, "width is 0, must be 1 or more") }
    options.threads = try threadCount(o.threads)
    activation = try LacunaABI.activation(o.activation, lower: o.clamp_lower, upper: o.clamp_upper)
    options.deterministic = try flag(o.deterministic, "deterministic")
    options.excludesDense = try flag(o.exclude_dense, "exclude_dense")
    options.updatable = try flag(o.updatable, "updatable")
    try zero(o.reserved, "reserved of options")
    options.allowsBF16Activations = try flag(
      o.allow_bf16_activations, "allow_bf16_activations")
    quantization = try Self.quantization(o)
    if let name = o.kernel { options.kernel = try text(name, limit: 256, "kernel") }
  }
}

extension PlanRequestFromC {
  /// The members for 8-bit weights; without LCN_I8 none of them may be set.
  static func quantization(_ o: lcn_plan_options) throws(Failure) -> Quantization? {
    if o.weights == 0 {
      try zero(o.activations, "activations, without 8-bit weights,")
      try zero(o.range, "range, without 8-bit weights,")
      try zero(o.zero_point, "zero_point, without 8-bit weights,")
      try zero(o.one_scale, "one_scale, without 8-bit weights,")
      try zero(o.output, "output, without 8-bit weights,")
      try zero(o.output_zero_point, "output_zero_point, without 8-bit weights,")
      try zero(o.activation_scale, "activation_scale, without 8-bit weights,")
      try zero(o.output_scale, "output_scale, without 8-bit weights,")
      if o.weight_scales != nil || o.weight_scale_count != 0 {
        throw Failure(.invalidArgument, "weight_scales, without 8-bit weights, must be NULL")
      }
      return nil
    }
    if Int(o.weights) != LCN_I8 {
      throw Failure(.invalidArgument, "weights is \(o.weights), must be 0 or LCN_I8")
    }
    let type: NumberType =
      switch Int(o.activations) {
      case LCN_F32: .f32
      case LCN_U8: .u8
      case LCN_I8: .i8
      default:
        throw Failure(
          .invalidArgument, "activations is \(o.activations), must be LCN_F32, LCN_U8 or LCN_I8")
      }
    let isMeasured = Int(o.range) == LCN_RANGE_TENSOR || Int(o.range) == LCN_RANGE_SIDE
    if isMeasured {
      try zero(o.zero_point, "zero_point of a range that is measured")
      try zero(o.activation_scale, "activation_scale of a range that is measured")
    }
    let isOfFloats = o.output == 0 || Int(o.output) == LCN_F32
    if isOfFloats {
      try zero(o.output_zero_point, "output_zero_point of an output in f32")
      try zero(o.output_scale, "output_scale of an output in f32")
    }
    let output: NumberType =
      switch Int(o.output) {
      case 0, LCN_F32: .f32
      case LCN_U8: .u8
      case LCN_I8: .i8
      default:
        throw Failure(
          .invalidArgument, "output is \(o.output), must be 0, LCN_F32, LCN_U8 or LCN_I8")
      }
    let range: ActivationRange =
      switch Int(o.range) {
      case LCN_RANGE_FIXED:
        .fixed(scale: Float(o.activation_scale), zeroPoint: Int(o.zero_point))
      case LCN_RANGE_TENSOR: .perTensor
      case LCN_RANGE_SIDE: .perSide
      default:
        throw Failure(.invalidArgument, "range is \(o.range), must be one of LCN_RANGE_…")
      }
    return Quantization(
      activations: type, range: range, weightScales: try weightScales(o),
      output: (
        output,
        isOfFloats
          ? nil
          : OutputScale(scale: Float(o.output_scale), zeroPoint: Int(o.output_zero_point))
      ))
  }
}

/// The scales that are given, or how many there are to be.
private func weightScales(_ o: lcn_plan_options) throws(Failure) -> WeightScales {
  let isOne = try flag(o.one_scale, "one_scale")
  let count = try dimension(o.weight_scale_count, "weight_scale_count")
  guard let scales = o.weight_scales else {
    if count > 0 {
      throw Failure(.nullPointer, "weight_scales is NULL, but weight_scale_count is \(count)")
    }
    return isOne ? .perTensor : .perRow
  }
  if isOne { throw Failure(.invalidArgument, "one_scale is 1, but weight_scales are given") }
  try reserve(try product(count, 4, "bytes"))
  let values = try array(scales, count: count, size: 4, "weight_scales")
    .assumingMemoryBound(to: Float.self)
  return .given([Float](UnsafeBufferPointer(start: values, count: count)))
}

/// An activation from its constant; the bounds count for a clamp only.
func activation(_ constant: Int32, lower: Double, upper: Double) throws(Failure) -> Activation {
  switch Int(constant) {
  case LCN_ACTIVATION_NONE: .none
  case LCN_ACTIVATION_RELU: .relu
  case LCN_ACTIVATION_CLAMP: .clamp(lower, upper)
  case LCN_ACTIVATION_HARD_SWISH: .hardSwish
  case LCN_ACTIVATION_SILU: .silu
  default:
    throw Failure(.invalidArgument, "activation is \(constant), must be one of LCN_ACTIVATION_…")
  }
}

/// A yes or no from C.
func flag(_ value: Int32, _ name: StaticString) throws(Failure) -> Bool {
  if value != 0 && value != 1 {
    throw Failure(.invalidArgument, "\(name) is \(value), must be 0 or 1")
  }
  return value == 1
}

/// A member that has no meaning yet: a program that sets it asks for what this library cannot do.
func zero<Number: Numeric>(_ value: Number, _ name: StaticString) throws(Failure) {
  if value != 0 { throw Failure(.invalidArgument, "\(name) is \(value), must be 0") }
}

/// A thread count from C.
func threadCount(_ threads: Int32) throws(Failure) -> Int {
  if threads < 1 || threads > Int32(mostThreads) {
    throw Failure(.invalidArgument, "threads is \(threads), must be in 1...\(mostThreads)")
  }
  return Int(threads)
}

private func productLayout(_ layout: Int32) throws(Failure) -> ProductLayout {
  switch Int(layout) {
  case LCN_COLUMNS: .columns
  case LCN_ROWS: .rows
  default:
    throw Failure(.invalidArgument, "layout is \(layout), must be LCN_COLUMNS or LCN_ROWS")
  }
}

@c @implementation
public func lcn_plan_get_info(
  _ plan: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_plan_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
        info.dtype = constant(object.core.types.weights)
        info.activations = constant(object.core.types.activations)
        info.output = constant(object.core.types.output)
        info.layout = Int32(object.layout == .columns ? LCN_COLUMNS : LCN_ROWS)
        info.threads = Int32(object.threads)
        info.rows = Int64(object.rows)
        info.columns = Int64(object.columns)
        info.width = Int64(object.width)
        info.slices = Int64(max(object.usefulSlices(width: object.width), 1))
        info.stored = Int64(object.stored)
        info.packed_bytes = Int64(object.packedBytes)
        copyText(object.kernelName, to: &info.kernel)
      }
    }
  }
}

@c @implementation
public func lcn_plan_describe(
  _ plan: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
      try give(object.description, to: text, capacity, length)
    }
  }
}

/// Writes a text with its NUL, or only its length when there is no room.
func give(
  _ description: String, to text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) throws(Failure) {
  let count = description.utf8.count
  length?.pointee = count
  if text == nil && capacity == 0 { return }
  guard let text else { throw Failure(.nullPointer, "text is NULL, but capacity is \(capacity)") }
  // size_t arrives as a signed number: a negative one is beyond any address space.
  if capacity >= 0 && capacity <= count {
    throw Failure(.bufferTooSmall, "capacity is \(capacity), the text takes \(count + 1) bytes")
  }
  copyText(description, to: text, capacity: count + 1)
}

@c @implementation
public func lcn_plan_workspace_size(
  _ plan: OpaquePointer?, _ width: Int64, _ bytes: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let bytes else { throw Failure(.nullPointer, "bytes is NULL") }
    _ = try dimension(width, "width")
    try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
      bytes.pointee = object.workspaceBytes
    }
  }
}

@c @implementation
public func lcn_plan_destroy(_ plan: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(plan, .plan) }
}
