// The front door for one layer: check, prune, refit, measure

import LacunaFormats
import LacunaOperations

/// What became of one layer.
public struct OneShotResult {
  /// Which weights stay.
  public let mask: BitMask
  /// All weights, row-major; what the mask drops is zero.
  public let weights: [Float]
  public let report: OneShotLayerReport
}

/// Prunes one layer `Y = W·X` at once, so that its outputs on the calibration inputs change least.
///
///     let calibration = try Calibration(name: "dense", inputs: columns)
///     for batch in batches { try calibration.add(batch) }
///     let result = try oneShot(
///       weights, rows: rows, columns: columns, calibration: calibration,
///       settings: OneShotSettings(method: SparseGPT(), sparsity: 0.7))
///
/// - Parameters:
///   - weights: `rows · columns` trained weights, row-major; not changed.
///   - calibration: The layer's inputs. A method that needs nothing of them, such as ``Magnitude``,
///     takes an empty one.
/// - Throws: ``OneShotError``, which names the layer and the numbers.
/// - Complexity: Memory of a few times `rows · columns + columns²`.
public func oneShot(
  _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, calibration: Calibration,
  settings: OneShotSettings
) throws(OneShotError) -> OneShotResult {
  let start = ContinuousClock.now
  let layer = try OneShotLayer(
    checking: weights, rows, columns, calibration, settings, needs: settings.method.needs,
    method: settings.method.name)
  var solution = try settings.method.prune(layer)
  if let refit = settings.refit {
    try layer.require(.single, for: "re-fit")
    solution = try MaskFit(layer, mask: solution.mask)
      .weights(refit, startingFrom: solution.weights)
  }
  return layer.result(
    solution, method: settings.method.name, errors: settings.reportsErrors, since: start)
}

/// Fits the weights that a given mask keeps to the layer's dense outputs.
///
/// - Parameters:
///   - damping: λ as a fraction of the mean diagonal; 0 is plain least squares.
/// - Throws: ``OneShotError``, when a shape disagrees, or the equations are singular at every
///   damping.
public func refit(
  _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, mask: BitMask,
  calibration: Calibration, by refit: Refit = .automatic,
  damping: Double = OneShotSettings.usualDamping
) throws(OneShotError) -> OneShotResult {
  let start = ContinuousClock.now
  let settings = OneShotSettings(method: Magnitude(), sparsity: 0, damping: damping)
  let layer = try OneShotLayer(
    checking: weights, rows, columns, calibration, settings, needs: .single, method: "re-fit")
  if mask.rows != rows || mask.columns != columns {
    throw .shapeMismatch(
      layer: layer.name, what: "mask", expectedRows: rows, expectedColumns: columns,
      rows: mask.rows, columns: mask.columns)
  }
  let solution = try MaskFit(layer, mask: mask).weights(refit, startingFrom: layer.masked(mask))
  return layer.result(solution, method: "re-fit", errors: true, since: start)
}

extension OneShotLayer {
  /// - Throws: ``OneShotError`` for everything a caller can get wrong.
  init(
    checking weights: UnsafeBufferPointer<Float>, _ rows: Int, _ columns: Int,
    _ calibration: Calibration, _ settings: OneShotSettings, needs: Calibration.Moments?,
    method: String
  ) throws(OneShotError) {
    let name = calibration.name
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    if rows < 1 || columns < 1 || overflow || weights.count != count {
      throw .shapeMismatch(
        layer: name, what: "weights", expectedRows: max(rows, 1), expectedColumns: max(columns, 1),
        rows: weights.count / max(columns, 1), columns: columns)
    }
    if calibration.inputs != columns {
      throw .inputCount(layer: name, expected: columns, actual: calibration.inputs)
    }
    if let index = weights.firstIndex(where: { !$0.isFinite }) {
      throw .weightNotFinite(layer: name, index: index)
    }
    if !(settings.damping >= 0 && settings.damping <= 1) {
      throw .invalidParameter(
        name: "damping", value: "\(settings.damping)", allowed: "in 0...1")
    }
    (self.name, self.rows, self.columns) = (name, rows, columns)
    self.weights = AlignedBuffer(uninitialized: count)
    _ = self.weights.elements.update(from: weights)
    (self.calibration, structure, damping) = (calibration, settings.structure, settings.damping)
    sparsity = try settings.checkedSparsity(layer: name)
    if let needs {
      try require(needs, for: method)
      try calibration.checkUsable()
    }
  }

  /// Refuses a calibration that kept less than `moments`.
  fileprivate func require(
    _ moments: Calibration.Moments, for method: String
  ) throws(OneShotError) {
    if moments != .norms && calibration.moments == .norms {
      throw .calibrationTooPoor(
        layer: name, method: method, needed: "products", collected: "norms")
    }
  }

  fileprivate func result(
    _ solution: OneShotSolution, method: String, errors: Bool,
    since start: ContinuousClock.Instant
  ) -> OneShotResult {
    var (errorOfMask, error): (Double?, Double?) = (nil, nil)
    if errors && calibration.moments != .norms && calibration.samples > 0 {
      let energy = outputEnergy()
      // No output at all: every weight that mattered was zero, and nothing was lost.
      func relative(_ error: Double) -> Double { energy > 0 ? error / energy : 0 }
      let masked = masked(solution.mask)
      errorOfMask = relative(outputError(masked))
      error = masked == solution.weights ? errorOfMask : relative(outputError(solution.weights))
    }
    let report = OneShotLayerReport(
      name: name, rows: rows, columns: columns, samples: calibration.samples,
      deadInputs: calibration.deadInputs, method: method, structure: structure.label,
      target: sparsity, kept: solution.mask.keptCount, errorOfMask: errorOfMask, error: error,
      damping: solution.damping, precision: solution.precision,
      seconds: (ContinuousClock.now - start) / .seconds(1))
    return OneShotResult(mask: solution.mask, weights: solution.weights, report: report)
  }
}

extension OneShotSettings {
  /// The fraction that the structure and the request agree on.
  func checkedSparsity(layer: String) throws(OneShotError) -> Double {
    try choosing { () throws(PruningError) in try structure.check() }
    if case .channels = structure {
      throw .unreachableSparsity(
        layer: layer, sparsity: sparsity ?? 0, structure: "channels",
        allowed: "of elements, N:M, blocks, rows or columns: a layer's inputs have no channels here"
      )
    }
    if let group = structure.group {
      let implied = 1 - Double(group.keep) / Double(group.of)
      if let sparsity, abs(sparsity - implied) > 1e-9 {
        throw .unreachableSparsity(
          layer: layer, sparsity: sparsity, structure: structure.label, allowed: "\(implied)")
      }
      return implied
    }
    guard let sparsity else {
      throw .unreachableSparsity(
        layer: layer, sparsity: 0, structure: structure.label, allowed: "given, in 0..<1")
    }
    if !(sparsity >= 0 && sparsity < 1) {
      throw .unreachableSparsity(
        layer: layer, sparsity: sparsity, structure: structure.label, allowed: "in 0..<1")
    }
    return sparsity
  }
}
