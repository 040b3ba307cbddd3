// L·Lᵀ = A, L⁻¹·L = I, A⁻¹·A = I and b·A⁻¹ at the sizes around a tile, in both precisions

import LacunaOperations
import TestSupport
import Testing

@Suite struct LinearAlgebraTests {
  static let sizes = [1, 2, 63, 255, 256, 257, 530]

  /// X·Xᵀ / samples + I with 2n samples: condition number below ten, so that bounds are plain.
  private func definite<Scalar: LinearScalar>(_ n: Int, _: Scalar.Type) -> [Scalar] {
    var random = SeededGenerator(seed: UInt64(n))
    let samples = 2 * n
    let x = (0..<n * samples).map { _ in random.nonzero(Scalar.self) }
    var h = [Scalar](repeating: 0, count: n * n)
    x.withUnsafeBufferPointer { x in
      h.withUnsafeMutableBufferPointer {
        TiledAlgebra.addSquare(
          n: n, samples: samples, x: x.baseAddress!, ldx: samples, transposed: false,
          to: $0.baseAddress!)
        TiledAlgebra.mirror(n: n, $0.baseAddress!)
      }
    }
    for i in 0..<n * n { h[i] /= Scalar(samples) }
    for i in 0..<n { h[i * n + i] += 1 }
    return h
  }

  /// The largest |(A·B)_ij − expected_ij| with A's strict upper triangle read as zero when `lower`.
  private func largestError<Scalar: LinearScalar>(
    _ a: [Scalar], _ b: (Int, Int) -> Scalar, _ n: Int, lower: Bool, expected: (Int, Int) -> Double
  ) -> Double {
    var worst = 0.0
    for i in 0..<n {
      for j in stride(from: i % 7, to: n, by: 7) {
        var sum = 0.0
        for k in 0..<(lower ? i + 1 : n) { sum += Double(a[i * n + k]) * Double(b(k, j)) }
        worst = max(worst, abs(sum - expected(i, j)))
      }
    }
    return worst
  }

  private func check<Scalar: LinearScalar>(_ n: Int, _: Scalar.Type) {
    let a = definite(n, Scalar.self)
    // Entries are below 3, the condition number below 10.
    let bound = 40 * Double(n) * Double(Scalar.ulpOfOne)
    var l = a
    #expect(l.withUnsafeMutableBufferPointer { TiledAlgebra.cholesky(n: n, $0.baseAddress!) } == 0)
    #expect(
      largestError(l, { $1 < $0 ? 0 : l[$1 * n + $0] }, n, lower: true) { Double(a[$0 * n + $1]) }
        <= bound)
    var inverse = [Scalar](repeating: .nan, count: n * n)
    inverse.withUnsafeMutableBufferPointer {
      TiledAlgebra.inverse(n: n, lower: l, into: $0.baseAddress!)
    }
    let factor = l
    #expect(
      largestError(inverse, { $1 <= $0 ? factor[$0 * n + $1] : 0 }, n, lower: false) {
        $0 == $1 ? 1 : 0
      } <= bound)
    // Rows of I become rows of A⁻¹.
    var rows = [Scalar](repeating: 0, count: n * n)
    for i in 0..<n { rows[i * n + i] = 1 }
    rows.withUnsafeMutableBufferPointer {
      TiledAlgebra.solveRows(m: n, n: n, lower: l, $0.baseAddress!)
    }
    #expect(
      largestError(rows, { a[$0 * n + $1] }, n, lower: false) { $0 == $1 ? 1 : 0 } <= bound)
    var product = [Scalar](repeating: .nan, count: n * n)
    for transposeB in [false, true] {
      product.withUnsafeMutableBufferPointer {
        TiledAlgebra.product(
          m: n, n: n, k: n, alpha: 2, a: rows, lda: n, b: a, ldb: n, transposeB: transposeB,
          c: $0.baseAddress!, ldc: n)
      }
      let worst = (0..<n * n).map { abs(Double(product[$0]) - ($0 / n == $0 % n ? 2 : 0)) }.max()!
      #expect(worst <= 2 * bound)
    }
  }

  @Test(arguments: sizes)
  func factorsInversesAndProductsInTiles(n: Int) {
    check(n, Float.self)
    check(n, Double.self)
  }

  @Test(arguments: [1, 40, 256, 300])
  func aMatrixThatIsNotDefiniteNamesTheMinor(n: Int) {
    var a = definite(300, Double.self)
    a[(n - 1) * 301] = -1
    #expect(
      a.withUnsafeMutableBufferPointer { TiledAlgebra.cholesky(n: 300, $0.baseAddress!) } == n)
  }

  @Test func lapackSolvesAndInverts() {
    let n = 70
    let a = definite(n, Double.self)
    let narrow = a.map(Float.init)
    func check<Scalar: LinearScalar>(
      _ a: [Scalar],
      _ potrf: (Int, UnsafeMutablePointer<Scalar>, Int) -> Int,
      _ potri: (Int, UnsafeMutablePointer<Scalar>, Int) -> Int,
      _ posv: (Int, Int, UnsafeMutablePointer<Scalar>, Int, UnsafeMutablePointer<Scalar>, Int) ->
        Int
    ) {
      let bound = 40 * Double(n) * Double(Scalar.ulpOfOne)
      var inverse = a
      let infos = inverse.withUnsafeMutableBufferPointer {
        (potrf(n, $0.baseAddress!, n), potri(n, $0.baseAddress!, n))
      }
      #expect(infos == (0, 0))
      let lower = inverse
      let whole = (0..<n * n).map { lower[max($0 / n, $0 % n) * n + min($0 / n, $0 % n)] }
      #expect(
        largestError(whole, { a[$0 * n + $1] }, n, lower: false) { $0 == $1 ? 1 : 0 } <= bound)
      // Two right-hand sides, the rows of B.
      let b = (0..<2 * n).map { Scalar($0 % 5) - 2 }
      var (equations, x) = (a, b)
      let info = equations.withUnsafeMutableBufferPointer { e in
        x.withUnsafeMutableBufferPointer { posv(n, 2, e.baseAddress!, n, $0.baseAddress!, n) }
      }
      #expect(info == 0)
      for r in 0..<2 {
        for i in 0..<n {
          var sum = 0.0
          for j in 0..<n { sum += Double(a[i * n + j]) * Double(x[r * n + j]) }
          #expect(abs(sum - Double(b[r * n + i])) <= 4 * bound)
        }
      }
    }
    check(
      a, LAPACK.potrf(n:a:lda:), LAPACK.potri(n:a:lda:), LAPACK.posv(n:rows:a:lda:b:ldb:))
    check(
      narrow, LAPACK.potrf(n:a:lda:), LAPACK.potri(n:a:lda:), LAPACK.posv(n:rows:a:lda:b:ldb:))
  }
}
