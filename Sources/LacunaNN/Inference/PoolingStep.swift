// y[c, (oy, ox, s)] = max or mean of x over the window at (oy, ox), samples innermost.

import LacunaFormats

/// What a window becomes: its elements combined one after the other, then finished by how many there were.
private protocol PoolingRule {
  associatedtype Element: BitwiseCopyable
  static func combined(_ a: Element, _ b: Element) -> Element
  static func finished(_ combined: Element, count: Int) -> Element
}

/// The greatest float; NaN passes.
private enum LargestFloat: PoolingRule {
  @inline(__always) static func combined(_ a: Float, _ b: Float) -> Float { larger(a, b) }
  @inline(__always) static func finished(_ a: Float, count: Int) -> Float { a }
}

/// The greatest byte: that of the greatest number, whatever the scale is.
private enum LargestByte: PoolingRule {
  @inline(__always) static func combined(_ a: UInt8, _ b: UInt8) -> UInt8 { max(a, b) }
  @inline(__always) static func finished(_ a: UInt8, count: Int) -> UInt8 { a }
}

/// The mean of floats.
private enum Mean: PoolingRule {
  @inline(__always) static func combined(_ a: Float, _ b: Float) -> Float { a + b }
  @inline(__always) static func finished(_ a: Float, count: Int) -> Float { a * (1 / Float(count)) }
}

/// Maximum or mean over windows of a feature map.
final class PoolingStep: InferenceStep {
  let name: String
  let input: ActivationLayout
  let output: ActivationLayout
  let reads: ActivationStore
  var writes: ActivationStore { reads }
  private let kind: Pooling.Kind
  private let geometry: WindowGeometry
  private let samples: Int
  private let scratch: [AlignedBuffer<UInt8>]

  /// The maximum of what is stored any way, or the mean of floats.
  init(
    _ name: String, _ kind: Pooling.Kind, geometry: WindowGeometry, input: ActivationLayout,
    output: ActivationLayout, samples: Int, threads: Int, store: ActivationStore
  ) {
    precondition(kind == .max || !store.isBytes, "the mean of bytes in \(name)")
    (self.name, self.kind, self.geometry, self.samples) = (name, kind, geometry, samples)
    (self.input, self.output, reads) = (input, output, store)
    scratch = (0..<threads).map { _ in
      AlignedBuffer(count: input.shape.width * samples * store.size)
    }
  }

  func run(_ x: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer, thread: Int) {
    switch (kind, reads) {
    case (.max, .f32): pool(LargestFloat.self, x, y, thread)
    case (.max, .u8): pool(LargestByte.self, x, y, thread)
    case (.average, _): pool(Mean.self, x, y, thread)
    }
  }

  /// Inlined for each rule: as a generic function of its own it would ask the rule for every element.
  @inline(__always)
  private func pool<Rule: PoolingRule>(
    _: Rule.Type, _ x: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer, _ thread: Int
  ) {
    let x = x.assumingMemoryBound(to: Rule.Element.self)
    let y = y.assumingMemoryBound(to: Rule.Element.self)
    let (g, w) = (geometry, geometry.window)
    let column = UnsafeMutableRawPointer(scratch[thread].pointer)
      .assumingMemoryBound(to: Rule.Element.self)
    let length = g.input.width * samples
    func combine(
      _ y: UnsafeMutablePointer<Rule.Element>, _ a: UnsafePointer<Rule.Element>,
      _ b: UnsafePointer<Rule.Element>, _ n: Int
    ) {
      for i in 0..<n { y[i] = Rule.combined(a[i], b[i]) }
    }
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
            var result = column[columns.lowerBound]
            for ix in columns.dropFirst() { result = Rule.combined(column[ix], result) }
            out[0] = result
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
            for i in 0..<samples {
              out[i] = Rule.finished(out[i], count: rows.count * columns.count)
            }
          }
        }
      }
    }
  }
}
