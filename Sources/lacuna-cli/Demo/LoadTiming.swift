// Seconds from a file to a network's tensors, beside unpacking a gzip of the same weights.

import Lacuna

/// How long the classical recipe and a `.lacuna` file take to be read, each from memory that is warm.
struct LoadTiming: Encodable {
  /// Shortest time from the path of the file to its checked tensors.
  var seconds: Double
  /// Shortest time to unpack all weights, zeros too, from `gzip -9`.
  var gunzipSeconds: Double
  /// How many times as fast.
  var speedup: Double

  private static let runs = 9

  /// - Parameter path: The file of `model`.
  init(_ model: CompressedModel, path: String) throws {
    let packed = Gzip.compress(model.tensors.flatMap { $0.tensor.plain.bytes })
    let clock = ContinuousClock()
    var (load, gunzip): ([Duration], [Duration]) = ([], [])
    for _ in 0..<Self.runs {
      load.append(try clock.measure { _ = try CompressedModel.load(from: path) })
      gunzip.append(try clock.measure { _ = try Gzip.decompress(packed) })
    }
    seconds = load.min()! / .seconds(1)
    gunzipSeconds = gunzip.min()! / .seconds(1)
    speedup = gunzipSeconds / seconds
  }
}
