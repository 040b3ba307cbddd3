// w ≈ scale(row) · q with q in -127...127: eight-bit values on a CSR or BSR pattern.

/// A weight that cannot be quantised.
public enum QuantizationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Value number `position` of the stored values, in `row`, is NaN or infinite.
  case notFinite(row: Int, position: Int, value: Float)
  /// Another number of scales than rows was given.
  case scaleCount(expected: Int, actual: Int)
  /// A given scale is negative, NaN or infinite, or zero for a row with other values than zeros.
  case scale(row: Int, scale: Float)
  /// A value is more than `levels` of the scale that was given for its row.
  case beyondScale(row: Int, position: Int, value: Float, scale: Float, levels: Int)

  /// One line: which stored value or scale cannot be.
  public var description: String {
    switch self {
    case .notFinite(let row, let position, let value):
      "stored value \(position) (row \(row)) is \(value) and cannot be quantised"
    case .scaleCount(let expected, let actual):
      "there are \(actual) scales, expected \(expected): one for each row"
    case .scale(let row, let scale):
      "the scale of row \(row) is \(scale), must be finite and positive"
    case .beyondScale(let row, let position, let value, let scale, let levels):
      "stored value \(position) (row \(row)) is \(value), more than \(levels) times its scale "
        + "\(scale)"
    }
  }
}

/// How many scales 8-bit weights share.
public enum WeightScales: Hashable, Sendable, Codable {
  /// One for each row: of its own largest magnitude.
  case perRow
  /// One for all of them: of the largest magnitude of the matrix.
  case perTensor
  /// Those of another program, one for each row: weights that are multiples of them become these exactly.
  case given([Float])
}

/// A CSR matrix whose values are 8-bit integers, symmetric, with one scale for each row.
///
/// Row `i` has the scale `max |w| / 127` (with fewer bits `max |w| / 7` and so on), or 0 when it stores nothing but zeros; a weight is
/// `scale · q`. What is not stored is exactly zero, as before.
public struct QuantizedCSR: Equatable, Sendable {
  /// Which entries are stored.
  public let pattern: CSRPattern
  /// `pattern.nnz` integers in `-127...127`.
  public let values: [Int8]
  /// One scale for each row (output channel), finite and not negative.
  public let scales: [Float]

  /// Joins the three parts.
  ///
  /// - Throws: ``FormatError/wrongCount(name:expected:actual:)`` when their lengths disagree.
  public init(pattern: CSRPattern, values: [Int8], scales: [Float]) throws(FormatError) {
    if values.count != pattern.nnz {
      throw .wrongCount(name: "values", expected: pattern.nnz, actual: values.count)
    }
    if scales.count != pattern.rows {
      throw .wrongCount(name: "scales", expected: pattern.rows, actual: scales.count)
    }
    (self.pattern, self.values, self.scales) = (pattern, values, scales)
  }

  /// Trusts the caller. Not checked: every invariant of the type.
  package init(unchecked pattern: CSRPattern, values: [Int8], scales: [Float]) {
    (self.pattern, self.values, self.scales) = (pattern, values, scales)
  }

  /// Rounds each value to the nearest multiple of its row's scale; the error is at most half a scale.
  ///
  /// - Parameter bits: of a value, 2...8: with 4 the values are −7...7, which a file's entropy coder stores in
  ///   4 bits or less.
  /// - Parameter scales: with ``WeightScales/perTensor`` every row that is not all zeros has the same.
  /// - Throws: ``QuantizationError`` when a value is NaN or infinite, or does not fit the scales that are given.
  /// - Complexity: O(rows + nnz)
  public init(
    quantizing matrix: CSRMatrix<Float>, bits: Int = 8, scales sharing: WeightScales = .perRow
  ) throws(QuantizationError) {
    precondition((2...8).contains(bits), "\(bits) bits, must be in 2...8")
    let offsets = matrix.pattern.rowOffsets
    let steps = try StepRule(sharing, rows: matrix.rows, bits: bits, matrix.values)
    (values, scales) = try quantized(matrix.values, rows: matrix.rows, steps) {
      offsets[$0]..<offsets[$0 + 1]
    }
    pattern = matrix.pattern
  }

