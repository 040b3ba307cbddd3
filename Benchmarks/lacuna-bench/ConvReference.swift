// |y − ŷ| ≤ γ(t)·Σ|w||x| for every result of a convolution, with ŷ and the magnitudes by patches and cblas_dgemm.

import Lacuna

/// The expected results of a convolution and their error bounds.
struct ConvReference<Scalar: BenchScalar> {
  private let layer: ConvShape
  private let layout: ImageLayout
  private let gamma: [Double]
  /// [image, filter, pixel].
  private(set) var expected: [Double]
  private var magnitude: [Double]

  init(_ layer: ConvShape, _ layout: ImageLayout, weights: DenseMatrix<Scalar>, x: [Scalar]) {
    (self.layer, self.layout) = (layer, layout)
    let s = layer.shape
    let u = Double(Scalar.ulpOfOne) / 2
    gamma = BitMask(nonzerosOf: weights).keptCounts.map { terms in
      let n = Double(terms + 2) * u
      return n / (1 - n) * (Scalar.dtype == .f64 ? 2 : 1)
    }
    let count = layer.images * s.outputCount
    (expected, magnitude) = (
      [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
    )
    let w = weights.values.map { Double($0) }
    let sizes = w.map(abs)
    let (channels, filters) = (s.channels / s.groups, s.filters / s.groups)
    var patches = [Double](repeating: 0, count: s.patch * s.pixels)
    for image in 0..<layer.images {
      for group in 0..<s.groups {
        for c in 0..<channels {
          for tap in 0..<s.taps {
            let row = (c * s.taps + tap) * s.pixels
            for pixel in 0..<s.pixels {
              let y = pixel / s.outputWidth * s.strideY + tap / s.kernelWidth - s.padTop
              let column = pixel % s.outputWidth * s.strideX + tap % s.kernelWidth - s.padLeft
              let inside = y >= 0 && y < s.height && column >= 0 && column < s.width
              let channel = group * channels + c
              patches[row + pixel] =
                !inside
                ? 0
                : Double(
                  x[
                    layout == .nchw
                      ? ((image * s.channels + channel) * s.height + y) * s.width + column
                      : ((image * s.height + y) * s.width + column) * s.channels + channel])
            }
          }
        }
        let at = (image * s.filters + group * filters) * s.pixels
        let first = group * filters * s.patch
        func product(_ w: [Double], _ p: [Double], _ y: inout [Double]) {
          w.withUnsafeBufferPointer { w in
            p.withUnsafeBufferPointer { p in
              y.withUnsafeMutableBufferPointer { y in
                BLAS.gemm(
                  m: filters, n: s.pixels, k: s.patch, a: w.baseAddress! + first, lda: s.patch,
                  b: p.baseAddress!, ldb: s.pixels, c: y.baseAddress! + at, ldc: s.pixels)
              }
            }
          }
        }
        product(w, patches, &expected)
        product(sizes, patches.map(abs), &magnitude)
      }
    }
  }

  /// Checks every result.
  ///
  /// - Throws: ``Failure`` naming the first wrong one.
  func check(_ y: [Scalar], _ what: String) throws -> ErrorCheck {
    var worst = ErrorCheck(maxError: 0, bound: 0)
    let s = layer.shape
    for image in 0..<layer.images {
      for filter in 0..<s.filters {
        for pixel in 0..<s.pixels {
          let at = (image * s.filters + filter) * s.pixels + pixel
          let result =
            y[layout == .nchw ? at : (image * s.pixels + pixel) * s.filters + filter]
          let error = abs(Double(result) - expected[at])
          let bound = gamma[filter] * magnitude[at] + Double(Scalar.leastNonzeroMagnitude)
          // Written so that NaN fails.
          if !(error <= bound) {
            throw Failure(
              .software,
              "\(what): wrong result, image \(image), filter \(filter), pixel \(pixel) is \(result), "
                + "expected \(expected[at]) ± \(bound)")
          }
          if error >= worst.maxError { worst = ErrorCheck(maxError: error, bound: bound) }
        }
      }
    }
    return worst
  }
}
