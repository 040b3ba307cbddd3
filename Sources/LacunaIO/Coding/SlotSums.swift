// Σ (kept − P) and Σ P(1 − P) over the slots of each row, column and context; Σ −log₂ P(slot).

import LacunaFormats

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What a Newton step on the likelihood of a ``PositionModel`` needs, and the likelihood itself.
struct SlotSums {
  struct Sum {
    /// Kept entries less expected ones.
    var surplus = 0.0
    /// Variance of the number of kept entries.
    var variance = 0.0

    /// `value` after a Newton step, held near zero by one imaginary slot.
    func moved(_ value: Double) -> Double {
      max(-7.9, min(7.9, value + max(-2, min(2, surplus / (variance + 1)))))
    }
  }

  private(set) var rows: [Sum]
  private(set) var columns: [Sum]
  private(set) var contexts: [Sum]
  /// Bits that coding the slots takes.
  private(set) var bits = 0.0

  /// Goes over all slots once.
  init(_ pattern: CSRPattern, _ model: PositionModel) {
    columns = []
    rows = Array(repeating: Sum(), count: pattern.rows)
    let contextCount = 1 << model.contextBits
    contexts = Array(repeating: Sum(), count: contextCount)
    var expected = [Float](repeating: 0, count: pattern.columns)
    var variances = expected
    var observed = [Int](repeating: 0, count: pattern.columns)
    let aboveMark: UInt8 = model.usesAbove ? 1 << UInt8(model.lags.count) : 0
    var marks = [UInt8](repeating: 0, count: pattern.columns + PositionModel.highestLag)
    var kept: [Int] = []
    for row in 0..<pattern.rows {
      // The contexts of the row, from what is kept in it and above it.
      let above = aboveMark == 0 ? [] : kept
      let range = pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1]
      kept = range.map { pattern.columnIndices[$0] }
      for j in kept {
        for (bit, lag) in model.lags.enumerated() { marks[j + lag] |= 1 << UInt8(bit) }
      }
      for j in above { marks[j] |= aboveMark }
      let shift = Int(model.rows[row]) + Logistic.highest
      let logits = model.contexts.map { Int($0) + shift }
      var (rowExpected, rowVariance, rowBits) = (0.0, 0.0, 0.0)
      Self.tables.withUnsafeBufferPointer { tables in
        for j in 0..<pattern.columns {
          let n = Int(marks[j])
          let slot = tables[logits[n] + Int(model.columns[j])]
          expected[j] += slot.probability
          variances[j] += slot.variance
          rowExpected += Double(slot.probability)
          rowVariance += Double(slot.variance)
          rowBits += Double(slot.zeroBits)
          contexts[n].surplus -= Double(slot.probability)
          contexts[n].variance += Double(slot.variance)
        }
        for j in kept {
          let n = Int(marks[j])
          let slot = tables[logits[n] + Int(model.columns[j])]
          rowBits += Double(slot.oneBits - slot.zeroBits)
          contexts[n].surplus += 1
          observed[j] += 1
        }
      }
      rows[row] = Sum(surplus: Double(kept.count) - rowExpected, variance: rowVariance)
      bits += rowBits
      for j in kept { for lag in model.lags { marks[j + lag] = 0 } }
      for j in above { marks[j] = 0 }
    }
    columns = observed.indices.map {
      Sum(surplus: Double(observed[$0]) - Double(expected[$0]), variance: Double(variances[$0]))
    }
  }

  private struct Slot {
    let probability: Float
    let variance: Float
    let oneBits: Float
    let zeroBits: Float
  }

  private static let tables: [Slot] = Logistic.table.map { share in
    let p = Float(share) / 65536
    return Slot(
      probability: p, variance: p * (1 - p), oneBits: -log2(p), zeroBits: -log2(1 - p))
  }
}
