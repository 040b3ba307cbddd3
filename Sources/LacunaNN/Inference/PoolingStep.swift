// y[c, (oy, ox, s)] = max or mean of x over the window at (oy, ox), samples innermost.

import LacunaFormats

/// Maximum or mean over windows of a feature map.
final class PoolingStep: InferenceStep {
  let name: String
  let input: ActivationLayout
  let output: ActivationLayout
  private let kind: Pooling.Kind
  private let geometry: WindowGeometry
  private let samples: Int
  private let scratch: [AlignedBuffer<Float>]

  init(
    _ name: String, _ kind: Pooling.Kind, geometry: WindowGeometry, input: ActivationLayout,
    output: ActivationLayout, samples: Int, threads: Int
  ) {
    (self.name, self.kind, self.geometry, self.samples) = (name, kind, geometry, samples)
    (self.input, self.output) = (input, output)
    scratch = (0..<threads).map { _ in AlignedBuffer(count: input.shape.width * samples) }
  }

  func run(_ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, thread: Int) {
    let (g, w) = (geometry, geometry.window)
    let column = scratch[thread].pointer
    let length = g.input.width * samples
    for c in 0..<g.input.channels {
      for oy in 0..<g.outHeight {
        // First down the rows of the window, whole image rows at once, then across.
        let top = oy * w.strideY - g.padTop
        let rows = max(top, 0)..<min(top + w.height, g.input.height)
        let first = x + input.index(c, rows.lowerBound, 0)
        if rows.count == 1 {
          copy(column, first, length)
        } else {
          combine(column, first, first + input.rowStride, length)
        }
        for iy in rows.dropFirst(2) { combine(column, column, x + input.index(c, iy, 0), length) }
        for ox in 0..<g.outWidth {
          let left = ox * w.strideX - g.padLeft
          let columns = max(left, 0)..<min(left + w.width, g.input.width)
          let out = y + output.index(c, oy, ox)
          if samples == 1 {
            out[0] = across(column, columns)
          } else {
            let first = column + columns.lowerBound * samples
            if columns.count == 1 {
              copy(out, first, samples)
            } else {
              combine(out, first, first + samples, samples)
            }
            for ix in columns.dropFirst(2) { combine(out, out, column + ix * samples, samples) }
          }
          if kind == .average {
            let share = 1 / Float(rows.count * columns.count)
            for i in 0..<samples { out[i] *= share }
          }
        }
      }
    }
  }

  /// Maximum or sum of single values.
  @inline(__always)
  private func across(_ column: UnsafePointer<Float>, _ range: Range<Int>) -> Float {
    var result = column[range.lowerBound]
    var i = range.lowerBound + 1
    while i < range.upperBound {
      let value = column[i]
      result = kind == .average ? result + value : larger(value, result)
      i += 1
    }
    return result
  }

  /// y ← max(a, b) or a + b
  @inline(__always)
  private func combine(
    _ y: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int
  ) {
    if kind == .average {
      for i in 0..<n { y[i] = a[i] + b[i] }
    } else {
      for i in 0..<n { y[i] = larger(a[i], b[i]) }
    }
  }
}
