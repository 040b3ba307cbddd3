// lcn_calibration_…, lcn_oneshot_…: pruning a layer at once from what its inputs were like.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations
import LacunaPruning

extension Failure {
  init(_ error: OneShotError) {
    switch error {
    case .inputNotFinite, .weightNotFinite: self.init(.notANumber, error.description)
    case .inputCount, .batchTooShort, .shapeMismatch: self.init(.shapeMismatch, error.description)
    case .noSamples, .allInputsZero, .notPositiveDefinite: self.init(.badData, error.description)
    case .calibrationTooPoor: self.init(.unsupported, error.description)
    case .unreachableSparsity, .invalidParameter: self.init(.invalidArgument, error.description)
    case .pruning(let error): self.init(error)
    }
  }

  /// Runs `body`, whose errors are one-shot pruning's own.
  static func oneShot<R>(
    _ body: () throws(OneShotError) -> R
  ) throws(Failure) -> R {
    do { return try body() } catch { throw Failure(error) }
  }
}

/// The object behind an lcn_calibration. Callers on several threads take turns.
// Sound to share: what is collected is touched by whoever holds the lock only.
final class CalibrationObject: @unchecked Sendable {
  enum Collected {
    case inputs(Calibration)
    case aimed(AimedCalibration)
  }

  let inputs: Int
  private let collected: Collected
  private let lock = ForkSafeLock()

  init(_ collected: Collected) {
    self.collected = collected
    inputs =
      switch collected {
      case .inputs(let calibration): calibration.inputs
      case .aimed(let calibration): calibration.inputs
      }
  }

  func withCollected<R>(_ body: (Collected) throws(Failure) -> R) throws(Failure) -> R {
    try lock.withLock { () throws(Failure) in try body(collected) }
  }

  /// For a calibration without outputs to aim at.
  func with<R>(_ body: (Calibration) throws(Failure) -> R) throws(Failure) -> R {
    try withCollected { (collected) throws(Failure) in
      guard case .inputs(let calibration) = collected else {
        throw Failure(
          .unsupported, "the calibration has outputs to aim at: call the function for those")
      }
      return try body(calibration)
    }
  }

  /// For one with such outputs.
  func withAimed<R>(_ body: (AimedCalibration) throws(Failure) -> R) throws(Failure) -> R {
    try withCollected { (collected) throws(Failure) in
      guard case .aimed(let calibration) = collected else {
        throw Failure(.unsupported, "the calibration has no outputs to aim at")
      }
      return try body(calibration)
    }
  }
}

@c @implementation
public func lcn_calibration_create(
  _ inputs: Int64, _ moments: Int32, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let inputs = try dimension(inputs, "inputs")
    let kept: Calibration.Moments
    switch Int(moments) {
    case LCN_MOMENTS_NORMS: kept = .norms
    case LCN_MOMENTS_SINGLE: kept = .single
    case LCN_MOMENTS_DOUBLE: kept = .double
    default:
      throw Failure(.invalidArgument, "moments is \(moments), must be one of LCN_MOMENTS_…")
    }
    let bytes =
      switch kept {
      case .norms: 8
      case .single: try product(inputs, 4, "bytes")
      case .double: try product(inputs, 8, "bytes")
      }
    try reserve(try product(inputs, bytes, "bytes"))
    let calibration = try Failure.oneShot { () throws(OneShotError) in
      try Calibration(inputs: inputs, moments: kept)
    }
    try deliver(CalibrationObject(.inputs(calibration)), .calibration, to: out)
  }
}

@c @implementation
public func lcn_calibration_add(
  _ calibration: OpaquePointer?, _ layout: Int32, _ x: UnsafePointer<Float>?, _ samples: Int64,
  _ stride: Int64
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(calibration, .calibration, as: CalibrationObject.self) {
      (object) throws(Failure) in
      let batch = try batch(x, layout, samples, stride, object.inputs, "x", "stride")
      // Samples that are widened at a time.
      try reserve(try product(object.inputs, 512 * 8, "bytes"))
      try object.with { (calibration) throws(Failure) in
        try Failure.oneShot { () throws(OneShotError) in
          try calibration.add(batch)
        }
      }
    }
  }
}

