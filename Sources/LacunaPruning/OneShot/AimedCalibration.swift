// min ‖W·X + b·1ᵀ − T‖² over W and b: X·Xᵀ, T·Xᵀ and the means of both, added up batch by batch
//
// T are the outputs that a layer should have, X what its inputs are by now: in a network whose
// earlier layers were pruned, T come from the dense network. With x̄ and t̄ the means over n
// samples,
//
//     H = X·Xᵀ − n·x̄·x̄ᵀ      B = T·Xᵀ − n·t̄·x̄ᵀ      b = t̄ − W·x̄
//
// leaves W alone with ‖W·(X − x̄) − (T − t̄)‖². Its least squares solution is the layer that is
// pruned; λ pulls it to the trained weights where the samples leave it open:
//
//     W' = W + (B − W·H)·(H + λI)⁻¹
//
// A method that removes weights of W' sees the products H, whatever it is: nothing else changes.
// Inputs with a large mean, as behind a ReLU, are the bias's to make up for.

import LacunaFormats
import LacunaOperations

/// What a layer's inputs are like and which outputs it should give for them.
///
///     let calibration = try AimedCalibration(name: "dense", inputs: columns, outputs: rows)
///     for (x, t) in batches { try calibration.add(x, targets: t) }
///     let result = try oneShot(
///       weights, rows: rows, columns: columns, calibration: calibration, settings: settings)
///     // result.weights and result.bias
///
/// Memory is `inputs² + inputs · outputs` in double precision. Not for several threads at once.
public final class AimedCalibration {
  /// What errors and reports call the layer.
  public let name: String
  /// Inputs of the layer: columns of its weight matrix.
  public let inputs: Int
  /// Outputs of the layer: rows of its weight matrix.
  public let outputs: Int
  /// Whether the layer's bias may change too.
  public let adaptsBias: Bool
  /// Samples so far.
  public var samples: Int { plain.samples }

  /// Inputs that are the same in every sample, or zero where the bias may not change.
  public var deadInputs: Int { centred().deadInputs }

  /// Σx·xᵀ.
  private let plain: Calibration
  /// Σt·xᵀ, `[outputs, inputs]`.
  private let cross: AlignedBuffer<Double>
  /// Σx, Σt and Σt²; without a bias means count as 0.
  private var sums: [Double], targetSums: [Double], targetSquares: [Double]

  /// Samples that are widened to double precision at a time.
  private static let samplesAtOnce = 512

  /// An accumulator without samples.
  ///
  /// - Parameter adaptsBias: Whether the layer's bias may change too.
  /// - Throws: ``OneShotError/invalidParameter(name:value:allowed:)`` for fewer than one input or
  ///   output, or more than memory could hold the products of.
  public init(
    name: String = "layer", inputs: Int, outputs: Int, adaptsBias: Bool = true
  ) throws(OneShotError) {
    plain = try Calibration(name: name, inputs: inputs)
    let allowed = 1...max(1, Calibration.mostInputs * Calibration.mostInputs / inputs)
    if !allowed.contains(outputs) {
      throw .invalidParameter(
        name: "outputs of \(name)", value: "\(outputs)", allowed: "in \(allowed)")
    }
    (self.name, self.inputs, self.outputs) = (name, inputs, outputs)
    self.adaptsBias = adaptsBias
    cross = AlignedBuffer(count: inputs * outputs)
    sums = [Double](repeating: 0, count: inputs)
    targetSums = [Double](repeating: 0, count: outputs)
    targetSquares = targetSums
  }

  /// Adds the samples of a batch of inputs and the outputs that they should have, bias included.
  /// When it throws, nothing was added.
  ///
  /// - Throws: ``OneShotError`` when the batches have other widths than the layer, unequal numbers
  ///   of samples, are shorter than their shapes, or hold a value that is not finite.
  /// - Complexity: O(inputs · (inputs + outputs) · samples)
  public func add(
    _ batch: CalibrationBatch, targets: CalibrationBatch
  ) throws(OneShotError) {
    try batch.check(layer: name, width: inputs, after: samples)
    try targets.check(layer: "targets of \(name)", width: outputs, after: samples)
    if batch.samples != targets.samples {
      throw .shapeMismatch(
        layer: name, what: "batch of targets", expectedRows: batch.samples,
        expectedColumns: outputs, rows: targets.samples, columns: outputs)
    }
    for first in stride(from: 0, to: batch.samples, by: Self.samplesAtOnce) {
      let range = first..<min(first + Self.samplesAtOnce, batch.samples)
      let (x, t) = (batch.widened(range), targets.widened(range))
      for i in 0..<range.count {
        for j in 0..<outputs {
          targetSquares[j] += t.pointer[i * outputs + j] * t.pointer[i * outputs + j]
        }
        if !adaptsBias { continue }
        for j in 0..<inputs { sums[j] += x.pointer[i * inputs + j] }
        for j in 0..<outputs { targetSums[j] += t.pointer[i * outputs + j] }
      }
      // Their memory goes with the last use of the buffers, not of their pointers.
      withExtendedLifetime((x, t)) {
        TiledAlgebra.product(
          m: outputs, n: inputs, k: range.count, a: t.pointer, lda: outputs, transposeA: true,
          b: x.pointer, ldb: inputs, beta: 1, c: cross.pointer, ldc: inputs)
      }
    }
    try plain.add(batch)
  }
}

