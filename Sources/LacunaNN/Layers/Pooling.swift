// y[p, c] = max or mean of x over the window at p, per channel.

import LacunaFormats

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
  /// Of a maximum in training: which position of its window it was, by row and column; −1 where no gradient passes.
  private var winners = AlignedBuffer<Int32>(count: 0)

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

  func prepare(batch: Int, workers: Int, slices: Int) {
    if kind == .max { winners = AlignedBuffer(count: batch * outputShape.count) }
  }

  func forward(_ a: Activations, _ pass: Pass) {
    for s in pass.samples {
      let x = a.x + s * inputShape.count
      let y = a.y + s * outputShape.count
      switch kind {
      case .max where pass.isTraining:
        maxForward(x, y, winners.pointer + s * outputShape.count)
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
      case .max: maxBackward(winners.pointer + s * outputShape.count, dy, dx)
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

  /// The same, and the first position that holds the maximum, the first of all when that is NaN.
  private func maxForward(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    _ winners: UnsafeMutablePointer<Int32>
  ) {
    let (c, width) = (inputShape.channels, inputShape.width)
    forEachWindow { offset, rows, columns in
      let (out, winner) = (y + offset, winners + offset)
      copy(out, x + (rows.lowerBound * width + columns.lowerBound) * c, c)
      winner.update(repeating: 0, count: c)
      var position: Int32 = 0
      for iy in rows {
        for ix in columns {
          if position > 0 { takeLarger(out, winner, x + (iy * width + ix) * c, position, c) }
          position += 1
        }
      }
      // Nothing is at most NaN.
      finishWinners(winner, out, bound: masksRectifiedInput ? 0 : .nan, c)
    }
  }

  /// The gradient goes to the winner of each window.
  private func maxBackward(
    _ winners: UnsafePointer<Int32>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    let (c, width) = (inputShape.channels, inputShape.width)
    forEachWindow { offset, rows, columns in
      var position: Int32 = 0
      for iy in rows {
        for ix in columns {
          let d = dx + (iy * width + ix) * c
          if isPartition {
            distribute(d, dy + offset, where: winners + offset, is: position, c)
          } else {
            accumulate(d, dy + offset, where: winners + offset, is: position, c)
          }
          position += 1
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
