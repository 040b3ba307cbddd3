// Y = W ∗ X, dX = Wᵀ ∗ dY and dW on W's pattern: a convolution's three products at a fixed mask.

import LacunaFormats

/// The products of forward and backward pass for a convolution whose pattern no longer changes, as
/// ``SparseGradients`` are for a matrix.
///
/// dX is a convolution too, of dY with the kernel turned around and channels and filters exchanged. No patches are made
/// in any of the three.
///
///     let layer = try ConvolutionGradients<Float>(pattern, shape: shape, layout: .nhwc)
///     try layer.update(values: weights, bias: bias)      // once in each step
///     let y = try layer.product(x)
///     let dx = try layer.inputGradient(dy)
///     let dw = try layer.weightGradient(x: x, outputGradient: dy)   // one number per kept weight
///
/// For kernels of stride 1 and one group. Between two updates, several threads may call the functions on pointers, each
/// with a workspace of its own.
public final class ConvolutionGradients<Scalar: SparseScalar>: @unchecked Sendable {
  // Sound to share: everything but `turned` is Sendable, and that is touched by `update` alone, which its callers keep
  // apart from the rest.

  /// Which weights are kept: [filters, channels · height · width].
  public let pattern: CSRPattern
  private let forward: Convolution<Scalar>
  private let backward: Convolution<Scalar>
  private let sampled: SampledConvolution
  /// For each weight of the turned kernel, which weight of W it is.
  private let sources: [Int]
  private var turned: [Scalar]
  private let noBias: [Scalar]

  /// Prepares the products of one pattern.
  ///
  /// - Parameters:
  ///   - order: of the pattern's columns.
  ///   - images: expected number of images per call.
  ///   - activation: of the product; the gradients are those behind it.
  ///   - options: threads, instruction set. Kernels are chosen by estimate: training must not depend on what a clock
  ///     said.
  /// - Throws: ``ConvolutionError/gradients(strideY:strideX:groups:)``, and as ``Convolution``.
  /// - Complexity: O(nnz · log)
  public init(
    _ pattern: CSRPattern, order: KernelOrder = .channelsFirst, shape: ConvolutionShape,
    layout: ImageLayout, images: Int = 1, activation: Activation = .none,
    options: PlanOptions = .init()
  ) throws(OperationError) {
    if shape.strideY != 1 || shape.strideX != 1 || shape.groups != 1 {
      throw .convolution(
        .gradients(strideY: shape.strideY, strideX: shape.strideX, groups: shape.groups))
    }
    try expect("the kernel", "rows", shape.filters, pattern.rows)
    try expect("the kernel", "columns", shape.patch, pattern.columns)
    self.pattern = pattern
    let options = PlanOptions(
      threads: options.threads, deterministic: true, isa: options.isa, excludesDense: true,
      updatable: true)
    let places = shape.columnPlaces(order)
    let turnedPattern: CSRPattern
    (turnedPattern, sources) = turnedAround(pattern, places, shape)
    turned = Array(repeating: 0, count: pattern.nnz)
    noBias = Array(repeating: 0, count: shape.filters)
    forward = try Convolution(
      CSRMatrix(uncheckedPattern: pattern, values: turned), order: order, shape: shape,
      layout: layout, images: images,
      epilogue: ConvolutionEpilogue(bias: noBias, activation: activation), options: options)
    backward = try Convolution(
      CSRMatrix(uncheckedPattern: turnedPattern, values: turned),
      shape: shape.turnedAround(), layout: layout, images: images, options: options)
    let table = KernelTable.of(options.isa ?? .selected)
    sampled = SampledConvolution(
      pattern, places,
      ConvolutionContext(
        shape: shape, layout: layout, types: ProductTypes(Scalar.dtype),
        epilogue: EpilogueValues(Epilogue<Scalar>(), rows: 0, table: table), addsResidual: false,
        table: table, options: options, images: images, stored: pattern.nnz))
  }

  /// Sizes of images, kernel and results.
  public var shape: ConvolutionShape { forward.shape }
  /// Bytes of scratch memory of one call, 64-byte aligned.
  public var workspaceBytes: Int {
    max(forward.workspaceBytes, backward.workspaceBytes, sampled.workspaceBytes)
  }

  /// Takes the weights of the coming products.
  ///
  /// - Parameters:
  ///   - values: one per kept weight, in the pattern's order.
  ///   - bias: one per filter, or nil for none.
  /// - Throws: ``OperationError/format(_:)`` with `FormatError.wrongCount`, or
  ///   ``OperationError/biasCount(expected:actual:)``.
  /// - Complexity: O(nnz)
  public func update(values: [Scalar], bias: [Scalar]? = nil) throws(OperationError) {
    try forward.update(values: values, bias: bias ?? noBias)
    gather(values, sources, into: &turned)
    try backward.update(values: turned)
  }