extension CalibrationBatch {
  /// Some samples as `[samples, inputs]` in double precision.
  fileprivate func widened(_ range: Range<Int>) -> AlignedBuffer<Double> {
    let result = AlignedBuffer<Double>(uninitialized: range.count * inputs)
    let (sample, input) = layout == .rows ? (stride, 1) : (1, stride)
    let start = elements.baseAddress! + range.lowerBound * sample
    for i in 0..<range.count {
      for j in 0..<inputs { result.pointer[i * inputs + j] = Double(start[i * sample + j * input]) }
    }
    return result
  }
}

extension AimedCalibration {
  /// Where an input varies by less than this part of its energy, only rounding is left of it.
  private static let least = 1e-12

  /// The products about the means. An input that never changes is dead: the bias has what it gives.
  func centred() -> Calibration {
    let n = inputs
    let h = AlignedBuffer<Double>(uninitialized: n * n)
    guard case .double(let products) = plain.symmetricSums() else {
      preconditionFailure("products of \(name) were not collected in double precision")
    }
    let count = Double(max(samples, 1))
    for i in 0..<n {
      let mean = sums[i] / count
      for j in 0..<n { h.pointer[i * n + j] = products.pointer[i * n + j] - mean * sums[j] }
    }
    for i in 0..<n
    where h.pointer[i * n + i] <= Self.least * products.pointer[i * n + i] {
      for j in 0..<n { (h.pointer[i * n + j], h.pointer[j * n + i]) = (0, 0) }
    }
    return Calibration(name: name, inputs: n, samples: samples, products: h)
  }

  /// T·Xᵀ about the means.
  private func centredCross() -> AlignedBuffer<Double> {
    let result = AlignedBuffer<Double>(uninitialized: cross.count)
    let count = Double(max(samples, 1))
    for i in 0..<outputs {
      let mean = targetSums[i] / count
      for j in 0..<inputs {
        result.pointer[i * inputs + j] = cross.pointer[i * inputs + j] - mean * sums[j]
      }
    }
    return result
  }

  /// W + (B − W·H)·(H + λI)⁻¹
  ///
  /// - Parameter centred: What ``centred()`` gave.
  /// - Throws: ``OneShotError/notPositiveDefinite(layer:inputs:samples:damping:)``
  /// - Complexity: O(inputs³ + outputs · inputs²)
  func aimed(
    _ weights: AlignedBuffer<Float>, _ centred: Calibration, damping: Double
  ) throws(OneShotError) -> AlignedBuffer<Float> {
    let n = inputs
    let change = centredCross()
    let trained = AlignedBuffer<Double>(uninitialized: weights.count)
    for i in 0..<weights.count { trained.pointer[i] = Double(weights.pointer[i]) }
    let products = centred.damped(by: 0)
    withExtendedLifetime(products) {
      TiledAlgebra.product(
        m: outputs, n: n, k: n, alpha: -1, a: trained.pointer, lda: n, b: products.pointer,
        ldb: n, beta: 1, c: change.pointer, ldc: n)
    }
    // A dead input has no products, so nothing asks it to change.
    let dead = centred.squaredNorms.map { $0 == 0 }
    for i in 0..<change.count where dead[i % n] { change.pointer[i] = 0 }
    let factor = try centred.factor(damping: damping)
    withExtendedLifetime(factor.matrix) {
      TiledAlgebra.solveRows(m: outputs, n: n, lower: factor.matrix.pointer, change.pointer)
    }
    let result = AlignedBuffer<Float>(uninitialized: weights.count)
    for i in 0..<result.count {
      result.pointer[i] = Float(trained.pointer[i] + change.pointer[i])
    }
    return result
  }

  /// t̄ − W·x̄
  func bias(of weights: [Float]) -> [Float] {
    let count = Double(max(samples, 1))
    return (0..<outputs).map { i in
      var sum = targetSums[i]
      for j in 0..<inputs { sum -= Double(weights[i * inputs + j]) * sums[j] }
      return Float(sum / count)
    }
  }

  /// ‖W·X + b·1ᵀ − T‖² / ‖T − t̄‖² with the best b.
  func error(of weights: [Float], _ centred: Calibration) -> Double {
    let count = Double(max(samples, 1))
    let energy = zip(targetSquares, targetSums).reduce(0) { $0 + $1.0 - $1.1 * $1.1 / count }
    if !(energy > Self.least * targetSquares.reduce(0, +)) { return 0 }
    let b = centredCross()
    let own = AlignedBuffer<Float>(uninitialized: weights.count)
    _ = own.elements.update(from: weights)
    var error = centred.energies(of: own, outputs).reduce(energy, +)
    for i in 0..<weights.count { error -= 2 * Double(weights[i]) * b.pointer[i] }
    return max(error, 0) / energy
  }
}
