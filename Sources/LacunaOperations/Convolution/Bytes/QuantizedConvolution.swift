// Y ← activation(Wq ∗ Xq · scales + bias): 8-bit weights and images, exact 32-bit sums, f32 or 8-bit results.

import LacunaFormats

/// A convolution of bytes: packed 8-bit weights and the kernel chosen for them.
///
/// As ``Convolution``, with weights of `QuantizedCSR` or `QuantizedBSR` (signed, symmetric, a scale for each filter),
/// images of bytes with one scale and zero point, and results that are floats or bytes:
///
///     sum = Σ w · (x − zero point)                            exact, in 32 bits; nothing is added where an image ends
///     y    = activation(Float(sum) · (filter's scale · scale) + bias)
///     byte = output zero point + round(y · (1 / output scale))
///
/// Each operation of the second and third line rounds on its own, so results are bit for bit the same on every
/// instruction set, for any number of threads or slices, and for every kernel, dense included. Four channels at one
/// place of the kernel are multiplied at a time: blocks of 1×4 or more in the order ``KernelOrder/channelsLast`` fill
/// such quads.
public final class QuantizedConvolution<Image: ByteElement, Output: ActivationElement>: Sendable {
  package let core: ConvolutionCore

  private init(
    _ source: QuantizedMatrix, _ order: KernelOrder, _ shape: ConvolutionShape,
    _ layout: ImageLayout, _ images: Int, _ range: ActivationRange, _ output: OutputScale?,
    _ epilogue: Epilogue<Float>, _ options: PlanOptions
  ) throws(OperationError) {
    core = try ConvolutionCore(
      source, order: order, shape: shape, layout: layout, images: images,
      activations: (Image.numberType, range), output: (Output.numberType, output),
      epilogue: epilogue, options: options)
  }

  /// Sizes of images, kernel and results.
  public var shape: ConvolutionShape { core.shape }
  /// How images and results lie in memory.
  public var layout: ImageLayout { core.layout }
  /// Images per run that the plan was made for; other numbers work as well.
  public var images: Int { core.images }
  /// Threads that a whole run uses at most.
  public var threads: Int { core.threads }
  /// How the choice was made.
  public var explanation: PlanExplanation { core.explanation }
  /// Stored weights.
  public var stored: Int { core.stored }
  /// The name of the chosen candidate, such as "direct-4x4" or "dense-panels-4x4".
  public var kernelName: String { core.body.name }
  /// Bytes of weights, indices and tables that one run reads.
  public var packedBytes: Int { core.body.packedBytes }
  /// Bytes of scratch memory of one run or slice, 64-byte aligned.
  public var workspaceBytes: Int { core.workspaceBytes }
  /// How many slices of a run of that many images can work at once without idling.
  public func usefulSlices(images: Int) -> Int { core.body.usefulSlices(images: images) }

  /// Y in the caller's memory, which may be that of any container. Allocates nothing.
  ///
  /// - Parameters:
  ///   - x: packed images of the plan's shape and layout.
  ///   - y: the results, overwritten.
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)`` for spans that do not hold whole
  ///   images, or not as many of them; then nothing was written.
  /// - Complexity: O(stored · pixels) for a sparse kernel.
  public func run(
    _ x: Span<Image>, into y: inout MutableSpan<Output>
  ) throws(OperationError) {
    let count = x.count / shape.inputCount
    try expect("X", "elements", count * shape.inputCount, x.count)
    try expect("Y", "elements", count * shape.outputCount, y.count)
    if count == 0 { return }
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        run(x.baseAddress!, into: y.baseAddress!, images: count)
      }
    }
  }

  /// The same on raw memory. Allocates nothing. Not checked: anything.
  public func run(_ x: UnsafePointer<Image>, into y: UnsafeMutablePointer<Output>, images: Int) {
    core.run(call(x, y, images))
  }

  /// Share number `slice` of `slices` of the same work, for callers with threads of their own: see ``Convolution``.
  /// Not checked: anything.
  public func run(
    slice: Int, of slices: Int, _ x: UnsafePointer<Image>, into y: UnsafeMutablePointer<Output>,
    images: Int, workspace: UnsafeMutableRawPointer? = nil
  ) {
    core.run(call(x, y, images), slice: slice, of: slices, workspace: workspace)
  }

  private func call(
    _ x: UnsafePointer<Image>, _ y: UnsafeMutablePointer<Output>, _ images: Int
  ) -> ConvolutionCall {
    ConvolutionCall(
      x: UnsafeRawPointer(x), y: UnsafeMutableRawPointer(y), residual: nil, images: images)
  }
}

