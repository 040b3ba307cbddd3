// lcn_conv_create, _get_info, _describe, _workspace_size, _run, _run_slice, _destroy.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations

/// Everything of lcn_conv_options but the bias values, checked.
private struct ConvolutionRequest {
  let shape: ConvolutionShape
  let layout: ImageLayout
  let order: KernelOrder
  let images: Int
  let addsResidual: Bool
  let activation: Activation
  let options: PlanOptions
  /// 8-bit weights, and what images are given as; nil for a convolution in the matrix's type.
  let quantization: PlanRequestFromC.Quantization?

  init(_ o: lcn_conv_options) throws(Failure) {
    switch Int(o.layout) {
    case LCN_NCHW: layout = .nchw
    case LCN_NHWC: layout = .nhwc
    default: throw Failure(.invalidArgument, "layout is \(o.layout), must be LCN_NCHW or LCN_NHWC")
    }
    switch Int(o.kernel_order) {
    case LCN_OIHW: order = .channelsFirst
    case LCN_OHWI: order = .channelsLast
    default:
      throw Failure(
        .invalidArgument, "kernel_order is \(o.kernel_order), must be LCN_OIHW or LCN_OHWI")
    }
    images = try dimension(o.images, "images")
    if images == 0 { throw Failure(.invalidArgument, "images is 0, must be 1 or more") }
    let (channels, filters) = (
      try dimension(o.channels, "channels"), try dimension(o.filters, "filters")
    )
    let image = (
      height: try dimension(o.height, "height"), width: try dimension(o.width, "width")
    )
    let kernel = (
      height: try dimension(o.kernel_height, "kernel_height"),
      width: try dimension(o.kernel_width, "kernel_width")
    )
    let stride = (
      y: try dimension(o.stride_y, "stride_y"), x: try dimension(o.stride_x, "stride_x")
    )
    let dilation = (
      y: try dimension(o.dilation_y, "dilation_y"), x: try dimension(o.dilation_x, "dilation_x")
    )
    let padding = (
      top: try dimension(o.pad_top, "pad_top"), left: try dimension(o.pad_left, "pad_left"),
      bottom: try dimension(o.pad_bottom, "pad_bottom"),
      right: try dimension(o.pad_right, "pad_right")
    )
    let groups = try dimension(o.groups, "groups")
    shape = try Failure.operation { () throws(OperationError) in
      try ConvolutionShape(
        channels: channels, image: image, filters: filters, kernel: kernel, stride: stride,
        dilation: dilation, padding: padding, groups: groups)
    }
    addsResidual = try flag(o.adds_residual, "adds_residual")
    activation = try LacunaABI.activation(o.activation, lower: o.clamp_lower, upper: o.clamp_upper)
    var options = PlanOptions(
      threads: try threadCount(o.threads),
      deterministic: try flag(o.deterministic, "deterministic"),
      excludesDense: try flag(o.exclude_dense, "exclude_dense"))
    if let name = o.kernel { options.kernel = try text(name, limit: 256, "kernel") }
    self.options = options
    quantization = try PlanRequestFromC.quantization(o.products)
    if quantization?.activations == .f32 {
      throw Failure(
        .unsupported, "activations is LCN_F32, of 8-bit convolutions it must be LCN_U8 or LCN_I8")
    }
    if quantization != nil && addsResidual {
      throw Failure(.unsupported, "adds_residual is 1, but 8-bit convolutions add no residual")
    }
  }
}

extension lcn_conv_options {
  /// The members for 8-bit weights where products have them.
  fileprivate var products: lcn_plan_options {
    var o = lcn_plan_options()
    (o.weights, o.activations, o.range) = (weights, activations, Int32(LCN_RANGE_FIXED))
    (o.activation_scale, o.zero_point, o.one_scale) = (activation_scale, zero_point, one_scale)
    (o.output, o.output_zero_point, o.output_scale) = (output, output_zero_point, output_scale)
    (o.weight_scales, o.weight_scale_count) = (weight_scales, weight_scale_count)
    return o
  }
}

