// The loop that turns rANS words into column indices: one multiplication and three look-ups a slot.

import LacunaFormats

/// Decodes the slots of a matrix; sizes were checked by ``PositionCoding``.
struct PositionDecoder {
  private let rows: Int
  private let columns: Int
  private let model: PositionModel
  /// Where each lane's entries start in ``indices``, and the end of the last one.
  private let starts: [Int]
  private var indices: [UInt32]
  private var counts: [Int]

  init(_ model: PositionModel, rows: Int, columns: Int, starts: [Int]) {
    (self.model, self.rows, self.columns, self.starts) = (model, rows, columns, starts)
    indices = Array(repeating: 0, count: starts.last!)
    counts = Array(repeating: 0, count: rows)
  }

  /// One lane's memory and progress.
  private struct Lane {
    var contexts: UnsafeMutablePointer<UInt8>
    var below: UnsafeMutablePointer<UInt8>
    /// Logits of the row, by context, moved so that a column's parameter gives a table index.
    let logits: UnsafeMutablePointer<Int16>
    var next: Int
    let end: Int
  }

  /// Whether the stream decoded to what its header says: all words used, all entries found, and the
  /// states where the encoder started.
  mutating func decode(
    _ states: inout InlineArray<4, UInt64>, _ source: RANSWords
  ) -> Bool {
    var words = source
    let width = columns + PositionModel.highestLag
    let contextCount = 1 << model.contextBits
    let lanes = PositionCoding.lanes
    // Two rows of contexts and one set of logits for each lane.
    let contexts = AlignedBuffer<UInt8>(count: 2 * lanes * width)
    let logits = AlignedBuffer<Int16>(count: lanes * 32)
    var lane: [Lane] = []
    for l in 0..<lanes {
      lane.append(
        Lane(
          contexts: contexts.pointer + 2 * l * width,
          below: contexts.pointer + (2 * l + 1) * width, logits: logits.pointer + l * 32,
          next: starts[l], end: starts[l + 1]))
    }
    // A lag that is not used points at a bit that no context has.
    var lags = InlineArray<4, Int>(repeating: 0)
    var marks = InlineArray<4, UInt8>(repeating: 0)
    for (bit, lag) in model.lags.enumerated() { (lags[bit], marks[bit]) = (lag, 1 << UInt8(bit)) }
    let above: UInt8 = model.usesAbove ? 1 << UInt8(model.lags.count) : 0
    let ranges = (0..<lanes).map { PositionCoding.rows(of: $0, of: rows) }
    let model = self.model
    let columns = self.columns
    var isValid = true

    func start(_ l: Int, _ step: Int) {
      if step > 0 {
        (lane[l].contexts, lane[l].below) = (lane[l].below, lane[l].contexts)
        lane[l].below.update(repeating: 0, count: width)
      }
      let row = Int(model.rows[ranges[l].lowerBound + step]) + Logistic.highest
      for n in 0..<contextCount { lane[l].logits[n] = Int16(row + Int(model.contexts[n])) }
    }

    Logistic.table.withUnsafeBufferPointer { table in
      model.columns.withUnsafeBufferPointer { columnLogits in
        indices.withUnsafeMutableBufferPointer { indices in
          let probabilities = table.baseAddress!
          @inline(__always)
          func slot(_ lane: inout Lane, _ x: inout UInt64, _ column: Int, _ logit: Int) {
            let context = Int(lane.contexts[column])
            let one = UInt64(probabilities[Int(lane.logits[context]) &+ logit])
            let value = x & 0xFFFF
            if value < one {
              x = one &* (x >> 16) &+ value
              // Not more than the lane's share: a damaged stream may say anything.
              if lane.next < lane.end {
                indices[lane.next] = UInt32(truncatingIfNeeded: column)
                lane.next &+= 1
                for bit in 0..<4 { lane.contexts[column &+ lags[bit]] |= marks[bit] }
                lane.below[column] |= above
              } else {
                isValid = false
              }
            } else {
              x = (65536 &- one) &* (x >> 16) &+ value &- one
            }
            words.refill(&x)
          }

          for step in 0..<ranges[0].count {
            let active = (0..<lanes).filter { step < ranges[$0].count }
            for l in active { start(l, step) }
            if active.count == lanes {
              let before = lane.map(\.next)
              var (l0, l1, l2, l3) = (lane[0], lane[1], lane[2], lane[3])
              var (a, b, c, d) = (states[0], states[1], states[2], states[3])
              for column in 0..<columns {
                let logit = Int(columnLogits[column])
                slot(&l0, &a, column, logit)
                slot(&l1, &b, column, logit)
                slot(&l2, &c, column, logit)
                slot(&l3, &d, column, logit)
              }
              states = [a, b, c, d]
              lane = [l0, l1, l2, l3]
              for l in active {
                counts[ranges[l].lowerBound + step] = lane[l].next - before[l]
              }
            } else {
              for l in active {
                var (only, x) = (lane[l], states[l])
                for column in 0..<columns {
                  slot(&only, &x, column, Int(columnLogits[column]))
                }
                counts[ranges[l].lowerBound + step] = only.next - lane[l].next
                (lane[l], states[l]) = (only, x)
              }
            }
          }
        }
      }
    }
    for l in 0..<lanes {
      isValid = isValid && lane[l].next == lane[l].end && states[l] == RANSEncoder.lowest
    }
    return isValid && words.isAtEnd
  }

  /// Where each row starts.
  func rowOffsets() -> [Int] {
    var offsets = [0]
    offsets.reserveCapacity(rows + 1)
    for count in counts { offsets.append(offsets.last! + count) }
    return offsets
  }

  /// The column indices in the width that the shape asks for.
  func indexVector() -> IndexVector {
    IndexVector.fitsIn16Bits(limit: columns)
      ? .u16(indices.map { UInt16(truncatingIfNeeded: $0) }) : .u32(indices)
  }
}