  /// The matrix of the weights `scale · q`.
  public func dequantized() -> CSRMatrix<Float> {
    var result = [Float](repeating: 0, count: values.count)
    for row in 0..<pattern.rows {
      for position in pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1] {
        result[position] = scales[row] * Float(values[position])
      }
    }
    return CSRMatrix(uncheckedPattern: pattern, values: result)
  }

  /// Number of rows.
  public var rows: Int { pattern.rows }
  /// Number of columns.
  public var columns: Int { pattern.columns }
  /// Number of stored entries.
  public var nnz: Int { pattern.nnz }
}

/// A block-sparse matrix whose values are 8-bit integers, symmetric, with one scale for each row of
/// the matrix.
public struct QuantizedBSR: Equatable, Sendable {
  /// Number of rows of the matrix (not of blocks).
  public let rows: Int
  /// Number of columns of the matrix.
  public let columns: Int
  /// The block's shape.
  public let block: BlockSize
  /// Which blocks are stored.
  public let blockPattern: CSRPattern
  /// `blockPattern.nnz · block.area` integers in `-127...127`, ordered as in ``BSRMatrix``.
  public let values: [Int8]
  /// One scale for each row of the matrix, finite and not negative.
  public let scales: [Float]

  /// Joins the parts.
  ///
  /// - Throws: ``FormatError`` when the numbers disagree.
  public init(
    rows: Int, columns: Int, block: BlockSize, blockPattern: CSRPattern, values: [Int8],
    scales: [Float]
  ) throws(FormatError) {
    _ = try checkedProduct(rows, columns)
    let grid = block.grid(rows: rows, columns: columns)
    if blockPattern.rows != grid.rows || blockPattern.columns != grid.columns {
      throw .shapeMismatch(
        expectedRows: grid.rows, expectedColumns: grid.columns,
        rows: blockPattern.rows, columns: blockPattern.columns)
    }
    let count = try checkedProduct(blockPattern.nnz, try checkedProduct(block.rows, block.columns))
    if values.count != count {
      throw .wrongCount(name: "values", expected: count, actual: values.count)
    }
    if scales.count != rows {
      throw .wrongCount(name: "scales", expected: rows, actual: scales.count)
    }
    (self.rows, self.columns, self.block) = (rows, columns, block)
    (self.blockPattern, self.values, self.scales) = (blockPattern, values, scales)
  }

  /// Trusts the caller. Not checked: every invariant of the type.
  package init(
    unchecked rows: Int, _ columns: Int, block: BlockSize, blockPattern: CSRPattern,
    values: [Int8], scales: [Float]
  ) {
    (self.rows, self.columns, self.block) = (rows, columns, block)
    (self.blockPattern, self.values, self.scales) = (blockPattern, values, scales)
  }

  /// Rounds each value to the nearest multiple of its row's scale.
  ///
  /// - Parameter bits: of a value, 2...8.
  /// - Throws: ``QuantizationError`` when a value is NaN or infinite, or does not fit the scales that are given.
  /// - Complexity: O(rows + blocks · area)
  public init(
    quantizing matrix: BSRMatrix<Float>, bits: Int = 8, scales sharing: WeightScales = .perRow
  ) throws(QuantizationError) {
    precondition((2...8).contains(bits), "\(bits) bits, must be in 2...8")
    (rows, columns, block) = (matrix.rows, matrix.columns, matrix.block)
    blockPattern = matrix.blockPattern
    let (r, c) = (block.rows, block.columns)
    var values = [Int8](repeating: 0, count: matrix.values.count)
    var scales = [Float](repeating: 0, count: rows)
    let steps = try StepRule(sharing, rows: rows, bits: bits, matrix.values)
    for row in 0..<rows {
      // The cells of this row: one run of `c` values in each block of the block row.
      var positions: [Int] = []
      for b in blockPattern.rowOffsets[row / r]..<blockPattern.rowOffsets[row / r + 1] {
        let start = b * r * c + row % r * c
        positions.append(contentsOf: start..<start + c)
      }
      let (quantised, scale) = try steps.quantized(
        positions.map { matrix.values[$0] }, row: row, positions: positions)
      for (position, value) in zip(positions, quantised) { values[position] = value }
      scales[row] = scale
    }
    (self.values, self.scales) = (values, scales)
  }

