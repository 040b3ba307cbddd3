// Y = W·X, dX = Wᵀ·dY and dW = dY·Xᵀ on W's pattern: a layer's three products at a fixed mask.

import CSIMD
import LacunaFormats

/// The products of forward and backward pass for sparse weights whose pattern no longer changes.
///
/// After the last mask update only the kept weights are trained. All three products of a layer then cost
/// what the kept weights cost: the output ``product(_:into:)``, the gradient of the inputs
/// ``inputGradient(_:into:)``, and the gradient of the kept weights alone
/// ``weightGradient(x:outputGradient:into:)``, known as sampled dense–dense product (SDDMM).
///
/// Per training step: ``update(values:bias:)`` with the weights of this step, then the products in any
/// order. Values are in the pattern's order, row by row.
///
///     let layer = try SparseGradients<Float>(pattern, layout: .rows, width: 128)
///     try layer.update(values: weights, bias: bias)
///     try layer.product(x, into: &y)                               // [batch, out]
///     try layer.weightGradient(x: x, outputGradient: dy, into: &dw)  // one number per kept weight
///     try layer.inputGradient(dy, into: &dx)                       // [batch, in]
///
/// Results are bitwise the same for any number of threads. Not for use by several threads at once.
public final class SparseGradients<Scalar: SparseScalar> {
  /// Which weights are kept: [out, in].
  public let pattern: CSRPattern
  /// How X, Y and their gradients lie in memory.
  public let layout: ProductLayout
  /// The expected number of right-hand sides, such as the batch; other numbers work as well.
  public let width: Int

  /// For each weight of Wᵀ, which weight of W it is.
  private let sources: [Int]
  private let sampled: SampledProduct
  private let forward: Plan<Scalar>
  private let backward: Plan<Scalar>
  /// The weights of Wᵀ, and a bias of zeros.
  private var turned: [Scalar]
  private let noBias: [Scalar]

  /// Prepares the products of one pattern.
  ///
  /// - Parameters:
  ///   - layout: `.rows` for activations [batch, features], `.columns` for [features, batch].
  ///   - width: expected number of right-hand sides.
  /// - Throws: ``OperationError`` for a negative width, fewer than one thread, an instruction set that is
  ///   not available, or workspaces beyond memory.
  /// - Complexity: O(rows + columns + nnz)
  public init(
    _ pattern: CSRPattern, layout: ProductLayout, width: Int, options: PlanOptions = .init()
  ) throws(OperationError) {
    if width < 0 { throw .outOfRange(name: "width", value: width, minimum: 0, maximum: .max) }
    if options.threads < 1 {
      throw .outOfRange(name: "threads", value: options.threads, minimum: 1, maximum: .max)
    }
    if let isa = options.isa, !ISA.available.contains(isa) {
      throw .unavailableISA(name: isa.rawValue, available: ISA.available.map(\.rawValue))
    }
    (self.pattern, self.layout, self.width) = (pattern, layout, width)
    // By estimate: training must not depend on what a clock said.
    let options = PlanOptions(
      threads: options.threads, deterministic: true, isa: options.isa, updatable: true)
    let transposed: CSRPattern
    (transposed, sources) = pattern.transposedWithSources()
    turned = Array(repeating: 0, count: pattern.nnz)
    noBias = Array(repeating: 0, count: pattern.rows)
    forward = try Plan(
      CSRMatrix(uncheckedPattern: pattern, values: turned), layout: layout, width: width,
      epilogue: Epilogue(bias: noBias), options: options)
    backward = try Plan(
      CSRMatrix(uncheckedPattern: transposed, values: turned), layout: layout, width: width,
      options: options)
    sampled = SampledProduct(
      pattern, dtype: Scalar.dtype, layout: layout, threads: options.threads,
      table: .of(options.isa ?? .selected))
  }

  /// Takes the weights of the coming products.
  ///
  /// - Parameters:
  ///   - values: one per kept weight, in the pattern's order.
  ///   - bias: one per output row, or nil for none.
  /// - Throws: ``OperationError/format(_:)`` with `FormatError.wrongCount`, or
  ///   ``OperationError/biasCount(expected:actual:)``.
  /// - Complexity: O(nnz)
  public func update(values: [Scalar], bias: [Scalar]? = nil) throws(OperationError) {
    try forward.update(values: values, bias: bias ?? noBias)
    gather(values, sources, into: &turned)
    try backward.update(values: turned)
  }

