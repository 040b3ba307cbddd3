// A[i, j] at element i · rowStride + j: row-major, strided, 64-byte aligned.

/// A dense row-major matrix with value semantics.
///
///     columns = 3, rowStride = 4        a b c ·
///                                       d e f ·      · is padding, never read by operations
///
/// Copies share memory until one of them is written to.
public struct DenseMatrix<Scalar: StoredScalar>: @unchecked Sendable {
  // Sound to share: a buffer that two values hold is never written; each copies it first.

  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  /// Elements from the start of one row to the start of the next, at least `columns`.
  public let rowStride: Int
  @usableFromInline var storage: AlignedBuffer<Scalar>

  /// A matrix of zeros.
  ///
  /// - Throws: ``FormatError`` when a dimension is negative, `rowStride < columns`, or the size
  ///   overflows.
  public init(rows: Int, columns: Int, rowStride: Int? = nil) throws(FormatError) {
    let stride = rowStride ?? columns
    _ = try checkedShape(rows, columns)
    if stride < columns { throw .strideTooSmall(stride: stride, columns: columns) }
    let count = try checkedProduct(rows, stride)
    (self.rows, self.columns, self.rowStride) = (rows, columns, stride)
    storage = AlignedBuffer(count: count)
  }

  /// A matrix from `rows · columns` values in row-major order, without padding.
  ///
  /// - Throws: ``FormatError/wrongCount(name:expected:actual:)`` when the count disagrees with the
  ///   shape.
  public init(rows: Int, columns: Int, values: [Scalar]) throws(FormatError) {
    let count = try checkedShape(rows, columns)
    if values.count != count {
      throw .wrongCount(name: "values", expected: count, actual: values.count)
    }
    self.init(uninitialized: rows, columns)
    values.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { storage.pointer.update(from: start, count: count) }
    }
  }

  /// A copy of a strided matrix in the caller's memory, stored without padding.
  ///
  /// - Parameters:
  ///   - elements: Row-major elements; `(rows - 1) · rowStride + columns` of them are needed.
  ///   - rowStride: Elements from one row to the next, at least `columns`.
  /// - Throws: ``FormatError`` when a dimension is negative, the stride is too small, the size
  ///   overflows, or `elements` is too short.
  /// - Complexity: O(rows · columns)
  public init(
    copying elements: UnsafeBufferPointer<Scalar>, rows: Int, columns: Int, rowStride: Int
  ) throws(FormatError) {
    _ = try checkedShape(rows, columns)
    if rowStride < columns { throw .strideTooSmall(stride: rowStride, columns: columns) }
    _ = try checkedProduct(rows, rowStride)
    let needed = rows == 0 || columns == 0 ? 0 : (rows - 1) * rowStride + columns
    if elements.count < needed {
      throw .wrongCount(name: "elements", expected: needed, actual: elements.count)
    }
    self.init(uninitialized: rows, columns)
    if needed == 0 { return }
    for i in 0..<rows {
      (storage.pointer + i * columns).update(
        from: elements.baseAddress! + i * rowStride, count: columns)
    }
  }

  /// Trusts the caller. Not checked: the shape, and that its size fits in memory.
  package init(unchecked rows: Int, _ columns: Int) {
    (self.rows, self.columns, rowStride) = (rows, columns, columns)
    storage = AlignedBuffer(count: rows * columns)
  }

  /// As `init(unchecked:_:)`, for a caller who writes every element.
  package init(uninitialized rows: Int, _ columns: Int) {
    (self.rows, self.columns, rowStride) = (rows, columns, columns)
    storage = AlignedBuffer(uninitialized: rows * columns)
  }

  /// Bytes of all rows, padding included.
  public var byteCount: Int { rows * rowStride * Scalar.numberType.size }

  /// Element `(row, column)`. Traps when it is outside.
  @inlinable
  public subscript(row: Int, column: Int) -> Scalar {
    get {
      precondition(
        row >= 0 && row < rows && column >= 0 && column < columns,
        "(\(row), \(column)) is outside \(rows)×\(columns)")
      return storage.pointer[row * rowStride + column]
    }
    set {
      precondition(
        row >= 0 && row < rows && column >= 0 && column < columns,
        "(\(row), \(column)) is outside \(rows)×\(columns)")
      makeUnique()
      storage.pointer[row * rowStride + column] = newValue
    }
  }

  @usableFromInline mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
  }

  /// Calls `body` with all `rows · rowStride` elements.
  public func withUnsafeElements<R, E: Error>(
    _ body: (UnsafeBufferPointer<Scalar>) throws(E) -> R
  ) throws(E) -> R {
    try body(UnsafeBufferPointer(storage.elements))
  }

  /// Calls `body` with all `rows · rowStride` elements, for writing.
  public mutating func withUnsafeMutableElements<R, E: Error>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws(E) -> R
  ) throws(E) -> R {
    makeUnique()
    return try body(storage.elements)
  }

  /// The values in row-major order without padding.
  ///
  /// - Complexity: O(rows · columns)
  public var values: [Scalar] {
    let count = rows * columns
    return [Scalar](unsafeUninitializedCapacity: count) { target, filled in
      guard count > 0, let packed = target.baseAddress else { return }
      if rowStride == columns {
        packed.initialize(from: storage.pointer, count: count)
      } else {
        for i in 0..<rows {
          (packed + i * columns).initialize(from: storage.pointer + i * rowStride, count: columns)
        }
      }
      filled = count
    }
  }
}

extension DenseMatrix: Equatable {
  /// Equal shape and equal elements; strides may differ.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public static func == (a: DenseMatrix, b: DenseMatrix) -> Bool {
    if a.rows != b.rows || a.columns != b.columns { return false }
    for i in 0..<a.rows {
      let (x, y) = (a.storage.pointer + i * a.rowStride, b.storage.pointer + i * b.rowStride)
      for j in 0..<a.columns where x[j] != y[j] { return false }
    }
    return true
  }
}
