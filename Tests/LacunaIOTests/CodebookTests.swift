// Few values: chosen within the error, in files no larger than their entropy, and written in the version that has them.
import Foundation
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

/// Weights as pruning leaves them: two-sided, nothing near zero.
private func pruned(
  _ rows: Int, _ columns: Int, density: Double, using random: inout SeededGenerator
) throws -> CSRMatrix<Float> {
  let pattern = try randomPattern(rows, columns, density: density, using: &random)
  return try CSRMatrix(
    pattern: pattern,
    values: (0..<pattern.nnz).map { _ in
      let magnitude = 0.02 - 0.015 * logf(.random(in: 1e-6..<1, using: &random))
      return Bool.random(using: &random) ? magnitude : -magnitude
    })
}

/// Σ (w − ŵ)² / Σ w²
private func error(_ matrix: CSRMatrix<Float>, _ codes: CodebookCSR) -> Double {
  let (a, b) = (matrix.dense().values, codes.values().dense().values)
  let gap = zip(a, b).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
  return gap / a.reduce(0) { $0 + Double($1 * $1) }
}

@Suite struct CodebookTests {
  @Test(arguments: [(0.02, 16), (0.05, 16), (0.2, 16), (0.001, 255)])
  func `a search stays within the error and the number of values`(
    asked: Double, most: Int
  ) throws {
    var random = SeededGenerator(seed: 1)
    let matrices = try [(300, 400, 0.1), (20, 30, 1.0), (64, 800, 0.02)].map {
      try pruned($0.0, $0.1, density: $0.2, using: &random)
    }
    let found = try CodebookSearch.found(
      matrices, most: matrices.map { _ in most }, error: asked)
    #expect(found.error <= asked && found.error > asked / 3, "\(found.error)")
    let mean = zip(matrices, found.matrices).reduce(0) { $0 + error($1.0, $1.1) } / 3
    // What the search counts by bins, in doubles, is rounded to floats in the file.
    #expect(abs(mean - found.error) < 1e-5 * asked, "\(mean) \(found.error)")
    for matrix in found.matrices {
      #expect(matrix.codebook.count <= most && Set(matrix.codebook).count == matrix.codebook.count)
      #expect(!matrix.codebook.contains(0))
    }
  }

  @Test func `larger errors give smaller files, and prune`() throws {
    var random = SeededGenerator(seed: 2)
    let matrix = try pruned(400, 1000, density: 0.1, using: &random)
    var (bytes, stored): ([Int], [Int]) = ([], [])
    for asked in [0.02, 0.04, 0.1, 0.3] {
      let codes = try CodebookSearch.found([matrix], most: [16], error: asked).matrices[0]
      stored.append(codes.nnz)
      bytes.append(
        try throughFile(.weights(SparseTensor(codes))).record.byteCount)
    }
    #expect(zip(bytes, bytes.dropFirst()).allSatisfy { $0 > $1 }, "\(bytes)")
    #expect(stored[3] < matrix.nnz * 3 / 4, "\(stored)")
    // Eight bits with a scale for each row have a smaller error, and take far more.
    let scales = try QuantizedCSR(quantizing: matrix)
    let eight = try throughFile(.weights(SparseTensor(scales))).record.byteCount
    #expect(bytes[1] < eight * 2 / 3, "\(bytes[1]) \(eight)")
  }

  @Test func `a file takes no more than three hundredths over the entropy of what it stores`()
    throws
  {
    var random = SeededGenerator(seed: 3)
    let matrix = try pruned(500, 1500, density: 0.08, using: &random)
    for asked in [0.02, 0.05, 0.1] {
      let codes = try CodebookSearch.found([matrix], most: [16], error: asked).matrices[0]
      let tensors = [NamedTensor(name: "w", tensor: .weights(SparseTensor(codes)))]
      let bytes = try LacunaFile(tensors: tensors).encoded().count
      let entropy = StoredEntropy(tensors).total
      #expect(Double(bytes) <= 1.03 * entropy, "\(bytes), entropy \(entropy)")
    }
  }

