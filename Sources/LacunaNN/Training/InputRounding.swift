// x̂ = s · round(clamp(x / s)), ∂x̂/∂x = 1 where the clamp leaves x / s, else 0: what a layer reads, in bytes.
//
// The bytes are those of NetworkArithmetic.i8 with the same range. The range is that of the steps before: activations
// arrive a few samples at a time, so that their own range is known only when all of them have been used. A first step
// without a range rounds nothing.

import LacunaFormats
import LacunaOperations

/// The inputs of one layer while a network is trained for bytes: rounded, and their range observed.
final class InputRounding {
  /// The name of the layer.
  let layer: String
  /// What the inputs are rounded by; nil before the first step.
  var range: ActivationBounds? { didSet { grid = range.map(Grid.init) } }
  /// Whether the least and the greatest input of each step are taken.
  var observes = true

  /// Scalars of a sample.
  private let count: Int
  /// Whether one call has the whole mini-batch.
  private let takesBatch: Bool
  private var grid: Grid?
  private var rounded = AlignedBuffer<Float>(count: 0)
  /// By slice: the least input, the greatest, and how many were not finite.
  private var observed = AlignedBuffer<Float>(count: 0)
  /// Slices stay a cache line apart.
  private static let slotSize = 16

  /// The bytes of a range as multiples of their scale.
  private struct Grid {
    let scale: Float, inverse: Float, least: Float, most: Float

    init(_ range: ActivationBounds) {
      let bytes = OutputScale(covering: range.closed)
      (scale, inverse) = (bytes.scale, 1 / bytes.scale)
      (least, most) = (Float(-bytes.zeroPoint), Float(255 - bytes.zeroPoint))
    }

    @inline(__always) func bounded(_ steps: Float) -> Float {
      let raised = steps < least ? least : steps
      return raised > most ? most : raised
    }
  }

  init(_ layer: any Layer) {
    (self.layer, count) = (layer.name, layer.inputShape.count)
    takesBatch = !layer.isSampleWise
  }

  func prepare(batch: Int, slices: Int) {
    rounded = AlignedBuffer(count: batch * count + overrun)
    observed = AlignedBuffer(count: slices * Self.slotSize)
  }

  /// What the layer reads in place of `x`, for `pass.samples`.
  func forward(_ x: UnsafeMutablePointer<Float>, _ pass: Pass) -> UnsafeMutablePointer<Float> {
    if takesBatch {
      let slices = min(LayerChain.slices, pass.batch)
      pass.threads.run(tasks: slices) { [self] slice, _ in
        let samples = pass.batch * slice / slices..<pass.batch * (slice + 1) / slices
        take(x, samples, slice: slice, opens: true)
      }
    } else {
      take(x, pass.samples, slice: pass.slice, opens: pass.opensSlice)
    }
    return grid == nil ? x : rounded.pointer
  }

  /// Stops the gradient where an input was cut off.
  func backward(
    _ x: UnsafeMutablePointer<Float>, dx: UnsafeMutablePointer<Float>?, _ pass: Pass
  ) {
    guard let dx, let grid else { return }
    if takesBatch {
      pass.threads.split(pass.batch * count, parts: LayerChain.slices) { range in
        Self.pass(dx, x, range, grid)
      }
    } else {
      let samples = pass.samples
      Self.pass(dx, x, samples.lowerBound * count..<samples.upperBound * count, grid)
    }
  }

  /// What the layer reads in the backward pass.
  func read(_ x: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    grid == nil ? x : rounded.pointer
  }

  /// The range of the whole mini-batch, and 0.
  ///
  /// - Throws: ``ModelError/calibration(layer:_:)`` when an input was NaN or infinite.
  func observedRange(batch: Int) throws(ModelError) -> ActivationBounds {
    var (low, high, odd): (Float, Float, Float) = (0, 0, 0)
    for slice in 0..<min(LayerChain.slices, batch) {
      let slot = observed.pointer + slice * Self.slotSize
      (low, high, odd) = (min(low, slot[0]), max(high, slot[1]), odd + slot[2])
    }
    if odd > 0 { throw .calibration(layer: layer, .notFinite(numbers: Int(odd))) }
    return ActivationBounds(low...high)
  }

  private func take(
    _ x: UnsafeMutablePointer<Float>, _ samples: Range<Int>, slice: Int, opens: Bool
  ) {
    let (first, n) = (samples.lowerBound * count, samples.count * count)
    if observes { Self.observe(x + first, n, observed.pointer + slice * Self.slotSize, opens) }
    guard let grid else { return }
    let (from, to) = (x + first, rounded.pointer + first)
    // Adding and taking away 1.5 · 2²³ rounds to the nearest whole number, to even in the middle.
    let shift: Float = 12_582_912
    for i in 0..<n { to[i] = (grid.bounded(from[i] * grid.inverse) + shift - shift) * grid.scale }
  }

  private static func pass(
    _ dx: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ range: Range<Int>, _ grid: Grid
  ) {
    for i in range {
      let (gradient, steps) = (dx[i], x[i] * grid.inverse)
      dx[i] = grid.bounded(steps) == steps ? gradient : 0
    }
  }

  private static func observe(
    _ x: UnsafePointer<Float>, _ n: Int, _ slot: UnsafeMutablePointer<Float>, _ opens: Bool
  ) {
    if opens { (slot[0], slot[1], slot[2]) = (0, 0, 0) }
    // Eight side by side, so that the loop is one of vectors. What is not finite less itself is NaN.
    var low = SIMD8<Float>(repeating: slot[0]), high = SIMD8<Float>(repeating: slot[1])
    var odd = SIMD8<Float>.zero
    let whole = n & ~7
    for i in stride(from: 0, to: whole, by: 8) {
      let lanes = UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self)
      low.replace(with: lanes, where: lanes .< low)
      high.replace(with: lanes, where: lanes .> high)
      odd += lanes - lanes
    }
    var sum = odd.sum()
    (slot[0], slot[1]) = (low.min(), high.max())
    for i in whole..<n {
      (slot[0], slot[1]) = (min(slot[0], x[i]), max(slot[1], x[i]))
      sum += x[i] - x[i]
    }
    if sum != 0 { for i in 0..<n where !x[i].isFinite { slot[2] += 1 } }
  }
}
