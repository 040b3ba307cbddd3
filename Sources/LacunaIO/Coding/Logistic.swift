// P(1) = 1 / (1 + e^(−t/16)) as an integer in 1...65535, the same on every machine.

/// Probabilities of a logistic model whose logit is a small integer, in sixteenths.
enum Logistic {
  /// Sums of three parameters of eight bits.
  static let highest = 384
  /// Bits of a probability.
  static let bits: UInt64 = 16

  /// The probability for the logit `t / 16` at index `t + highest`.
  ///
  /// Made by IEEE multiplication and division alone, which round the same everywhere; `exp` does not.
  static let table: [UInt32] = {
    let step = 1.0644944589178593  // e^(1/16)
    var power = 1.0
    var upper: [UInt32] = []
    for _ in 0...highest {
      // t ≥ 0: P = e^t / (1 + e^t)
      upper.append(UInt32(min(65535, (65536 * (power / (1 + power))).rounded())))
      power *= step
    }
    return upper.dropFirst().reversed().map { 65536 - $0 } + upper
  }()
}
