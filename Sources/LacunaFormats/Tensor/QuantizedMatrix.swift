// A matrix of 8-bit weights in either of its storage formats.

/// 8-bit weights with a scale for each row, as single elements or in blocks.
public enum QuantizedMatrix: Equatable, Sendable {
  /// Single elements, row by row.
  case csr(QuantizedCSR)
  /// Whole blocks of elements.
  case bsr(QuantizedBSR)

  /// Rounds each value to the nearest multiple of its row's scale; blocks stay blocks.
  ///
  /// - Parameter bits: of a value, 2...8.
  /// - Throws: ``QuantizationError`` when a value is NaN or infinite, or does not fit the scales that are given.
  public init(
    quantizing matrix: StoredMatrix<Float>, bits: Int = 8, scales: WeightScales = .perRow
  ) throws(QuantizationError) {
    self =
      if case .bsr(let blocks) = matrix {
        .bsr(try QuantizedBSR(quantizing: blocks, bits: bits, scales: scales))
      } else {
        .csr(try QuantizedCSR(quantizing: matrix.csr, bits: bits, scales: scales))
      }
  }

  /// Number of rows.
  public var rows: Int {
    switch self {
    case .csr(let w): w.rows
    case .bsr(let w): w.rows
    }
  }

  /// Number of columns.
  public var columns: Int {
    switch self {
    case .csr(let w): w.columns
    case .bsr(let w): w.columns
    }
  }

  /// One scale for each row.
  public var scales: [Float] {
    switch self {
    case .csr(let w): w.scales
    case .bsr(let w): w.scales
    }
  }

  /// Stored weights, padding of blocks included.
  public var stored: Int { values.count }

  /// The block of a matrix of blocks, else a single element.
  public var block: BlockSize {
    switch self {
    case .csr: .element
    case .bsr(let w): w.block
    }
  }

  /// Which weights, or blocks, are stored.
  public var pattern: CSRPattern {
    switch self {
    case .csr(let w): w.pattern
    case .bsr(let w): w.blockPattern
    }
  }

  /// The stored integers in the order of the pattern.
  public var values: [Int8] {
    switch self {
    case .csr(let w): w.values
    case .bsr(let w): w.values
    }
  }

  /// The matrix of the weights `scale · q`, in the same format.
  public func dequantized() -> StoredMatrix<Float> {
    switch self {
    case .csr(let w): .csr(w.dequantized())
    case .bsr(let w): .bsr(w.dequantized())
    }
  }

  /// Calls `body` with the column and the value of each stored weight of `row`, columns rising; cells of
  /// blocks outside the matrix are left out.
  @inlinable
  @inline(__always)
  package func forEach(row: Int, _ body: (Int, Int8) -> Void) {
    switch self {
    case .csr(let w):
      let offsets = w.pattern.rowOffsets
      for p in offsets[row]..<offsets[row + 1] { body(w.pattern.columnIndices[p], w.values[p]) }
    case .bsr(let w):
      let (r, c) = (w.block.rows, w.block.columns)
      let offsets = w.blockPattern.rowOffsets
      for b in offsets[row / r]..<offsets[row / r + 1] {
        let column = w.blockPattern.columnIndices[b] * c
        for j in 0..<min(c, w.columns - column) {
          body(column + j, w.values[(b * r + row % r) * c + j])
        }
      }
    }
  }
}
