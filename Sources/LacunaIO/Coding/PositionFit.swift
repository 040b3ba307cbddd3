// Finds the lags and parameters with which a pattern takes the fewest bytes.

import LacunaFormats

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Fits a ``PositionModel`` to a pattern.
///
/// Parameters move by Newton steps on the logistic likelihood, one group after the other, and are rounded
/// as far as that saves bytes; then neighbours are tried. About 20 passes over the slots.
struct PositionFit {
  private let pattern: CSRPattern
  private let mask: BitMask
  private let columnCounts: [Int]
  private let prior: Double

  init(_ pattern: CSRPattern) {
    self.pattern = pattern
    mask = BitMask(pattern)
    var counts = [Int](repeating: 0, count: pattern.columns)
    for position in 0..<pattern.nnz { counts[pattern.columnIndices[position]] += 1 }
    columnCounts = counts
    let density = max(1e-6, min(1 - 1e-6, pattern.density))
    prior = logit(density)
  }

  /// The best model found.
  func best() -> PositionModel {
    var best = densities()
    let likely = likelyLags()
    let usesAbove = aboveIsLikely()
    var tried: [([Int], Bool)] = usesAbove ? [([], true)] : []
    for count in [1, 2, 4] where count <= likely.count || count == 4 && likely.count == 3 {
      tried.append((Array(likely.prefix(count)), usesAbove))
    }
    let rowsAndColumns = best.model
    for (lags, usesAbove) in tried {
      let next = withNeighbours(rowsAndColumns, lags, usesAbove)
      if next.bytes < best.bytes { best = next }
    }
    return best.model
  }

  /// A model of row and column densities alone.
  private func densities() -> (model: PositionModel, bytes: Double) {
    // Counts with half an entry of each kind added, so that empty rows have a logit.
    var rows = (0..<pattern.rows).map { row in
      let count = Double(pattern.rowOffsets[row + 1] - pattern.rowOffsets[row])
      return logit((count + 0.5) / (Double(pattern.columns) + 1)) - prior
    }
    var columns = columnCounts.map { count in
      logit((Double(count) + 0.5) / (Double(pattern.rows) + 1)) - prior
    }
    var model = PositionModel(
      lags: [], usesAbove: false, rows: sixteenths(rows), columns: sixteenths(columns),
      contexts: sixteenths([prior]))
    for pass in 0..<4 {
      let sums = SlotSums(pattern, model)
      if pass % 2 == 0 {
        for i in rows.indices { rows[i] = sums.rows[i].moved(rows[i]) }
        model.rows = sixteenths(rows)
      } else {
        for j in columns.indices { columns[j] = sums.columns[j].moved(columns[j]) }
        model.columns = sixteenths(columns)
      }
    }
    // Each group rounded to an eighth or a quarter of a nat, which is about the error with which a
    // density of 10 % is known from a thousand slots, or left out.
    var best = (model: model, bytes: Double.infinity)
    for (rowStep, columnStep) in [(2, 4), (2, 0), (0, 4), (0, 0)] {
      var candidate = model
      candidate.rows = rounded(rows, rowStep)
      candidate.columns = rounded(columns, columnStep)
      candidate.contexts = sixteenths([
        SlotSums(pattern, candidate).contexts[0].moved(prior)
      ])
      let bytes = bytes(candidate)
      if bytes < best.bytes { best = (candidate, bytes) }
    }
    return best
  }

  /// The model with a parameter for each combination of these neighbours.
  private func withNeighbours(
    _ model: PositionModel, _ lags: [Int], _ usesAbove: Bool
  ) -> (model: PositionModel, bytes: Double) {
    var result = model
    (result.lags, result.usesAbove) = (lags, usesAbove)
    var contexts = [Double](
      repeating: Double(model.contexts[0]) / 16, count: 1 << result.contextBits)
    for _ in 0..<3 {
      result.contexts = sixteenths(contexts)
      let sums = SlotSums(pattern, result)
      for n in contexts.indices { contexts[n] = sums.contexts[n].moved(contexts[n]) }
    }
    result.contexts = sixteenths(contexts)
    return (result, bytes(result))
  }

  /// About how many bytes the pattern takes.
  private func bytes(_ model: PositionModel) -> Double {
    var writer = ByteWriter()
    model.write(to: &writer)
    return Double(writer.count) + SlotSums(pattern, model).bits / 8
  }

  /// Distances at which kept weights meet more often than the densities of rows and columns explain,
  /// the clearest first.
  private func likelyLags() -> [Int] {
    if pattern.nnz < 64 { return [] }
    let total = Double(pattern.nnz)
    let rowSquares = (0..<pattern.rows).reduce(0.0) { sum, row in
      let count = Double(pattern.rowOffsets[row + 1] - pattern.rowOffsets[row])
      return sum + count * count
    }
    var scored: [(score: Double, lag: Int)] = []
    for lag in 1..<max(1, min(pattern.columns, 1024)) {
      var products = 0
      for column in lag..<pattern.columns {
        products &+= columnCounts[column] &* columnCounts[column &- lag]
      }
      let expected = rowSquares * Double(products) / (total * total) + 1
      let surplus = Double(meetings(lag: lag)) - expected
      let score = surplus * surplus / expected
      if score > Self.clear { scored.append((score, lag)) }
    }
    scored.sort { ($1.score, $0.lag) < ($0.score, $1.lag) }
    return scored.prefix(PositionModel.mostLags).map(\.lag)
  }

  /// Square of the standard deviations that a surplus has to be from chance.
  private static let clear = 16.0

  /// Number of pairs of kept entries `lag` apart in a row.
  private func meetings(lag: Int) -> Int {
    let (words, bits) = (lag >> 6, UInt64(lag & 63))
    let perRow = mask.wordsPerRow
    return mask.words.withUnsafeBufferPointer { mask in
      var count = 0
      for row in 0..<pattern.rows {
        let start = mask.baseAddress! + row * perRow
        for w in words..<perRow {
          var shifted = start[w &- words] << bits
          if bits > 0 && w > words { shifted |= start[w &- words &- 1] >> (64 &- bits) }
          count &+= (start[w] & shifted).nonzeroBitCount
        }
      }
      return count
    }
  }

  private func aboveIsLikely() -> Bool {
    if pattern.nnz < 64 || pattern.rows < 2 { return false }
    let perRow = mask.wordsPerRow
    var meetings = 0
    for at in perRow..<mask.words.count {
      meetings += (mask.words[at] & mask.words[at - perRow]).nonzeroBitCount
    }
    let expected = columnCounts.reduce(1.0) { sum, count in
      sum + Double(count) * Double(count) / Double(pattern.rows)
    }
    let surplus = Double(meetings) - expected
    return surplus * surplus / expected > Self.clear
  }
}

/// log(p / (1 − p))
private func logit(_ probability: Double) -> Double { log(probability / (1 - probability)) }

private func sixteenths(_ values: [Double]) -> [Int8] { rounded(values, 1) }

/// Multiples of `step` sixteenths; zeros if the step is 0.
private func rounded(_ values: [Double], _ step: Int) -> [Int8] {
  if step == 0 { return Array(repeating: 0, count: values.count) }
  return values.map { value in
    let multiple = (value * 16 / Double(step)).rounded()
    let highest = Double(127 / step)
    return Int8(max(-highest, min(highest, multiple))) * Int8(step)
  }
}
