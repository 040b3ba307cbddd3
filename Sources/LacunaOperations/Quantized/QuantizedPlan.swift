// Y ← activation(Wq·Xq · scales + bias): 8-bit weights and activations, exact 32-bit sums, f32 results.

import LacunaFormats

/// Packed 8-bit weights and the kernel chosen for them.
///
/// As ``Plan``, with weights of `QuantizedCSR` or `QuantizedBSR` (signed, symmetric, a scale for each output
/// row) and activations that are bytes or become bytes while they are packed:
///
///     sum[i, n] = Σ_j w[i, j] · (x[j, n] − zero point)              exact, in 32 bits
///     y[i, n]   = bound(Float(sum[i, n]) · (row scale[i] · scale) + bias[i])
///
/// Each operation of the second line rounds on its own, so results are bit for bit the same on every
/// instruction set, for any number of threads or slices, and for every kernel, dense included.
public final class QuantizedPlan<Activation: ActivationElement>: CustomStringConvertible, Sendable {
  package let core: PlanCore

  /// A plan for weights in CSR.
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
    try self.init(.csr(weights), activations, layout, width, epilogue, options)
  }

  /// A plan for weights in BSR. As for CSR.
  public convenience init(
    _ weights: QuantizedBSR, activations: ActivationRange, layout: ProductLayout = .columns,
    width: Int, epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(.bsr(weights), activations, layout, width, epilogue, options)
  }

  package init(
    _ source: QuantizedSource, _ range: ActivationRange, _ layout: ProductLayout, _ width: Int,
    _ epilogue: Epilogue<Float>, _ options: PlanOptions
  ) throws(OperationError) {
    try PlanCore.validate(width: width, options)
    try epilogue.validate(rows: source.rows)
    if options.updatable { throw .quantization(.updatable) }
    let weights: QuantizedWeights
    do throws(QuantizedPlanError) {
      weights = try QuantizedWeights(
        source, activations: QuantizedActivations(type: Activation.numberType, range: range))
    } catch { throw .quantization(error) }
    core = try PlanCore(
      .i8(weights), epilogue: EpilogueValues(epilogue, rows: source.rows), layout: layout,
      width: width, options: options)
  }

  /// Output rows and input columns of the weights.
  public var rows: Int { core.rows }
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
    _ x: UnsafePointer<Activation>, stride xStride: Int, into y: UnsafeMutablePointer<Float>,
    stride yStride: Int, width: Int
  ) {
    core.run(
      ProductCall(
        x: UnsafeRawPointer(x), xStride: xStride, y: UnsafeMutableRawPointer(y), yStride: yStride,
        width: width))
  }

  /// Share number `slice` of `slices` of the same work, for callers with threads of their own. Each
  /// share measures all of X where the range is ``ActivationRange/perTensor``. Not checked: anything.
  public func run(
    slice: Int, of slices: Int, _ x: UnsafePointer<Activation>, stride xStride: Int,
    into y: UnsafeMutablePointer<Float>, stride yStride: Int, width: Int
  ) {
    core.run(
      ProductCall(
        x: UnsafeRawPointer(x), xStride: xStride, y: UnsafeMutableRawPointer(y), yStride: yStride,
        width: width), slice: slice, of: slices)
  }

  /// How many slices of a call this wide can work at once without idling.
  public func usefulSlices(width: Int) -> Int { core.body.usefulSlices(width: width) }

  /// Y ← activation(W·X + bias) for `x` without gaps between rows: [columns, n] in the layout `.columns`,
  /// [n, columns] in the layout `.rows`, with the n of Y.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``, and
  ///   ``OperationError/format(_:)`` with `FormatError.wrongCount` for another number of activations.
  public func run(
    _ x: [Activation], into y: inout DenseMatrix<Float>
  ) throws(OperationError) {
    let sides = layout == .columns ? y.columns : y.rows
    let shape = layout == .columns ? (columns, sides) : (sides, columns)
    _ = try core.checkShapes(x: shape, y: (y.rows, y.columns))
    if x.count != columns * sides {
      throw .format(.wrongCount(name: "activations", expected: columns * sides, actual: x.count))
    }
    let yStride = y.rowStride
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableElements { y in
        guard let x = x.baseAddress ?? UnsafePointer(bitPattern: 64) else { return }
        run(x, stride: shape.1, into: y.baseAddress!, stride: yStride, width: sides)
      }
    }
  }
}

extension QuantizedPlan<Float> {
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
