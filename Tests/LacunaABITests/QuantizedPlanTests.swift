// 8-bit plans through lacuna.h are Swift's own, bit for bit; what does not fit together is refused by name.

import CLacuna
import LacunaABI
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct QuantizedABITests {
  private static let values: [Float] = (0..<12 * 20).map { i -> Float in
    if i % 3 != 0 { return 0 }
    return Float(i * 37 % 101 - 50) / 25
  }

  private func options(_ activations: Int, _ range: Int, layout: Int) -> lcn_plan_options {
    var o = planOptions(width: 5, layout: layout, activation: LCN_ACTIVATION_RELU)
    (o.weights, o.activations, o.range) = (Int32(LCN_I8), Int32(activations), Int32(range))
    return o
  }

  /// What C computes with `x`, and what a plan of Swift does.
  private func compare<Activation: ActivationElement>(
    _ x: [Activation], _ o: lcn_plan_options, _ range: ActivationRange, format: Int
  ) throws {
    let matrix = make(
      Self.values, 12, 20, format: format, block: format == LCN_BSR ? (2, 4) : (1, 1))
    var (o, plan): (lcn_plan_options, OpaquePointer?) = (o, nil)
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    let byColumns = Int(o.layout) == LCN_COLUMNS
    let yStride = byColumns ? 5 : 12
    var y = [Float](repeating: -1, count: 12 * 5)
    expect(
      lcn_plan_run(plan, x, byColumns ? 5 : 20, &y, Int64(yStride), 5, nil, 0), "LCN_OK")
    var slices = [Float](repeating: -1, count: 12 * 5)
    for slice in 0..<3 {
      expect(
        lcn_plan_run_slice(
          plan, Int64(slice), 3, x, byColumns ? 5 : 20, &slices, Int64(yStride), 5, nil, 0),
        "LCN_OK")
    }
    let csr = CSRMatrix(dense: try DenseMatrix(rows: 12, columns: 20, values: Self.values))
    let scales: WeightScales = o.one_scale == 1 ? .perTensor : .perRow
    let swift = try QuantizedPlan<Activation, Float>(
      QuantizedCSR(quantizing: csr, scales: scales), activations: range,
      layout: byColumns ? .columns : .rows, width: 5, epilogue: Epilogue(activation: .relu))
    var expected = [Float](repeating: 0, count: 12 * 5)
    try swift.run(x, into: &expected, width: 5)
    #expect(y == expected && slices == expected)
    #expect(y.contains { $0 > 0 })
    // The same results as bytes.
    var bytes: OpaquePointer?
    (o.output, o.output_scale, o.output_zero_point) = (Int32(LCN_I8), 0.25, -5)
    expect(lcn_plan_create(matrix, &o, &bytes), "LCN_OK")
    var made = [Int8](repeating: 1, count: 12 * 5)
    expect(
      lcn_plan_run(bytes, x, byColumns ? 5 : 20, &made, Int64(yStride), 5, nil, 0), "LCN_OK")
    #expect(made == y.map { Int8(min(max(($0 * 4).rounded(.toNearestOrEven) - 5, -128), 127)) })
    var info = lcn_plan_info()
    info.struct_size = UInt32(MemoryLayout<lcn_plan_info>.size)
    expect(lcn_plan_get_info(plan, &info), "LCN_OK")
    #expect(Int(info.dtype) == LCN_I8 && info.activations == o.activations)
    #expect(Int(info.output) == LCN_F32)
    try #require(y == (try mapped(plan, x, o, Float.self)))
    try #require(made == (try mapped(bytes, x, o, Int8.self)))
    let weights = Self.values.filter { $0 != 0 }
    expect(
      lcn_plan_update_values(plan, weights, Int64(weights.count), nil, 0), "LCN_UNSUPPORTED")
    expect(lcn_plan_destroy(bytes), "LCN_OK")
    expect(lcn_plan_destroy(plan), "LCN_OK")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  /// What a plan computes that was written and mapped again; its blob is the same, and one with a bit changed is
  /// refused.
  private func mapped<Activation: ActivationElement, Output: ActivationElement & Numeric>(
    _ plan: OpaquePointer?, _ x: [Activation], _ o: lcn_plan_options, _: Output.Type
  ) throws -> [Output] {
    func blob(_ plan: OpaquePointer?) -> [UInt8] {
      var length = 0
      expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
      var blob = [UInt8](repeating: 1, count: length)
      expect(lcn_plan_serialize(plan, &blob, length - 1, &length), "LCN_BUFFER_TOO_SMALL")
      expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
      return blob
    }
    var first = blob(plan)
    var again: OpaquePointer?
    expect(lcn_plan_map(first, first.count, &again), "LCN_OK")
    #expect(blob(again) == first)
    let byColumns = Int(o.layout) == LCN_COLUMNS
    var y = [Output](repeating: 1, count: 12 * 5)
    expect(
      lcn_plan_run(again, x, byColumns ? 5 : 20, &y, byColumns ? 5 : 12, 5, nil, 0), "LCN_OK")
    expect(lcn_plan_destroy(again), "LCN_OK")
    for position in stride(from: 32, to: first.count, by: 61) {
      first[position] ^= 4
      var damaged: OpaquePointer?
      expect(lcn_plan_map(first, first.count, &damaged), "LCN_BAD_DATA")
      first[position] ^= 4
    }
    return y
  }

  @Test(arguments: [LCN_COLUMNS, LCN_ROWS], [LCN_DENSE, LCN_CSR, LCN_BSR])
  func `Results are those of Swift`(layout: Int, format: Int) throws {
    let numbers = (0..<100).map { i -> Float in Float(i * 29 % 83 - 30) / 16 }
    try compare(
      numbers, options(LCN_F32, LCN_RANGE_TENSOR, layout: layout), .perTensor, format: format)
    try compare(
      numbers, options(LCN_F32, LCN_RANGE_SIDE, layout: layout), .perSide, format: format)
    var fixed = options(LCN_U8, LCN_RANGE_FIXED, layout: layout)
    (fixed.activation_scale, fixed.zero_point, fixed.one_scale) = (0.25, 130, 1)
    try compare(
      (0..<100).map { UInt8(($0 * 57) % 256) }, fixed, .fixed(scale: 0.25, zeroPoint: 130),
      format: format)
    (fixed.activations, fixed.zero_point, fixed.one_scale) = (Int32(LCN_I8), -7, 0)
    try compare(
      (0..<100).map { Int8(truncatingIfNeeded: $0 * 57) }, fixed,
      .fixed(scale: 0.25, zeroPoint: -7), format: format)
  }

  @Test func `What does not fit together is refused by name`() {
    let matrix = make(Self.values, 12, 20, format: LCN_CSR)
    var plan: OpaquePointer?
    func refused(
      _ expected: String, _ texts: [String], sourceLocation: SourceLocation = #_sourceLocation,
      _ change: (inout lcn_plan_options) -> Void
    ) {
      var o = options(LCN_F32, LCN_RANGE_TENSOR, layout: LCN_COLUMNS)
      change(&o)
      expect(lcn_plan_create(matrix, &o, &plan), expected, sourceLocation: sourceLocation)
      #expect(plan == nil, sourceLocation: sourceLocation)
      for text in texts {
        #expect(lastError().contains(text), "\(lastError())", sourceLocation: sourceLocation)
      }
    }
    refused("LCN_INVALID_ARGUMENT", ["weights is 4"]) { $0.weights = Int32(LCN_U8) }
    refused("LCN_INVALID_ARGUMENT", ["activations is 2"]) { $0.activations = Int32(LCN_F64) }
    refused("LCN_INVALID_ARGUMENT", ["range is 3"]) { $0.range = 3 }
    refused("LCN_INVALID_ARGUMENT", ["zero_point"]) { $0.zero_point = 1 }
    refused("LCN_INVALID_ARGUMENT", ["activation_scale"]) { $0.activation_scale = 1 }
    refused("LCN_INVALID_ARGUMENT", ["one_scale is 2"]) { $0.one_scale = 2 }
    refused("LCN_INVALID_ARGUMENT", ["u8"]) { $0.activations = Int32(LCN_U8) }
    let scales = UnsafePointer(pinned([Float](repeating: 1, count: 12)))
    let small = UnsafePointer(pinned([Float](repeating: 1e-9, count: 12)))
    refused("LCN_SHAPE_MISMATCH", ["11", "12"]) {
      ($0.weight_scales, $0.weight_scale_count) = (scales, 11)
    }
    refused("LCN_NULL_POINTER", ["weight_scales"]) { $0.weight_scale_count = 12 }
    refused("LCN_INVALID_ARGUMENT", ["weight_scale_count"]) { $0.weight_scale_count = -1 }
    refused("LCN_INVALID_ARGUMENT", ["127 times"]) {
      ($0.weight_scales, $0.weight_scale_count) = (small, 12)
    }
    refused("LCN_INVALID_ARGUMENT", ["one_scale"]) {
      ($0.weight_scales, $0.weight_scale_count, $0.one_scale) = (scales, 12, 1)
    }
    refused("LCN_INVALID_ARGUMENT", ["weight_scales"]) {
      ($0.weights, $0.activations, $0.range) = (0, 0, 0)
      ($0.weight_scales, $0.weight_scale_count) = (scales, 12)
    }
    for scale in [0, -1, .infinity, 1e-60] {
      refused("LCN_INVALID_ARGUMENT", ["scale"]) {
        $0.range = Int32(LCN_RANGE_FIXED)
        $0.activation_scale = scale
      }
    }
    refused("LCN_INVALID_ARGUMENT", ["256", "0...255"]) {
      $0.range = Int32(LCN_RANGE_FIXED)
      ($0.activation_scale, $0.zero_point) = (1, 256)
    }
    for scale in [0, -1, .infinity, .nan, 1e-60] {
      refused("LCN_INVALID_ARGUMENT", ["scale of the output"]) {
        $0.output = Int32(LCN_U8)
        $0.output_scale = scale
      }
    }
    refused("LCN_INVALID_ARGUMENT", ["128", "-128...127"]) {
      $0.output = Int32(LCN_I8)
      ($0.output_scale, $0.output_zero_point) = (1, 128)
    }
    refused("LCN_INVALID_ARGUMENT", ["output is 2"]) { $0.output = Int32(LCN_F64) }
    refused("LCN_INVALID_ARGUMENT", ["output_scale"]) { $0.output_scale = 1 }
    refused("LCN_INVALID_ARGUMENT", ["output_zero_point"]) { $0.output_zero_point = 1 }
    refused("LCN_INVALID_ARGUMENT", ["output"]) {
      ($0.weights, $0.activations, $0.range, $0.output) = (0, 0, 0, Int32(LCN_U8))
    }
    refused("LCN_UNSUPPORTED", ["updatable"]) { $0.updatable = 1 }
    refused("LCN_INVALID_ARGUMENT", ["activations"]) { $0.weights = 0 }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    // An f64 matrix has no 8-bit weights here; NaN has no byte.
    var (numbers, double): ([Double], OpaquePointer?) = ([1, 2], nil)
    numbers.withUnsafeMutableBytes { bytes in
      var d = denseDesc(1, 2, bytes.baseAddress, dtype: LCN_F64)
      expect(lcn_matrix_from_dense(&d, &double), "LCN_OK")
    }
    var o = options(LCN_F32, LCN_RANGE_TENSOR, layout: LCN_COLUMNS)
    expect(lcn_plan_create(double, &o, &plan), "LCN_UNSUPPORTED")
    #expect(lastError().contains("LCN_I8") && lastError().contains("LCN_F64"))
    expect(lcn_matrix_destroy(double), "LCN_OK")
    let nan = makeDense(1, 2, [1, .nan])
    expect(lcn_plan_create(nan, &o, &plan), "LCN_NOT_A_NUMBER")
    expect(lcn_matrix_destroy(nan), "LCN_OK")
  }
}