  /// Y ← activation(W ∗ X + bias) for as many images as `x` holds. Before the first ``update(values:bias:)`` all
  /// weights are zero.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  public func product(_ x: [Scalar]) throws(OperationError) -> [Scalar] { try forward(x) }

  /// dX, given the gradient of W ∗ X + bias.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  public func inputGradient(_ outputGradient: [Scalar]) throws(OperationError) -> [Scalar] {
    try backward(outputGradient)
  }

  /// dW for the kept weights, in the pattern's order, summed over the images.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  /// - Complexity: O(nnz · pixels · images)
  public func weightGradient(
    x: [Scalar], outputGradient: [Scalar]
  ) throws(OperationError) -> [Scalar] {
    let images = x.count / shape.inputCount
    try expect("X", "elements", images * shape.inputCount, x.count)
    try expect("dY", "elements", images * shape.outputCount, outputGradient.count)
    var values = [Scalar](repeating: 0, count: pattern.nnz)
    if images == 0 || values.isEmpty { return values }
    let workspace = AlignedBuffer<UInt8>(count: workspaceBytes)
    x.withUnsafeBufferPointer { x in
      outputGradient.withUnsafeBufferPointer { g in
        values.withUnsafeMutableBufferPointer { values in
          weightGradient(
            x: x.baseAddress!, outputGradient: g.baseAddress!, images: images,
            addingTo: values.baseAddress!, workspace: UnsafeMutableRawPointer(workspace.pointer))
        }
      }
    }
    return values
  }

  /// ``product(_:)`` on raw memory, on the calling thread. Allocates nothing. Not checked: anything.
  ///
  /// - Parameter workspace: ``workspaceBytes`` bytes, 64-byte aligned, that no other call uses.
  public func product(
    _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>, images: Int,
    workspace: UnsafeMutableRawPointer
  ) {
    forward.run(slice: 0, of: 1, x, into: y, images: images, workspace: workspace)
  }

  /// ``inputGradient(_:)`` on raw memory, as the product.
  public func inputGradient(
    _ outputGradient: UnsafePointer<Scalar>, into inputGradient: UnsafeMutablePointer<Scalar>,
    images: Int, workspace: UnsafeMutableRawPointer
  ) {
    backward.run(
      slice: 0, of: 1, outputGradient, into: inputGradient, images: images, workspace: workspace)
  }

  /// ``weightGradient(x:outputGradient:)`` on raw memory, as the product, and added to `values`.
  public func weightGradient(
    x: UnsafePointer<Scalar>, outputGradient: UnsafePointer<Scalar>, images: Int,
    addingTo values: UnsafeMutablePointer<Scalar>, workspace: UnsafeMutableRawPointer
  ) {
    sampled.run(
      x: UnsafeRawPointer(x), g: UnsafeRawPointer(outputGradient), images: images,
      addingTo: UnsafeMutableRawPointer(values), workspace: workspace)
  }
}

extension ConvolutionShape {
  /// The convolution that brings the gradient of this one's results to its images. Not checked: stride 1, one group.
  fileprivate func turnedAround() throws(OperationError) -> ConvolutionShape {
    let (below, right) = ((kernelHeight - 1) * dilationY, (kernelWidth - 1) * dilationX)
    return try ConvolutionShape(
      channels: filters, image: (outputHeight, outputWidth), filters: channels,
      kernel: (kernelHeight, kernelWidth), dilation: (dilationY, dilationX),
      padding: (below - padTop, right - padLeft, below - padBottom, right - padRight))
  }
}

/// The pattern [channels, filters · taps] of the kernel turned by half a circle, channels first, and for each of its
/// entries which one of `pattern` it is.
private func turnedAround(
  _ pattern: CSRPattern, _ places: [(channel: Int, tap: Int)], _ shape: ConvolutionShape
) -> (CSRPattern, [Int]) {
  var rows = [[(column: Int, source: Int)]](repeating: [], count: shape.channels)
  for filter in 0..<pattern.rows {
    for p in pattern.rowOffsets[filter]..<pattern.rowOffsets[filter + 1] {
      let place = places[pattern.columnIndices[p]]
      let tap = shape.taps - 1 - place.tap
      rows[place.channel].append((filter * shape.taps + tap, p))
    }
  }
  for i in rows.indices { rows[i].sort { $0.column < $1.column } }
  var offsets = [0]
  for row in rows { offsets.append(offsets.last! + row.count) }
  // Each column of a row comes from one entry of the pattern.
  let turned = try! CSRPattern(
    rows: shape.channels, columns: shape.filters * shape.taps, rowOffsets: offsets,
    columnIndices: rows.flatMap { $0.map(\.column) })
  return (turned, rows.flatMap { $0.map(\.source) })
}
