// Convolutions made and run through lacuna.h are what their definition says, and refuse what does not fit.

import AllocationCount
import CLacuna
import LacunaABI
import TestSupport
import Testing

/// LCN_CONV_OPTIONS_INIT, then a 3×3 convolution of 5×7 images in two groups.
private func convOptions(layout: Int = LCN_NCHW) -> lcn_conv_options {
  var o = lcn_conv_options()
  o.struct_size = UInt32(MemoryLayout<lcn_conv_options>.size)
  (o.layout, o.kernel_order, o.images) = (Int32(layout), Int32(LCN_OIHW), 2)
  (o.channels, o.height, o.width, o.filters) = (4, 5, 7, 6)
  (o.kernel_height, o.kernel_width, o.stride_y, o.stride_x) = (3, 3, 2, 1)
  (o.dilation_y, o.dilation_x, o.groups) = (1, 2, 2)
  (o.pad_top, o.pad_left, o.pad_bottom, o.pad_right) = (1, 2, 0, 1)
  (o.threads, o.deterministic) = (1, 1)
  return o
}

private enum Sizes {
  static let x = 2 * 4 * 5 * 7, outHeight = 2, outWidth = 6, y = 2 * 6 * 12, patch = 18
}

@Suite struct ConvolutionTests {
  private func weights() -> (values: [Float], matrix: OpaquePointer?) {
    let w = randomValues(6, Sizes.patch, density: 0.5, seed: 3)
    return (w, make(w, 6, Sizes.patch, format: LCN_CSR))
  }

  /// act(W ∗ X + bias + residual) by its definition.
  private func expected(
    _ w: [Float], _ x: [Float], _ bias: [Float], _ residual: [Float]?, nchw: Bool
  ) -> [Double] {
    let sums = unbounded(w, x, nchw: nchw)
    return sums.indices.map { i in
      let filter = nchw ? i / 12 % 6 : i % 6
      return min(max(sums[i] + Double(bias[filter]) + Double(residual?[i] ?? 0), -0.5), 1)
    }
  }

  /// W ∗ X by its definition.
  private func unbounded(_ w: [Float], _ x: [Float], nchw: Bool) -> [Double] {
    var y = [Double](repeating: 0, count: Sizes.y)
    for n in 0..<2 {
      for f in 0..<6 {
        for oy in 0..<2 {
          for ox in 0..<6 {
            let at = nchw ? ((n * 6 + f) * 2 + oy) * 6 + ox : ((n * 2 + oy) * 6 + ox) * 6 + f
            var sum = 0.0
            for c in 0..<2 {
              for ky in 0..<3 {
                for kx in 0..<3 {
                  let (iy, ix, channel) = (oy * 2 + ky - 1, ox + kx * 2 - 2, f / 3 * 2 + c)
                  if iy < 0 || iy >= 5 || ix < 0 || ix >= 7 { continue }
                  let from =
                    nchw
                    ? ((n * 4 + channel) * 5 + iy) * 7 + ix : ((n * 5 + iy) * 7 + ix) * 4 + channel
                  sum += Double(w[f * 18 + (c * 3 + ky) * 3 + kx]) * Double(x[from])
                }
              }
            }
            y[at] = sum
          }
        }
      }
    }
    return y
  }

