// Every format converted to every other one and back is the matrix it was.

import LacunaFormats
import TestSupport
import Testing

struct ConversionTests {
  @Test("dense → CSR → dense, and the pattern holds exactly the nonzeros", arguments: Sample.all)
  func csrRoundTrip(_ sample: Sample) throws {
    func check<Scalar: SparseScalar>(_: Scalar.Type) throws {
      let dense = sample.dense(Scalar.self)
      let csr = CSRMatrix(dense: dense)
      #expect(csr.dense() == dense, "\(sample)")
      #expect(csr.nnz == dense.values.filter { $0 != 0 }.count, "\(sample)")
      #expect(csr.pattern == CSRPattern(BitMask(nonzerosOf: dense)), "\(sample)")
      // The public initialiser accepts what the conversion built.
      let pattern = try CSRPattern(
        rows: csr.rows, columns: csr.columns, rowOffsets: csr.pattern.rowOffsets,
        columnIndices: csr.pattern.columnIndices)
      #expect(pattern == csr.pattern, "\(sample)")
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("indices take 16 bits up to 65 536 columns and 32 beyond")
  func indexWidth() throws {
    for (columns, bytes) in [(65_536, 2), (65_537, 4)] {
      let dense = randomDense(Float.self, rows: 2, columns: columns, density: 0.01, seed: 3)
      let csr = CSRMatrix(dense: dense)
      #expect(csr.pattern.columnIndices.byteCount == csr.nnz * bytes)
      #expect(csr.transposed().pattern.columnIndices.byteCount == csr.nnz * 2)
      #expect(csr.byteCount == csr.nnz * (bytes + 4) + 3 * 8)
      #expect(csr.transposed().transposed() == csr)
    }
  }

  @Test("dense → BSR → dense, CSR and COO, for every block", arguments: Sample.all)
  func bsrRoundTrip(_ sample: Sample) throws {
    func check<Scalar: SparseScalar>(_: Scalar.Type) throws {
      let dense = sample.dense(Scalar.self)
      let csr = CSRMatrix(dense: dense)
      for block in blocks {
        let bsr = BSRMatrix(dense: dense, block: block)
        #expect(bsr.dense() == dense, "\(sample) block \(block)")
        #expect(CSRMatrix(bsr) == csr, "\(sample) block \(block)")
        #expect(BSRMatrix(csr, block: block) == bsr, "\(sample) block \(block)")
        #expect(try COOBuilder(bsr).bsr(block: block) == bsr, "\(sample) block \(block)")
        #expect(
          try BSRMatrix(dense: dense, block: block, blockPattern: bsr.blockPattern) == bsr,
          "\(sample) block \(block)")
        #expect(bsr.nnz == BitMask(bsr).keptCount, "\(sample) block \(block)")
        #expect(
          bsr.byteCount == bsr.blockPattern.byteCount
            + bsr.blocks * block.area * Scalar.dtype.size)
        // Every stored block holds a nonzero, and the public initialiser accepts it.
        for b in 0..<bsr.blocks {
          let cells = bsr.values[b * block.area..<(b + 1) * block.area]
          #expect(cells.contains { $0 != 0 }, "\(sample) block \(block) number \(b)")
        }
        let same = try BSRMatrix(
          rows: bsr.rows, columns: bsr.columns, block: block, blockPattern: bsr.blockPattern,
          values: bsr.values)
        #expect(same == bsr, "\(sample) block \(block)")
      }
    }
    try check(Float.self)
    if sample.rows < 1000 && sample.columns < 1000 { try check(Double.self) }
  }

  @Test("1×1 blocks are CSR")
  func elementBlocks() throws {
    let csr = CSRMatrix(
      dense: randomDense(Float.self, rows: 19, columns: 23, density: 0.3, seed: 5))
    let bsr = BSRMatrix(csr, block: .element)
    #expect(bsr.blockPattern == csr.pattern)
    #expect(bsr.values == csr.values)
  }

