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
}

extension CompressedModel {
  private static let key = "activations"

  /// The ranges that ``calibrated(on:by:threads:)`` found, by the layer's name; empty for a model without them.
  ///
  /// - Throws: ``ModelError/metadata(key:reason:)`` when the file's text of them is damaged, names a layer that the
  ///   architecture lacks, or holds bounds that are not finite or not around 0.
  public func activationRanges() throws(ModelError) -> [String: ActivationBounds] {
    if notes[Self.key] == nil { return [:] }
    let ranges = try notes.decoded([String: ActivationBounds].self, key: Self.key)
    let names = Set(architecture.layers.filter(\.hasWeights).map(\.name))
    for (name, bounds) in ranges.sorted(by: { $0.key < $1.key }) {
      if !names.contains(name) {
        throw .metadata(key: Self.key, reason: "names the layer '\(name)', which has no weights")
      }
      if !(bounds.low <= 0 && bounds.high >= 0 && bounds.low.isFinite && bounds.high.isFinite) {
        throw .metadata(
          key: Self.key, reason: "of '\(name)' are \(bounds.low) to \(bounds.high)")
      }
    }
    return ranges
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
    if let layer = architecture.firstBeyondChain {
      throw .invalidLayer(
        name: layer.name, reason: "activations in bytes are for chains of layers alone")
    }
    let size = architecture.input.count
    if images.isEmpty || images.count % size != 0 {
      throw .dataMismatch(
        what: "values of whole images", expected: (images.count / size + 1) * size,
        found: images.count)
    }
    if !tensors.contains(where: { $0.tensor.isQuantized }) {
      throw .invalidSetting(
        name: "calibration", reason: "is for weights in 8 bits, and no kernel is stored so")
    }
    let network = try SparseNetwork(self, batch: min(64, images.count / size))
    let names = architecture.layers.filter(\.hasWeights).map(\.name)
    let observer = RangeObserver(Set(names))
    network.observe(images, observer)
    var ranges: [String: ActivationBounds] = [:]
    for name in names {
      do throws(RangeCalibrationError) {
        ranges[name] = ActivationBounds(try observer.calibrations[name]!.range(by: method))
      } catch { throw .calibration(layer: name, error) }
    }
    var result = self
    result.notes[Self.key] = json(ranges)
    return result
  }
}

extension LayerDescription {
  fileprivate var hasWeights: Bool {
    switch self {
    case .convolution, .dense: true
    // The networks that these are in have no ranges.
    case .depthwiseConvolution, .residual, .embedding, .recurrent: false
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
