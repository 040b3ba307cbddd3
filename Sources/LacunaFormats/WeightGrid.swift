// q = round(w / scale) with scale = max |w| / (2^(bits − 1) − 1): what the weights of a row are rounded to.

/// The multiples of one scale on both sides of zero, as many as some bits can name.
package struct WeightGrid {
  /// What one step stands for; 0 for weights that are all zero.
  package let scale: Float
  private let inverse: Double

  /// The grid of weights of at most `largest`, which is finite, with `levels` multiples on each side.
  package init(largest: Float, levels: Int) {
    // In double precision, so that the scale of a row of subnormal weights does not vanish first.
    inverse = largest == 0 ? 0 : Double(levels) / Double(largest)
    scale = Float(Double(largest) / Double(levels))
  }

  /// The number of the nearest multiple. Not checked: `weight` is at most the largest.
  package func number(of weight: Float) -> Int8 { Int8((Double(weight) * inverse).rounded()) }

  /// w ← scale · q for the weights of a row in 2...8 bits, by their own largest magnitude. Zeros stay zeros. A row
  /// that holds a NaN or an infinity is left as it is.
  package static func round(row: UnsafeMutableBufferPointer<Float>, bits: Int) {
    var largest: Float = 0
    for weight in row {
      if !weight.isFinite { return }
      largest = max(largest, abs(weight))
    }
    let grid = WeightGrid(largest: largest, levels: 1 << (bits - 1) - 1)
    for i in row.indices where row[i] != 0 { row[i] = grid.scale * Float(grid.number(of: row[i])) }
  }
}
