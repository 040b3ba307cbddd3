// alpha·W·X + beta·Y + bias in double precision, and how far a sum in another order may be from it.

import Lacuna

/// The expected product, and the error that any order of summation stays within.
///
/// A sum of n rounded products, in any order and with or without FMA, differs from the exact one by
/// at most γ(n)·Σ|w||x| with γ(n) = n·u / (1 − n·u) and u half the distance from 1 to the next
/// number (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1).
public struct ProductOracle<Scalar: SparseScalar>: Sendable {
  /// The product, summed in double precision.
  public let values: DenseMatrix<Double>
  /// For each element, the largest difference that rounding explains.
  public let bounds: DenseMatrix<Double>

  /// The oracle of `alpha · weights · x + beta · y + bias`, with one bias per row.
  public init(
    _ weights: DenseMatrix<Scalar>, _ x: DenseMatrix<Scalar>, alpha: Scalar = 1, beta: Scalar = 0,
    y: DenseMatrix<Scalar>? = nil, bias: [Scalar]? = nil
  ) {
    let (rows, inner, columns) = (weights.rows, weights.columns, x.columns)
    precondition(inner == x.rows, "\(rows)×\(inner) times \(x.rows)×\(columns)")
    var values = try! DenseMatrix<Double>(rows: rows, columns: columns)
    var bounds = try! DenseMatrix<Double>(rows: rows, columns: columns)
    let u = Double(Scalar.ulpOfOne) / 2
    for i in 0..<rows {
      var sum = [Double](repeating: 0, count: columns)
      var magnitude = sum
      var terms = 0
      for l in 0..<inner where weights[i, l] != 0 {
        terms += 1
        let w = Double(alpha) * Double(weights[i, l])
        for j in 0..<columns {
          let product = w * Double(x[l, j])
          sum[j] += product
          magnitude[j] += abs(product)
        }
      }
      // alpha, beta·y and the bias are one more rounding or term each.
      let n = Double(terms + 3) * u
      // The oracle's own sum has the same error when Scalar is Double.
      let gamma = n / (1 - n) * (Scalar.dtype == .f64 ? 2 : 1)
      for j in 0..<columns {
        let start = (beta == 0 ? 0 : Double(beta) * Double(y![i, j])) + Double(bias?[i] ?? 0)
        values[i, j] = sum[j] + start
        let startMagnitude =
          (beta == 0 ? 0 : abs(Double(beta) * Double(y![i, j]))) + abs(Double(bias?[i] ?? 0))
        // Half the least subnormal covers results that underflow.
        bounds[i, j] =
          gamma * (magnitude[j] + startMagnitude) + Double(Scalar.leastNonzeroMagnitude)
      }
    }
    (self.values, self.bounds) = (values, bounds)
  }

  /// The first element of `result` outside the bound, in words, or nil when all are inside.
  public func firstMismatch(_ result: DenseMatrix<Scalar>) -> String? {
    if result.rows != values.rows || result.columns != values.columns {
      return "\(result.rows)×\(result.columns) instead of \(values.rows)×\(values.columns)"
    }
    for i in 0..<values.rows {
      for j in 0..<values.columns {
        let error = abs(Double(result[i, j]) - values[i, j])
        // Written so that NaN fails.
        if !(error <= bounds[i, j]) {
          return "[\(i), \(j)] is \(result[i, j]), expected \(values[i, j]) ± \(bounds[i, j])"
        }
      }
    }
    return nil
  }
}
