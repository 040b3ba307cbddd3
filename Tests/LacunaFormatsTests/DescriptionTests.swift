// Printing a matrix is one line, not all of its elements.

import LacunaFormats
import Testing

@Suite struct DescriptionTests {
  @Test func `each matrix says its shape and what it stores`() throws {
    let dense = try DenseMatrix<Float>(
      rows: 2, columns: 4, values: [1, 0, 0, 0, 0, 2, 0, 3])
    let sparse = CSRMatrix(dense: dense)
    #expect("\(dense)" == "DenseMatrix 2×4 f32")
    #expect("\(sparse)" == "CSRMatrix 2×4 f32, 3 stored (37.5 %)")
    #expect(
      "\(BSRMatrix(sparse, block: try BlockSize(2, 2)))"
        == "BSRMatrix 2×4 f32, 2 blocks of 2x2 (100.0 %)")
    #expect("\(BitMask(sparse.pattern))" == "BitMask 2×4, 3 kept (37.5 %)")
    #expect("\(try DenseMatrix<Double>(rows: 0, columns: 3))" == "DenseMatrix 0×3 f64")
    #expect("\(try BitMask(rows: 0, columns: 3))" == "BitMask 0×3, 0 kept (0.0 %)")
  }

  @Test func `a mask is applied to an array in place`() throws {
    var mask = try BitMask(rows: 2, columns: 3)
    mask[0, 1] = true
    mask[1, 2] = true
    var values: [Float] = [1, 2, 3, .nan, 5, 6]
    try mask.apply(to: &values)
    #expect(values == [0, 2, 0, 0, 0, 6])
    #expect(throws: FormatError.wrongCount(name: "elements", expected: 6, actual: 5)) {
      var short: [Float] = [1, 2, 3, 4, 5]
      try mask.apply(to: &short)
    }
  }
}
