// y[p, c] = max or mean of x over the window at p, per channel.

/// Max or average pooling over NHWC images. Positions outside the image do not take part: an average
/// divides by the number of positions inside. NaN in a window is its maximum.
final class Pooling: Layer {
  enum Kind: Sendable { case max, average }

  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let kind: Kind
  /// Set when the input is the output of a ReLU: where it is not positive, no gradient passes.
  var masksRectifiedInput = false
  private let geometry: WindowGeometry
  /// Whether every position of the image lies in exactly one window.
  private let isPartition: Bool

  init(_ name: String, _ kind: Kind, input: Shape, window: Window2D) {
    (self.name, self.kind, inputShape) = (name, kind, input)
    geometry = WindowGeometry(window, over: input)
    isPartition =
      window.strideY == window.height && window.strideX == window.width && geometry.padTop == 0
      && geometry.padLeft == 0 && geometry.outHeight * window.height >= input.height
      && geometry.outWidth * window.width >= input.width
    outputShape = Shape(
      height: geometry.outHeight, width: geometry.outWidth, channels: input.channels)
  }

  func forward(_ a: Activations, _ pass: Pass) {
    for s in pass.samples {
      let x = a.x + s * inputShape.count
      let y = a.y + s * outputShape.count
      switch kind {
      case .max: maxForward(x, y)
      case .average: averageForward(x, y)
      }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    guard let dx = a.dx else { return }
    for s in pass.samples {
      let dx = dx + s * inputShape.count
      let dy = a.dy + s * outputShape.count
      if kind == .average || !isPartition { zero(dx, inputShape.count) }
      switch kind {
      case .max:
        maxBackward(a.x + s * inputShape.count, a.y + s * outputShape.count, dy, dx)
      case .average: averageBackward(dy, dx)
      }
    }
  }

  /// Calls `body` with the output offset and the rows and columns of the image under each window.
  @inline(__always)
  private func forEachWindow(_ body: (Int, Range<Int>, Range<Int>) -> Void) {
    let (g, c) = (geometry, inputShape.channels)
    for oy in 0..<g.outHeight {
      let top = oy * g.window.strideY - g.padTop
      let rows = max(top, 0)..<min(top + g.window.height, g.input.height)
      for ox in 0..<g.outWidth {
        let left = ox * g.window.strideX - g.padLeft
        body(
          (oy * g.outWidth + ox) * c, rows,
          max(left, 0)..<min(left + g.window.width, g.input.width))
      }
    }
  }

  private func maxForward(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let (c, width) = (inputShape.channels, inputShape.width)
    forEachWindow { offset, rows, columns in
      let out = y + offset
      copy(out, x + (rows.lowerBound * width + columns.lowerBound) * c, c)
      for iy in rows {
        for ix in columns {
          let p = x + (iy * width + ix) * c
          for j in 0..<c { out[j] = larger(p[j], out[j]) }
        }
      }
    }
  }

  /// The gradient goes to the first position that holds the maximum, to the first of all when that
  /// is NaN.
  private func maxBackward(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dy: UnsafeMutablePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    let (c, width) = (inputShape.channels, inputShape.width)
    forEachWindow { offset, rows, columns in
      let (best, g) = (y + offset, dy + offset)
      if masksRectifiedInput { maskByPositive(g, best, c) }
      for iy in rows {
        for ix in columns {
          let at = (iy * width + ix) * c
          let (p, d) = (x + at, dx + at)
          // A gradient that has found its place becomes zero.
          if isPartition {
            for j in 0..<c {
              let (value, isBest) = (g[j], !(p[j] < best[j]))
              d[j] = isBest ? value : 0
              g[j] = isBest ? 0 : value
            }
          } else {
            for j in 0..<c {
              let (value, isBest) = (g[j], !(p[j] < best[j]))
              d[j] += isBest ? value : 0
              g[j] = isBest ? 0 : value
            }
          }
        }
      }
    }
  }

  private func averageForward(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let (c, width) = (inputShape.channels, inputShape.width)
    forEachWindow { offset, rows, columns in
      let out = y + offset
      zero(out, c)
      for iy in rows { for ix in columns { accumulate(out, x + (iy * width + ix) * c, c) } }
      let share = 1 / Float(rows.count * columns.count)
      for j in 0..<c { out[j] *= share }
    }
  }

  private func averageBackward(
    _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    let (c, width) = (inputShape.channels, inputShape.width)
    forEachWindow { offset, rows, columns in
      let share = 1 / Float(rows.count * columns.count)
      for iy in rows {
        for ix in columns {
          let d = dx + (iy * width + ix) * c
          for j in 0..<c { d[j] += dy[offset + j] * share }
        }
      }
    }
  }
}