  @Test("transposes of dense, CSR, BSR, COO and masks agree", arguments: Sample.all)
  func transposes(_ sample: Sample) throws {
    func check<Scalar: SparseScalar>(_: Scalar.Type) throws {
      let dense = sample.dense(Scalar.self)
      let flipped = dense.transposed()
      #expect(flipped.rows == dense.columns && flipped.columns == dense.rows, "\(sample)")
      for i in 0..<min(dense.rows, 80) {
        for j in 0..<min(dense.columns, 80) where flipped[j, i] != dense[i, j] {
          Issue.record("\(sample): [\(j), \(i)] is \(flipped[j, i]), not \(dense[i, j])")
        }
      }
      let csr = CSRMatrix(dense: dense)
      #expect(csr.transposed() == CSRMatrix(dense: flipped), "\(sample)")
      #expect(try COOBuilder(csr).transposed().csr() == csr.transposed(), "\(sample)")
      #expect(
        BitMask(nonzerosOf: dense).transposed() == BitMask(nonzerosOf: flipped), "\(sample)")
      let (pattern, sources) = csr.pattern.transposedWithSources()
      #expect(pattern == csr.transposed().pattern, "\(sample)")
      #expect(sources.map { csr.values[$0] } == csr.transposed().values, "\(sample)")
      for block in blocks where block.area < 100 {
        let bsr = BSRMatrix(dense: dense, block: block)
        let expected = BSRMatrix(dense: flipped, block: block.transposed)
        #expect(bsr.transposed() == expected, "\(sample) block \(block)")
      }
    }
    try check(Float.self)
    if sample.rows < 1000 && sample.columns < 1000 { try check(Double.self) }
  }

  @Test(
    "f32 → f64 → f32 changes nothing; f64 → f32 rounds to nearest", arguments: [11 as UInt64, 12])
  func scalars(_ seed: UInt64) throws {
    let single = randomDense(
      Float.self, rows: 9, columns: 31, density: 0.4, rowStride: 40, seed: seed)
    let csr = CSRMatrix(dense: single)
    let bsr = BSRMatrix(dense: single, block: try BlockSize(4, 3))
    #expect(single.converted(to: Double.self).converted(to: Float.self) == single, "seed \(seed)")
    #expect(csr.converted(to: Double.self).converted(to: Float.self) == csr, "seed \(seed)")
    #expect(bsr.converted(to: Double.self).converted(to: Float.self) == bsr, "seed \(seed)")
    let double = randomDense(Double.self, rows: 9, columns: 31, seed: seed)
    let third = try DenseMatrix(
      rows: 9, columns: 31, values: double.values.map { $0 / 3 })
    #expect(third.converted(to: Float.self).values == third.values.map { Float($0) })
  }

  @Test("NaN is stored, -0 is not")
  func specialValues() throws {
    let dense = try DenseMatrix<Float>(rows: 2, columns: 2, values: [.nan, -0.0, .infinity, 1])
    let csr = CSRMatrix(dense: dense)
    #expect(csr.pattern.rowOffsets == [0, 1, 3])
    #expect(csr.values[0].isNaN)
    #expect(csr.dense()[0, 1].sign == .plus)
    #expect(BitMask(nonzerosOf: dense).keptCount == 3)
    #expect(BSRMatrix(dense: dense, block: .element).blocks == 3)
  }

  @Test("values at a mask keep the zeros under it", arguments: Sample.all)
  func masked(_ sample: Sample) throws {
    func check<Scalar: SparseScalar>(_: Scalar.Type) throws {
      let dense = sample.dense(Scalar.self)
      let mask = BitMask(
        nonzerosOf: randomDense(
          Float.self, rows: sample.rows, columns: sample.columns, density: 0.3,
          seed: sample.seed + 100))
      let csr = try CSRMatrix(dense: dense, mask: mask)
      #expect(csr.nnz == mask.keptCount, "\(sample)")
      #expect(BitMask(csr.pattern) == mask, "\(sample)")
      var expected = dense
      try mask.apply(to: &expected)
      #expect(csr.dense() == expected, "\(sample)")
      #expect(try CSRMatrix(dense: dense, pattern: csr.pattern) == csr, "\(sample)")
    }
    try check(Float.self)
    try check(Double.self)
  }
}
