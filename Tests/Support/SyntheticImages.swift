// A folder of IDX files that a small network learns at once: class c is a bright bar in row band c.

import Foundation
import Lacuna

/// Images of the tests, in the layout of MNIST.
public struct SyntheticImages {
  public var train: (images: IDX, labels: IDX)
  public var test: (images: IDX, labels: IDX)

  /// Noise with a bar for each class.
  public init(training: Int = 640, testing: Int = 200, seed: UInt64 = 1) {
    var generator = SeededGenerator(seed: seed)
    func half(_ count: Int) -> (images: IDX, labels: IDX) {
      var pixels: [UInt8] = []
      var labels: [UInt8] = []
      for _ in 0..<count {
        let label = Int.random(in: 0..<10, using: &generator)
        labels.append(UInt8(label))
        for row in 0..<28 {
          for _ in 0..<28 {
            let isBar = row / 2 == label + 2
            pixels.append(UInt8.random(in: isBar ? 120...255 : 0...80, using: &generator))
          }
        }
      }
      return (
        IDX(shape: [count, 28, 28], elements: pixels), IDX(shape: [count], elements: labels)
      )
    }
    train = half(training)
    test = half(testing)
  }

  /// Writes the four files into `folder`, gzipped or plain.
  public func write(to folder: String, gzip: Bool = true) throws {
    let suffix = gzip ? ".gz" : ""
    for (name, idx) in [
      ("train-images-idx3-ubyte", train.images), ("train-labels-idx1-ubyte", train.labels),
      ("t10k-images-idx3-ubyte", test.images), ("t10k-labels-idx1-ubyte", test.labels),
    ] {
      try Data(idx.encoded(gzip: gzip)).write(
        to: URL(fileURLWithPath: "\(folder)/\(name)\(suffix)"))
    }
  }
}

/// Replaces the content of a file by what `change` makes of it.
public func rewrite(_ path: String, _ change: (inout [UInt8]) -> Void) throws {
  var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  change(&bytes)
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}
