// W·X in double precision with an error bound for every element, and random operands.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// A random matrix: every element is 0 with probability `sparsity`, else uniform in −1…1.
func randomWeights<Scalar: SparseScalar>(
  _ rows: Int, _ columns: Int, sparsity: Double, block: BlockSize = .element,
  _ generator: inout SeededGenerator
) -> [Scalar] {
  var values = [Scalar](repeating: 0, count: rows * columns)
  let grid = block.grid(rows: rows, columns: columns)
  for i in 0..<grid.rows {
    for j in 0..<grid.columns where Double.random(in: 0..<1, using: &generator) >= sparsity {
      for r in (i * block.rows)..<min((i + 1) * block.rows, rows) {
        for c in (j * block.columns)..<min((j + 1) * block.columns, columns) {
          values[r * columns + c] = Scalar(Double.random(in: -1...1, using: &generator))
        }
      }
    }
  }
  return values
}

func randomDense<Scalar: SparseScalar>(
  _ rows: Int, _ columns: Int, stride: Int? = nil, _ generator: inout SeededGenerator
) throws -> DenseMatrix<Scalar> {
  var m = try DenseMatrix<Scalar>(rows: rows, columns: columns, rowStride: stride)
  for i in 0..<rows {
    for j in 0..<columns { m[i, j] = Scalar(Double.random(in: -1...1, using: &generator)) }
  }
  return m
}

func csr<Scalar: SparseScalar>(
  _ values: [Scalar], _ rows: Int, _ columns: Int
) throws -> CSRMatrix<Scalar> {
  var (offsets, indices, kept): ([Int], [Int], [Scalar]) = ([0], [], [])
  for i in 0..<rows {
    for j in 0..<columns where values[i * columns + j] != 0 {
      indices.append(j)
      kept.append(values[i * columns + j])
    }
    offsets.append(indices.count)
  }
  let pattern = try CSRPattern(
    rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
  return try CSRMatrix(pattern: pattern, values: kept)
}

func bsr<Scalar: SparseScalar>(
  _ values: [Scalar], _ rows: Int, _ columns: Int, _ block: BlockSize
) throws -> BSRMatrix<Scalar> {
  let grid = block.grid(rows: rows, columns: columns)
  var (offsets, indices, kept): ([Int], [Int], [Scalar]) = ([0], [], [])
  for i in 0..<grid.rows {
    for j in 0..<grid.columns {
      var cells = [Scalar](repeating: 0, count: block.area)
      for r in 0..<block.rows {
        for c in 0..<block.columns {
          let (row, column) = (i * block.rows + r, j * block.columns + c)
          if row < rows && column < columns {
            cells[r * block.columns + c] = values[row * columns + column]
          }
        }
      }
      if cells.contains(where: { $0 != 0 }) {
        indices.append(j)
        kept += cells
      }
    }
    offsets.append(indices.count)
  }
  let pattern = try CSRPattern(
    rows: grid.rows, columns: grid.columns, rowOffsets: offsets, columnIndices: indices)
  return try BSRMatrix(
    rows: rows, columns: columns, block: block, blockPattern: pattern, values: kept)
}

/// What a product must be, and how far off rounding may take it.
///
/// A sum of s terms in any order, plus bias and β·Y, has at most s + 3 roundings in each path from a
/// term to the result: |error| ≤ γ(s + 3)·Σ|terms| with γ(k) = k·u / (1 − k·u) (Higham, 2002, section
/// 3.1), and α scales the weights with one rounding more. Bounding (ReLU, clamp) is 1-Lipschitz.
struct Oracle<Scalar: SparseScalar> {
  let rows: Int, width: Int
  var value: [Double], bound: [Double]

  init(
    _ w: [Scalar], rows: Int, columns: Int, x: DenseMatrix<Scalar>, layout: ProductLayout,
    epilogue: Epilogue<Scalar> = .init(), alpha: Double = 1, beta: Double = 0,
    old: DenseMatrix<Scalar>? = nil
  ) {
    self.rows = rows
    width = layout == .columns ? x.columns : x.rows
    (value, bound) = ([], [])
    let unit = Double(Scalar.ulpOfOne) / 2
    let (lower, upper) = epilogue.activation.bounds
    for i in 0..<rows {
      for n in 0..<width {
        var (sum, size, terms) = (0.0, 0.0, 0.0)
        for j in 0..<columns where w[i * columns + j] != 0 {
          let term =
            alpha * Double(w[i * columns + j])
            * Double(layout == .columns ? x[j, n] : x[n, j])
          sum += term
          size += abs(term)
          terms += 1
        }
        let bias = epilogue.bias.map { Double($0[i]) } ?? 0
        let rest = beta == 0 ? 0 : beta * Double(layout == .columns ? old![i, n] : old![n, i])
        sum += bias + rest
        size += abs(bias) + abs(rest)
        let roundings = (terms + 4) * unit
        value.append(min(max(sum, lower), upper))
        bound.append(roundings / (1 - roundings) * size)
      }
    }
  }

  /// The first element that is further off than its bound, described; nil when all are right.
  func firstError(_ y: DenseMatrix<Scalar>, layout: ProductLayout) -> String? {
    for i in 0..<rows {
      for n in 0..<width {
        let got = Double(layout == .columns ? y[i, n] : y[n, i])
        let (want, most) = (value[i * width + n], bound[i * width + n])
        if !(abs(got - want) <= most) {
          return "[\(i), \(n)] is \(got), must be \(want) ± \(most)"
        }
      }
    }
    return nil
  }
}