  /// The matrix of the weights `scale · q`.
  public func dequantized() -> BSRMatrix<Float> {
    let (r, c) = (block.rows, block.columns)
    var result = [Float](repeating: 0, count: values.count)
    for blockRow in 0..<blockPattern.rows {
      for b in blockPattern.rowOffsets[blockRow]..<blockPattern.rowOffsets[blockRow + 1] {
        for i in 0..<min(r, rows - blockRow * r) {
          for j in 0..<c {
            let position = (b * r + i) * c + j
            result[position] = scales[blockRow * r + i] * Float(values[position])
          }
        }
      }
    }
    return BSRMatrix(
      unchecked: rows, columns, block: block, blockPattern: blockPattern, values: result)
  }
}

/// Values and scales of all rows; `range` says where each row's values are.
private func quantized(
  _ values: [Float], rows: Int, _ steps: StepRule, range: (Int) -> Range<Int>
) throws(QuantizationError) -> ([Int8], [Float]) {
  var (result, scales): ([Int8], [Float]) = ([], [])
  result.reserveCapacity(values.count)
  scales.reserveCapacity(rows)
  for row in 0..<rows {
    let (quantised, scale) = try steps.quantized(
      values[range(row)], row: row, positions: range(row))
    result += quantised
    scales.append(scale)
  }
  return (result, scales)
}

/// Which step the values of a row are rounded to.
private struct StepRule {
  /// The greatest integer, 127 for 8 bits.
  private let levels: Int
  /// The largest magnitude of the matrix, where all rows share it.
  private let shared: Float?
  private let given: [Float]?

  init(
    _ sharing: WeightScales, rows: Int, bits: Int, _ values: [Float]
  ) throws(QuantizationError) {
    levels = 1 << (bits - 1) - 1
    switch sharing {
    case .perRow: (shared, given) = (nil, nil)
    case .perTensor:
      // NaN and infinities are left to the rows that hold them.
      shared = values.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
      given = nil
    case .given(let scales):
      if scales.count != rows { throw .scaleCount(expected: rows, actual: scales.count) }
      if let row = scales.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
        throw .scale(row: row, scale: scales[row])
      }
      (shared, given) = (nil, scales)
    }
  }

  /// One row; `positions` are the values' numbers, for the error.
  func quantized<Values: Collection<Float>, Positions: Collection<Int>>(
    _ values: Values, row: Int, positions: Positions
  ) throws(QuantizationError) -> ([Int8], Float) {
    var largest: Float = 0
    for (value, position) in zip(values, positions) {
      if !value.isFinite { throw .notFinite(row: row, position: position, value: value) }
      largest = max(largest, abs(value))
    }
    if largest == 0 { return (values.map { _ in 0 }, 0) }
    if let scale = given?[row] {
      if scale == 0 { throw .scale(row: row, scale: scale) }
      var result: [Int8] = []
      for (value, position) in zip(values, positions) {
        let quotient = (Double(value) / Double(scale)).rounded()
        if abs(quotient) > Double(levels) {
          throw .beyondScale(
            row: row, position: position, value: value, scale: scale, levels: levels)
        }
        result.append(Int8(quotient))
      }
      return (result, scale)
    }
    let grid = WeightGrid(largest: shared ?? largest, levels: levels)
    return (values.map(grid.number(of:)), grid.scale)
  }
}
