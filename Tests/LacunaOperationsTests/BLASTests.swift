// The CBLAS and LAPACKE front ends agree with sums written out by hand.

import LacunaFormats
import LacunaOperations
import Testing

@Suite struct BLASTests {
  // A = [1 2 3; 4 5 6], B = [1 0; 2 1; 0 3]
  let a: [Float] = [1, 2, 3, 4, 5, 6]
  let b: [Float] = [1, 0, 2, 1, 0, 3]

  @Test func gemmIsRowMajor() {
    var c: [Float] = [1, 1, 1, 1]
    BLAS.gemm(m: 2, n: 2, k: 3, alpha: 2, a: a, lda: 3, b: b, ldb: 2, beta: -1, c: &c, ldc: 2)
    #expect(c == [9, 21, 27, 45])
  }

  @Test func gemmTransposes() {
    // AᵀA for A stored [2, 3]; then A·Aᵀ.
    var c = [Double](repeating: 0, count: 9)
    let d = a.map(Double.init)
    BLAS.gemm(m: 3, n: 3, k: 2, a: d, lda: 3, transposeA: true, b: d, ldb: 3, c: &c, ldc: 3)
    #expect(c == [17, 22, 27, 22, 29, 36, 27, 36, 45])
    var e = [Double](repeating: 0, count: 4)
    BLAS.gemm(m: 2, n: 2, k: 3, a: d, lda: 3, b: d, ldb: 3, transposeB: true, c: &e, ldc: 2)
    #expect(e == [14, 32, 32, 77])
  }

  @Test func gemvTransposes() {
    var y: [Float] = [0, 0]
    BLAS.gemv(m: 2, n: 3, a: a, lda: 3, x: [1, 1, 1], y: &y)
    #expect(y == [6, 15])
    var z: [Float] = [0, 0, 0]
    BLAS.gemv(m: 2, n: 3, a: a, lda: 3, transposeA: true, x: [1, 1], y: &z)
    #expect(z == [5, 7, 9])
  }

  @Test func coreHasAName() { #expect(!BLAS.coreName.isEmpty) }

  @Test func leastSquaresFitsALine() throws {
    // y = 2 + 3t at t = 0…3, exactly.
    let a = try DenseMatrix<Double>(rows: 4, columns: 2, values: [1, 0, 1, 1, 1, 2, 1, 3])
    let b = try DenseMatrix<Double>(rows: 4, columns: 1, values: [2, 5, 8, 11])
    let x = try LAPACK.leastSquares(a, b)
    #expect(abs(x[0, 0] - 2) < 1e-12 && abs(x[1, 0] - 3) < 1e-12)
    #expect(throws: OperationError.self) {
      try LAPACK.leastSquares(a, DenseMatrix(rows: 3, columns: 1))
    }
  }

  @Test func isaNamesAreChecked() throws {
    #expect(try ISA.chosen(by: nil) == ISA.detected)
    #expect(try ISA.chosen(by: "baseline") == .baseline)
    #expect(
      throws: OperationError.unknownISA(
        name: "avx9",
        allowed: ["baseline", "v3", "v3-vnni", "v4", "v4-vnni", "v4-vbmi2", "v4-bf16"])
    ) { try ISA.chosen(by: "avx9") }
  }
}
