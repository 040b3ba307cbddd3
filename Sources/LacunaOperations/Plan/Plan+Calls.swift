// plan(x), and runs on arrays and spans: no unsafe pointer in the caller's code.

import LacunaFormats

extension Plan {
  /// activation(W·X + bias) as a new matrix.
  ///
  /// - Parameter x: [columns, n] in the layout `.columns`, [n, columns] in the layout `.rows`.
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``, and
  ///   ``OperationError/outOfMemory(bytes:)`` for a Y whose size overflows.
  /// - Complexity: O(nnz · n) for a sparse kernel.
  public func callAsFunction(
    _ x: DenseMatrix<Scalar>
  ) throws(OperationError) -> DenseMatrix<Scalar> {
    let shape = layout == .columns ? (rows, x.columns) : (x.rows, rows)
    var y: DenseMatrix<Scalar>
    do throws(FormatError) { y = try DenseMatrix(rows: shape.0, columns: shape.1) } catch {
      throw .outOfMemory(bytes: .max)
    }
    try run(x, into: &y)
    return y
  }

  /// activation(W·X + bias) for X in row-major order without padding, as many right-hand sides as it holds.
  ///
  /// - Parameter x: A multiple of ``columns`` elements, in the plan's layout; with one right-hand side a vector.
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)`` for another count.
  public func callAsFunction(_ x: [Scalar]) throws(OperationError) -> [Scalar] {
    let width = columns == 0 ? 0 : x.count / columns
    var y = [Scalar](repeating: 0, count: rows * width)
    var into = y.mutableSpan
    try run(x.span, into: &into, width: width)
    return y
  }

  /// Y ← activation(W·X + bias) in the caller's memory, which may be that of any container. Allocates nothing.
  ///
  /// - Parameters:
  ///   - x: `columns · width` elements in row-major order without padding: [columns, width] in the layout
  ///     `.columns`, [width, columns] in the layout `.rows`.
  ///   - y: `rows · width` elements.
  ///   - width: number of right-hand sides.
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``, and
  ///   ``OperationError/outOfRange(name:value:minimum:maximum:)`` for a negative width.
  public func run(
    _ x: Span<Scalar>, into y: inout MutableSpan<Scalar>, width: Int = 1
  ) throws(OperationError) {
    let largest = Int.max / max(rows, columns, 1)
    if !(0...largest).contains(width) {
      throw .outOfRange(name: "width", value: width, minimum: 0, maximum: largest)
    }
    try expect("X", "elements", columns * width, x.count)
    try expect("Y", "elements", rows * width, y.count)
    if y.isEmpty { return }
    let strides = layout == .columns ? (width, width) : (columns, rows)
    x.withUnsafeBufferPointer { from in
      y.withUnsafeMutableBufferPointer { into in
        let y = into.baseAddress!
        // Without inputs Y is the bias alone: any address does for an X that has no elements.
        run(
          from.baseAddress ?? UnsafePointer(y), stride: strides.0, into: y, stride: strides.1,
          width: width)
      }
    }
  }
}