@c @implementation
public func lcn_calibration_get_info(
  _ calibration: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_calibration_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(calibration, .calibration, as: CalibrationObject.self) {
        (object) throws(Failure) in
        try object.withCollected { (collected) throws(Failure) in
          info.inputs = Int64(object.inputs)
          switch collected {
          case .inputs(let calibration):
            info.samples = Int64(calibration.samples)
            info.dead_inputs = Int64(calibration.deadInputs)
          case .aimed(let calibration):
            try reserve(try product(object.inputs, object.inputs * 8, "bytes"))
            info.samples = Int64(calibration.samples)
            info.dead_inputs = Int64(calibration.deadInputs)
          }
        }
      }
    }
  }
}

@c @implementation
public func lcn_calibration_destroy(_ calibration: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(calibration, .calibration) }
}

@c @implementation
public func lcn_oneshot_prune(
  _ calibration: OpaquePointer?, _ weights: UnsafePointer<lcn_dense_desc>?,
  _ options: UnsafePointer<lcn_oneshot_options>?, _ mask: UnsafePointer<lcn_mask_desc>?,
  _ report: UnsafeMutablePointer<lcn_oneshot_report>?
) -> lcn_status {
  call { () throws(Failure) in
    let settings = try settings(try descriptor(options, "options"))
    let view = try LayerView(calibration, weights, mask)
    try view.reserveMemory()
    try filling(report) { () throws(Failure) in
      let result = try view.solve { (weights, calibration) throws(OneShotError) in
        try oneShot(
          weights, rows: view.weights.rows, columns: view.weights.columns,
          calibration: calibration, settings: settings)
      }
      view.weights.write(result.matrix)
      view.mask?.write(result.mask)
      return result.report
    }
  }
}

@c @implementation
public func lcn_oneshot_refit(
  _ calibration: OpaquePointer?, _ weights: UnsafePointer<lcn_dense_desc>?,
  _ mask: UnsafePointer<lcn_mask_desc>?, _ damping: Double,
  _ report: UnsafeMutablePointer<lcn_oneshot_report>?
) -> lcn_status {
  call { () throws(Failure) in
    if mask == nil { throw Failure(.nullPointer, "mask is NULL") }
    let view = try LayerView(calibration, weights, mask)
    try view.reserveMemory()
    let kept = try view.mask.unsafelyUnwrapped.copy()
    try filling(report) { () throws(Failure) in
      let result = try view.solve { (weights, calibration) throws(OneShotError) in
        try refit(
          weights, rows: view.weights.rows, columns: view.weights.columns, mask: kept,
          calibration: calibration, damping: damping)
      }
      view.weights.write(result.matrix)
      return result.report
    }
  }
}

/// `samples` rows or columns of a caller's elements.
func batch(
  _ x: UnsafePointer<Float>?, _ layout: Int32, _ samples: Int64, _ stride: Int64, _ inputs: Int,
  _ name: StaticString, _ strideName: StaticString
) throws(Failure) -> CalibrationBatch {
  let samples = try dimension(samples, "samples")
  let order: CalibrationLayout
  switch Int(layout) {
  case LCN_ROWS: order = .rows
  case LCN_COLUMNS: order = .columns
  default:
    throw Failure(.invalidArgument, "layout is \(layout), must be LCN_COLUMNS or LCN_ROWS")
  }
  let (rows, width) = order == .rows ? (samples, inputs) : (inputs, samples)
  let stride = stride == 0 ? width : try dimension(stride, strideName)
  if stride < width {
    throw Failure(.invalidStride, "\(strideName) is \(stride), a row has \(width) elements")
  }
  let count = samples == 0 ? 0 : try product(rows - 1, stride, "elements") + width
  let memory = try array(x, count: count, size: 4, name).assumingMemoryBound(to: Float.self)
  return CalibrationBatch(
    UnsafeBufferPointer(start: memory, count: count), samples: samples, inputs: inputs,
    layout: order, stride: stride)
}

/// The caller's weights and mask and the calibration that fits them.
struct LayerView {
  let calibration: OpaquePointer?
  let weights: DenseView
  let mask: MaskView?

