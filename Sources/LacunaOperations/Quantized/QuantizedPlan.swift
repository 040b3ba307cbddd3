// Y ← activation(Wq·Xq · scales + bias): 8-bit weights and activations, exact 32-bit sums, f32 or 8-bit results.

import LacunaFormats

/// Packed 8-bit weights and the kernel chosen for them.
///
/// As ``Plan``, with weights of `QuantizedCSR` or `QuantizedBSR` (signed, symmetric, a scale for each output
/// row), activations that are bytes or become bytes while they are packed, and results that are floats or bytes:
///
///     sum[i, n] = Σ_j w[i, j] · (x[j, n] − zero point)              exact, in 32 bits
///     y[i, n]   = bound(Float(sum[i, n]) · (row scale[i] · scale) + bias[i])
///     byte      = output zero point + round(y · (1 / output scale))
///
/// Each operation of the second and third line rounds on its own, so results are bit for bit the same on every
/// instruction set, for any number of threads or slices, and for every kernel, dense included.
public final class QuantizedPlan<Activation: ActivationElement, Output: ActivationElement>:
  CustomStringConvertible, Sendable
{
  package let core: PlanCore

  private init(
    _ source: QuantizedMatrix, _ range: ActivationRange, _ output: OutputScale?,
    _ layout: ProductLayout, _ width: Int, _ epilogue: Epilogue<Float>, _ options: PlanOptions
  ) throws(OperationError) {
    core = try PlanCore(
      source, activations: (Activation.numberType, range), output: (Output.numberType, output),
      layout: layout, width: width, epilogue: epilogue, options: options)
  }

  /// Output rows of the weights.
  public var rows: Int { core.rows }
  /// Input columns of the weights.
  public var columns: Int { core.columns }
  /// How X and Y lie in memory.
  public var layout: ProductLayout { core.layout }
  /// The number of right-hand sides that the plan was made for; other numbers work as well.
  public var width: Int { core.width }
  /// Threads that a run uses at most.
  public var threads: Int { core.threads }
  /// The types of the product.
  public var types: ProductTypes { core.types }
  /// How the choice was made.
  public var explanation: PlanExplanation { core.explanation }
  /// The choice, to be saved and given to ``PlanOptions/decision`` later.
  public var decision: PlanDecision { core.decision }
  /// The name of the chosen candidate, such as "spmm-4x4" or "dense".
  public var kernelName: String { core.body.name }
  /// Bytes of weights, indices and tables that one run reads.
  public var packedBytes: Int { core.body.packedBytes }
  /// One line: shape, types, kernel, bytes.
  public var description: String { core.summary }

  /// Y ← activation(W·X + bias) on raw memory. Allocates nothing. Not checked: anything.
  ///
  /// - Parameters:
  ///   - stride: elements from one row of X to the next; the second `stride` is Y's.
  ///   - width: number of right-hand sides.
  public func run(
    _ x: UnsafePointer<Activation>, stride xStride: Int, into y: UnsafeMutablePointer<Output>,
    stride yStride: Int, width: Int
  ) {
    core.run(ProductCall(x: x, xStride: xStride, y: y, yStride: yStride, width: width))
  }

  /// Share number `slice` of `slices` of the same work, for callers with threads of their own. Each
  /// share measures all of X where the range is ``ActivationRange/perTensor``. Not checked: anything.
  public func run(
    slice: Int, of slices: Int, _ x: UnsafePointer<Activation>, stride xStride: Int,
    into y: UnsafeMutablePointer<Output>, stride yStride: Int, width: Int
  ) {
    core.run(
      ProductCall(x: x, xStride: xStride, y: y, yStride: yStride, width: width), slice: slice,
      of: slices)
  }

  /// How many slices of a call this wide can work at once without idling.
  public func usefulSlices(width: Int) -> Int { core.body.usefulSlices(width: width) }

  /// Y ← activation(W·X + bias) for arrays without gaps between rows: `x` is [columns, width] and `y` [rows, width] in
  /// the layout `.columns`, [width, columns] and [width, rows] in the layout `.rows`.
  ///
  /// - Throws: ``OperationError/format(_:)`` with `FormatError.wrongCount` for other numbers of elements.
  public func run(
    _ x: [Activation], into y: inout [Output], width: Int = 1
  ) throws(OperationError) {
    try expect("activations", width, columns, x.count)
    try expect("results", width, rows, y.count)
    let (xStride, yStride) = layout == .columns ? (width, width) : (columns, rows)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        guard let into = y.baseAddress else { return }
        // Without inputs Y is the bias alone: nothing is read from the stand-in.
        run(
          x.baseAddress ?? UnsafePointer(bitPattern: 64)!, stride: xStride, into: into,
          stride: yStride, width: width)
      }
    }
  }

  private func expect(
    _ name: String, _ width: Int, _ length: Int, _ actual: Int
  ) throws(OperationError) {
    let (expected, overflow) = width.multipliedReportingOverflow(by: length)
    if overflow || expected != actual {
      throw .format(.wrongCount(name: name, expected: overflow ? .max : expected, actual: actual))
    }
  }
}