@c @implementation
public func lcn_conv_create(
  _ weights: OpaquePointer?, _ options: UnsafePointer<lcn_conv_options>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    _ = try Failure.operation { () throws(OperationError) in try ISA.validated() }
    let o = try descriptor(options, "options")
    let request = try ConvolutionRequest(o)
    try HandleTable.use(weights, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      if let quantization = request.quantization {
        guard case .f32(let m) = object.tensor.storage else {
          throw Failure(
            .unsupported,
            "weights is LCN_I8, the matrix is \(name(object.tensor.type)), must be LCN_F32")
        }
        let bias = try bias(o.bias, o.bias_count, rows: m.rows, Float.self)
        return try deliver(
          try makeQuantized(m, request, quantization, bias), .convolution, to: out)
      }
      switch object.tensor.storage {
      case .f32(let m):
        let bias = try bias(o.bias, o.bias_count, rows: m.rows, Float.self)
        try deliver(try make(m, request, bias).core, .convolution, to: out)
      case .f64(let m):
        let bias = try bias(o.bias, o.bias_count, rows: m.rows, Double.self)
        try deliver(try make(m, request, bias).core, .convolution, to: out)
      case .bf16, .f16, .i8, .codebook:
        _ = try arithmetic(object.tensor.type, "dtype of the weights")
      }
    }
  }
}

private func make<Scalar: SparseScalar>(
  _ matrix: StoredMatrix<Scalar>, _ request: ConvolutionRequest, _ bias: [Scalar]?
) throws(Failure) -> Convolution<Scalar> {
  let size = MemoryLayout<Scalar>.size
  // Entries with their places while they are sorted, then packed; two dense copies where dense may be faster.
  try reserve(try product(matrix.stored, 6 * size + 40, "bytes") + matrix.rows * 64)
  if !request.options.excludesDense {
    let elements = try product(matrix.rows, matrix.columns, "elements")
    try reserve(try product(elements, 6 * size + 40, "bytes"))
  }
  let epilogue = ConvolutionEpilogue<Scalar>(
    bias: bias, activation: request.activation, addsResidual: request.addsResidual)
  return try Failure.operation { () throws(OperationError) in
    try Convolution(
      source: matrix, order: request.order, shape: request.shape, layout: request.layout,
      images: request.images, epilogue: epilogue, options: request.options)
  }
}

private func makeQuantized(
  _ matrix: StoredMatrix<Float>, _ request: ConvolutionRequest,
  _ quantization: PlanRequestFromC.Quantization, _ bias: [Float]?
) throws(Failure) -> ConvolutionCore {
  // Weights as bytes with their places while they are sorted; quads of four candidates, each for one weight at worst.
  try reserve(try product(matrix.stored, 128, "bytes") + matrix.rows * 64)
  if !request.options.excludesDense {
    let elements = try product(matrix.rows, matrix.columns, "elements")
    try reserve(try product(elements, 48, "bytes"))
  }
  let weights = try quantizedSource(matrix, quantization.weightScales)
  return try Failure.operation { () throws(OperationError) in
    try ConvolutionCore(
      weights, order: request.order, shape: request.shape, layout: request.layout,
      images: request.images, activations: (quantization.activations, quantization.range),
      output: quantization.output, epilogue: Epilogue(bias: bias, activation: request.activation),
      options: request.options)
  }
}

@c @implementation
public func lcn_conv_get_info(
  _ conv: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_conv_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(conv, .convolution, as: ConvolutionCore.self) { (core) throws(Failure) in
        (info.dtype, info.threads) = (constant(core.types.weights), Int32(core.threads))
        info.activations = constant(core.types.activations)
        info.output = constant(core.types.output)
        info.layout = Int32(core.layout == .nchw ? LCN_NCHW : LCN_NHWC)
        (info.images, info.filters) = (Int64(core.images), Int64(core.shape.filters))
        info.output_height = Int64(core.shape.outputHeight)
        info.output_width = Int64(core.shape.outputWidth)
        info.slices = Int64(max(core.body.usefulSlices(images: core.images), 1))
        (info.stored, info.packed_bytes) = (Int64(core.stored), Int64(core.body.packedBytes))
        copyText(core.body.name, to: &info.kernel)
      }
    }
  }
}

@c @implementation
public func lcn_conv_describe(
  _ conv: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(conv, .convolution, as: ConvolutionCore.self) { (core) throws(Failure) in
      try give("\(core.summary)\n\(core.explanation)", to: text, capacity, length)
    }
  }
}

@c @implementation
public func lcn_conv_workspace_size(
  _ conv: OpaquePointer?, _ bytes: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let bytes else { throw Failure(.nullPointer, "bytes is NULL") }
    try HandleTable.use(conv, .convolution, as: ConvolutionCore.self) { (core) throws(Failure) in
      bytes.pointee = core.workspaceBytes
    }
  }
}

@c @implementation
public func lcn_conv_destroy(_ conv: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(conv, .convolution) }
}
