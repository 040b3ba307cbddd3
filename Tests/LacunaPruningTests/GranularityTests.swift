// Blocks, patterns, windows, rows, columns, channels; and what compaction makes of them.

import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

@Suite struct GranularityTests {
  /// Score of a block by the plainest loop.
  private func score(
    _ w: [Float], _ shape: [Int], _ rows: Range<Int>, _ columns: Range<Int>, _ pooling: Pooling
  ) -> Double {
    let cells = rows.flatMap { i in columns.map { Double(w[i * shape[1] + $0].magnitude) } }
    switch pooling {
    case .average: return cells.reduce(0, +) / Double(cells.count)
    case .max: return cells.max()!
    case .l1: return cells.reduce(0, +)
    case .l2: return cells.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
  }

  @Test(arguments: Pooling.allCases)
  func blockMasksAreUnionsOfTheBestBlocks(_ pooling: Pooling) throws {
    for (rows, columns) in [(12, 20), (13, 21), (5, 7), (1, 40), (40, 1), (64, 65)] {
      for (r, c) in [
        (1, 2), (2, 1), (1, 4), (4, 1), (1, 16), (16, 1), (2, 2), (4, 4), (8, 2), (3, 5),
      ] {
        let seed = UInt64(rows * 100 + c)
        let w = randomWeights(rows * columns, seed: seed)
        let block = try BlockSize(r, c)
        let outcome = try mask(
          w, shape: [rows, columns], sparsity: 0.6, granularity: .block(block, pooling: pooling))
        let grid = block.grid(rows: rows, columns: columns)
        let place = "\(rows)×\(columns) in \(r)×\(c), \(pooling), seed \(seed)"
        #expect(outcome.cells == grid.rows * grid.columns, "\(place)")
        #expect(outcome.keptCells == keptCount(of: outcome.cells, sparsity: 0.6), "\(place)")
        // Every block is wholly kept or wholly dropped, and kept ≥ dropped.
        var (leastKept, mostDropped) = (Double.infinity, 0.0)
        for I in 0..<grid.rows {
          for J in 0..<grid.columns {
            let inRows = I * r..<min((I + 1) * r, rows)
            let inColumns = J * c..<min((J + 1) * c, columns)
            let bits = Set(inRows.flatMap { i in inColumns.map { outcome.mask[i, $0] } })
            #expect(bits.count == 1, "\(place)")
            let value = score(w, [rows, columns], inRows, inColumns, pooling)
            if bits.contains(true) {
              leastKept = min(leastKept, value)
            } else {
              mostDropped = max(mostDropped, value)
            }
          }
        }
        // Float32 sums of at most 16 terms against double.
        #expect(leastKept >= mostDropped * (1 - 16 * 0x1p-24), "\(place)")
      }
    }
  }

  @Test func blocksWorkOnAnyRank() throws {
    let w = randomWeights(6 * 3 * 3 * 4, seed: 9)
    let conv = try mask(
      w, shape: [6, 3, 3, 4], sparsity: 0.5, granularity: .block(try BlockSize(2, 4)))
    let view = try mask(w, shape: [6, 36], sparsity: 0.5, granularity: .block(try BlockSize(2, 4)))
    #expect(conv == view)
  }

  @Test(arguments: [(1, 2), (2, 4), (1, 4), (4, 8), (2, 16), (5, 7), (6, 64), (100, 256)])
  func patternsAreExactInEveryGroup(_ keep: Int, _ of: Int) throws {
    for columns in [of, 3 * of, 4 * of + 1, 64, 100] {
      for (kind, w) in Adversary.all(7 * columns, seed: UInt64(of)) {
        for granularity: Granularity in [
          .pattern(keep: keep, of: of), .window(keep: keep, of: of),
        ] {
          let found = try mask(w, shape: [7, columns], sparsity: 0.9999, granularity: granularity)
            .mask
          for i in 0..<7 {
            for start in stride(from: 0, to: columns, by: of) {
              let group = start..<min(start + of, columns)
              let bits = group.filter { found[i, $0] }
              let place = "\(kind), \(granularity), \(columns) columns"
              #expect(bits.count == min(keep, group.count), "\(place)")
              let best = group.sorted {
                let (a, b) = (w[i * columns + $0].magnitude, w[i * columns + $1].magnitude)
                return a > b || a == b && $0 < $1
              }.prefix(keep)
              #expect(Set(bits) == Set(best), "\(place)")
            }
          }
          #expect(found.hasPattern(keep: keep, of: of))
        }
      }
    }
  }

  @Test func patternsFollowTheSchedule() throws {
    let w = randomWeights(32 * 64, seed: 5)
    for sparsity in [0.0, 0.1, 0.25, 0.4, 0.49, 0.5, 0.8] {
      let outcome = try mask(
        w, shape: [32, 64], sparsity: sparsity, granularity: .pattern(keep: 2, of: 4))
      // Exactly what the schedule asks for, until no group may lose more.
      #expect(outcome.keptCells == max(keptCount(of: 2048, sparsity: sparsity), 1024))
      for i in 0..<32 {
        for g in stride(from: 0, to: 64, by: 4) {
          #expect((g..<g + 4).count { outcome.mask[i, $0] } >= 2)
        }
      }
      // Windows are balanced at every moment.
      let window = try mask(
        w, shape: [32, 64], sparsity: sparsity, granularity: .window(keep: 2, of: 16)
      ).mask
      let each = max(2, keptCount(of: 16, sparsity: sparsity))
      for i in 0..<32 {
        for g in stride(from: 0, to: 64, by: 16) {
          #expect((g..<g + 16).count { window[i, $0] } == each, "\(sparsity)")
        }
      }
    }
  }

  @Test func rowsColumnsAndChannelsGoWhole() throws {
    let shape = [10, 3, 3, 6]
    let w = randomWeights(10 * 54, seed: 8)
    let rows = try mask(w, shape: shape, sparsity: 0.5, granularity: .rows()).mask
    #expect(Set(rows.keptCounts) == [0, 54] && rows.keptCounts.count { $0 > 0 } == 5)
    let columns = try mask(w, shape: shape, sparsity: 0.5, granularity: .columns()).mask
    #expect(Set(columns.transposed().keptCounts) == [0, 10])
    #expect(columns.transposed().keptCounts.count { $0 > 0 } == 27)
    let channels = try mask(w, shape: shape, sparsity: 0.5, granularity: .channels()).mask
    var kept: Set<Int> = []
    for i in 0..<10 { for j in 0..<54 where channels[i, j] { kept.insert(j % 6) } }
    #expect(kept.count == 3 && channels.keptCount == 3 * 90)
    // The same kernel as TensorFlow stores it: HWIO.
    var hwio = w
    for o in 0..<10 {
      for tap in 0..<9 {
        for c in 0..<6 { hwio[(tap * 6 + c) * 10 + o] = w[(o * 9 + tap) * 6 + c] }
      }
    }
    for granularity: Granularity in [
      .rows(), .columns(), .channels(), .pattern(keep: 1, of: 3), .element,
    ] {
      // Patterns run along the channels of a tap there; 6 divides into threes, so both agree.
      let ours = try mask(w, shape: shape, sparsity: 0.7, granularity: granularity).mask
      let theirs = try mask(
        hwio, shape: [3, 3, 6, 10], sparsity: 0.7, granularity: granularity, layout: .tensorFlow
      ).mask
      #expect(theirs.transposed() == ours, "\(granularity)")
    }
  }

  @Test func compactionTakesOutWhatIsZero() throws {
    let (rows, columns, width) = (9, 12, 3)
    var w = randomWeights(rows * columns, seed: 6)
    let rowMask = try mask(w, shape: [rows, columns], sparsity: 0.4, granularity: .rows()).mask
    let columnMask = try mask(
      w, shape: [rows, columns], sparsity: 0.5, granularity: .columns()
    ).mask
    let both = try rowMask.intersection(columnMask)
    for (n, bit) in both.bits.enumerated() where bit == 0 { w[n] = 0 }
    let matrix = try DenseMatrix(rows: rows, columns: columns, values: w)
    let compaction = Compaction(nonzerosOf: matrix)
    let small = try compaction.compacted(matrix)
    #expect(small.rows == 5 && small.columns == 6)
    #expect(!small.values.contains(0))
    let x = randomWeights(columns * width, seed: 7)
    func product(_ a: DenseMatrix<Float>, _ x: [Float]) -> [Float] {
      var y = [Float](repeating: 0, count: a.rows * width)
      for i in 0..<a.rows {
        for j in 0..<a.columns {
          for n in 0..<width { y[i * width + n] += a[i, j] * x[j * width + n] }
        }
      }
      return y
    }
    let whole = product(matrix, x)
    let reduced = try compaction.scatter(
      product(small, compaction.gather(x, width: width)), width: width)
    // The same products in the same order; those with a zero weight added nothing.
    #expect(whole == reduced)
    #expect(throws: PruningError.self) { try compaction.gather([1, 2], width: width) }
    #expect(throws: PruningError.self) { try compaction.scatter([1, 2], width: width) }
    #expect(throws: PruningError.self) { try compaction.compacted(small) }
    let nothing = Compaction(try BitMask(rows: 4, columns: 5))
    #expect(nothing.keptRows.isEmpty && nothing.keptColumns.isEmpty)
  }
}
