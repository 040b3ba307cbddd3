// A sparsity pattern ↔ bytes: every slot of the matrix is a bit, coded with its own probability.
//
//     position model (`PositionModel`)
//     4 × varint   number of entries in each lane's rows
//     4 × u64      states
//     u32 …        words
//
// Lane l holds the rows l·q ..< (l+1)·q, q = ⌈rows/4⌉. The four lanes advance together, row by row and
// column by column, as long as all of them have a row left; then one after the other.

import LacunaFormats

enum PositionCoding {
  static let lanes = 4

  /// Whether a pattern with this many slots may be stored in `length` bytes: a decoder spends time on each slot, and
  /// a false shape must not keep it busy for hours.
  static func allows(rows: Int, columns: Int, length: Int) -> Bool {
    let (slots, overflow) = rows.multipliedReportingOverflow(by: columns)
    return !overflow && columns <= 1 << 22 && slots <= 1 << 20 + 4096 * min(length, 1 << 40)
  }

  /// The rows of one lane.
  static func rows(of lane: Int, of count: Int) -> Range<Int> {
    let share = (count + lanes - 1) / lanes
    return min(lane * share, count)..<min((lane + 1) * share, count)
  }

  /// The bytes of a pattern under a model.
  static func encoded(_ pattern: CSRPattern, _ model: PositionModel) -> [UInt8] {
    var writer = ByteWriter()
    model.write(to: &writer)
    for lane in 0..<lanes {
      let rows = rows(of: lane, of: pattern.rows)
      writer.varint(pattern.rowOffsets[rows.upperBound] - pattern.rowOffsets[rows.lowerBound])
    }
    // What the decoder will see, in its order: probability, bit and lane.
    var events: [UInt32] = []
    events.reserveCapacity(pattern.rows * pattern.columns)
    var walkers = (0..<lanes).map {
      ContextWalker(pattern, model, rows: rows(of: $0, of: pattern.rows))
    }
    for step in 0..<walkers[0].rows.count {
      let active = walkers.indices.filter { step < walkers[$0].rows.count }
      for lane in active { walkers[lane].start(step) }
      if active.count == lanes {
        for column in 0..<pattern.columns {
          for lane in active {
            events.append(walkers[lane].event(column) | UInt32(lane) << 18)
          }
        }
      } else {
        for lane in active {
          for column in 0..<pattern.columns {
            events.append(walkers[lane].event(column) | UInt32(lane) << 18)
          }
        }
      }
    }
    var encoder = RANSEncoder(lanes: lanes)
    for event in events.reversed() {
      let one = UInt64(event & 0x1FFFF)
      if event & 1 << 17 != 0 {
        encoder.put(lane: Int(event >> 18), start: 0, frequency: one, bits: Logistic.bits)
      } else {
        encoder.put(
          lane: Int(event >> 18), start: one, frequency: 1 << Logistic.bits - one,
          bits: Logistic.bits)
      }
    }
    encoder.finish(into: &writer)
    return writer.bytes
  }

  /// The pattern that ``encoded(_:_:)`` made; valid by construction.
  static func decoded(
    _ slice: ByteSlice, rows: Int, columns: Int, nnz: Int
  ) throws(DataProblem) -> CSRPattern {
    if !allows(rows: rows, columns: columns, length: slice.count) {
      throw .overflow(what: "the matrix of \(slice.count) bytes of positions")
    }
    var reader = ByteReader(slice)
    let model = try PositionModel(&reader, rows: rows, columns: columns)
    var starts = [0]
    for _ in 0..<lanes {
      let count = try reader.varint("the entries of a lane")
      if count > nnz - starts.last! {
        throw .outOfRange(
          what: "entries of a lane", value: count, lowest: 0, highest: nnz - starts.last!)
      }
      starts.append(starts.last! + count)
    }
    if starts[lanes] != nnz {
      throw .mismatch(what: "number of entries", expected: nnz, actual: starts[lanes])
    }
    var states = InlineArray<4, UInt64>(repeating: 0)
    for lane in 0..<lanes { states[lane] = try reader.integer(UInt64.self, "positions") }
    let rest = try reader.slice(reader.remaining, "positions")
    if rest.count % 4 != 0 { throw .trailingBytes(count: rest.count % 4) }
    var decoder = PositionDecoder(model, rows: rows, columns: columns, starts: starts)
    if !rest.withUnsafeBytes({ decoder.decode(&states, RANSWords($0)) }) {
      throw .compressedStream(what: "positions", reason: "they do not end where they should")
    }
    return CSRPattern(unchecked: rows, columns, decoder.rowOffsets(), decoder.indexVector())
  }
}

/// Follows the decoder through the rows of a lane and tells what it sees.
private struct ContextWalker {
  let rows: Range<Int>
  private let pattern: CSRPattern
  private let model: PositionModel
  private var contexts: [UInt8]
  private var below: [UInt8]
  private var row = 0
  private var position = 0

  init(_ pattern: CSRPattern, _ model: PositionModel, rows: Range<Int>) {
    (self.pattern, self.model, self.rows) = (pattern, model, rows)
    contexts = Array(repeating: 0, count: pattern.columns + PositionModel.highestLag)
    below = contexts
  }

  /// Moves on to the lane's row number `step`.
  mutating func start(_ step: Int) {
    row = rows.lowerBound + step
    position = pattern.rowOffsets[row]
    if step > 0 {
      swap(&contexts, &below)
      below.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
    }
  }

  /// Probability and bit (at 17) of the next slot.
  mutating func event(_ column: Int) -> UInt32 {
    let logit =
      Int(model.rows[row]) + Int(model.columns[column])
      + Int(model.contexts[Int(contexts[column])])
    let probability = Logistic.table[logit + Logistic.highest]
    let isKept =
      position < pattern.rowOffsets[row + 1] && pattern.columnIndices[position] == column
    if !isKept { return probability }
    position += 1
    for (bit, lag) in model.lags.enumerated() { contexts[column + lag] |= 1 << UInt8(bit) }
    if model.usesAbove { below[column] |= 1 << UInt8(model.lags.count) }
    return probability | 1 << 17
  }
}
