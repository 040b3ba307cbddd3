// One line for each matrix: shape, type, and how much of it is stored. `print` would list every element.

/// 0.1034 as "10.3 %".
private func percent(_ share: Double) -> String {
  let tenths = Int((share * 1000).rounded())
  return "\(tenths / 10).\(tenths % 10) %"
}

/// What a share of nothing is.
private func share(_ part: Int, of rows: Int, _ columns: Int) -> String {
  percent(Double(part) / max(Double(rows) * Double(columns), 1))
}

extension DenseMatrix: CustomStringConvertible {
  /// Shape and type: "DenseMatrix 128×784 f32".
  public var description: String { "DenseMatrix \(rows)×\(columns) \(Scalar.numberType.rawValue)" }
}

extension CSRMatrix: CustomStringConvertible {
  /// Shape, type and what is stored: "CSRMatrix 128×784 f32, 10035 stored (10.0 %)".
  public var description: String {
    "CSRMatrix \(rows)×\(columns) \(Scalar.numberType.rawValue), \(nnz) stored (\(share(nnz, of: rows, columns)))"
  }
}

extension BSRMatrix: CustomStringConvertible {
  /// Shape, type, blocks: "BSRMatrix 128×784 f32, 2508 blocks of 4x1 (10.0 %)".
  public var description: String {
    let stored = Double(blocks) * Double(block.rows) * Double(block.columns)
    let all = max(Double(rows) * Double(columns), 1)
    return
      "BSRMatrix \(rows)×\(columns) \(Scalar.numberType.rawValue), \(blocks) blocks of \(block) "
      + "(\(percent(min(stored / all, 1))))"
  }
}

extension BitMask: CustomStringConvertible {
  /// Shape and what is kept: "BitMask 128×784, 10035 kept (10.0 %)".
  public var description: String {
    "BitMask \(rows)×\(columns), \(keptCount) kept (\(share(keptCount, of: rows, columns)))"
  }
}
