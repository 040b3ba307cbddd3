// Small networks, synthetic data, and the folder tests may write in.

import Foundation
import LacunaNN
import LacunaPruning
import TestSupport

enum Fixtures {
  /// A convolutional network of 2 006 weights with every kind of layer that has state.
  static let network = Architecture(
    name: "small", input: Shape(height: 8, width: 8, channels: 1),
    layers: [
      .convolution(
        name: "conv1", filters: 6, window: Window2D(height: 3, width: 3, padding: .same), relu: true
      ),
      .maxPooling(
        name: "pool1",
        window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
      .batchNormalization(name: "norm", momentum: 0.9, epsilon: 1e-3),
      .convolution(
        name: "conv2", filters: 8, window: Window2D(height: 3, width: 3, padding: .valid),
        relu: true),
      .flatten(name: "flatten"),
      .dense(name: "dense1", units: 40, relu: true),
      .dropout(name: "dropout", rate: 0.3),
      .dense(name: "dense2", units: 4, relu: false),
    ])

  /// Images with one bright quadrant, which is the label, under noise.
  static func quadrants(count: Int, seed: UInt64) throws -> ImageDataset {
    var random = SeededGenerator(seed: seed)
    var images: [UInt8] = []
    var labels: [UInt16] = []
    for _ in 0..<count {
      let label = UInt16(random.next() % 4)
      for y in 0..<8 {
        for x in 0..<8 {
          let bright = (y / 4) * 2 + x / 4 == Int(label)
          images.append(UInt8(random.next() % 150) + (bright ? 70 : 0))
        }
      }
      labels.append(label)
    }
    return try ImageDataset(
      shape: Shape(height: 8, width: 8, channels: 1), classes: 4, images: images, labels: labels)
  }

  /// A recipe that updates masks several times in the first hundred steps.
  static func recipe() throws -> PruningSettings {
    PruningSettings(
      schedule: try PolynomialDecay(initial: 0.3, final: 0.8, begin: 3, end: 30, frequency: 7))
  }

  /// Calls `body` with a new folder, which is removed afterwards.
  static func withFolder<R>(_ body: (String) throws -> R) throws -> R {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("lacuna-nn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
  }
}
