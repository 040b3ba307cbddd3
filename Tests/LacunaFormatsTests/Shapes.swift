// The edge shapes, blocks and seeds that every conversion is tried on.

import LacunaFormats
import TestSupport

/// A matrix to try a conversion on; its description is what a failing test prints.
struct Sample: Sendable, CustomStringConvertible {
  let rows: Int
  let columns: Int
  let density: Double
  let rowStride: Int
  let seed: UInt64

  init(_ rows: Int, _ columns: Int, _ density: Double, stride: Int? = nil, seed: UInt64) {
    (self.rows, self.columns, self.density, self.seed) = (rows, columns, density, seed)
    rowStride = stride ?? columns
  }

  var description: String {
    "\(rows)×\(columns) stride \(rowStride) density \(density) seed \(seed)"
  }

  func dense<Scalar: SparseScalar>(_: Scalar.Type) -> DenseMatrix<Scalar> {
    randomDense(rows: rows, columns: columns, density: density, rowStride: rowStride, seed: seed)
  }

  static let all: [Sample] = [
    Sample(0, 0, 1, seed: 1), Sample(0, 7, 1, seed: 2), Sample(5, 0, 1, seed: 3),
    Sample(1, 1, 1, seed: 4), Sample(1, 1, 0, seed: 5), Sample(1, 300, 0.2, seed: 6),
    Sample(300, 1, 0.2, seed: 7), Sample(7, 13, 0.5, stride: 17, seed: 8),
    Sample(31, 63, 0.3, seed: 9), Sample(33, 64, 0.3, stride: 80, seed: 10),
    Sample(64, 65, 0.1, seed: 11), Sample(67, 129, 0.05, stride: 131, seed: 12),
    Sample(40, 50, 0, seed: 13), Sample(40, 50, 1, seed: 14),
    Sample(3, 65_536, 0.01, seed: 15), Sample(3, 65_537, 0.01, seed: 16),
    Sample(70_001, 2, 0.01, seed: 17),
  ]
}

/// Blocks that divide shapes and blocks that do not, and one larger than most samples.
let blocks: [BlockSize] = [
  (1, 1), (1, 2), (2, 1), (1, 4), (4, 1), (1, 16), (16, 1), (2, 2), (4, 4), (8, 2), (3, 5),
  (64, 64), (100, 7),
].map { try! BlockSize($0.0, $0.1) }
