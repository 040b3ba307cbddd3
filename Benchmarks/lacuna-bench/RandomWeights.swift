// Weights with an exact number of nonzero blocks at random places, from a seed.

import Lacuna

/// A random generator whose whole state is its seed (SplitMix64, Steele et al. 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// A number in (-1, 1) that is not zero.
  mutating func nonzero<Scalar: SparseScalar>() -> Scalar {
    let bits = next()
    let magnitude = Scalar(bits >> 41 | 1) / Scalar(1 << 23)
    return bits & 1 == 0 ? magnitude : -magnitude
  }
}

/// A dense matrix of random numbers in (-1, 1).
func randomDense<Scalar: SparseScalar>(
  rows: Int, columns: Int, seed: UInt64
) throws -> DenseMatrix<Scalar> {
  var generator = SplitMix64(seed: seed)
  var matrix = try DenseMatrix<Scalar>(rows: rows, columns: columns)
  matrix.withUnsafeMutableElements { elements in
    for p in elements.indices { elements[p] = generator.nonzero() }
  }
  return matrix
}

/// Which blocks are kept: exactly `round(blocks · (1 − sparsity))` of them, every choice equally
/// likely (selection sampling, Knuth, TAOCP 2, 3.4.2 S).
func randomMask(
  rows: Int, columns: Int, block: BlockSize, sparsity: Double, seed: UInt64
) throws -> BitMask {
  var generator = SplitMix64(seed: seed)
  let grid = block.grid(rows: rows, columns: columns)
  var mask = try BitMask(rows: grid.rows, columns: grid.columns)
  var left = grid.rows * grid.columns
  var needed = Int((Double(left) * (1 - sparsity)).rounded())
  for i in 0..<grid.rows {
    for j in 0..<grid.columns {
      if Int.random(in: 0..<left, using: &generator) < needed {
        mask[i, j] = true
        needed -= 1
      }
      left -= 1
    }
  }
  return try mask.expanded(block, rows: rows, columns: columns)
}
