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
  /// Every weight is multiplied by this.
  var scale = 1.0

  var rows: Int { weights.rows }
  var columns: Int { weights.columns }
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
      width: width, isa: table.isa, kernel: kernel)
  }
}

/// The weights of a plan, of whatever type.
enum PlanWeights {
  case f32(WeightSource<Float>)
  case f64(WeightSource<Double>)
  case i8(QuantizedWeights)

  init<Scalar: SparseScalar>(_ source: WeightSource<Scalar>) {
    switch Scalar.dtype {
    case .f32: self = .f32(source as! WeightSource<Float>)
    case .f64: self = .f64(source as! WeightSource<Double>)
    }
  }

  var types: ProductTypes {
    switch self {
    case .f32: ProductTypes(.f32)
    case .f64: ProductTypes(.f64)
    case .i8(let w): .quantized(w.activations.type)
    }
  }

  /// The element type of weights that are floats.
  var dtype: DType? {
    switch self {
    case .f32: .f32
    case .f64: .f64
    case .i8: nil
    }
  }

  var rows: Int {
    switch self {
    case .f32(let w): w.rows
    case .f64(let w): w.rows
    case .i8(let w): w.rows
    }
  }

  var columns: Int {
    switch self {
    case .f32(let w): w.columns
    case .f64(let w): w.columns
    case .i8(let w): w.columns
    }
  }

  /// Stored weights, padding of blocks included.
  var stored: Int {
    switch self {
    case .f32(let w): w.stored
    case .f64(let w): w.stored
    case .i8(let w): w.stored
    }
  }

  var block: BlockSize {
    switch self {
    case .f32(let w): w.block
    case .f64(let w): w.block
    case .i8(let w): w.block
    }
  }

  /// Whether they were given dense: then their zeros are stored.
  var isDense: Bool {
    switch self {
    case .f32(let w): w.isDense
    case .f64(let w): w.isDense
    case .i8(let w): w.isDense
    }
  }
}