extension QuantizedPlan<Float, Float> {
  /// Y ← activation(W·X + bias): X becomes bytes on the way.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  public func run(
    _ x: DenseMatrix<Float>, into y: inout DenseMatrix<Float>
  ) throws(OperationError) {
    let sides = try core.checkShapes(x: (x.rows, x.columns), y: (y.rows, y.columns))
    let (xStride, yStride) = (x.rowStride, y.rowStride)
    x.withUnsafeElements { x in
      y.withUnsafeMutableElements { y in
        run(
          x.baseAddress!, stride: xStride, into: y.baseAddress!, stride: yStride, width: sides)
      }
    }
  }
}

extension QuantizedPlan where Output == Float {
  /// A plan for weights in CSR, with results in f32.
  ///
  /// - Parameters:
  ///   - activations: where their scale and zero point come from; bytes have them already.
  ///   - layout: how X and Y lie in memory.
  ///   - width: expected number of right-hand sides, at least 0.
  /// - Throws: ``OperationError``, in its case `quantization` for scales that are zero, negative, NaN or
  ///   infinite, zero points out of range, and rows whose sums may leave 32 bits.
  /// - Complexity: O(nnz)
  public convenience init(
    _ weights: QuantizedCSR, activations: ActivationRange, layout: ProductLayout = .columns,
    width: Int, epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(.csr(weights), activations, nil, layout, width, epilogue, options)
  }

  /// A plan for weights in BSR. As for CSR.
  public convenience init(
    _ weights: QuantizedBSR, activations: ActivationRange, layout: ProductLayout = .columns,
    width: Int, epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(.bsr(weights), activations, nil, layout, width, epilogue, options)
  }
}

extension QuantizedPlan where Output: ByteElement {
  /// A plan for weights in CSR, with results in bytes.
  ///
  /// - Parameters:
  ///   - activations: where their scale and zero point come from; bytes have them already.
  ///   - output: which bytes results become, after bias and activation.
  /// - Throws: as for results in f32, and ``OperationError/quantization(_:)`` for what is wrong with `output`.
  public convenience init(
    _ weights: QuantizedCSR, activations: ActivationRange, output: OutputScale,
    layout: ProductLayout = .columns, width: Int, epilogue: Epilogue<Float> = .init(),
    options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(.csr(weights), activations, output, layout, width, epilogue, options)
  }

  /// A plan for weights in BSR. As for CSR.
  public convenience init(
    _ weights: QuantizedBSR, activations: ActivationRange, output: OutputScale,
    layout: ProductLayout = .columns, width: Int, epilogue: Epilogue<Float> = .init(),
    options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(.bsr(weights), activations, output, layout, width, epilogue, options)
  }
}

extension PlanCore {
  /// An 8-bit product, whatever the Swift types of its operands.
  ///
  /// - Parameter output: its type, and what its bytes stand for when it is one of bytes.
  package convenience init(
    _ source: QuantizedMatrix, activations: (type: NumberType, range: ActivationRange),
    output: (type: NumberType, scale: OutputScale?) = (.f32, nil), layout: ProductLayout = .columns,
    width: Int, epilogue: Epilogue<Float>, options: PlanOptions
  ) throws(OperationError) {
    try Self.validate(width: width, options)
    try epilogue.validate(rows: source.rows)
    if options.updatable { throw .quantization(.updatable) }
    let weights = try QuantizedWeights(source, activations: activations, output: output)
    let values = EpilogueValues(
      epilogue, rows: source.rows, table: KernelTable.of(options.isa ?? .selected))
    try self.init(
      .i8(weights), epilogue: values, layout: layout, width: width, options: options)
  }
}
