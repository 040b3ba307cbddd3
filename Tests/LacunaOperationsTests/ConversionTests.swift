// The kernels convert to exactly what the plain conversions give.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

struct ConversionTests {
  static let shapes: [(rows: Int, columns: Int, stride: Int)] = [
    (0, 5, 5), (5, 0, 0), (1, 1, 1), (3, 7, 9), (4, 15, 15), (4, 16, 16), (4, 17, 20), (3, 63, 63),
    (3, 64, 64), (3, 65, 67), (5, 128, 131), (2, 1000, 1000), (2, 65_536, 65_536),
    (2, 65_537, 65_540),
  ]

  @Test("mask, CSR and BSR, strided and ragged", arguments: ISA.allCases, shapes)
  func conversions(_ isa: ISA, _ shape: (rows: Int, columns: Int, stride: Int)) throws {
    try require(isa)
    for (seed, density) in zip([1, 2, 3, 4] as [UInt64], [0, 0.05, 0.5, 1]) {
      try check(Float.self, isa, shape, density, seed)
      try check(Double.self, isa, shape, density, seed)
    }
  }

  private func check<Scalar: SparseScalar>(
    _: Scalar.Type, _ isa: ISA, _ shape: (rows: Int, columns: Int, stride: Int),
    _ density: Double, _ seed: UInt64
  ) throws {
    let dense: DenseMatrix<Scalar> = randomDense(
      rows: shape.rows, columns: shape.columns, density: density, rowStride: shape.stride,
      seed: seed)
    let comment: Comment = "\(isa) \(Scalar.dtype) \(shape) density \(density) seed \(seed)"
    #expect(Conversion.nonzeros(of: dense, isa: isa) == BitMask(nonzerosOf: dense), comment)
    #expect(Conversion.csr(dense, isa: isa) == CSRMatrix(dense: dense), comment)
    let block = try BlockSize(4, 3)
    #expect(
      Conversion.bsr(dense, block: block, isa: isa) == BSRMatrix(dense: dense, block: block),
      comment)
    let mask = BitMask(
      nonzerosOf: randomDense(
        Float.self, rows: shape.rows, columns: shape.columns, density: 0.4, seed: seed + 9))
    #expect(
      try Conversion.csr(dense, mask: mask, isa: isa) == CSRMatrix(dense: dense, mask: mask),
      comment)
  }

  @Test("a matrix longer than the cache, whatever its rows hold", arguments: ISA.allCases)
  func streamed(_ isa: ISA) throws {
    try require(isa)
    try streamed(Float.self, isa, rows: 1030, columns: 1000, stride: 1003)
    try streamed(Double.self, isa, rows: 517, columns: 1000, stride: 1000)
    try streamed(Float.self, isa, rows: 65, columns: 65_540, stride: 65_540)
  }

  private func streamed<Scalar: SparseScalar>(
    _: Scalar.Type, _ isa: ISA, rows: Int, columns: Int, stride: Int
  ) throws {
    let comment: Comment = "\(isa) \(Scalar.dtype) \(rows)×\(columns) stride \(stride) seed 5"
    for density in [0, 0.1, 1] {
      let dense: DenseMatrix<Scalar> = randomDense(
        rows: rows, columns: columns, density: density, rowStride: stride, seed: 5)
      let expected = CSRMatrix(dense: dense)
      #expect(Conversion.csr(dense, isa: isa) == expected, comment)
    }
    // Far more than every 32nd row says, and far less.
    for isFull in [{ $0 % 32 != 0 }, { $0 % 32 == 0 }] as [(Int) -> Bool] {
      var dense: DenseMatrix<Scalar> = randomDense(
        rows: rows, columns: columns, density: 0.5, rowStride: stride, seed: 5)
      dense.withUnsafeMutableElements { elements in
        for i in 0..<rows where !isFull(i) {
          for j in 0..<columns { elements[i * stride + j] = 0 }
        }
      }
      let expected = CSRMatrix(dense: dense)
      #expect(Conversion.csr(dense, isa: isa) == expected, comment)
    }
  }

  @Test("NaN is kept, -0 is not", arguments: ISA.allCases)
  func specialValues(_ isa: ISA) throws {
    try require(isa)
    let single = try DenseMatrix<Float>(rows: 1, columns: 5, values: [.nan, -0.0, 0, .infinity, 1])
    let double = single.converted(to: Double.self)
    #expect(Conversion.nonzeros(of: single, isa: isa).words == [0b11001])
    #expect(Conversion.nonzeros(of: double, isa: isa).words == [0b11001])
    #expect(Conversion.csr(single, isa: isa).values[0].isNaN)
  }

  @Test("a mask of another shape is refused with both shapes")
  func mismatch() throws {
    let dense = try DenseMatrix<Float>(rows: 2, columns: 3)
    let mask = try BitMask(rows: 3, columns: 2)
    #expect(
      throws: OperationError.format(
        .shapeMismatch(expectedRows: 3, expectedColumns: 2, rows: 2, columns: 3))
    ) { try Conversion.csr(dense, mask: mask) }
  }
}
