// Mask algebra against the same thing bit by bit.

import LacunaFormats
import TestSupport
import Testing

private func randomMask(_ rows: Int, _ columns: Int, _ density: Double, seed: UInt64) -> BitMask {
  BitMask(
    nonzerosOf: randomDense(
      Float.self, rows: rows, columns: columns, density: density, seed: seed))
}

struct BitMaskTests {
  @Test("and, or, minus, not", arguments: Sample.all)
  func algebra(_ sample: Sample) throws {
    let a = randomMask(sample.rows, sample.columns, 0.5, seed: sample.seed)
    let b = randomMask(sample.rows, sample.columns, 0.3, seed: sample.seed + 50)
    let (and, or) = (try a.intersection(b), try a.union(b))
    let (minus, not) = (try a.subtracting(b), a.inverted)
    for i in 0..<min(sample.rows, 100) {
      for j in 0..<min(sample.columns, 200) {
        let right =
          and[i, j] == (a[i, j] && b[i, j]) && or[i, j] == (a[i, j] || b[i, j])
          && minus[i, j] == (a[i, j] && !b[i, j]) && not[i, j] == !a[i, j]
        if !right { Issue.record("\(sample): [\(i), \(j)]") }
      }
    }
    let all = try BitMask(rows: sample.rows, columns: sample.columns, filled: true)
    #expect(all.keptCount == sample.rows * sample.columns, "\(sample)")
    #expect(all.inverted.keptCount == 0, "\(sample)")
    #expect(not.keptCount == all.keptCount - a.keptCount, "\(sample)")
    #expect(not.inverted == a, "\(sample)")
    #expect(a.keptCounts.reduce(0, +) == a.keptCount, "\(sample)")
    #expect(a.keptCounts == CSRPattern(a).rowCounts, "\(sample)")
    #expect(a.byteCount == sample.rows * ((sample.columns + 63) / 64) * 8)
    // The public initialiser accepts every result.
    for mask in [and, or, minus, not, all, a.transposed()] {
      #expect(try BitMask(rows: mask.rows, columns: mask.columns, words: mask.words) == mask)
    }
  }

  @Test(
    "a block is kept when any of its elements is, and expands to all of them", arguments: blocks)
  func blockUnion(_ block: BlockSize) throws {
    for (rows, columns, density) in [(1, 1, 1.0), (17, 130, 0.02), (64, 64, 0.01), (5, 0, 1)] {
      let mask = randomMask(rows, columns, density, seed: 77)
      let union = mask.blockUnion(block)
      let grid = block.grid(rows: rows, columns: columns)
      #expect(union.rows == grid.rows && union.columns == grid.columns, "\(block)")
      let whole = try union.expanded(block, rows: rows, columns: columns)
      for i in 0..<rows {
        for j in 0..<columns {
          #expect(whole[i, j] == union[i / block.rows, j / block.columns], "\(block) [\(i), \(j)]")
          #expect(!mask[i, j] || whole[i, j], "\(block) [\(i), \(j)]")
        }
      }
      #expect(whole.blockUnion(block) == union, "\(block)")
      #expect(
        union
          == BitMask(
            BSRMatrix(
              dense: try CSRMatrix<Float>(
                pattern: CSRPattern(mask), values: Array(repeating: 1, count: mask.keptCount)
              ).dense(), block: block
            ).blockPattern), "\(block) \(rows)×\(columns)")
    }
  }

  @Test("applying writes zeros under NaN and infinity, and touches nothing else", arguments: 1...9)
  func apply(_ seed: Int) throws {
    func check<Scalar: SparseScalar>(_: Scalar.Type) throws {
      let (rows, columns, stride) = (seed * 3, seed * 29, seed * 29 + seed % 3)
      let mask = randomMask(rows, columns, 0.4, seed: UInt64(seed))
      var elements = [Scalar](repeating: .nan, count: rows * stride)
      for p in stride0(rows * stride) { elements[p] = p % 5 == 0 ? .infinity : Scalar(p + 1) }
      let before = elements
      try elements.withUnsafeMutableBufferPointer { buffer in
        try mask.apply(to: buffer, rowStride: stride)
      }
      for i in 0..<rows {
        for j in 0..<stride {
          let kept = j >= columns || mask[i, j]
          let expected = kept ? before[i * stride + j] : 0
          let actual = elements[i * stride + j]
          #expect(
            actual == expected || (kept && actual.isNaN && expected.isNaN),
            "seed \(seed) [\(i), \(j)]")
          #expect(kept || actual.sign == .plus, "seed \(seed) [\(i), \(j)]")
        }
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  /// Every position that is not a multiple of 7: the others stay NaN.
  private func stride0(_ count: Int) -> [Int] { (0..<count).filter { $0 % 7 != 0 } }
}
