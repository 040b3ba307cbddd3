// Which cells of a layer survive: the largest scores of the layer, of each row, or of each group

import LacunaFormats
import LacunaOperations

/// Among which weights one competes for its place.
public enum Comparison: String, Hashable, Sendable, Codable, CaseIterable {
  /// Of the whole layer.
  case layer
  /// Of the same output row (or row of blocks): every output keeps equally many.
  case row
}

extension Granularity {
  /// The same structure with blocks, rows and columns scored by √Σscore²: what removing all of them
  /// costs, when the square of a score is what removing one costs.
  var additive: Granularity {
    switch self {
    case .block(let block, _): .block(block, pooling: .l2)
    case .rows: .rows(pooling: .l2)
    case .columns: .columns(pooling: .l2)
    case .channels: .channels(pooling: .l2)
    case .element, .pattern, .window: self
    }
  }

  /// Rows and columns of what goes as one piece in a layer of this shape; 1×1 in groups.
  func cell(rows: Int, columns: Int) -> BlockSize {
    switch self {
    case .block(let block, _): block
    case .rows: BlockSize(unchecked: 1, columns)
    case .columns: BlockSize(unchecked: rows, 1)
    case .element, .pattern, .window, .channels: .element
    }
  }

  /// Weights that each group of so many keeps.
  var group: (keep: Int, of: Int)? {
    switch self {
    case .pattern(let keep, let of), .window(let keep, let of): (keep, of)
    case .element, .block, .rows, .columns, .channels: nil
    }
  }

  /// As reports and options write it.
  var label: String {
    switch self {
    case .element: "element"
    case .block(let block, _): "\(block)"
    case .pattern(let keep, let of), .window(let keep, let of): "\(keep):\(of)"
    case .rows: "rows"
    case .columns: "columns"
    case .channels: "channels"
    }
  }
}

/// The mask that keeps the largest of `scores`, which are not negative and finite.
///
/// - Parameters:
///   - kept: Cells kept when the whole layer competes.
///   - sparsity: Fraction of each row when rows compete by themselves.
/// - Complexity: O(rows · columns)
func chosenMask(
  _ scores: AlignedBuffer<Float>, rows: Int, columns: Int, structure: Granularity, sparsity: Double,
  kept: Int? = nil, comparison: Comparison, name: String
) throws(OneShotError) -> BitMask {
  let structure = structure.additive
  if let group = structure.group {
    return try rowGroups(scores.pointer, rows, columns, keep: group.keep, of: group.of)
  }
  let tensor = try choosing { () throws(PruningError) in
    try TensorScores(
      name: name, UnsafeBufferPointer(scores.elements),
      shape: WeightShape([rows, columns], layout: .outputMajor), granularity: structure,
      source: scores)
  }
  let grid = tensor.layout.grid
  if comparison == .row && grid.columns > 1 {
    let cells = try rowGroups(
      tensor.cells.baseAddress!, grid.rows, grid.columns,
      keep: keptCount(of: grid.columns, sparsity: sparsity), of: grid.columns)
    return try choosing { () throws(PruningError) in try tensor.layout.expanded(cells) }
  }
  let kept = kept ?? keptCount(of: tensor.cells.count, sparsity: sparsity)
  return try choosing { () throws(PruningError) in
    try tensor.mask(kept: kept, sparsity: sparsity, ties: .exactK).mask
  }
}

/// The `keep` largest of each `of` consecutive elements of each row, by strips of rows over the
/// threads.
private func rowGroups(
  _ scores: UnsafePointer<Float>, _ rows: Int, _ columns: Int, keep: Int, of length: Int
) throws(OneShotError) -> BitMask {
  try choosing { () throws(PruningError) in
    var mask = try masking { () throws(FormatError) in
      try BitMask(rows: rows, columns: columns)
    }
    let words = mask.wordsPerRow
    let strip = 32
    mask.words.withUnsafeMutableBufferPointer { target in
      let target = target
      TiledAlgebra.inParallel(tasks: (rows + strip - 1) / strip) { task in
        let first = task * strip
        let count = min(strip, rows - first)
        // The shape is a part of one that was accepted.
        let part = try! groupMask(
          scores + first * columns, rows: count, columns: columns, keep: keep, of: length,
          segment: columns)
        for i in 0..<count * words { target[first * words + i] = part.words[i] }
      }
    }
    return mask
  }
}
