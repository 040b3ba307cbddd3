// Eight-bit values: at most half a step away, and refused when they are not numbers.
import LacunaFormats
import TestSupport
import Testing

@Suite struct QuantizedTests {
  @Test func roundsToTheNearestStep() throws {
    let pattern = try CSRPattern(
      rows: 3, columns: 4, rowOffsets: [0, 3, 3, 4], columnIndices: [0, 1, 3, 2])
    let matrix = try CSRMatrix<Float>(pattern: pattern, values: [1.27, -0.634, 0.001, -2.54])
    let quantised = try QuantizedCSR(quantizing: matrix)
    #expect(quantised.values == [127, -63, 0, -127])
    #expect(quantised.scales == [1.27 / 127, 0, 2.54 / 127].map { (v: Double) in Float(v) })
    for (a, b, row) in zip3(quantised.dequantized().values, matrix.values, [0, 0, 0, 2]) {
      #expect(abs(a - b) <= quantised.scales[row] * 0.5001)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func refusesWhatIsNotFinite(value: Float)
    throws
  {
    let pattern = try CSRPattern(
      rows: 2, columns: 1, rowOffsets: [0, 1, 2], columnIndices: [0, 0])
    let matrix = try CSRMatrix<Float>(pattern: pattern, values: [1, value])
    #expect {
      try QuantizedCSR(quantizing: matrix)
    } throws: { error in
      guard case .notFinite(1, 1, let found) = error as? QuantizationError else { return false }
      return found.bitPattern == value.bitPattern
    }
  }

  @Test func givenScalesKeepWhatTheyMadeExactly() throws {
    let pattern = try CSRPattern(
      rows: 3, columns: 4, rowOffsets: [0, 3, 3, 4], columnIndices: [0, 1, 3, 2])
    // No row reaches 127, so that scales by magnitude would be others.
    let scales: [Float] = [0.1, 0, 0.3]
    let whole: [Int8] = [3, -90, 0, 126]
    let matrix = try CSRMatrix<Float>(
      pattern: pattern,
      values: zip(whole, [0, 0, 0, 2]).map { q, row in scales[row] * Float(q) })
    let quantised = try QuantizedCSR(quantizing: matrix, scales: .given(scales))
    #expect(quantised.values == whole && quantised.scales == scales)
    #expect(quantised.dequantized() == matrix)
    let blocks = try BSRMatrix(matrix, block: BlockSize(2, 2))
    let packed = try QuantizedBSR(quantizing: blocks, scales: .given(scales))
    #expect(packed.dequantized() == blocks)

    func refused(_ scales: [Float], _ error: QuantizationError) {
      #expect(throws: error) { try QuantizedCSR(quantizing: matrix, scales: .given(scales)) }
    }
    refused([1, 1], .scaleCount(expected: 3, actual: 2))
    refused([-1, 1, 1], .scale(row: 0, scale: -1))
    refused([1, .infinity, 1], .scale(row: 1, scale: .infinity))
    refused([1, 0, 0], .scale(row: 2, scale: 0))
    refused(
      [1, 1, 0.25],
      .beyondScale(row: 2, position: 3, value: matrix.values[3], scale: 0.25, levels: 127))
  }

  @Test func subnormalRowsDoNotTrap() throws {
    let pattern = try CSRPattern(rows: 1, columns: 2, rowOffsets: [0, 2], columnIndices: [0, 1])
    let matrix = try CSRMatrix<Float>(
      pattern: pattern, values: [.leastNonzeroMagnitude, -.leastNonzeroMagnitude])
    #expect(try QuantizedCSR(quantizing: matrix).values == [127, -127])
  }

  @Test func blocksAgreeWithElements() throws {
    // 3×3 in 2×2 blocks, all stored: the same rows, the same scales.
    let block = try BlockSize(2, 2)
    let blocks = try CSRPattern(
      rows: 2, columns: 2, rowOffsets: [0, 2, 4], columnIndices: [0, 1, 0, 1])
    let matrix = try BSRMatrix<Float>(
      rows: 3, columns: 3, block: block, blockPattern: blocks,
      values: [1, 2, 4, 5, 3, 0, 6, 0, 7, 8, 0, 0, 9, 0, 0, 0])
    let quantised = try QuantizedBSR(quantizing: matrix)
    #expect(quantised.scales == [3, 6, 9].map { (v: Double) in Float(v / 127) })
    for (a, b) in zip(quantised.dequantized().values, matrix.values) {
      #expect(abs(a - b) <= 9 / 127 * 0.5001)
    }
    #expect(quantised.values[2] == 85 && quantised.values[12] == 127)
  }
}

private func zip3<A, B, C>(_ a: [A], _ b: [B], _ c: [C]) -> [(A, B, C)] {
  a.indices.map { (a[$0], b[$0], c[$0]) }
}
