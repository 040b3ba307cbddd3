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
  /// Weights of 8 bits; nil for floats.
  var quantized: QuantizedWeights? {
    switch weights {
    case .i8(let weights): weights
    case .f32, .f64: nil
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
    case .i8(let w): .quantized(w.activations.type, output: w.output?.type ?? .f32)
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

  /// What is known of them whatever their type.
  private var source: any StoredWeights {
    switch self {
    case .f32(let w): w
    case .f64(let w): w
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

extension WeightSource: StoredWeights {}
extension QuantizedWeights: StoredWeights {}
