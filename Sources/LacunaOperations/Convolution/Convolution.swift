// Y ← activation(W ∗ X + bias + residual), inspected and packed once, run many times.

import LacunaFormats

/// Bias, activation and residual, fused into a convolution.
public struct ConvolutionEpilogue<Scalar: SparseScalar>: Equatable, Sendable {
  /// One value per filter, or nil for none.
  public var bias: [Scalar]?
  /// Applied after the bias and the residual. ReLU6 is `.clamp(0, 6)`.
  public var activation: Activation
  /// Whether a run adds an array of the result's shape before the activation.
  public var addsResidual: Bool

  /// By default nothing is added and nothing applied.
  public init(
    bias: [Scalar]? = nil, activation: Activation = .none, addsResidual: Bool = false
  ) {
    (self.bias, self.activation, self.addsResidual) = (bias, activation, addsResidual)
  }
}

/// A convolution's packed weights, the kernel chosen for them, and how the work is split.
///
/// Any kernel, stride, dilation, padding, number of groups and images; weights dense or sparse, `[filters,
/// channels/groups · height · width]` in either ``KernelOrder``. No patch matrix is made by the sparse kernels: see
/// ``ConvolutionShape``. A plan may run dense where that is faster, unless ``PlanOptions/excludesDense`` is set;
/// weights that are not stored contribute nothing then, not even where an image holds an infinity or NaN.
///
/// Running allocates nothing itself and takes no lock (OpenBLAS, in the kernel "im2col", may do both). Results are
/// bitwise the same for any number of threads or slices of one kernel.
public final class Convolution<Scalar: SparseScalar>: Sendable {
  package let core: ConvolutionCore
  /// Where each weight stands in an updatable plan.
  let slots: ValueSlots?

  /// A convolution with sparse weights.
  ///
  /// - Parameters:
  ///   - weights: [filters, channels/groups · kernel height · kernel width].
  ///   - images: expected number of images per run, 1 or more.
  ///   - options: `decision` is for products only and refused. A plan that is `updatable` has one of the kernels
  ///     that store what the weights store, and one group.
  /// - Throws: ``OperationError`` for weights of another shape, a bias of another length, a clamp that is no
  ///   interval, fewer than one thread or image, an unknown kernel name, or more memory than there is.
  /// - Complexity: O(stored · log)
  public convenience init(
    _ weights: CSRMatrix<Scalar>, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout = .nchw, images: Int = 1,
    epilogue: ConvolutionEpilogue<Scalar> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: .csr(weights), order: order, shape: shape, layout: layout, images: images,
      epilogue: epilogue, options: options)
  }

  /// The same with blocks of weights. Blocks of several filters share each load of an image.
  public convenience init(
    _ weights: BSRMatrix<Scalar>, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout = .nchw, images: Int = 1,
    epilogue: ConvolutionEpilogue<Scalar> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: .bsr(weights), order: order, shape: shape, layout: layout, images: images,
      epilogue: epilogue, options: options)
  }

  /// The same with dense weights, zeros and all.
  public convenience init(
    dense weights: DenseMatrix<Scalar>, order: KernelOrder = .channelsFirst,
    shape: ConvolutionShape, layout: ImageLayout = .nchw, images: Int = 1,
    epilogue: ConvolutionEpilogue<Scalar> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: .dense(weights), order: order, shape: shape, layout: layout, images: images,
      epilogue: epilogue, options: options)
  }

  package init(
    source: StoredMatrix<Scalar>, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout = .nchw, images: Int, epilogue: ConvolutionEpilogue<Scalar>,
    options: PlanOptions
  ) throws(OperationError) {
    try shape.check(images: images, kernel: (source.rows, source.columns), options)
    if options.updatable && shape.groups > 1 { throw .convolution(.updatable) }
    let fused = Epilogue(bias: epilogue.bias, activation: epilogue.activation)
    try fused.validate(rows: shape.filters)
    let bytes = (shape.inputCount + 2 * shape.outputCount + 4 * shape.filters) * Scalar.dtype.size
    if bytes > 1 << 20 && !AvailableMemory.has(bytes) { throw .outOfMemory(bytes: bytes) }
    let table = KernelTable.of(options.isa ?? .selected)
    let context = ConvolutionContext(
      shape: shape, layout: layout, types: ProductTypes(Scalar.dtype),
      epilogue: EpilogueValues(fused, rows: shape.filters, table: table),
      addsResidual: epilogue.addsResidual, table: table, options: options, images: images,
      stored: source.stored)
    let weights = ConvolutionWeights(source: source, shape: shape, order: order)
    core = try ConvolutionCore(context, weights)
    slots =
      options.updatable
      ? try (core.body as? StripConvolution)?.valueSlots(weights.numbered) : nil
  }

  /// Sizes of images, kernel and results.
  public var shape: ConvolutionShape { core.shape }
  /// How images and results lie in memory.
  public var layout: ImageLayout { core.layout }
  /// Images per run that the plan was made for; other numbers work as well.
  public var images: Int { core.images }
  /// Threads that a whole run uses at most.
  public var threads: Int { core.threads }
  /// Whether runs need a residual.
  public var addsResidual: Bool { core.addsResidual }
  /// How the choice was made.
  public var explanation: PlanExplanation { core.explanation }
  /// Stored weights.
  public var stored: Int { core.stored }
  /// The name of the chosen candidate, such as "direct-1x1" or "im2col".
  public var kernelName: String { core.body.name }
  /// Bytes of weights, indices and tables that one run reads.
  public var packedBytes: Int { core.body.packedBytes }
  /// Bytes of scratch memory of one run or slice, 64-byte aligned.
  public var workspaceBytes: Int { core.workspaceBytes }
  /// How many slices of a run of that many images can work at once without idling.
  public func usefulSlices(images: Int) -> Int { core.body.usefulSlices(images: images) }
}

extension Convolution: CustomStringConvertible {
  /// One line: shape, kernel, bytes.
  public var description: String { core.summary }
}

extension ConvolutionShape: CustomStringConvertible {
  /// Such as "64×56×56 → 64×56×56, 3×3".
  public var description: String {
    var text =
      "\(channels)×\(height)×\(width) → \(filters)×\(outputHeight)×\(outputWidth), "
      + "\(kernelHeight)×\(kernelWidth)"
    if strideY != 1 || strideX != 1 { text += ", stride \(strideY)×\(strideX)" }
    if dilationY != 1 || dilationX != 1 { text += ", dilation \(dilationY)×\(dilationX)" }
    if groups != 1 { text += ", \(groups) groups" }
    return text
  }
}
