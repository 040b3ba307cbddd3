// Every malformed input is refused, and the error says which rule and which numbers.

import LacunaFormats
import TestSupport
import Testing

struct InvariantTests {
  @Test("CSR patterns", arguments: [false, true])
  func csr(narrow: Bool) {
    func expect(
      _ rows: Int, _ columns: Int, _ offsets: [Int], _ indices: [Int], _ error: FormatError
    ) {
      #expect(throws: error) {
        if narrow {
          try CSRPattern(
            rows: rows, columns: columns, rowOffsets: offsets,
            columnIndices: IndexVector.u32(indices.map { UInt32($0) }))
        } else {
          try CSRPattern(
            rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
        }
      }
    }
    expect(-1, 4, [], [], .negativeDimension(name: "rows", value: -1))
    expect(4, -3, [], [], .negativeDimension(name: "columns", value: -3))
    expect(.max, 0, [], [], .sizeOverflow(rows: .max, columns: 0))
    expect(0, .max, [0], [], .sizeOverflow(rows: 0, columns: .max))
    expect(1 << 32, 1, [0], [], .sizeOverflow(rows: 1 << 32, columns: 1))
    expect(1 << 31, 1 << 31, [0], [], .sizeOverflow(rows: 1 << 31, columns: 1 << 31))
    expect(2, 4, [0, 1], [0], .wrongCount(name: "rowOffsets", expected: 3, actual: 2))
    expect(0, 4, [], [], .wrongCount(name: "rowOffsets", expected: 1, actual: 0))
    expect(2, 4, [1, 1, 1], [0], .offsetsStart(actual: 1))
    expect(2, 4, [-1, 1, 1], [0], .offsetsStart(actual: -1))
    expect(3, 4, [0, 2, 1, 2], [0, 1], .offsetsNotMonotone(row: 1, offset: 2, next: 1))
    expect(2, 4, [0, 1, 3], [0, 1], .offsetsEnd(expected: 2, actual: 3))
    expect(2, 4, [0, 1, 1], [0, 1], .offsetsEnd(expected: 2, actual: 1))
    expect(0, 4, [0], [2], .offsetsEnd(expected: 1, actual: 0))
    expect(
      2, 4, [0, 1, 2], [0, 4],
      .indexOutOfRange(name: "columnIndices", position: 1, value: 4, limit: 4))
    expect(
      1, 0, [0, 1], [0], .indexOutOfRange(name: "columnIndices", position: 0, value: 0, limit: 0))
    expect(2, 4, [0, 1, 3], [0, 2, 2], .columnsNotIncreasing(row: 1, column: 2, previous: 2))
    expect(2, 4, [0, 1, 3], [0, 2, 1], .columnsNotIncreasing(row: 1, column: 1, previous: 2))
    #expect(
      throws: FormatError.indexOutOfRange(
        name: "columnIndices", position: 1, value: -1, limit: 4)
    ) { try CSRPattern(rows: 1, columns: 4, rowOffsets: [0, 2], columnIndices: [0, -1]) }
  }

  @Test("the width of indices follows the number of columns, whichever they came in")
  func narrowing() throws {
    let from32 = try CSRPattern(
      rows: 1, columns: 10, rowOffsets: [0, 2], columnIndices: IndexVector.u32([3, 9]))
    #expect(from32.columnIndices == .u16([3, 9]))
    let from16 = try CSRPattern(
      rows: 1, columns: 70_000, rowOffsets: [0, 2], columnIndices: IndexVector.u16([3, 9]))
    #expect(from16.columnIndices == .u32([3, 9]))
  }

  @Test("CSR values")
  func csrValues() throws {
    let pattern = try CSRPattern(
      rows: 1, columns: 2, rowOffsets: [0, 2], columnIndices: [0, 1])
    #expect(throws: FormatError.wrongCount(name: "values", expected: 2, actual: 3)) {
      try CSRMatrix<Float>(pattern: pattern, values: [1, 2, 3])
    }
    let dense = try DenseMatrix<Float>(rows: 2, columns: 2)
    let mismatch = FormatError.shapeMismatch(
      expectedRows: 1, expectedColumns: 2, rows: 2, columns: 2)
    #expect(throws: mismatch) { try CSRMatrix(dense: dense, pattern: pattern) }
    #expect(throws: mismatch) { try CSRMatrix(dense: dense, mask: BitMask(pattern)) }
  }

  @Test("BSR grids, counts and padding")
  func bsr() throws {
    let block = try BlockSize(2, 4)
    let grid = try CSRPattern(
      rows: 2, columns: 2, rowOffsets: [0, 1, 3], columnIndices: [1, 0, 1])
    func make(_ rows: Int, _ columns: Int, _ count: Int) throws -> BSRMatrix<Float> {
      try BSRMatrix(
        rows: rows, columns: columns, block: block, blockPattern: grid,
        values: (0..<count).map { Float($0 + 1) })
    }
    #expect(throws: FormatError.negativeDimension(name: "rows", value: -2)) {
      try make(-2, 5, 24)
    }
    #expect(
      throws: FormatError.shapeMismatch(
        expectedRows: 3, expectedColumns: 2, rows: 2, columns: 2)
    ) { try make(5, 5, 24) }
    #expect(throws: FormatError.wrongCount(name: "values", expected: 24, actual: 23)) {
      try make(3, 5, 23)
    }
    // 3×5 in blocks of 2×4: cells outside are zeroed, also after values are written.
    var matrix = try make(3, 5, 24)
    #expect(
      matrix.values == [
        1, 0, 0, 0, 5, 0, 0, 0,
        9, 10, 11, 12, 0, 0, 0, 0,
        17, 0, 0, 0, 0, 0, 0, 0,
      ])
    #expect(matrix.nnz == 2 + 4 + 1)
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try matrix.withUnsafeMutableValues { values throws in
        values.update(repeating: 7)
        throw Stop()
      }
    }
    #expect(matrix.values.filter { $0 == 7 }.count == 7)
    #expect(matrix.values.filter { $0 == 0 }.count == 17)
    let dense = try DenseMatrix<Float>(rows: 9, columns: 9)
    #expect(
      throws: FormatError.shapeMismatch(
        expectedRows: 5, expectedColumns: 3, rows: 2, columns: 2)
    ) { try BSRMatrix(dense: dense, block: block, blockPattern: grid) }
  }

  @Test("blocks", arguments: [(0, 1), (1, 0), (-1, 1), (.max, .max), (1 << 11, 1 << 10)])
  func block(_ rows: Int, _ columns: Int) {
    #expect(throws: FormatError.invalidBlock(rows: rows, columns: columns)) {
      try BlockSize(rows, columns)
    }
  }

  @Test("dense shapes, strides and counts")
  func dense() throws {
    #expect(throws: FormatError.negativeDimension(name: "columns", value: -1)) {
      try DenseMatrix<Float>(rows: 1, columns: -1)
    }
    #expect(throws: FormatError.sizeOverflow(rows: 1 << 31, columns: 1 << 31)) {
      try DenseMatrix<Float>(rows: 1 << 31, columns: 1 << 31)
    }
    #expect(throws: FormatError.sizeOverflow(rows: 2, columns: .max)) {
      try DenseMatrix<Float>(rows: 2, columns: 3, rowStride: .max)
    }
    #expect(throws: FormatError.strideTooSmall(stride: 2, columns: 3)) {
      try DenseMatrix<Float>(rows: 2, columns: 3, rowStride: 2)
    }
    #expect(throws: FormatError.strideTooSmall(stride: -3, columns: 3)) {
      try DenseMatrix<Float>(rows: 2, columns: 3, rowStride: -3)
    }
    #expect(throws: FormatError.wrongCount(name: "values", expected: 6, actual: 5)) {
      try DenseMatrix<Float>(rows: 2, columns: 3, values: [1, 2, 3, 4, 5])
    }
    let elements: [Float] = [1, 2, 3, 9, 4, 5, 6]
    try elements.withUnsafeBufferPointer { buffer in
      // The last row needs no padding after it.
      let copy = try DenseMatrix(copying: buffer, rows: 2, columns: 3, rowStride: 4)
      #expect(copy.values == [1, 2, 3, 4, 5, 6])
      #expect(copy.byteCount == 24)
      #expect(throws: FormatError.wrongCount(name: "elements", expected: 8, actual: 7)) {
        try DenseMatrix(copying: buffer, rows: 2, columns: 3, rowStride: 5)
      }
      #expect(throws: FormatError.strideTooSmall(stride: 2, columns: 3)) {
        try DenseMatrix(copying: buffer, rows: 2, columns: 3, rowStride: 2)
      }
      #expect(throws: FormatError.negativeDimension(name: "rows", value: -1)) {
        try DenseMatrix(copying: buffer, rows: -1, columns: 3, rowStride: 3)
      }
    }
  }

  @Test("a copy of a dense matrix keeps its values when the original is written to")
  func denseValueSemantics() throws {
    var matrix = try DenseMatrix<Double>(rows: 1, columns: 2, values: [1, 2])
    let copy = matrix
    matrix[0, 1] = 5
    matrix.withUnsafeMutableElements { $0[0] = 4 }
    #expect(copy.values == [1, 2])
    #expect(matrix.values == [4, 5])
  }

  @Test("masks")
  func masks() throws {
    #expect(throws: FormatError.negativeDimension(name: "rows", value: -1)) {
      try BitMask(rows: -1, columns: 2)
    }
    #expect(throws: FormatError.sizeOverflow(rows: 0, columns: .max)) {
      try BitMask(rows: 0, columns: .max)
    }
    #expect(throws: FormatError.wrongCount(name: "words", expected: 4, actual: 3)) {
      try BitMask(rows: 2, columns: 65, words: [0, 0, 0])
    }
    #expect(throws: FormatError.bitPastLastColumn(row: 1, column: 66, columns: 65)) {
      try BitMask(rows: 2, columns: 65, words: [1, 1, .max, 0b101])
    }
    let mask = try BitMask(rows: 2, columns: 3)
    let mismatch = FormatError.shapeMismatch(
      expectedRows: 2, expectedColumns: 3, rows: 3, columns: 2)
    let other = try BitMask(rows: 3, columns: 2)
    #expect(throws: mismatch) { try mask.union(other) }
    #expect(throws: mismatch) { try mask.intersection(other) }
    #expect(throws: mismatch) { try mask.subtracting(other) }
    var dense = try DenseMatrix<Float>(rows: 3, columns: 2)
    #expect(throws: mismatch) { try mask.apply(to: &dense) }
    var elements = [Float](repeating: 1, count: 6)
    elements.withUnsafeMutableBufferPointer { buffer in
      #expect(throws: FormatError.strideTooSmall(stride: 2, columns: 3)) {
        try mask.apply(to: buffer, rowStride: 2)
      }
      #expect(throws: FormatError.wrongCount(name: "elements", expected: 7, actual: 6)) {
        try mask.apply(to: buffer, rowStride: 4)
      }
    }
    #expect(elements == [1, 1, 1, 1, 1, 1])
    #expect(
      throws: FormatError.shapeMismatch(
        expectedRows: 1, expectedColumns: 2, rows: 2, columns: 3)
    ) { try mask.expanded(BlockSize(2, 4), rows: 2, columns: 5) }
  }

  @Test("builders")
  func builders() {
    #expect(throws: FormatError.negativeDimension(name: "rows", value: -7)) {
      try COOBuilder<Float>(rows: -7, columns: 1)
    }
    #expect(throws: FormatError.sizeOverflow(rows: .max, columns: 2)) {
      try COOBuilder<Float>(rows: .max, columns: 2)
    }
  }

  @Test("an error says its numbers in words")
  func messages() {
    let errors: [(FormatError, String)] = [
      (.offsetsNotMonotone(row: 3, offset: 9, next: 8), "row offsets decrease at row 3: 9 then 8"),
      (.columnsNotIncreasing(row: 1, column: 2, previous: 2), "row 1 holds column 2 twice"),
      (
        .columnsNotIncreasing(row: 1, column: 2, previous: 5),
        "columns of row 1 are not sorted: 2 after 5"
      ),
      (
        .bitPastLastColumn(row: 1, column: 66, columns: 65),
        "row 1 has bit 66 set, but there are only 65 columns"
      ),
    ]
    for (error, text) in errors { #expect("\(error)" == text) }
  }
}
