// The front door for one layer: check, prune, refit, measure

import LacunaFormats
import LacunaOperations

/// What became of one layer.
public struct OneShotResult {
  /// Which weights stay.
  public let mask: BitMask
  /// All weights, row-major; what the mask drops is zero.
  public let weights: [Float]
  /// What the outputs' bias should be by now; nil unless the layer aimed at outputs and may change
  /// its bias.
  public var bias: [Float]? = nil
  /// What was asked for, what is left, and what it cost.
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
  let solution = try settings.solution(layer)
  return layer.result(
    solution, method: settings.method.name, errors: settings.reportsErrors, since: start)
}

/// Prunes one layer at once, so that its outputs come as near as they can to those that it should
/// have: the ones that the dense network has there.
///
/// - Parameters:
///   - weights: `rows · columns` trained weights, row-major; not changed.
///   - calibration: The layer's inputs by now, and the outputs that it should give for them.
/// - Returns: The mask, the weights, and the bias that goes with them. Errors in the report are
///   ‖W·X + b − T‖² / ‖T − t̄‖² with the best bias, of the weights that ``AimedCalibration`` aims
///   with under the mask, and of the result.
/// - Throws: ``OneShotError``, which names the layer and the numbers.
public func oneShot(
  _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, calibration: AimedCalibration,
  settings: OneShotSettings
) throws(OneShotError) -> OneShotResult {
  let start = ContinuousClock.now
  if calibration.outputs != rows {
    throw .shapeMismatch(
      layer: calibration.name, what: "targets", expectedRows: rows, expectedColumns: columns,
      rows: calibration.outputs, columns: calibration.inputs)
  }
  if calibration.inputs != columns {
    throw .inputCount(layer: calibration.name, expected: columns, actual: calibration.inputs)
  }
  let centred = calibration.centred()
  let layer = try OneShotLayer(
    checking: weights, rows, columns, centred, settings, needs: .single,
    method: settings.method.name)
  let aimed = try layer.aiming(at: calibration)
  let solution = try settings.solution(aimed)
  var (errorOfMask, error): (Double?, Double?) = (nil, nil)
  if settings.reportsErrors {
    errorOfMask = calibration.error(of: aimed.masked(solution.mask), centred)
    error = calibration.error(of: solution.weights, centred)
  }
  let bias = calibration.adaptsBias ? calibration.bias(of: solution.weights) : nil
  return OneShotResult(
    mask: solution.mask, weights: solution.weights, bias: bias,
    report: aimed.report(
      solution, method: settings.method.name, errorOfMask: errorOfMask, error: error, since: start))
}

extension OneShotSettings {
  /// What the method makes of a layer, fitted again when that is wanted.
  fileprivate func solution(_ layer: OneShotLayer) throws(OneShotError) -> OneShotSolution {
    let solution = try method.prune(layer)
    guard let refit else { return solution }
    try layer.require(.single, for: "re-fit")
    return try MaskFit(layer, mask: solution.mask)
      .weights(refit, startingFrom: solution.weights)
  }
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
    if !(settings.damping >= 0 && settings.damping <= 1) {
      throw .invalidParameter(
        name: "damping", value: "\(settings.damping)", allowed: "in 0...1")
    }
    (self.name, self.rows, self.columns) = (name, rows, columns)
    self.weights = AlignedBuffer(uninitialized: count)
    let (source, target) = (weights.baseAddress!, self.weights.pointer)
    var bad = [Bool](repeating: false, count: (rows + RowStrips.rows - 1) / RowStrips.rows)
    bad.withUnsafeMutableBufferPointer { bad in
      let bad = bad
      RowStrips.forEach(rows: rows) { strip in
        // x·0 is NaN for NaN and infinities and 0 for all others.
        var sums = SIMD8<Float>.zero
        let (first, end) = (strip.lowerBound * columns, strip.upperBound * columns)
        let whole = end - (end - first) % 8
        for i in Swift.stride(from: first, to: whole, by: 8) {
          let lanes = UnsafeRawPointer(source + i).loadUnaligned(as: SIMD8<Float>.self)
          sums += lanes * 0
          UnsafeMutableRawPointer(target + i).storeBytes(of: lanes, as: SIMD8<Float>.self)
        }
        var sum = sums.sum()
        for i in whole..<end {
          target[i] = source[i]
          sum += source[i] * 0
        }
        bad[strip.lowerBound / RowStrips.rows] = sum != 0
      }
    }
    if bad.contains(true), let index = weights.firstIndex(where: { !$0.isFinite }) {
      throw .weightNotFinite(layer: name, index: index)
    }
    (self.calibration, structure, damping) = (calibration, settings.structure, settings.damping)
    sparsity = try settings.checkedSparsity(layer: name)
    if let needs {
      try require(needs, for: method)
      try calibration.checkUsable()
    }
  }

  /// The same layer with the weights that give the outputs it should have.
  fileprivate func aiming(at calibration: AimedCalibration) throws(OneShotError) -> OneShotLayer {
    var result = self
    result.weights = try calibration.aimed(weights, self.calibration, damping: damping)
    return result
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
    return OneShotResult(
      mask: solution.mask, weights: solution.weights,
      report: report(
        solution, method: method, errorOfMask: errorOfMask, error: error, since: start))
  }

  fileprivate func report(
    _ solution: OneShotSolution, method: String, errorOfMask: Double?, error: Double?,
    since start: ContinuousClock.Instant
  ) -> OneShotLayerReport {
    OneShotLayerReport(
      name: name, rows: rows, columns: columns, samples: calibration.samples,
      deadInputs: calibration.deadInputs, method: method, structure: structure.label,
      target: sparsity, kept: solution.mask.keptCount, errorOfMask: errorOfMask, error: error,
      damping: solution.damping, precision: solution.precision,
      seconds: (ContinuousClock.now - start) / .seconds(1))
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
