// How often each byte occurs, in 4096ths: what rANS needs to know about a sequence of bytes.

/// The share of each of 256 symbols, all together 4096.
struct SymbolTable {
  static let bits: UInt64 = 12
  static let total = 1 << 12

  /// 4096 in total; 0 for symbols that do not occur.
  private(set) var frequencies = [Int](repeating: 0, count: 256)
  /// Sums of the frequencies before each symbol.
  private(set) var starts = [Int](repeating: 0, count: 256)

  /// Shares in proportion to `counts`, none of them 0 where the count is not.
  ///
  /// - Precondition: some count is positive.
  init(counts: [Int]) {
    let sum = counts.reduce(0, +)
    var rest = Self.total
    for (symbol, count) in counts.enumerated() where count > 0 {
      frequencies[symbol] = max(1, Int(Double(count) * Double(Self.total) / Double(sum)))
      rest -= frequencies[symbol]
    }
    // What rounding left over goes where it saves, or costs, the fewest bits.
    while rest != 0 {
      let step = rest > 0 ? 1 : -1
      var (best, bestGain) = (-1, -Double.infinity)
      for (symbol, count) in counts.enumerated() where frequencies[symbol] + step > 0 && count > 0 {
        let gain =
          Double(step) * Double(count) / (Double(frequencies[symbol]) + 0.5 * Double(step))
        if gain > bestGain { (best, bestGain) = (symbol, gain) }
      }
      frequencies[best] += step
      rest -= step
    }
    makeStarts()
  }

  private mutating func makeStarts() {
    var start = 0
    for symbol in 0..<256 {
      starts[symbol] = start
      start += frequencies[symbol]
    }
  }

  /// Writes first and last symbol, then the differences of neighbouring shares.
  func write(to bits: inout BitWriter) {
    let first = frequencies.firstIndex { $0 > 0 } ?? 0
    let last = frequencies.lastIndex { $0 > 0 } ?? 0
    bits.put(UInt32(first), width: 8)
    bits.put(UInt32(last), width: 8)
    var previous = 0
    for symbol in first...last {
      let difference = frequencies[symbol] - previous
      bits.putGolomb(difference >= 0 ? 2 * difference : -2 * difference - 1, order: 2)
      previous = frequencies[symbol]
    }
  }

  init(_ bits: inout BitReader) throws(DataProblem) {
    let first = Int(try bits.take(width: 8))
    let last = Int(try bits.take(width: 8))
    if last < first {
      throw .outOfRange(what: "last symbol", value: last, lowest: first, highest: 255)
    }
    var (previous, sum) = (0, 0)
    for symbol in first...last {
      let code = try bits.takeGolomb(order: 2)
      let share = previous + (code & 1 == 0 ? code >> 1 : -(code + 1) >> 1)
      if share < 0 || share > Self.total - sum {
        throw .outOfRange(
          what: "share of a symbol", value: share, lowest: 0, highest: Self.total - sum)
      }
      frequencies[symbol] = share
      (previous, sum) = (share, sum + share)
    }
    if sum != Self.total {
      throw .mismatch(what: "sum of symbol shares", expected: Self.total, actual: sum)
    }
    makeStarts()
  }

  /// For each of the 4096 slots: symbol, share − 1 and slot − start in 8, 12 and 12 bits.
  func appendSlots(to slots: inout [UInt32]) {
    for symbol in 0..<256 {
      for rank in 0..<frequencies[symbol] {
        slots.append(UInt32(symbol | (frequencies[symbol] - 1) << 8 | rank << 20))
      }
    }
  }
}
