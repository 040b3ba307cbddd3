// What a plan is asked for: weights, operands, options.

import LacunaFormats

/// Everything that a choice depends on, and what a format packs.
struct PlanRequest {
  let weights: PlanWeights
  let epilogue: EpilogueValues
  let layout: ProductLayout
  let width: Int
  let options: PlanOptions
  let table: KernelTable

  var rows: Int { weights.rows }
  var columns: Int { weights.columns }
  /// Weights of 8 bits; nil for floats.
  var quantized: QuantizedWeights? {
    switch weights {
    case .i8(let weights): weights
    case .floats: nil
    }
  }
  var stored: Int { weights.stored }
  var block: BlockSize { weights.block }
  var types: ProductTypes { weights.types }
  var density: Double { Double(stored) / max(Double(rows) * Double(columns), 1) }

  /// Right-hand sides that a choice calls few: below, windows of X in registers are considered.
  static let mostFew = 15
  var isFew: Bool { (1...Self.mostFew).contains(width) }

  func decision(kernel: String) -> PlanDecision {
    PlanDecision(
      rows: rows, columns: columns, stored: stored, block: block, types: types, layout: layout,
      width: width, isa: types.weights == .i8 ? table.isa : table.isa.withoutByteProducts,
      kernel: kernel)
  }
}

/// The weights of a plan, of whatever type.
enum PlanWeights {
  case floats(any FloatWeights)
  case i8(QuantizedWeights)

  var types: ProductTypes {
    switch self {
    case .floats(let w): w.types
    case .i8(let w): .quantized(w.activations.type, output: w.output?.type ?? .f32)
    }
  }

  /// Weights that are floats, of whatever type.
  var floats: (any FloatWeights)? {
    switch self {
    case .floats(let w): w
    case .i8: nil
    }
  }

  /// What is known of them whatever their type.
  private var source: any StoredWeights {
    switch self {
    case .floats(let w): w
    case .i8(let w): w
    }
  }

  var rows: Int { source.rows }
  var columns: Int { source.columns }
  var stored: Int { source.stored }
  var block: BlockSize { source.block }
  var isDense: Bool { source.isDense }
}

/// Weights that a plan can be made from.
protocol StoredWeights {
  var rows: Int { get }
  var columns: Int { get }
  /// Stored weights, padding of blocks included.
  var stored: Int { get }
  var block: BlockSize { get }
  /// Whether they were given dense: then their zeros are stored.
  var isDense: Bool { get }
}

extension QuantizedWeights: StoredWeights {}
