// The ranges of the activations that layers with weights read: observed, kept with the model, used in 8 bits.

import LacunaFormats
import LacunaOperations

/// The least and the greatest activation that a layer reads, 0 between them.
public struct ActivationBounds: Hashable, Sendable, Codable {
  /// At most 0.
  public let low: Float
  /// At least 0.
  public let high: Float

  /// Bounds, widened to hold 0.
  public init(_ range: ClosedRange<Float>) {
    (low, high) = (min(range.lowerBound, 0), max(range.upperBound, 0))
  }

  var closed: ClosedRange<Float> { low...high }

  /// Bounds from a file.
  ///
  /// - Throws: ``ModelError/metadata(key:reason:)`` unless they are finite and around 0.
  init(checking low: Float, _ high: Float, of layer: String) throws(ModelError) {
    if !(low <= 0 && high >= 0 && low.isFinite && high.isFinite) {
      throw .metadata(key: CompressedModel.rangesKey, reason: "of '\(layer)' are \(low) to \(high)")
    }
    (self.low, self.high) = (low, high)
  }
}

extension Architecture {
  /// The names of the layers that read bytes in products of bytes: those with weights.
  ///
  /// - Throws: ``ModelError/invalidLayer(name:reason:)`` for a network with branches or recurrence.
  func layersOfBytes() throws(ModelError) -> [String] {
    if let layer = firstBeyondChain {
      throw .invalidLayer(
        name: layer.name, reason: "activations in bytes are for chains of layers alone")
    }
    return layers.filter(\.hasWeights).map(\.name)
  }
}

extension CompressedModel {
  static let rangesKey = "activations"

  /// The ranges of the activations, by the layer's name, from ``calibrated(on:by:threads:)`` or training; empty for a
  /// model without them.
  ///
  /// - Throws: ``ModelError/metadata(key:reason:)`` when the file's text of them is damaged, names a layer that the
  ///   architecture lacks, or holds bounds that are not finite or not around 0.
  public func activationRanges() throws(ModelError) -> [String: ActivationBounds] {
    if notes[Self.rangesKey] == nil { return [:] }
    let ranges = try notes.decoded([String: ActivationBounds].self, key: Self.rangesKey)
    try check(ranges)
    return ranges
  }

  private func check(_ ranges: [String: ActivationBounds]) throws(ModelError) {
    let names = Set(architecture.layers.filter(\.hasWeights).map(\.name))
    for (name, bounds) in ranges.sorted(by: { $0.key < $1.key }) {
      if !names.contains(name) {
        throw .metadata(
          key: Self.rangesKey, reason: "names the layer '\(name)', which has no weights")
      }
      _ = try ActivationBounds(checking: bounds.low, bounds.high, of: name)
    }
  }

  /// The model with ranges of its activations that training has found: ``Trainer/activationRanges`` or
  /// ``Checkpoint/activationRanges``. With them it runs as if it had been ``calibrated(on:by:threads:)``.
  ///
  /// - Throws: ``ModelError/metadata(key:reason:)`` when a layer that is named has no weights,
  ///   ``ModelError/invalidSetting(name:reason:)`` when no kernel is stored in 8 bits,
  ///   ``ModelError/invalidLayer(name:reason:)`` for a network with branches or recurrence.
  public func calibrated(
    with ranges: [String: ActivationBounds]
  ) throws(ModelError) -> CompressedModel {
    _ = try architecture.layersOfBytes()
    try checkHasBytes()
    try check(ranges)
    var result = self
    result.notes[Self.rangesKey] = json(ranges)
    return result
  }

  private func checkHasBytes() throws(ModelError) {
    if !tensors.contains(where: { $0.tensor.isQuantized }) {
      throw .invalidSetting(
        name: "calibration", reason: "is for weights in 8 bits, and no kernel is stored so")
    }
  }

  /// The model with the ranges of its activations over some images, with which ``NetworkArithmetic/i8`` keeps
  /// activations in bytes from layer to layer.
  ///
  /// A few hundred images of the training data are enough; those of the test would be a look at the answers. The
  /// network runs in single precision with the weights as they are stored.
  ///
  /// - Parameters:
  ///   - images: `[count, height · width · channels]`, as ``InferenceNetwork/logits(_:)`` takes them.
  ///   - method: how a range is chosen; `RangeMethod.minMax` cuts nothing off.
  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` when `images` is no whole number of samples or
  ///   empty, ``ModelError/calibration(layer:_:)`` when a layer reads a NaN or an infinity,
  ///   ``ModelError/invalidSetting(name:reason:)`` when no kernel is stored in 8 bits,
  ///   ``ModelError/invalidLayer(name:reason:)`` for a network with branches or recurrence.
  public func calibrated(
    on images: [Float], by method: RangeMethod = .minMax, threads: Int = 1
  ) throws(ModelError) -> CompressedModel {
    let names = try architecture.layersOfBytes()
    let size = architecture.input.count
    if images.isEmpty || images.count % size != 0 {
      throw .dataMismatch(
        what: "values of whole images", expected: (images.count / size + 1) * size,
        found: images.count)
    }
    try checkHasBytes()
    let network = try SparseNetwork(self, batch: min(64, images.count / size))
    let observer = RangeObserver(Set(names))
    network.observe(images, observer)
    var ranges: [String: ActivationBounds] = [:]
    for name in names {
      do throws(RangeCalibrationError) {
        ranges[name] = ActivationBounds(try observer.calibrations[name]!.range(by: method))
      } catch { throw .calibration(layer: name, error) }
    }
    return try calibrated(with: ranges)
  }
}

extension LayerDescription {
  fileprivate var hasWeights: Bool {
    switch self {
    case .convolution, .dense: true
    // The networks that these are in have no ranges.
    case .depthwiseConvolution, .residual, .embedding, .recurrent, .encoderDecoder: false
    case .maxPooling, .averagePooling, .batchNormalization, .relu, .flatten, .dropout,
      .globalAveragePooling:
      false
    }
  }
}

/// Adds up what layers with weights read, borders left out.
private final class RangeObserver: StepWatch {
  private(set) var calibrations: [String: RangeCalibration]

  init(_ layers: Set<String>) {
    calibrations = Dictionary(uniqueKeysWithValues: layers.map { ($0, RangeCalibration()) })
  }

  func begins(_ step: any InferenceStep, _ x: UnsafeRawPointer, samples: Int) {
    if calibrations[step.name] == nil { return }
    let (layout, floats) = (step.input, x.assumingMemoryBound(to: Float.self))
    for c in 0..<layout.shape.channels {
      for row in 0..<layout.shape.height {
        let run = UnsafeBufferPointer(
          start: floats + layout.index(c, row, 0), count: layout.shape.width * samples)
        calibrations[step.name]!.observe(run)
      }
    }
  }

  func ended(step: Int) {}
}
