// The diagonals of a recurrent matrix [gates · units, units]: what a unit hands on to itself, ranked above all else.

import LacunaFormats

/// Scores in which the diagonal of each gate comes first. Opus, RNNoise and LPCNet keep it: a unit's memory of
/// itself costs one weight of each row.
enum KeptDiagonal {
  /// Above every weight. Its square summed over a block of 2¹⁵ cells is still a float.
  private static let score = 0x1p56
  /// A block that holds an element of a diagonal has a norm above this, one without is below.
  private static let least = 0x1p28

  /// The scores with those of the diagonals replaced.
  static func raised<Scalar: SparseScalar>(
    _ scores: UnsafeBufferPointer<Scalar>, _ shape: WeightShape
  ) -> [Scalar] {
    var result = Array(scores)
    let (rows, columns) = (shape.rows, shape.columns)
    switch shape.layout {
    case .outputMajor:
      for row in 0..<rows { result[row * columns + row % columns] = Scalar(score) }
    case .tensorFlow:
      for column in 0..<columns { result[column % rows * columns + column] = Scalar(score) }
    }
    return result
  }

  /// Cells that hold an element of a diagonal.
  static func cells<Scalar: RankedScalar>(_ scores: TensorScores<Scalar>) -> Int {
    scores.cells.count { $0.magnitude >= Scalar(least) }
  }

  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` for a tensor without diagonals.
  static func check(_ tensor: PrunableTensor) throws(PruningError) {
    let shape = tensor.weightShape
    let (outputs, inputs) =
      shape.layout == .outputMajor ? (shape.rows, shape.columns) : (shape.columns, shape.rows)
    if tensor.shape.count != 2 || inputs == 0 || outputs % inputs != 0 {
      throw .invalidParameter(
        name: "keepsDiagonal of \(tensor.name)", value: "\(outputs) outputs of \(inputs) inputs",
        allowed: "matrices whose outputs are a multiple of their inputs")
    }
  }
}
