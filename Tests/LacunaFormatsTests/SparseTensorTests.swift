// One matrix in every type and format: what it says of itself, and what it becomes.

import LacunaFormats
import TestSupport
import Testing

@Suite struct SparseTensorTests {
  /// 7 × 10 with zeros, of multiples of an eighth below 2: exact in every type but 8 bits.
  private func matrix() throws -> DenseMatrix<Float> {
    var random = SeededGenerator(seed: 5)
    let values = (0..<70).map { _ in
      Int.random(in: 0..<3, using: &random) > 0 ? 0 : Float.random(in: -2..<2, using: &random)
    }
    return try DenseMatrix(
      rows: 7, columns: 10, values: values.map { ($0 * 8).rounded() / 8 })
  }

  private func everyForm() throws -> [(SparseTensor, NumberType, stored: StoredMatrix<Float>)] {
    let dense = try matrix()
    let forms: [StoredMatrix<Float>] = [
      .dense(dense), .csr(CSRMatrix(dense: dense)),
      .bsr(BSRMatrix(dense: dense, block: try BlockSize(2, 4))),
    ]
    var all: [(SparseTensor, NumberType, stored: StoredMatrix<Float>)] = []
    for form in forms {
      let tensor = SparseTensor(form)
      all.append((tensor, .f32, form))
      all.append((tensor.converted(to: Double.self), .f64, form))
      all.append((tensor.converted(to: BFloat16.self), .bf16, form))
      all.append((tensor.converted(to: Float16.self), .f16, form))
    }
    for form in forms.dropFirst() {
      let bytes = try QuantizedMatrix(quantizing: form)
      all.append((SparseTensor(bytes), .i8, bytes.dequantized()))
    }
    all.append((SparseTensor(try #require(CodebookCSR(exactly: forms[1].csr))), .f32, forms[1]))
    return all
  }

  @Test("rows, columns, block and type are those of the matrix, in every form")
  func facts() throws {
    for (tensor, type, stored) in try everyForm() {
      #expect(tensor.type == type && tensor.shape == [7, 10], "\(tensor)")
      #expect(tensor.rows == 7 && tensor.columns == 10 && tensor.isDense == stored.isDense)
      #expect(tensor.block == stored.block && tensor.stored == stored.stored, "\(tensor)")
      #expect(tensor.matrix(of: Float.self) == stored, "\(tensor)")
      #expect(
        tensor.matrix(of: Double.self).dense() == stored.dense().converted(to: Double.self),
        "\(tensor)")
    }
  }

  @Test("some rows of every form, with ends between blocks and inside of them")
  func rows() throws {
    for (tensor, _, stored) in try everyForm() {
      let all = stored.dense()
      for range in [0..<7, 2..<6, 4..<7, 1..<6, 3..<3] {
        let part = tensor.rows(range)
        let values = range.flatMap { i in (0..<10).map { all[i, $0] } }
        #expect(part.matrix(of: Float.self).dense().values == values, "\(tensor) \(range)")
        #expect(part.shape == [range.count, 10] && part.type == tensor.type, "\(tensor) \(range)")
        if range.lowerBound % 2 == 0 { #expect(part.block == tensor.block, "\(tensor) \(range)") }
      }
    }
  }

  @Test("another shape keeps the matrix; one of another size is refused with both counts")
  func shapes() throws {
    let tensor = SparseTensor(try matrix())
    let shaped = try tensor.shaped([7, 5, 1, 2])
    #expect(shaped.shape == [7, 5, 1, 2] && shaped.storage == tensor.storage && shaped != tensor)
    #expect(shaped.converted(to: Float16.self).shape == [7, 5, 1, 2])
    #expect(throws: FormatError.wrongCount(name: "shape", expected: 70, actual: 71)) {
      try tensor.shaped([71])
    }
    #expect(throws: FormatError.self) { try tensor.shaped([-7, -10]) }
    #expect(throws: FormatError.self) { try tensor.shaped([.max, .max, 2]) }
  }

  @Test("values in row-major order are the matrix of the first dimension by all others")
  func rowMajor() throws {
    let tensor = try SparseTensor(shape: [2, 3, 2], values: (0..<12).map { Float($0) })
    #expect(tensor.rows == 2 && tensor.columns == 6 && tensor.isDense)
    #expect(tensor.matrix(of: Float.self).values == (0..<12).map { Float($0) })
    let number = try SparseTensor(shape: [], values: [3])
    #expect(number.rows == 1 && number.columns == 1 && number.shape == [])
    #expect(try SparseTensor(shape: [4, 0, 3], values: []).columns == 0)
    #expect(throws: FormatError.wrongCount(name: "values", expected: 12, actual: 11)) {
      try SparseTensor(shape: [2, 6], values: [Float](repeating: 0, count: 11))
    }
    #expect(throws: FormatError.self) { try SparseTensor(shape: [1, .max, 4], values: []) }
    #expect(throws: FormatError.self) { try SparseTensor(shape: [-1], values: []) }
  }

  @Test("it prints as one line")
  func description() throws {
    #expect("\(SparseTensor(try matrix()))" == "SparseTensor f32 [7, 10], 70 stored")
  }
}
