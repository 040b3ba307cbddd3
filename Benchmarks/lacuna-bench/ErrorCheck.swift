// |y − ŷ| ≤ γ(n)·Σ|w||x| for every element, with ŷ and the sum of magnitudes by cblas_dgemm.

import Lacuna

/// How far a product is from the one in double precision.
struct ErrorCheck: Sendable {
  /// The largest |y − ŷ|.
  var maxError: Double
  /// The bound at that element.
  var bound: Double
}

/// The expected product and its error bound, for checking any number of results.
///
/// A sum of t rounded products in any order is within γ(t)·Σ|w||x| of the exact one, where
/// γ(t) = t·u / (1 − t·u) and u is half an ulp of 1 (Higham 2002, section 3.1). For f64 the reference
/// has that error too: the bound doubles.
struct ProductReference<Scalar: BenchScalar> {
  private let shape: Shape
  private let expected: DenseMatrix<Double>
  private let magnitude: DenseMatrix<Double>
  /// γ of each output, by the number of its nonzero weights.
  private let gamma: [Double]
  private let layout: ProductLayout

  init(
    _ weights: DenseMatrix<Scalar>, _ x: DenseMatrix<Scalar>, _ shape: Shape,
    _ layout: ProductLayout
  ) throws {
    (self.shape, self.layout) = (shape, layout)
    expected = try Self.product(weights, x, shape, layout) { Double($0) }
    magnitude = try Self.product(weights, x, shape, layout) { Double($0.magnitude) }
    let u = Double(Scalar.ulpOfOne) / 2
    gamma = BitMask(nonzerosOf: weights).keptCounts.map { terms in
      let n = Double(terms + 2) * u
      return n / (1 - n) * (Scalar.dtype == .f64 ? 2 : 1)
    }
  }

  private static func product(
    _ weights: DenseMatrix<Scalar>, _ x: DenseMatrix<Scalar>, _ shape: Shape,
    _ layout: ProductLayout, _ map: (Scalar) -> Double
  ) throws -> DenseMatrix<Double> {
    let w = try DenseMatrix(
      rows: weights.rows, columns: weights.columns, values: weights.values.map(map))
    let x = try DenseMatrix(rows: x.rows, columns: x.columns, values: x.values.map(map))
    var y = try layout.output(shape, Double.self)
    y.withUnsafeMutableElements { y in
      w.withUnsafeElements { w in
        x.withUnsafeElements { x in
          Double.dense(
            shape.n == 1 ? .gemv : .gemm, w.baseAddress!, x.baseAddress!, y.baseAddress!, shape,
            layout)
        }
      }
    }
    return y
  }

  /// Checks every element of a result.
  ///
  /// - Throws: ``Failure`` naming the first wrong element.
  func check(_ result: DenseMatrix<Scalar>, _ what: String) throws -> ErrorCheck {
    var worst = ErrorCheck(maxError: 0, bound: 0)
    for i in 0..<result.rows {
      for j in 0..<result.columns {
        let error = abs(Double(result[i, j]) - expected[i, j])
        let bound =
          gamma[layout == .columns ? i : j] * magnitude[i, j]
          + Double(Scalar.leastNonzeroMagnitude)
        // Written so that NaN fails.
        if !(error <= bound) {
          throw Failure(
            .software,
            "\(what): wrong result, [\(i), \(j)] is \(result[i, j]), expected "
              + "\(expected[i, j]) ± \(bound)")
        }
        if error >= worst.maxError { worst = ErrorCheck(maxError: error, bound: bound) }
      }
    }
    return worst
  }
}

extension ProductLayout {
  /// Zeros in the shape of Y: [m, n], or [n, m] for row-major activations.
  func output<Scalar: SparseScalar>(
    _ shape: Shape, _: Scalar.Type
  ) throws -> DenseMatrix<Scalar> {
    self == .columns
      ? try DenseMatrix(rows: shape.m, columns: shape.n)
      : try DenseMatrix(rows: shape.n, columns: shape.m)
  }

  /// Random numbers in the shape of X: [k, n], or [n, k] for row-major activations.
  func input<Scalar: SparseScalar>(
    _ shape: Shape, _: Scalar.Type, seed: UInt64
  ) throws -> DenseMatrix<Scalar> {
    self == .columns
      ? try randomDense(rows: shape.k, columns: shape.n, seed: seed)
      : try randomDense(rows: shape.n, columns: shape.k, seed: seed)
  }
}
