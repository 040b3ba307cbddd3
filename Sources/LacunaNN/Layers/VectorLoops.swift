// y ← x, y ← 0, y += x, …: the contiguous loops of the layers, on raw pointers.

@inline(__always)
func zero(_ y: UnsafeMutablePointer<Float>, _ n: Int) { y.update(repeating: 0, count: n) }

/// y ← x. Short runs are copied in line: a call to `memmove` costs more than 16 floats.
@inline(__always)
func copy(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ n: Int) {
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

/// y ← max(y + b, 0) or y + b for each of `rows` rows of `n` values.
@inline(__always)
func addBias(
  _ y: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, rows: Int, _ n: Int, relu: Bool,
  stride: Int
) {
  for r in 0..<rows {
    let row = y + r * stride
    if relu {
      for j in 0..<n {
        let v = row[j] + b[j]
        row[j] = v > 0 ? v : 0
      }
    } else {
      for j in 0..<n { row[j] += b[j] }
    }
  }
}

/// g ← g where y > 0, else 0: the gradient through a ReLU whose output was `y`.
@inline(__always)
func maskByPositive(_ g: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ n: Int) {
  // Both sides are loaded first: a conditional load would keep the loop from being vectorised.
  for i in 0..<n {
    let (value, gate) = (g[i], y[i])
    g[i] = gate > 0 ? value : 0
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