  @Test(arguments: [1.0, 0.9995, 0.98, 0.1])
  func `so it is for full matrices, and for a single value`(density: Double) throws {
    var random = SeededGenerator(seed: 5)
    let pattern = try randomPattern(1000, 700, density: density, using: &random)
    for values in [16, 1] {
      let matrix = try CSRMatrix(
        pattern: pattern,
        values: (0..<pattern.nnz).map { _ in Float(Int.random(in: 1...values, using: &random)) })
      let codes = try #require(CodebookCSR(exactly: matrix))
      let tensor = StoredTensor.weights(SparseTensor(codes))
      #expect(try throughFile(tensor).tensor == tensor)
      let tensors = [NamedTensor(name: "w", tensor: tensor)]
      let bytes = try LacunaFile(tensors: tensors).encoded().count
      // A reader believes no more than 256 elements a byte, of positions and of codes.
      let believed = Double(2 * pattern.nnz) / 256
      let entropy = StoredEntropy(tensors).total
      #expect(Double(bytes) <= 1.03 * entropy + believed + 320, "\(bytes), entropy \(entropy)")
    }
  }

  @Test func `bits that do not suffice for the error are refused, with the least error`() throws {
    var random = SeededGenerator(seed: 4)
    let matrix = try pruned(100, 100, density: 0.5, using: &random)
    #expect {
      _ = try CodebookSearch.found([matrix], most: [4], error: 1e-4)
    } throws: { error in
      guard case .errorTooSmall(let asked, let least)? = error as? CodebookSearch.Failure else {
        return false
      }
      return asked == 1e-4 && least > 1e-3 && least < 0.2
    }
    let broken = try CSRMatrix(
      pattern: matrix.pattern, values: [Float](repeating: .nan, count: matrix.nnz))
    #expect(throws: CodebookSearch.Failure.self) {
      try CodebookSearch.found([broken], most: [4], error: 0.1)
    }
  }

  @Test func `matrices without weights, and with one value, are their own codebooks`() throws {
    let empty = CSRMatrix(dense: try DenseMatrix<Float>(rows: 3, columns: 4))
    let one = try CSRMatrix(
      pattern: CSRPattern(rows: 2, columns: 2, rowOffsets: [0, 1, 1], columnIndices: [1]),
      values: [Float](repeating: 1e-38, count: 1))
    let found = try CodebookSearch.found([empty, one], most: [16, 16], error: 0.01)
    #expect(found.matrices[0].nnz == 0 && found.matrices[1].nnz == 1)
    let none = try CodebookSearch.found([], most: [], error: 0.01)
    #expect(none.matrices.isEmpty && none.error == 0)
  }

  @Test func `few values are found exactly, and more of them are not`() throws {
    let values: [Float] = [1, -2, 0, 1, 3, -0.0, 0.5, -2]
    let matrix = CSRMatrix(dense: try DenseMatrix(rows: 2, columns: 4, values: values))
    let codes = try #require(CodebookCSR(exactly: matrix, most: 4))
    #expect(codes.codebook == [-2, 0.5, 1, 3] && codes.values().dense().values == values)
    #expect(CodebookCSR(exactly: matrix, most: 3) == nil)
    #expect(throws: FormatError.self) {
      try CodebookCSR(pattern: codes.pattern, codes: codes.codes, codebook: [1, 2, 3])
    }
    #expect(throws: FormatError.self) {
      try CodebookCSR(
        pattern: codes.pattern, codes: codes.codes, codebook: [Float](repeating: 1, count: 256))
    }
  }

  @Test func `only files with a codebook or with coded gaps are of version 2`() throws {
    let matrix = CSRMatrix(dense: try DenseMatrix(rows: 1, columns: 2, values: [1, 0] as [Float]))
    func version(_ tensor: StoredTensor) throws -> UInt8 {
      try LacunaFile(tensors: [NamedTensor(name: "w", tensor: tensor)]).encoded()[8]
    }
    #expect(try version(.dense(shape: [1, 2], values: [1, 0])) == 1)
    #expect(
      try version(.weights(SparseTensor(#require(CodebookCSR(exactly: matrix))))) == 2)
  }
}
