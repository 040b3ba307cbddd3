// Layers and inputs for one-shot pruning: from the golden file, and correlated random ones

import Foundation
import Lacuna
import TestSupport

/// A layer with its calibration inputs, `[samples, columns]`.
struct LayerCase {
  var weights: [Float]
  var inputs: [Float]
  var rows: Int, columns: Int, samples: Int

  /// Random weights, and inputs that are correlated like those of a real layer: a few directions
  /// carry most of the energy, and the scales of the inputs differ.
  init(rows: Int, columns: Int, samples: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    (self.rows, self.columns, self.samples) = (rows, columns, samples)
    weights = (0..<rows * columns).map { _ in Self.normal(&random) }
    let factors = max(1, columns / 4)
    let mixing = (0..<factors * columns).map { _ in Self.normal(&random) }
    let scale = (0..<columns).map { _ in exp(0.5 * Self.normal(&random)) }
    inputs = []
    for _ in 0..<samples {
      let hidden = (0..<factors).map { _ in Self.normal(&random) }
      for j in 0..<columns {
        var sum = 0.5 * Self.normal(&random)
        for f in 0..<factors {
          sum += hidden[f] * mixing[f * columns + j] / Float(factors).squareRoot()
        }
        inputs.append(sum * scale[j])
      }
    }
  }

  init(weights: [Float], inputs: [Float], rows: Int, columns: Int) {
    (self.weights, self.inputs, self.rows, self.columns) = (weights, inputs, rows, columns)
    samples = inputs.count / columns
  }

  static func normal(_ random: inout SeededGenerator) -> Float {
    let u = Float.random(in: Float.leastNormalMagnitude..<1, using: &random)
    return (-2 * log(u)).squareRoot() * cos(2 * .pi * Float.random(in: 0..<1, using: &random))
  }

  func calibration(_ moments: Calibration.Moments = .double) throws -> Calibration {
    try Calibration(
      CalibrationSamples(inputs, samples: samples, inputs: columns), moments: moments)
  }

  func pruned(
    _ method: any OneShotMethod, _ sparsity: Double? = nil, structure: Granularity = .element,
    refit: Refit? = nil, damping: Double = OneShotSettings.usualDamping,
    moments: Calibration.Moments = .double
  ) throws -> OneShotResult {
    try weights.withUnsafeBufferPointer {
      try oneShot(
        $0, rows: rows, columns: columns, calibration: calibration(moments),
        settings: OneShotSettings(
          method: method, sparsity: sparsity, structure: structure, refit: refit, damping: damping))
    }
  }

  func refitted(
    _ mask: BitMask, by fit: Refit = .automatic, damping: Double = OneShotSettings.usualDamping
  ) throws -> OneShotResult {
    try weights.withUnsafeBufferPointer {
      try refit(
        $0, rows: rows, columns: columns, mask: mask, calibration: calibration(), by: fit,
        damping: damping)
    }
  }

  /// ‖(W − Ŵ)·X‖² / ‖W·X‖², from the samples themselves.
  func error(_ pruned: [Float]) -> Double {
    var (change, energy) = (0.0, 0.0)
    for s in 0..<samples {
      for i in 0..<rows {
        var (a, b) = (0.0, 0.0)
        for j in 0..<columns {
          let x = Double(inputs[s * columns + j])
          a += (Double(weights[i * columns + j]) - Double(pruned[i * columns + j])) * x
          b += Double(weights[i * columns + j]) * x
        }
        change += a * a
        energy += b * b
      }
    }
    return change / energy
  }
}

/// `Tests/Golden/oneshot/layer.npz`.
struct GoldenLayer {
  let file: NPZ
  let layer: LayerCase

  init() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden/oneshot/layer.npz").path
    file = try NPZ(contentsOf: path)
    let weights = file["weights"]!
    layer = LayerCase(
      weights: try weights.floats(), inputs: try file["inputs"]!.floats(),
      rows: weights.shape[0], columns: weights.shape[1])
  }

  func mask(_ name: String) throws -> BitMask {
    let bits = try file[name + "_mask"]!.integers()
    var mask = try BitMask(rows: layer.rows, columns: layer.columns)
    for (i, bit) in bits.enumerated() where bit == 1 {
      mask[i / layer.columns, i % layer.columns] = true
    }
    return mask
  }

  func weights(_ name: String) throws -> [Double] { try file[name + "_weights"]!.doubles() }
}

/// The largest difference, as a part of the largest expected value.
func largestDifference(_ a: [Float], _ b: [Double]) -> Double {
  let scale = b.map(abs).max() ?? 1
  return zip(a, b).map { abs(Double($0) - $1) }.max()! / scale
}