  init(
    _ calibration: OpaquePointer?, _ weights: UnsafePointer<lcn_dense_desc>?,
    _ mask: UnsafePointer<lcn_mask_desc>?
  ) throws(Failure) {
    self.calibration = calibration
    self.weights = try DenseView(weights, "weights")
    if self.weights.type != .f32 {
      throw Failure(
        .unsupported, "weights are \(self.weights.type): one-shot pruning takes LCN_F32")
    }
    self.mask = try mask.map { (mask) throws(Failure) in try MaskView(mask, "mask") }
    if let mask = self.mask {
      try requireShape(
        "mask", rows: mask.rows, columns: mask.columns, expectedRows: self.weights.rows,
        expectedColumns: self.weights.columns)
    }
  }

  /// A method holds some copies of the weights and of the products in double precision.
  func reserveMemory() throws(Failure) {
    let width = weights.columns
    try reserve(
      try product(try product(width, width, "products"), 32, "bytes")
        + product(weights.count, 48, "bytes"))
  }

  /// What a layer became, its weights as a matrix.
  typealias Outcome = (
    matrix: DenseMatrix<Float>, mask: BitMask, bias: [Float]?, report: OneShotLayerReport
  )

  func solve(
    _ body: (UnsafeBufferPointer<Float>, Calibration) throws(OneShotError) -> OneShotResult
  ) throws(Failure) -> Outcome {
    let packed = try weights.copy(Float.self)
    return try HandleTable.use(calibration, .calibration, as: CalibrationObject.self) {
      (object) throws(Failure) in
      try object.with { (calibration) throws(Failure) in
        try outcome(
          packed.withUnsafeElements { (elements) throws(Failure) in
            try Failure.oneShot { () throws(OneShotError) in try body(elements, calibration) }
          })
      }
    }
  }

  func outcome(_ result: OneShotResult) throws(Failure) -> Outcome {
    let matrix = try Failure.format { () throws(FormatError) in
      try DenseMatrix(rows: weights.rows, columns: weights.columns, values: result.weights)
    }
    return (matrix, result.mask, result.bias, result.report)
  }
}

/// What lcn_oneshot_options asks for.
func settings(_ o: lcn_oneshot_options) throws(Failure) -> OneShotSettings {
  let method: any OneShotMethod
  switch Int(o.method) {
  case LCN_ONESHOT_MAGNITUDE: method = Magnitude()
  case LCN_ONESHOT_WANDA: method = Wanda()
  case LCN_ONESHOT_SPARSEGPT: method = SparseGPT()
  case LCN_ONESHOT_OBS: method = OptimalBrainSurgeon()
  case LCN_ONESHOT_ALPS: method = ALPS()
  default:
    throw Failure(.invalidArgument, "method is \(o.method), must be one of LCN_ONESHOT_…")
  }
  var sparsity: Double? = o.sparsity
  let structure: Granularity
  switch Int(o.granularity) {
  case LCN_GRANULARITY_ELEMENT: structure = .element
  case LCN_GRANULARITY_BLOCK: structure = .block(try blockSize(o.block_rows, o.block_columns))
  case LCN_GRANULARITY_PATTERN, LCN_GRANULARITY_WINDOW:
    structure = .pattern(keep: Int(o.group_keep), of: Int(o.group_size))
    sparsity = nil
  case LCN_GRANULARITY_ROWS: structure = .rows()
  case LCN_GRANULARITY_COLUMNS: structure = .columns()
  default:
    throw Failure(
      .invalidArgument, "granularity is \(o.granularity), must be one of LCN_GRANULARITY_…")
  }
  return OneShotSettings(
    method: method, sparsity: sparsity, structure: structure,
    refit: o.refit == 0 ? nil : .automatic, damping: o.damping)
}

/// Runs `body` and fills `report`, which may be NULL, with what it returns.
func filling(
  _ report: UnsafeMutablePointer<lcn_oneshot_report>?,
  _ body: () throws(Failure) -> OneShotLayerReport
) throws(Failure) {
  guard let report else {
    _ = try body()
    return
  }
  try fill(report, "report") { (target) throws(Failure) in
    let found = try body()
    target.kept = Int64(found.kept)
    target.samples = Int64(found.samples)
    target.dead_inputs = Int64(found.deadInputs)
    target.error_of_mask = found.errorOfMask ?? -1
    target.error = found.error ?? -1
    target.damping = found.damping ?? 0
    target.seconds = found.seconds
  }
}
