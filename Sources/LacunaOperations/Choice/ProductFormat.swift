// One way to store weights for products: what it suits, what it would cost, and how it packs.

import LacunaFormats

/// A candidate of every plan: a format of the packed weights with the kernels that read it.
///
/// A choice walks ``productFormats`` and knows nothing of any of them but this.
protocol ProductFormat: Sendable {
  /// What explanations, decisions and ``PlanOptions/kernel`` call it for these weights.
  func name(_ request: PlanRequest) -> String
  /// Whether it multiplies zeros that are not stored: what sparse candidates have to beat.
  var isDense: Bool { get }
  /// Whether it can be asked for by name: weights of a kind that it packs, on an instruction set that
  /// has its kernel.
  func suits(_ request: PlanRequest) -> Bool
  /// Whether a choice looks at it when nobody asked for it.
  func isWorthwhile(_ request: PlanRequest) -> Bool
  /// Whether only packing tells if the weights fit: it is packed first then, because as the best
  /// estimate it would hide the others.
  var isTried: Bool { get }
  /// What one run would cost. Nothing is packed yet.
  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost
  /// The packed weights and their code; nil when the weights do not fit after all.
  func pack(_ request: PlanRequest) -> (any ProductBody)?
}

extension ProductFormat {
  var isDense: Bool { false }
  var isTried: Bool { false }
}

/// What an estimate is made of. Products of sizes are floating-point: no width that a caller may name
/// overflows them.
struct ProductCost {
  /// Operations on stored weights (dense: on all); a multiply-add is two.
  let operations: Double
  /// Bytes of weights, indices and tables that one run reads.
  let weightBytes: Double
  /// Share of the peak that the kernel reaches, and operations that it does per useful one.
  let share: Double
  var work = 1.0
  /// The peak that the share is of; nil for that of the kernels' instruction set.
  var peak: Double?
}

/// Every format, the first of equals first.
let productFormats: [any ProductFormat] =
  [
    BlockVectorFormat(), WindowFormat.filled, WindowFormat.compressed, WindowFormat.padded,
    CSRFormat(), StripFormat(), DenseFormat(), BitmaskFormat(), ByteWindowFormat(),
    GapFormat(), PairWindowFormat(),
  ] + QuadFormat.strips + [QuadFormat.dense] + PairFormat.strips + [PairFormat.dense]
