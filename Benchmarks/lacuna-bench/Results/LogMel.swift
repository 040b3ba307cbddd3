// log(ε + M·|F·(window ⊙ x)|²) for every 10 ms: a spectrum in bands as wide as the ear's.

import Lacuna

/// Log-mel frames of a recording of 8000 samples a second.
struct LogMel {
  let bands = 32
  /// Samples of a frame, from one frame to the next, and of the transform.
  private let length = 200, step = 80, size = 256
  private var bins: Int { size / 2 + 1 }
  /// [2 · bins, length]: cosines and sines times the window.
  private let transform: [Float]
  /// [bands, bins]: triangles.
  private let filters: [Float]

  init() {
    let (length, size, bins) = (length, size, size / 2 + 1)
    var transform: [Float] = []
    for part in 0..<2 {
      for bin in 0..<bins {
        for i in 0..<length {
          let window = 0.5 - 0.5 * cos(2 * Double.pi * (Double(i) + 0.5) / Double(length))
          let angle = 2 * Double.pi * Double(bin * i) / Double(size)
          transform.append(Float(window * (part == 0 ? cos(angle) : sin(angle))))
        }
      }
    }
    self.transform = transform
    func mel(_ hertz: Double) -> Double { 1127 * log(1 + hertz / 700) }
    let (low, high) = (mel(100), mel(3800))
    var filters: [Float] = []
    for band in 0..<bands {
      for bin in 0..<bins {
        let place =
          (mel(Double(bin * Waveform.rate) / Double(size)) - low) / (high - low)
          * Double(bands + 1)
        filters.append(Float(max(0, 1 - abs(place - Double(band + 1)))))
      }
    }
    self.filters = filters
  }

  /// `[frames, bands]`
  func callAsFunction(_ samples: [Float]) -> [Float] {
    let count = samples.count < length ? 0 : (samples.count - length) / step + 1
    if count == 0 { return [] }
    var frames: [Float] = []
    frames.reserveCapacity(count * length)
    for frame in 0..<count { frames += samples[frame * step..<frame * step + length] }
    var spectrum = [Float](repeating: 0, count: count * 2 * bins)
    BLAS.gemm(
      m: count, n: 2 * bins, k: length, a: frames, lda: length, b: transform, ldb: length,
      transposeB: true, c: &spectrum, ldc: 2 * bins)
    var power = [Float](repeating: 0, count: count * bins)
    for frame in 0..<count {
      for bin in 0..<bins {
        let (re, im) = (spectrum[frame * 2 * bins + bin], spectrum[(frame * 2 + 1) * bins + bin])
        power[frame * bins + bin] = re * re + im * im
      }
    }
    var result = [Float](repeating: 0, count: count * bands)
    BLAS.gemm(
      m: count, n: bands, k: bins, a: power, lda: bins, b: filters, ldb: bins, transposeB: true,
      c: &result, ldc: bands)
    return result.map { log(1e-6 + $0) }
  }

  /// The mean over some frames: how loud they are.
  static func level(_ frames: ArraySlice<Float>) -> Float {
    frames.reduce(0, +) / Float(max(frames.count, 1))
  }
}
