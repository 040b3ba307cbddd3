// How often values occur: counts and sums of equal bins between −max |w| and max |w|.

import LacunaFormats

/// The nonzero values of a tensor as far as choosing a few levels for them needs them.
package struct ValueHistogram {
  /// Bins on each side of zero: a hundred for each of the steps of 4 bits.
  private static let half = 2048

  /// Values and their sum in each bin that has any, from the lowest up.
  let bins: [(count: Double, sum: Double)]
  /// Values that are not zero.
  let count: Double
  /// Σ w²
  let squares: Double
  /// Σ (w − mean of its bin)²: the error of any levels beyond that of the bins' means.
  let within: Double
  /// max |w|
  let largest: Double
  /// Elements of the tensor, zeros too.
  let cells: Double

  /// Bins in a unit.
  private let scale: Double

  /// - Throws: `QuantizationError` when a value is NaN or infinite.
  /// - Complexity: O(nnz)
  package init(_ matrix: CSRMatrix<Float>) throws(QuantizationError) {
    if let place = matrix.values.firstIndex(where: { !$0.isFinite }) {
      let row = matrix.pattern.rowOffsets.firstIndex { $0 > place }! - 1
      throw .notFinite(row: row, position: place, value: matrix.values[place])
    }
    self.init(matrix.values, cells: matrix.rows * matrix.columns)
  }

  /// The nonzeros among `values`, finite numbers of a tensor with `cells` elements.
  package init(_ values: [Float], cells: Int) {
    let largest = values.reduce(0) { max($0, abs($1)) }
    self.largest = Double(largest)
    var bins = [(count: Double, sum: Double)](repeating: (0, 0), count: 2 * Self.half + 1)
    let scale = largest == 0 ? 0 : Double(Self.half) / Double(largest)
    var (count, squares) = (0.0, 0.0)
    for value in values where value != 0 {
      let bin = Int((Double(value) * scale).rounded()) + Self.half
      bins[bin].count += 1
      bins[bin].sum += Double(value)
      count += 1
      squares += Double(value) * Double(value)
    }
    self.bins = bins.filter { $0.count > 0 }
    (self.count, self.squares) = (count, squares)
    self.scale = scale
    within = max(squares - self.bins.reduce(0) { $0 + $1.sum * $1.sum / $1.count }, 0)
    self.cells = Double(cells)
  }

  /// Where two bins meet, as near to `value` as can be.
  func edge(near value: Double) -> Double {
    scale == 0 ? value : ((value * scale).rounded(.down) + 0.5) / scale
  }
}
