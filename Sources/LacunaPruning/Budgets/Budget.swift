// How the sparsity of a model is shared out among its tensors

/// How the tensors without a schedule of their own share the schedule's sparsity.
public enum Budget: String, Hashable, Sendable, Codable, CaseIterable {
  /// Each tensor gets the same sparsity.
  case uniform
  /// One threshold over all of them: large layers with small weights lose most. Every tensor keeps at
  /// least one cell. Needs the same granularity everywhere, and no patterns or windows.
  case global
  /// Erdős–Rényi kernel (Evci et al., "Rigging the Lottery", 2020): the density of a tensor goes with
  /// the sum of its dimensions over their product, so that small layers stay denser.
  case erdosRenyi
}

/// The sparsity of each tensor, for a density that goes with Σ dimensions / Π dimensions and that leaves
/// `1 − sparsity` of all weights.
///
/// Tensors that would need more than all their weights stay dense, and the others make up for it.
///
/// - Parameter shapes: Dimensions of each tensor, none of them empty.
/// - Complexity: O(tensors²)
public func erdosRenyiSparsities(of shapes: [[Int]], sparsity: Double) -> [Double] {
  // In double: products and sums of a caller's dimensions may not fit an integer.
  let sizes = shapes.map { $0.reduce(1.0) { $0 * Double($1) } }
  let raw = zip(shapes, sizes).map { $0.reduce(0.0) { $0 + Double($1) } / max($1, 1) }
  var isDense = [Bool](repeating: false, count: shapes.count)
  while true {
    var left = (1 - sparsity) * sizes.reduce(0, +)
    var weighted = 0.0
    for n in shapes.indices {
      if isDense[n] { left -= sizes[n] } else { weighted += raw[n] * sizes[n] }
    }
    let scale = weighted > 0 ? max(left, 0) / weighted : 0
    let full = shapes.indices.filter { !isDense[$0] && scale * raw[$0] >= 1 }
    if full.isEmpty {
      return shapes.indices.map { isDense[$0] ? 0 : min(max(1 - scale * raw[$0], 0), 1) }
    }
    for n in full { isDense[n] = true }
  }
}

/// The least final sparsity at which tensors keep at most `allowed` weights in all.
///
/// - Parameter kept: Weights kept in all at a sparsity; must not grow with it.
/// - Complexity: 60 calls of `kept`
func sparsity(keepingAtMost allowed: Int, _ kept: (Double) -> Int) -> Double {
  var (low, high) = (0.0, Double(1).nextDown)
  if kept(low) <= allowed { return low }
  for _ in 0..<60 {
    let middle = (low + high) / 2
    if kept(middle) <= allowed { high = middle } else { low = middle }
  }
  return high
}
