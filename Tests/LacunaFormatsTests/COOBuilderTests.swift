// Entries in any order make the matrix they describe.

import LacunaFormats
import TestSupport
import Testing

struct COOBuilderTests {
  @Test("shuffled entries make the same matrix", arguments: Sample.all)
  func anyOrder(_ sample: Sample) throws {
    func check<Scalar: SparseScalar>(_: Scalar.Type) throws {
      let csr = CSRMatrix(dense: sample.dense(Scalar.self))
      let ordered = COOBuilder(csr)
      #expect(try ordered.csr() == csr, "\(sample)")
      #expect(ordered.byteCount == csr.nnz * (8 + Scalar.dtype.size))
      var generator = SeededGenerator(seed: sample.seed)
      var shuffled = try COOBuilder<Scalar>(
        rows: csr.rows, columns: csr.columns, duplicates: .reject)
      shuffled.reserveCapacity(csr.nnz)
      for p in (0..<csr.nnz).shuffled(using: &generator) {
        try shuffled.append(
          ordered.values[p], row: Int(ordered.rowIndices[p]),
          column: Int(ordered.columnIndices[p]))
      }
      #expect(shuffled.count == csr.nnz)
      #expect(try shuffled.csr() == csr, "\(sample)")
      #expect(try shuffled.dense() == csr.dense(), "\(sample)")
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("duplicates add up in the order added, or are an error")
  func duplicates() throws {
    for policy in [COOBuilder<Float>.Duplicates.add, .reject] {
      var builder = try COOBuilder<Float>(rows: 3, columns: 4, duplicates: policy)
      // 1e8 + 1 is 1e8 in f32: only this order gives 0.
      try builder.append(
        contentsOf: [1e8, 5, 1, -1e8, 0], rows: [1, 2, 1, 1, 0], columns: [2, 0, 2, 2, 3])
      switch policy {
      case .add:
        let csr = try builder.csr()
        #expect(csr.pattern.rowOffsets == [0, 1, 2, 3])
        #expect(csr.values == [0, 0, 5])
        #expect(csr.pattern.columnIndices == .u16([3, 2, 0]))
      case .reject:
        #expect(throws: FormatError.columnsNotIncreasing(row: 1, column: 2, previous: 2)) {
          try builder.csr()
        }
      }
    }
  }

  @Test("an entry outside is refused with its numbers and leaves the builder as it was")
  func bounds() throws {
    var builder = try COOBuilder<Double>(rows: 2, columns: 3)
    try builder.append(1, row: 1, column: 2)
    for row in [-1, 2, .max, .min] {
      #expect(
        throws: FormatError.indexOutOfRange(name: "row", position: 1, value: row, limit: 2)
      ) { try builder.append(1, row: row, column: 0) }
    }
    for column in [-1, 3, .max, .min] {
      #expect(
        throws: FormatError.indexOutOfRange(name: "column", position: 1, value: column, limit: 3)
      ) { try builder.append(1, row: 0, column: column) }
    }
    #expect(builder.count == 1)
    #expect(throws: FormatError.wrongCount(name: "rows", expected: 2, actual: 1)) {
      try builder.append(contentsOf: [1, 2], rows: [0], columns: [0, 1])
    }
    #expect(throws: FormatError.wrongCount(name: "columns", expected: 1, actual: 2)) {
      try builder.append(contentsOf: [1], rows: [0], columns: [0, 1])
    }
    #expect(try builder.dense().values == [0, 0, 0, 0, 0, 1])
  }
}
