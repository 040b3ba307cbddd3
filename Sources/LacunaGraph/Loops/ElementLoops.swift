// y[i] ← f(x[i]) and y[i] ← f(a[i], b[i]): eight elements at a time, the last few in a vector of their own.

/// y ← f(x) for `count` elements. Elements of `y` may be those of `x`.
@inline(__always)
func mapVectors(
  _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int,
  _ f: (Vector) -> Vector
) {
  var i = 0
  while i + 8 <= count {
    f(Vector(loading: x + i)).store(to: y + i)
    i += 8
  }
  if i < count {
    var last = Vector(repeating: 1)
    for k in 0..<count - i { last[k] = x[i + k] }
    let result = f(last)
    for k in 0..<count - i { y[i + k] = result[k] }
  }
}

/// y ← f(a, b) for `count` elements. A step of 0 takes the same element again and again.
@inline(__always)
func zipVectors(
  _ a: UnsafePointer<Float>, _ stepA: Int, _ b: UnsafePointer<Float>, _ stepB: Int,
  _ y: UnsafeMutablePointer<Float>, _ count: Int, _ f: (Vector, Vector) -> Vector
) {
  if stepA == 0 {
    let first = Vector(repeating: a[0])
    return mapVectors(b, y, stepB == 0 ? 0 : count) { f(first, $0) }
  }
  if stepB == 0 {
    let second = Vector(repeating: b[0])
    return mapVectors(a, y, count) { f($0, second) }
  }
  var i = 0
  while i + 8 <= count {
    f(Vector(loading: a + i), Vector(loading: b + i)).store(to: y + i)
    i += 8
  }
  if i < count {
    var (left, right) = (Vector(repeating: 1), Vector(repeating: 1))
    for k in 0..<count - i { (left[k], right[k]) = (a[i + k], b[i + k]) }
    let result = f(left, right)
    for k in 0..<count - i { y[i + k] = result[k] }
  }
}
