// A convolution of bytes by integers: exact sums, then each operation on floats rounded on its own.

import LacunaFormats
import LacunaOperations
import TestSupport

/// Bytes of images, signed or not.
protocol TestByte: ByteElement, FixedWidthInteger {}
extension UInt8: TestByte {}
extension Int8: TestByte {}

/// How weights of bytes are handed over.
enum ByteKernel: String, CaseIterable, Sendable {
  case elements, quads, tall, all

  var block: BlockSize {
    switch self {
    case .elements, .all: .element
    case .quads: BlockSize(unchecked: 1, 4)
    case .tall: BlockSize(unchecked: 2, 4)
    }
  }
}

/// One convolution of random bytes.
struct ByteConvolutionCase<Image: TestByte> {
  let shape: ConvolutionShape
  let layout: ImageLayout
  let order: KernelOrder
  let images: Int
  let format: ByteKernel
  let epilogue: Epilogue<Float>
  let range: (scale: Float, zeroPoint: Int)
  let weights: QuantizedCSR
  let blocks: QuantizedBSR?
  let x: [Image]

  init(
    _ shape: ConvolutionShape, layout: ImageLayout, order: KernelOrder, images: Int = 1,
    format: ByteKernel, sparsity: Double = 0.7, bias: Bool = true,
    activation: Activation = .none, seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed)
    (self.shape, self.layout, self.order, self.images) = (shape, layout, order, images)
    self.format = format
    let values: [Float] = randomWeights(
      shape.filters, shape.patch, sparsity: format == .all ? 0 : sparsity, block: format.block,
      &generator)
    weights = try QuantizedCSR(quantizing: csr(values, shape.filters, shape.patch))
    blocks =
      format == .elements || format == .all
      ? nil
      : try QuantizedBSR(quantizing: bsr(values, shape.filters, shape.patch, format.block))
    x = (0..<images * shape.inputCount).map { _ in
      Image.random(in: Image.min...Image.max, using: &generator)
    }
    epilogue = Epilogue(
      bias: bias
        ? (0..<shape.filters).map { _ in Float.random(in: -3...3, using: &generator) } : nil,
      activation: activation)
    range = (0.013, Int(Image.random(in: Image.min...Image.max, using: &generator)))
  }

  func plan(_ options: PlanOptions) throws -> QuantizedConvolution<Image, Float> {
    let range = ActivationRange.fixed(scale: range.scale, zeroPoint: range.zeroPoint)
    if let blocks {
      return try QuantizedConvolution(
        blocks, order: order, shape: shape, layout: layout, images: images, activations: range,
        epilogue: epilogue, options: options)
    }
    return try QuantizedConvolution(
      weights, order: order, shape: shape, layout: layout, images: images, activations: range,
      epilogue: epilogue, options: options)
  }

  func plan<Output: TestByte>(
    _ output: OutputScale, _ options: PlanOptions
  ) throws -> QuantizedConvolution<Image, Output> {
    let range = ActivationRange.fixed(scale: range.scale, zeroPoint: range.zeroPoint)
    if let blocks {
      return try QuantizedConvolution(
        blocks, order: order, shape: shape, layout: layout, images: images, activations: range,
        output: output, epilogue: epilogue, options: options)
    }
    return try QuantizedConvolution(
      weights, order: order, shape: shape, layout: layout, images: images, activations: range,
      output: output, epilogue: epilogue, options: options)
  }

  /// Names of the candidates that fit these weights.
  func kernels(isa: ISA) throws -> [String] {
    try plan(PlanOptions(deterministic: true, isa: isa)).explanation.candidates.map(\.kernel)
  }

  /// Runs a plan on the case.
  func result<Output: ActivationElement>(
    _ plan: QuantizedConvolution<Image, Output>, _ garbage: Output
  ) throws -> [Output] {
    var y = [Output](repeating: garbage, count: images * shape.outputCount)
    var into = y.mutableSpan
    try plan.run(x.span, into: &into)
    return y
  }

  /// The results by their definition.
  func expected() -> [Float] {
    let s = shape
    let (channels, filters) = (s.channels / s.groups, s.filters / s.groups)
    let (lower, upper) = epilogue.activation.bounds
    var y = [Float](repeating: .nan, count: images * s.outputCount)
    let offsets = weights.pattern.rowOffsets
    for n in 0..<images {
      for f in 0..<s.filters {
        for oy in 0..<s.outputHeight {
          for ox in 0..<s.outputWidth {
            var sum = 0
            for p in offsets[f]..<offsets[f + 1] {
              let column = weights.pattern.columnIndices[p]
              let (c, tap) =
                order == .channelsFirst
                ? (column / s.taps, column % s.taps) : (column % channels, column / channels)
              let iy = oy * s.strideY + tap / s.kernelWidth * s.dilationY - s.padTop
              let ix = ox * s.strideX + tap % s.kernelWidth * s.dilationX - s.padLeft
              if iy < 0 || iy >= s.height || ix < 0 || ix >= s.width { continue }
              let channel = f / filters * channels + c
              let byte = x[
                layout == .nchw
                  ? ((n * s.channels + channel) * s.height + iy) * s.width + ix
                  : ((n * s.height + iy) * s.width + ix) * s.channels + channel]
              sum += Int(weights.values[p]) * (Int(byte) - range.zeroPoint)
            }
            let at =
              layout == .nchw
              ? ((n * s.filters + f) * s.outputHeight + oy) * s.outputWidth + ox
              : ((n * s.outputHeight + oy) * s.outputWidth + ox) * s.filters + f
            let scaled = Float(sum) * (weights.scales[f] * range.scale)
            let value = scaled + (epilogue.bias?[f] ?? 0)
            y[at] = min(max(value, Float(lower)), Float(upper))
          }
        }
      }
    }
    return y
  }

  /// The same as bytes.
  func expected<Output: TestByte>(_ output: OutputScale, _: Output.Type) -> [Output] {
    expected().map {
      let step = ($0 * (1 / output.scale)).rounded(.toNearestOrEven)
      return Output(
        min(max(Int(step) + output.zeroPoint, Int(Output.min)), Int(Output.max)))
    }
  }
}
