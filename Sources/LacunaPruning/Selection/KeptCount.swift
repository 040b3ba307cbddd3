// k = max(round(float32(N)·(1 − s)), 1)

/// How many of `count` weights survive at `sparsity`.
///
/// The reference toolkit's rule and arithmetic: float32, halves to even, never less than one. Above
/// 2²⁴ weights float32 rounds the count to 24 significant bits. The result never exceeds `count`.
public func keptCount(of count: Int, sparsity: Double) -> Int {
  if count <= 0 { return 0 }
  let exact = Float(count) * (1 - Float(sparsity))
  // Float(Int.max) rounds up to 2⁶³, and a sparsity can be anything: compare before converting.
  if !(exact < Float(count)) { return count }
  if exact <= 1 { return 1 }
  return min(Int(exact.rounded(.toNearestOrEven)), count)
}

/// What happens to weights that tie with the threshold.
public enum TiePolicy: String, Hashable, Sendable, Codable, CaseIterable {
  /// Exactly `k` survive; among equals the lowest indices do.
  case exactK
  /// Everything at or above the threshold survives: the reference rule, by which a constant tensor
  /// is never pruned.
  case keepTies
}
