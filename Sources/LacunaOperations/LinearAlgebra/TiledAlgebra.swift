// C ← α·A·B + β·C, H ← H + X·Xᵀ, A = L·Lᵀ, L⁻¹ and B·A⁻¹ for large matrices, cut into fixed tiles
// over the threads
//
// OpenBLAS could use threads of its own, but their number is a setting of the whole process, and
// sums would depend on it. Tiles of a fixed size, each one call of BLAS or LAPACK on one of the
// pool's threads, leave the process as it was and give the same bits for any number of threads.
//
//     k k k      Cholesky, right-looking, in tiles of 256:
//     t · ·      1. L_kk ← potrf(A_kk)
//     t u ·      2. L_ik ← A_ik · L_kk⁻ᵀ             all i > k at once
//     t u u      3. A_ij ← A_ij − L_ik · L_jkᵀ       all i ≥ j > k at once
//
// 256 keeps the three operands of an update (0.8 MB in f32) in a second-level cache of today, and
// leaves 16 tiles along an edge of 4096, enough to share out.

import LacunaFormats

/// Dense linear algebra on row-major memory, shared out over ``ThreadPool/shared``. Not checked:
/// shapes, pointers.
package enum TiledAlgebra {
  package static let edge = 256

  /// Runs `body` for each task on the pool, OpenBLAS on one thread in each.
  ///
  /// The outer call spares each task the change of a setting; the inner one is for an OpenBLAS that
  /// keeps its setting per thread.
  package static func inParallel(tasks: Int, _ body: (Int) -> Void) {
    BLAS.onOneThread {
      ThreadPool.shared.run(tasks: tasks) { task in BLAS.onOneThread { body(task) } }
    }
  }

  /// Pairs `i ≥ j` of tiles, the largest sums first.
  private static func lowerPairs(from first: Int, to end: Int) -> [(i: Int, j: Int)] {
    (first..<end).flatMap { i in (first...i).map { (i, $0) } }
  }

  private static func tiles(_ n: Int) -> Int { (n + edge - 1) / edge }

  /// C[m, n] ← α · op(A) · op(B) + β · C, by tiles of 256 rows and 1024 columns.
  package static func product<Scalar: LinearScalar>(
    m: Int, n: Int, k: Int, alpha: Scalar = 1, a: UnsafePointer<Scalar>, lda: Int,
    transposeA: Bool = false, b: UnsafePointer<Scalar>, ldb: Int, transposeB: Bool = false,
    beta: Scalar = 0, c: UnsafeMutablePointer<Scalar>, ldc: Int
  ) {
    if m == 0 || n == 0 { return }
    let width = 4 * edge
    let across = (n + width - 1) / width
    inParallel(tasks: tiles(m) * across) { task in
      let (i, j) = (task / across * edge, task % across * width)
      Scalar.product(
        m: min(edge, m - i), n: min(width, n - j), k: k, alpha: alpha,
        a: a + (transposeA ? i : i * lda), lda: lda, transposeA: transposeA,
        b: b + (transposeB ? j * ldb : j), ldb: ldb, transposeB: transposeB, beta: beta,
        c: c + i * ldc + j, ldc: ldc)
    }
  }

  /// The lower triangle of H[n, n] ← H + X·Xᵀ for X[n, samples], or stored as [samples, n] when
  /// `transposed`.
  package static func addSquare<Scalar: LinearScalar>(
    n: Int, samples: Int, x: UnsafePointer<Scalar>, ldx: Int, transposed: Bool,
    to h: UnsafeMutablePointer<Scalar>
  ) {
    if samples == 0 { return }
    let pairs = lowerPairs(from: 0, to: tiles(n))
    inParallel(tasks: pairs.count) { task in
      let (i, j) = (pairs[task].i * edge, pairs[task].j * edge)
      let (rows, columns) = (min(edge, n - i), min(edge, n - j))
      let left = transposed ? x + i : x + i * ldx
      if i == j {
        Scalar.square(
          n: rows, k: samples, alpha: 1, a: left, lda: ldx, transposeA: transposed, beta: 1,
          c: h + i * n + i, ldc: n)
      } else {
        Scalar.product(
          m: rows, n: columns, k: samples, alpha: 1, a: left, lda: ldx, transposeA: transposed,
          b: transposed ? x + j : x + j * ldx, ldb: ldx, transposeB: !transposed, beta: 1,
          c: h + i * n + j, ldc: n)
      }
    }
  }

  /// Copies the lower triangle above the diagonal.
  package static func mirror<Scalar: LinearScalar>(n: Int, _ a: UnsafeMutablePointer<Scalar>) {
    let strip = 64
    inParallel(tasks: (n + strip - 1) / strip) { task in
      for j in stride(from: 0, to: n, by: strip) where j <= task * strip {
        for i in task * strip..<min((task + 1) * strip, n) {
          for column in j..<min(j + strip, i) { a[column * n + i] = a[i * n + column] }
        }
      }
    }
  }

  /// The lower triangle of A[n, n] becomes L of A = L·Lᵀ; the strict upper one is left alone.
  ///
  /// - Returns: 0, or the order of the first leading minor that is not positive; A is spoilt then.
  /// - Complexity: O(n³ / 3)
  package static func cholesky<Scalar: LinearScalar>(
    n: Int, _ a: UnsafeMutablePointer<Scalar>
  ) -> Int {
    let count = tiles(n)
    for k in 0..<count {
      let first = k * edge
      let size = min(edge, n - first)
      let diagonal = a + first * n + first
      let info = BLAS.onOneThread { Scalar.factor(n: size, a: diagonal, lda: n) }
      if info != 0 { return first + info }
      inParallel(tasks: count - k - 1) { task in
        let i = (k + 1 + task) * edge
        Scalar.solve(
          m: min(edge, n - i), n: size, lower: diagonal, ldl: n, right: true, transpose: true,
          b: a + i * n + first, ldb: n)
      }
      let pairs = lowerPairs(from: k + 1, to: count)
      inParallel(tasks: pairs.count) { task in
        let (i, j) = (pairs[task].i * edge, pairs[task].j * edge)
        let rows = min(edge, n - i)
        if i == j {
          Scalar.square(
            n: rows, k: size, alpha: -1, a: a + i * n + first, lda: n, transposeA: false, beta: 1,
            c: a + i * n + i, ldc: n)
        } else {
          Scalar.product(
            m: rows, n: min(edge, n - j), k: size, alpha: -1, a: a + i * n + first, lda: n,
            transposeA: false, b: a + j * n + first, ldb: n, transposeB: true, beta: 1,
            c: a + i * n + j, ldc: n)
        }
      }
    }
    return 0
  }

  /// L⁻¹, with zeros above the diagonal, of a lower triangle.
  ///
  /// - Complexity: O(n³ / 3): a column tile's solution begins at its own row.
  package static func inverse<Scalar: LinearScalar>(
    n: Int, lower: UnsafePointer<Scalar>, into inverse: UnsafeMutablePointer<Scalar>
  ) {
    inverse.update(repeating: 0, count: n * n)
    inParallel(tasks: tiles(n)) { task in
      let first = task * edge
      let width = min(edge, n - first)
      let block = inverse + first * n + first
      for j in 0..<width { block[j * n + j] = 1 }
      Scalar.solve(
        m: n - first, n: width, lower: lower + first * n + first, ldl: n, right: false,
        transpose: false, b: block, ldb: n)
    }
  }

  /// Rows that ``solveRows(m:n:lower:_:)`` gives each task.
  package static let rowsPerSolve = 64

  /// Each row of B[m, n] becomes b·A⁻¹ = b·L⁻ᵀ·L⁻¹, by tiles of rows.
  ///
  /// - Complexity: O(m · n²)
  package static func solveRows<Scalar: LinearScalar>(
    m: Int, n: Int, lower: UnsafePointer<Scalar>, _ b: UnsafeMutablePointer<Scalar>
  ) {
    inParallel(tasks: (m + rowsPerSolve - 1) / rowsPerSolve) { task in
      let first = task * rowsPerSolve
      solve(rows: min(rowsPerSolve, m - first), n: n, lower: lower, b + first * n)
    }
  }

  /// The same for some rows, on the calling thread.
  package static func solve<Scalar: LinearScalar>(
    rows: Int, n: Int, lower: UnsafePointer<Scalar>, _ b: UnsafeMutablePointer<Scalar>
  ) {
    for transpose in [true, false] {
      Scalar.solve(
        m: rows, n: n, lower: lower, ldl: n, right: true, transpose: transpose, b: b, ldb: n)
    }
  }
}
