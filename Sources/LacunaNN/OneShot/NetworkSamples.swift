// Unlabelled samples of a network's input, from images or from floats

import LacunaPruning

/// Samples in the shape of a network's input: what a network is calibrated with.
public struct NetworkSamples: Sendable {
  /// Samples.
  public let count: Int
  /// Scalars per sample.
  public let valuesPerSample: Int
  private enum Values: Sendable {
    case images(ImageDataset)
    case floats([Float])
  }
  private let values: Values

  /// The images of a data set as floats in [0, 1], as training reads them; labels are not used.
  public init(_ images: ImageDataset) {
    (count, valuesPerSample, values) = (images.count, images.shape.count, .images(images))
  }

  /// Floats as the network reads them, sample by sample, channels innermost.
  ///
  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` unless they are whole samples, and
  ///   ``ModelError/oneShot(_:)`` when one is not finite.
  public init(_ floats: [Float], valuesPerSample: Int) throws(ModelError) {
    if valuesPerSample < 1 || floats.count % valuesPerSample != 0 {
      throw .dataMismatch(
        what: "values per calibration sample", expected: valuesPerSample,
        found: valuesPerSample < 1 ? 0 : floats.count % valuesPerSample)
    }
    if let index = floats.firstIndex(where: { !$0.isFinite }) {
      throw .oneShot(
        .inputNotFinite(
          layer: "input", sample: index / valuesPerSample, input: index % valuesPerSample))
    }
    (count, self.valuesPerSample) = (floats.count / valuesPerSample, valuesPerSample)
    values = .floats(floats)
  }

  /// The first `limit` samples.
  public func prefix(_ limit: Int) -> NetworkSamples {
    switch values {
    case .images(let images): NetworkSamples(images.prefix(limit))
    case .floats(let floats):
      NetworkSamples(
        count: min(limit, count), valuesPerSample: valuesPerSample,
        values: .floats(Array(floats.prefix(limit * valuesPerSample))))
    }
  }

  private init(count: Int, valuesPerSample: Int, values: Values) {
    (self.count, self.valuesPerSample, self.values) = (count, valuesPerSample, values)
  }

  /// Writes sample `index`. Not checked: `index < count`.
  func write(_ index: Int, to x: UnsafeMutablePointer<Float>) {
    switch values {
    case .images(let images): images.write(index, to: x)
    case .floats(let floats):
      floats.withUnsafeBufferPointer {
        x.update(from: $0.baseAddress! + index * valuesPerSample, count: valuesPerSample)
      }
    }
  }
}
