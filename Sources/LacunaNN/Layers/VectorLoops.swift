// y ← x, y ← 0, y += x, …: the contiguous loops of the layers, on raw pointers.

import CSIMD

@inline(__always)
func zero(_ y: UnsafeMutablePointer<Float>, _ n: Int) { y.update(repeating: 0, count: n) }

/// y ← x. Short runs are copied in line: a call to `memmove` costs more than 16 floats.
@inline(__always)
func copy<Element: BitwiseCopyable>(
  _ y: UnsafeMutablePointer<Element>, _ x: UnsafePointer<Element>, _ n: Int
) {
  if n > 16 {
    y.update(from: x, count: n)
  } else {
    for i in 0..<n { y[i] = x[i] }
  }
}

/// y += x
@inline(__always)
func accumulate(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ n: Int) {
  for i in 0..<n { y[i] += x[i] }
}

/// max(x, 0): 0 where x is below 0, else x, so that NaN passes.
@inline(__always)
func rectified(_ x: Float) -> Float { x < 0 ? 0 : x }

/// y ← max(y, 0)
@inline(__always)
func rectify(_ y: UnsafeMutablePointer<Float>, _ n: Int) {
  for i in 0..<n { y[i] = rectified(y[i]) }
}

/// The larger of two; NaN when either is.
///
/// A comparison that picks one of them is a `maxps`, which drops a NaN on one side. The other order
/// drops it on the other side, and the bits of NaN or-ed to those of a number are NaN: three
/// instructions, no branch.
@inline(__always)
func larger(_ a: Float, _ b: Float) -> Float {
  let (first, second) = (a > b ? a : b, b > a ? b : a)
  return Float(bitPattern: first.bitPattern | second.bitPattern)
}

/// y ← max(y + b, 0) or y + b for each of `rows` rows of `n` values.
@inline(__always)
func addBias(
  _ y: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, rows: Int, _ n: Int, relu: Bool,
  stride: Int
) {
  for r in 0..<rows {
    let row = y + r * stride
    if relu {
      for j in 0..<n { row[j] = rectified(row[j] + b[j]) }
    } else {
      for j in 0..<n { row[j] += b[j] }
    }
  }
}

/// g ← 0 where y ≤ 0: the gradient through a ReLU whose output was `y`. It passes where y is NaN.
@inline(__always)
func maskByPositive(_ g: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ n: Int) {
  // Both sides are loaded first: a conditional load would keep the loop from being vectorised.
  for i in 0..<n {
    let (value, gate) = (g[i], y[i])
    g[i] = gate <= 0 ? 0 : value
  }
}

/// s[j] += Σ over rows of x[r, j]
@inline(__always)
func accumulateRows(
  _ s: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ n: Int, stride: Int
) {
  for r in 0..<rows {
    let row = x + r * stride
    for j in 0..<n { s[j] += row[j] }
  }
}

/// y ← the larger of x and y, NaN when either is; w ← k where that is x. Not in line, as the next three: loops around
/// them would cost them their lanes.
@inline(never)
func takeLarger(
  _ y: UnsafeMutablePointer<Float>, _ w: UnsafeMutablePointer<Int32>, _ x: UnsafePointer<Float>,
  _ k: Int32, _ n: Int
) {
  for i in 0..<n {
    let (new, old, winner) = (x[i], y[i], w[i])
    y[i] = larger(new, old)
    w[i] = new > old ? k : winner
  }
}

/// w ← 0 where y is NaN, −1 where it is at most `bound`.
@inline(never)
func finishWinners(
  _ w: UnsafeMutablePointer<Int32>, _ y: UnsafePointer<Float>, bound: Float, _ n: Int
) {
  for i in 0..<n {
    let (best, winner) = (y[i], w[i])
    let passing = best <= bound ? -1 : winner
    w[i] = best == best ? passing : 0
  }
}

/// y ← x where w is k, else 0.
@inline(never)
func distribute(
  _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, where w: UnsafePointer<Int32>,
  is k: Int32, _ n: Int
) {
  for i in 0..<n {
    let value = x[i]
    y[i] = w[i] == k ? value : 0
  }
}

/// y += x where w is k.
@inline(never)
func accumulate(
  _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, where w: UnsafePointer<Int32>,
  is k: Int32, _ n: Int
) {
  for i in 0..<n {
    let value = x[i]
    y[i] += w[i] == k ? value : 0
  }
}

/// Numbers that are computed with at once, where a compiler does not find them by itself.
typealias Lanes = SIMD8<Float>

/// Eight numbers from `p` on.
@inline(__always)
func load(_ p: UnsafePointer<Float>) -> Lanes {
  UnsafeRawPointer(p).loadUnaligned(as: Lanes.self)
}

@inline(__always)
func store(_ lanes: Lanes, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: lanes, as: Lanes.self)
}

/// The root of each lane: instructions for several, where `squareRoot()` branches on each.
@inline(__always)
func roots(_ x: Lanes) -> Lanes {
  var lanes = x
  withUnsafeMutableBytes(of: &lanes) {
    lcn_sqrt8_f32($0.baseAddress!.assumingMemoryBound(to: Float.self))
  }
  return lanes
}