  /// Y ← W·X + bias, in the layout `.rows` Y ← X·Wᵀ + bias. Before the first ``update(values:bias:)``
  /// all weights are zero.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  public func product(
    _ x: DenseMatrix<Scalar>, into y: inout DenseMatrix<Scalar>
  ) throws(OperationError) {
    try forward.run(x, into: &y)
  }

  /// dX ← Wᵀ·dY, in the layout `.rows` dX ← dY·W.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  public func inputGradient(
    _ outputGradient: DenseMatrix<Scalar>, into inputGradient: inout DenseMatrix<Scalar>
  ) throws(OperationError) {
    try backward.run(outputGradient, into: &inputGradient)
  }

  /// dW[i, j] ← Σ over right-hand sides of dY[i]·X[j], for the kept (i, j) alone.
  ///
  /// - Parameter values: receives one number per kept weight, in the pattern's order.
  /// - Throws: ``OperationError`` when a shape or the count disagrees.
  /// - Complexity: O(nnz · n)
  public func weightGradient(
    x: DenseMatrix<Scalar>, outputGradient: DenseMatrix<Scalar>, into values: inout [Scalar]
  ) throws(OperationError) {
    let columns = layout == .columns
    let n = columns ? x.columns : x.rows
    try expect("X", columns ? "rows" : "columns", pattern.columns, columns ? x.rows : x.columns)
    try expect(
      "dY", columns ? "rows" : "columns", pattern.rows,
      columns ? outputGradient.rows : outputGradient.columns)
    try expect(
      "dY", columns ? "columns" : "rows", n,
      columns ? outputGradient.columns : outputGradient.rows)
    if values.count != pattern.nnz {
      throw .format(.wrongCount(name: "values", expected: pattern.nnz, actual: values.count))
    }
    let (xStride, gradientStride) = (x.rowStride, outputGradient.rowStride)
    x.withUnsafeElements { x in
      outputGradient.withUnsafeElements { g in
        values.withUnsafeMutableBufferPointer { values in
          guard let into = values.baseAddress else { return }
          sampled.run(
            x: UnsafeRawPointer(x.baseAddress!), g: UnsafeRawPointer(g.baseAddress!), width: n,
            xStride: xStride, gStride: gradientStride, into: into)
        }
      }
    }
  }

  /// The same on raw memory; strides in elements from one row of a matrix to the next. Not checked:
  /// anything.
  public func weightGradient(
    x: UnsafePointer<Scalar>, stride xStride: Int, outputGradient: UnsafePointer<Scalar>,
    stride gradientStride: Int, width: Int, into values: UnsafeMutablePointer<Scalar>
  ) {
    sampled.run(
      x: UnsafeRawPointer(x), g: UnsafeRawPointer(outputGradient), width: width, xStride: xStride,
      gStride: gradientStride, into: values)
  }

  /// The products of forward and backward pass on raw memory, after an ``update(values:bias:)``; strides
  /// in elements from one row of a matrix to the next. Not checked: anything.
  public func product(
    _ x: UnsafePointer<Scalar>, stride xStride: Int, into y: UnsafeMutablePointer<Scalar>,
    stride yStride: Int, width: Int
  ) {
    forward.run(x, stride: xStride, into: y, stride: yStride, width: width)
  }

  /// As ``product(_:stride:into:stride:width:)`` for dX ← Wᵀ·dY.
  public func inputGradient(
    _ outputGradient: UnsafePointer<Scalar>, stride gradientStride: Int,
    into inputGradient: UnsafeMutablePointer<Scalar>, stride: Int, width: Int
  ) {
    backward.run(
      outputGradient, stride: gradientStride, into: inputGradient, stride: stride, width: width)
  }
}

/// target[p] ← values[sources[p]].
func gather<Scalar>(_ values: [Scalar], _ sources: [Int], into target: inout [Scalar]) {
  values.withUnsafeBufferPointer { values in
    sources.withUnsafeBufferPointer { sources in
      target.withUnsafeMutableBufferPointer { target in
        for p in 0..<sources.count { target[p] = values[sources[p]] }
      }
    }
  }
}
