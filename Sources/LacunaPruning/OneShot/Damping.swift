// H + λI and its factors, λ a hundredth of the mean diagonal and more only where a factor fails

import LacunaFormats
import LacunaOperations

/// H + λI = L·Lᵀ of one layer, or U with (H + λI)⁻¹ = Uᵀ·U, and what it took.
struct Damped<Scalar: LinearScalar> {
  let matrix: AlignedBuffer<Scalar>
  /// λ.
  let damping: Double
  /// The precision in which the factor succeeded.
  let precision: Calibration.Moments
}

/// The dampings to try, from `fraction` of the mean diagonal `mean` up to all of it, each ten times
/// the last.
///
/// A fraction of 0 goes on at 10⁻⁸. At λ = mean the condition number is at most the number of
/// inputs + 1, so a factor of finite products cannot fail there.
func dampings(_ fraction: Double, mean: Double) -> [Double] {
  var result = [fraction * mean]
  while result.last! < mean { result.append(min(max(result.last! * 10, 1e-8 * mean), mean)) }
  return result
}

/// Whether the pivots of a factor L are more than rounding: each L_jj² against the diagonal element
/// that it is what is left of.
///
/// A singular matrix leaves pivots of about the rounding error, of either sign, and those that
/// happen to be positive would be divided by. Errors of n roundings add up to about √n of them.
func hasFirmPivots<Scalar: LinearScalar>(
  _ l: UnsafePointer<Scalar>, n: Int, diagonal: (Int) -> Scalar
) -> Bool {
  let least = 16 * Scalar(n).squareRoot() * Scalar.ulpOfOne
  return (0..<n).allSatisfy { l[$0 * n + $0] * l[$0 * n + $0] > least * diagonal($0) }
}

extension Calibration {
  /// Mean of the diagonal over the inputs that are not dead.
  var meanSquare: Double {
    let live = squaredNorms.filter { $0 > 0 }
    return live.isEmpty ? 0 : live.reduce(0, +) / Double(live.count)
  }

  /// H + λI in double precision, both triangles. A dead input gets the mean on its diagonal: it has
  /// no products with any other, so that nothing else depends on the number.
  func damped(by damping: Double) -> AlignedBuffer<Double> {
    let result = AlignedBuffer<Double>(uninitialized: inputs * inputs)
    write(to: result.pointer, damping: damping, reversed: false)
    return result
  }

  /// Writes both triangles of H + λI, inputs in order or from last to first.
  private func write<Scalar: LinearScalar>(
    to target: UnsafeMutablePointer<Scalar>, damping: Double, reversed: Bool
  ) {
    let n = inputs
    func copy<Source: LinearScalar>(_ h: UnsafePointer<Source>) {
      TiledAlgebra.inParallel(tasks: n) { i in
        let row = h + (reversed ? n - 1 - i : i) * n
        let own = target + i * n
        if reversed {
          for j in 0..<n { own[j] = Scalar(row[n - 1 - j]) }
        } else {
          for j in 0..<n { own[j] = Scalar(row[j]) }
        }
      }
    }
    switch symmetricSums() {
    case .single(let h): copy(UnsafePointer(h.pointer))
    case .double(let h): copy(UnsafePointer(h.pointer))
    case .norms: preconditionFailure("products of \(name) were not collected")
    }
    let mean = meanSquare
    for (j, norm) in squaredNorms.enumerated() {
      let i = reversed ? n - 1 - j : j
      target[i * n + i] = Scalar((norm > 0 ? norm : mean) + damping)
    }
  }

  /// The first λ of ``dampings(_:mean:)`` at which H + λI has a factor, and the factor L.
  ///
  /// - Throws: ``OneShotError/notPositiveDefinite(layer:inputs:samples:damping:)``
  /// - Complexity: O(inputs³ / 3)
  func factor(
    damping fraction: Double
  ) throws(OneShotError) -> Damped<Double> {
    for damping in dampings(fraction, mean: meanSquare) {
      let matrix = damped(by: damping)
      let diagonal = (0..<inputs).map { matrix.pointer[$0 * inputs + $0] }
      if TiledAlgebra.cholesky(n: inputs, matrix.pointer) == 0,
        hasFirmPivots(matrix.pointer, n: inputs, diagonal: { diagonal[$0] })
      {
        return Damped(matrix: matrix, damping: damping, precision: .double)
      }
    }
    throw unfactorable
  }

  private var unfactorable: OneShotError {
    .notPositiveDefinite(layer: name, inputs: inputs, samples: samples, damping: meanSquare)
  }

  /// The upper triangle U with (H + λI)⁻¹ = Uᵀ·U, whose row j says how the inputs after j make up
  /// for j when all before it are settled.
  ///
  /// It is the factor that SparseGPT takes from potrf, potri and potrf again. With the order of the
  /// inputs reversed one Cholesky is enough: if J reverses and J·(H + λI)·J = L·Lᵀ, then U =
  /// J·L⁻¹·J. That is half the work, and the inverse's own condition number is never squared.
  ///
  /// Products in single precision are factored in single precision; where that fails, in double,
  /// and only then does λ grow.
  ///
  /// - Throws: ``OneShotError/notPositiveDefinite(layer:inputs:samples:damping:)``
  /// - Complexity: O(2 · inputs³ / 3)
  func inverseFactor(damping fraction: Double) throws(OneShotError) -> Damped<Float> {
    for damping in dampings(fraction, mean: meanSquare) {
      if moments == .single, let u = inverseFactor(Float.self, damping) {
        return Damped(matrix: u, damping: damping, precision: .single)
      }
      if let u = inverseFactor(Double.self, damping) {
        let narrow = AlignedBuffer<Float>(uninitialized: u.count)
        RowStrips.forEach(rows: inputs) { strip in
          for i in strip.lowerBound * inputs..<strip.upperBound * inputs {
            narrow.pointer[i] = Float(u.pointer[i])
          }
        }
        return Damped(matrix: narrow, damping: damping, precision: .double)
      }
    }
    throw unfactorable
  }

  private func inverseFactor<Scalar: LinearScalar>(
    _: Scalar.Type, _ damping: Double
  ) -> AlignedBuffer<Scalar>? {
    let n = inputs
    let reversed = AlignedBuffer<Scalar>(uninitialized: n * n)
    write(to: reversed.pointer, damping: damping, reversed: true)
    let diagonal = (0..<n).map { reversed.pointer[$0 * n + $0] }
    if TiledAlgebra.cholesky(n: n, reversed.pointer) != 0
      || !hasFirmPivots(reversed.pointer, n: n, diagonal: { diagonal[$0] })
    {
      return nil
    }
    let inverse = AlignedBuffer<Scalar>(uninitialized: n * n)
    TiledAlgebra.inverse(n: n, lower: reversed.pointer, into: inverse.pointer)
    // Reversing the order of all n² elements reverses rows and columns. Row i changes places with
    // row n − 1 − i, and the middle one with itself.
    RowStrips.forEach(rows: (n + 1) / 2) { strip in
      for i in strip {
        let (low, high) = (inverse.pointer + i * n, inverse.pointer + (n - 1 - i) * n)
        for j in 0..<(low == high ? n / 2 : n) {
          (low[j], high[n - 1 - j]) = (high[n - 1 - j], low[j])
        }
      }
    }
    return inverse.pointer[0].isFinite ? inverse : nil
  }
}