extension QuantizedConvolution: CustomStringConvertible {
  /// One line: shape, types, kernel, bytes.
  public var description: String { core.summary }
}

extension QuantizedConvolution where Output == Float {
  /// A convolution with weights in CSR, `[filters, channels/groups · height · width]`, and results in f32.
  ///
  /// - Parameters:
  ///   - activations: the scale and the zero point of images: ``ActivationRange/fixed(scale:zeroPoint:)``.
  ///   - images: expected number of images per run, 1 or more.
  ///   - options: `decision` and `updatable` are for products only and refused.
  /// - Throws: ``OperationError``: as ``Convolution``, and its case `quantization` for scales, zero points, ranges that
  ///   are not fixed, and rows whose sums may leave 32 bits.
  /// - Complexity: O(stored · log)
  public convenience init(
    _ weights: QuantizedCSR, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout = .nchw, images: Int = 1, activations: ActivationRange,
    epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      .csr(weights), order, shape, layout, images, activations, nil, epilogue, options)
  }

  /// The same with blocks of weights.
  public convenience init(
    _ weights: QuantizedBSR, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout = .nchw, images: Int = 1, activations: ActivationRange,
    epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      .bsr(weights), order, shape, layout, images, activations, nil, epilogue, options)
  }
}

extension QuantizedConvolution where Output: ByteElement {
  /// A convolution with weights in CSR and results in bytes.
  ///
  /// - Parameter output: which bytes results become, after bias and activation.
  /// - Throws: as for results in f32, and ``OperationError/quantization(_:)`` for what is wrong with `output`.
  public convenience init(
    _ weights: QuantizedCSR, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout = .nchw, images: Int = 1, activations: ActivationRange,
    output: OutputScale, epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      .csr(weights), order, shape, layout, images, activations, output, epilogue, options)
  }

  /// The same with blocks of weights.
  public convenience init(
    _ weights: QuantizedBSR, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout = .nchw, images: Int = 1, activations: ActivationRange,
    output: OutputScale, epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      .bsr(weights), order, shape, layout, images, activations, output, epilogue, options)
  }
}

extension ConvolutionCore {
  /// A convolution of bytes, whatever the Swift types of its operands.
  ///
  /// - Parameter output: its type, and what its bytes stand for when it is one of bytes.
  package convenience init(
    _ source: QuantizedMatrix, order: KernelOrder, shape: ConvolutionShape, layout: ImageLayout,
    images: Int, activations: (type: NumberType, range: ActivationRange),
    output: (type: NumberType, scale: OutputScale?), epilogue: Epilogue<Float>,
    options: PlanOptions
  ) throws(OperationError) {
    try shape.check(images: images, kernel: (source.rows, source.columns), options)
    if options.updatable { throw .convolution(.updatable) }
    try epilogue.validate(rows: shape.filters)
    let bytes = shape.inputCount + 8 * shape.outputCount + 16 * shape.filters
    if bytes > 1 << 20 && !AvailableMemory.has(bytes) { throw .outOfMemory(bytes: bytes) }
    let quantized = try QuantizedWeights(source, activations: activations, output: output)
    let table = KernelTable.of(options.isa ?? .selected)
    let context = ConvolutionContext(
      shape: shape, layout: layout, types: .quantized(activations.type, output: output.type),
      bytes: quantized, epilogue: EpilogueValues(epilogue, rows: shape.filters, table: table),
      addsResidual: false, table: table, options: options, images: images, stored: source.stored)
    let roof = context.roof
    try self.init(
      context, try byteCandidates(context, quantized, order: order, roof), product: .i8(quantized),
      roof)
  }
}