  @Test(arguments: [LCN_NCHW, LCN_NHWC], [false, true])
  func `Runs and slices are the convolution`(layout: Int, adds: Bool) {
    let (w, matrix) = weights()
    let x = randomValues(1, Sizes.x, density: 1, seed: 4)
    let residual = randomValues(1, Sizes.y, density: 1, seed: 5)
    let bias = randomValues(1, 6, density: 1, seed: 6)
    var o = convOptions(layout: layout)
    (o.activation, o.clamp_lower, o.clamp_upper) = (Int32(LCN_ACTIVATION_CLAMP), -0.5, 1)
    o.adds_residual = adds ? 1 : 0
    var conv: OpaquePointer?
    bias.withUnsafeBytes { bytes in
      (o.bias, o.bias_count) = (bytes.baseAddress, 6)
      expect(lcn_conv_create(matrix, &o, &conv), "LCN_OK")
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    var info = lcn_conv_info()
    info.struct_size = UInt32(MemoryLayout<lcn_conv_info>.size)
    expect(lcn_conv_get_info(conv, &info), "LCN_OK")
    #expect((info.filters, info.output_height, info.output_width) == (6, 2, 6))
    #expect((info.images, info.dtype, info.layout) == (2, Int32(LCN_F32), Int32(layout)))
    #expect(info.slices >= 1 && info.packed_bytes > 0)
    var length = 0
    expect(lcn_conv_describe(conv, nil, 0, &length), "LCN_OK")
    #expect(length > 20)

    var y = [Float](repeating: .nan, count: Sizes.y)
    let r = adds ? pinned(residual) : nil
    expect(lcn_conv_run(conv, x, r, &y, 2, nil, 0), "LCN_OK")
    let want = expected(w, x, bias, adds ? residual : nil, nchw: layout == LCN_NCHW)
    // 20 terms of at most 1.
    for i in 0..<Sizes.y { #expect(abs(Double(y[i]) - want[i]) <= 24 * 20 * 6e-8, "\(i)") }

    var bytes = 0
    expect(lcn_conv_workspace_size(conv, &bytes), "LCN_OK")
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
    defer { workspace.deallocate() }
    for slices in [1, 2, 5] {
      var sliced = [Float](repeating: .nan, count: Sizes.y)
      for slice in (0..<slices).reversed() {
        expect(
          lcn_conv_run_slice(
            conv, Int64(slice), Int64(slices), x, r, &sliced, 2, workspace, bytes), "LCN_OK")
      }
      #expect(sliced == y, "\(slices) slices")
    }
    expect(lcn_conv_run(conv, x, r, &y, 0, nil, 0), "LCN_OK")
    expect(lcn_conv_destroy(conv), "LCN_OK")
    expect(lcn_conv_destroy(conv), "LCN_INVALID_HANDLE")
  }

  @Test func `A kernel in the order of TensorFlow gives the same`() {
    let (w, matrix) = weights()
    // HWIO: [3, 3, 2, 6].
    var hwio = [Float](repeating: 0, count: w.count)
    for f in 0..<6 {
      for c in 0..<2 {
        for tap in 0..<9 { hwio[(tap * 2 + c) * 6 + f] = w[f * 18 + c * 9 + tap] }
      }
    }
    var desc = denseDesc(6, 18, pinned(hwio), rowStride: 1, columnStride: 6)
    var last: OpaquePointer?
    expect(lcn_matrix_from_dense(&desc, &last), "LCN_OK")
    let x = randomValues(1, Sizes.x, density: 1, seed: 4)
    var results: [[Float]] = []
    for (matrix, order) in [(matrix, LCN_OIHW), (last, LCN_OHWI)] {
      for kernel in ["direct", "panels"] {
        var conv: OpaquePointer?
        var o = convOptions()
        o.kernel_order = Int32(order)
        // Three filters a group: dense strips are one row high too.
        "\(kernel)-1x1".withCString {
          o.kernel = $0
          expect(lcn_conv_create(matrix, &o, &conv), "LCN_OK")
        }
        var y = [Float](repeating: .nan, count: Sizes.y)
        expect(lcn_conv_run(conv, x, nil, &y, 2, nil, 0), "LCN_OK")
        results.append(y)
        expect(lcn_conv_destroy(conv), "LCN_OK")
      }
      expect(lcn_matrix_destroy(matrix), "LCN_OK")
    }
    #expect(results[0] == results[2])
    #expect(results[1] == results[3])
  }

  @Test func `Options that do not fit are refused`() {
    let (_, matrix) = weights()
    let bias: [Float] = [1, 2, 3, 4, 5, 6]
    var conv: OpaquePointer?
    func refused(
      _ status: String, _ words: String = "", sourceLocation: SourceLocation = #_sourceLocation,
      _ change: (inout lcn_conv_options) -> Void
    ) {
      var o = convOptions()
      change(&o)
      expect(lcn_conv_create(matrix, &o, &conv), status, sourceLocation: sourceLocation)
      #expect(conv == nil, sourceLocation: sourceLocation)
      #expect(words.isEmpty || lastError().contains(words), sourceLocation: sourceLocation)
    }
    let sizes: [WritableKeyPath<lcn_conv_options, Int64>] = [
      \.images, \.channels, \.height, \.width, \.filters, \.kernel_height, \.kernel_width,
      \.stride_y, \.stride_x, \.dilation_y, \.dilation_x, \.groups,
    ]
    for size in sizes {
      for value in [0, -1, Int64.min] {
        refused("LCN_INVALID_ARGUMENT", "\(value)") { $0[keyPath: size] = value }
      }
      for value in [1 << 31, Int64.max] {
        refused("LCN_SIZE_OVERFLOW", "\(value)") { $0[keyPath: size] = value }
      }
    }
    let pads: [WritableKeyPath<lcn_conv_options, Int64>] = [
      \.pad_top, \.pad_left, \.pad_bottom, \.pad_right,
    ]
    for pad in pads {
      refused("LCN_INVALID_ARGUMENT", "-1") { $0[keyPath: pad] = -1 }
      refused("LCN_SHAPE_MISMATCH", "5") { $0[keyPath: pad] = 5 }
    }
    refused("LCN_SHAPE_MISMATCH", "4 groups do not divide 6") { $0.groups = 4 }
    refused("LCN_SHAPE_MISMATCH", "9") { $0.dilation_y = 4 }
    refused("LCN_SHAPE_MISMATCH", "8") { $0.filters = 8 }
    refused("LCN_SHAPE_MISMATCH", "27") { ($0.channels, $0.groups) = (3, 1) }
    refused("LCN_SIZE_OVERFLOW") { ($0.height, $0.width) = (1 << 30, 1 << 30) }
    refused("LCN_SIZE_OVERFLOW") {
      $0.images = Int64(Int32.max); $0.height = 1 << 20
    }
    refused("LCN_UNSUPPORTED", "65536") {
      ($0.height, $0.width, $0.kernel_height, $0.kernel_width) = (999, 999, 257, 256)
    }
    for constant in [-1, 0, 3, Int32.max] {
      refused("LCN_INVALID_ARGUMENT") { $0.layout = constant }
      refused("LCN_INVALID_ARGUMENT") { $0.kernel_order = constant }
    }
    for flag in [-1, 2, Int32.max] {
      refused("LCN_INVALID_ARGUMENT") { $0.adds_residual = flag }
      refused("LCN_INVALID_ARGUMENT") { $0.deterministic = flag }
      refused("LCN_INVALID_ARGUMENT") { $0.exclude_dense = flag }
    }
    for threads in [0, -1, 1025] as [Int32] {
      refused("LCN_INVALID_ARGUMENT") { $0.threads = threads }
    }
    refused("LCN_INVALID_ARGUMENT") { $0.activation = 7 }
    refused("LCN_INVALID_ARGUMENT") {
      ($0.activation, $0.clamp_lower, $0.clamp_upper) = (Int32(LCN_ACTIVATION_CLAMP), 1, 0)
    }
    refused("LCN_NULL_POINTER") { $0.bias_count = 6 }
    bias.withUnsafeBytes { bytes in
      refused("LCN_SHAPE_MISMATCH") { ($0.bias, $0.bias_count) = (bytes.baseAddress, 5) }
    }
    refused("LCN_STRUCT_SIZE") { $0.struct_size = 12 }
    "winograd".withCString { name in
      refused("LCN_UNSUPPORTED", "winograd") { $0.kernel = name }
    }
    var o = convOptions()
    expect(lcn_conv_create(nil, &o, &conv), "LCN_NULL_POINTER")
    expect(lcn_conv_create(matrix, nil, &conv), "LCN_NULL_POINTER")
    expect(lcn_conv_create(matrix, &o, nil), "LCN_NULL_POINTER")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    expect(lcn_conv_create(matrix, &o, &conv), "LCN_INVALID_HANDLE")
  }

  @Test(arguments: [LCN_NCHW, LCN_NHWC])
  func `Convolutions of bytes give what integers give`(layout: Int) {
    let scales: [Float] = [0.5, 0.25, 1, 2, 0.125, 0.5]
    let integers = randomValues(6, Sizes.patch, density: 0.5, seed: 13).map { Int($0 * 100) }
    let w = integers.enumerated().map { Float($1) * scales[$0 / Sizes.patch] }
    let matrix = make(w, 6, Sizes.patch, format: LCN_CSR)
    let bytes = randomValues(1, Sizes.x, density: 1, seed: 14).map { Int8($0 * 127) }
    var o = convOptions(layout: layout)
    (o.weights, o.activations, o.activation_scale) = (Int32(LCN_I8), Int32(LCN_I8), 0.5)
    (o.zero_point, o.weight_scale_count) = (-3, 6)
    o.weight_scales = UnsafePointer(pinned(scales))
    (o.output, o.output_scale, o.output_zero_point) = (Int32(LCN_U8), 64, 100)
    var conv: OpaquePointer?
    expect(lcn_conv_create(matrix, &o, &conv), "LCN_OK")
    var info = lcn_conv_info()
    info.struct_size = UInt32(MemoryLayout<lcn_conv_info>.size)
    expect(lcn_conv_get_info(conv, &info), "LCN_OK")
    #expect(
      (info.dtype, info.activations, info.output)
        == (Int32(LCN_I8), Int32(LCN_I8), Int32(LCN_U8)))
    var y = [UInt8](repeating: 7, count: Sizes.y)
    expect(lcn_conv_run(conv, bytes, nil, &y, 2, nil, 0), "LCN_OK")
    // Numbers are the bytes less the zero point, which is also what lies around an image.
    let numbers = bytes.map { Float(Int($0) + 3) }
    let unscaled = unbounded(
      integers.map { Float($0) }, numbers, nchw: layout == LCN_NCHW)
    for i in 0..<Sizes.y {
      let filter = layout == LCN_NCHW ? i / 12 % 6 : i % 6
      let value = Float(unscaled[i]) * (scales[filter] * 0.5)
      let step = (value * (1 / 64)).rounded(.toNearestOrEven)
      #expect(Int(y[i]) == min(max(Int(step) + 100, 0), 255), "\(i)")
    }
    var sliced = [UInt8](repeating: 7, count: Sizes.y)
    for slice in 0..<3 {
      expect(lcn_conv_run_slice(conv, Int64(slice), 3, bytes, nil, &sliced, 2, nil, 0), "LCN_OK")
    }
    #expect(sliced == y)
    expect(lcn_conv_destroy(conv), "LCN_OK")
    func refused(
      _ status: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation,
      _ change: (inout lcn_conv_options) -> Void
    ) {
      var changed = o
      change(&changed)
      expect(lcn_conv_create(matrix, &changed, &conv), status, sourceLocation: sourceLocation)
      #expect(lastError().contains(words), "\(lastError())", sourceLocation: sourceLocation)
    }
    refused("LCN_UNSUPPORTED", "must be LCN_U8 or LCN_I8") {
      ($0.activations, $0.zero_point) = (Int32(LCN_F32), 0)
    }
    refused("LCN_UNSUPPORTED", "no residual") { $0.adds_residual = 1 }
    refused("LCN_INVALID_ARGUMENT", "128") { $0.zero_point = 128 }
    refused("LCN_INVALID_ARGUMENT", "scale") { $0.activation_scale = 0 }
    refused("LCN_INVALID_ARGUMENT", "output_zero_point") {
      ($0.output, $0.output_scale) = (0, 0)
    }
    refused("LCN_INVALID_ARGUMENT", "weights is 4") { $0.weights = Int32(LCN_U8) }
    refused("LCN_INVALID_ARGUMENT", "without 8-bit weights") { $0.weights = 0 }
    refused("LCN_SHAPE_MISMATCH", "scales") { $0.weight_scale_count = 5 }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `Runs that do not fit are refused, and nothing is written`() {
    let (_, matrix) = weights()
    var o = convOptions()
    var (conv, adding): (OpaquePointer?, OpaquePointer?) = (nil, nil)
    expect(lcn_conv_create(matrix, &o, &conv), "LCN_OK")
    o.adds_residual = 1
    expect(lcn_conv_create(matrix, &o, &adding), "LCN_OK")
    let x = pinned([Float](repeating: 1, count: Sizes.x + Sizes.y))
    let y = pinned([Float](repeating: 7, count: Sizes.y))
    var bytes = 0
    expect(lcn_conv_workspace_size(conv, &bytes), "LCN_OK")
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
    defer { workspace.deallocate() }
    expect(lcn_conv_run(conv, nil, nil, y, 2, nil, 0), "LCN_NULL_POINTER")
    expect(lcn_conv_run(conv, x, nil, nil, 2, nil, 0), "LCN_NULL_POINTER")
    expect(lcn_conv_run(conv, x, nil, y, -1, nil, 0), "LCN_INVALID_ARGUMENT")
    expect(lcn_conv_run(conv, x, nil, y, 1 << 31, nil, 0), "LCN_SIZE_OVERFLOW")
    expect(lcn_conv_run(conv, x, x, y, 2, nil, 0), "LCN_SHAPE_MISMATCH")
    expect(lcn_conv_run(adding, x, nil, y, 2, nil, 0), "LCN_NULL_POINTER")
    expect(lcn_conv_run(adding, x, y, y, 2, nil, 0), "LCN_INVALID_ARGUMENT")
    expect(lcn_conv_run(conv, x, nil, x + Sizes.x - 1, 2, nil, 0), "LCN_INVALID_ARGUMENT")
    expect(
      lcn_conv_run(conv, UnsafeRawPointer(x) + 1, nil, y, 1, nil, 0), "LCN_MISALIGNED")
    expect(lcn_conv_run(conv, x, nil, y, 2, nil, 64), "LCN_NULL_POINTER")
    expect(lcn_conv_run(conv, x, nil, y, 2, workspace, bytes - 1), "LCN_BUFFER_TOO_SMALL")
    expect(lcn_conv_run(conv, x, nil, y, 2, workspace + 4, bytes), "LCN_MISALIGNED")
    for (slice, slices) in [(0, 0), (-1, 2), (2, 2), (0, 65537), (0, -1)] as [(Int64, Int64)] {
      expect(
        lcn_conv_run_slice(conv, slice, slices, x, nil, y, 2, nil, 0), "LCN_INVALID_ARGUMENT")
    }
    for i in 0..<Sizes.y { #expect(y[i] == 7) }
    expect(lcn_conv_workspace_size(conv, nil), "LCN_NULL_POINTER")
    expect(lcn_plan_destroy(conv), "LCN_INVALID_HANDLE")
    expect(lcn_conv_destroy(matrix), "LCN_INVALID_HANDLE")
    for handle in [conv, adding] { expect(lcn_conv_destroy(handle), "LCN_OK") }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    expect(lcn_conv_run(conv, x, nil, y, 2, nil, 0), "LCN_INVALID_HANDLE")
  }

  @Test(.enabled(if: lcn_allocation_count() >= 0, "allocations cannot be counted here"))
  func `A run allocates nothing`() {
    let (_, matrix) = weights()
    for kernel in ["direct-1x1", "panels-1x1"] {
      var conv: OpaquePointer?
      var o = convOptions()
      kernel.withCString {
        o.kernel = $0
        expect(lcn_conv_create(matrix, &o, &conv), "LCN_OK")
      }
      let x = pinned([Float](repeating: 1, count: Sizes.x))
      let y = pinned([Float](repeating: 0, count: Sizes.y))
      expect(lcn_conv_run(conv, x, nil, y, 2, nil, 0), "LCN_OK")
      let before = lcn_allocation_count()
      var status = lcn_conv_run(conv, x, nil, y, 2, nil, 0)
      status |= lcn_conv_run_slice(conv, 1, 3, x, nil, y, 2, nil, 0)
      let after = lcn_allocation_count()
      #expect(after == before && status == 0, "\(kernel)")
      expect(lcn_conv_destroy(conv), "LCN_OK")
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }
}
