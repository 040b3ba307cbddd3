// Planes of results by kernels of 3×3 at stride 1: a load serves up to three rows.

/// Three weights of a kernel's row.
private typealias Three<V> = (V, V, V)

/// sum += a row of the band, T registers from `x` on, times a row of the kernel at the three places of its columns; for one
/// sum, or for two or three that see the same row.
@inline(__always)
private func addRow<V: PlaneVector, let T: Int>(
  _ x: UnsafeRawPointer, _ a: inout InlineArray<T, V>, _ p: Three<V>
) {
  let size = MemoryLayout<V.Scalar>.size
  for t in 0..<T { a[t] = a[t].adding(p.0, times: V.load(x, t)) }
  for t in 0..<T { a[t] = a[t].adding(p.1, times: V.load(x + size, t)) }
  for t in 0..<T { a[t] = a[t].adding(p.2, times: V.load(x + 2 &* size, t)) }
}

@inline(__always)
private func addRow<V: PlaneVector, let T: Int>(
  _ x: UnsafeRawPointer, _ a: inout InlineArray<T, V>, _ p: Three<V>,
  _ b: inout InlineArray<T, V>, _ q: Three<V>
) {
  let size = MemoryLayout<V.Scalar>.size
  for t in 0..<T {
    let v = V.load(x, t)
    a[t] = a[t].adding(p.0, times: v)
    b[t] = b[t].adding(q.0, times: v)
  }
  for t in 0..<T {
    let v = V.load(x + size, t)
    a[t] = a[t].adding(p.1, times: v)
    b[t] = b[t].adding(q.1, times: v)
  }
  for t in 0..<T {
    let v = V.load(x + 2 &* size, t)
    a[t] = a[t].adding(p.2, times: v)
    b[t] = b[t].adding(q.2, times: v)
  }
}

@inline(__always)
private func addRow<V: PlaneVector, let T: Int>(
  _ x: UnsafeRawPointer, _ a: inout InlineArray<T, V>, _ p: Three<V>,
  _ b: inout InlineArray<T, V>, _ q: Three<V>, _ c: inout InlineArray<T, V>, _ r: Three<V>
) {
  let size = MemoryLayout<V.Scalar>.size
  for t in 0..<T {
    let v = V.load(x, t)
    a[t] = a[t].adding(p.0, times: v)
    b[t] = b[t].adding(q.0, times: v)
    c[t] = c[t].adding(r.0, times: v)
  }
  for t in 0..<T {
    let v = V.load(x + size, t)
    a[t] = a[t].adding(p.1, times: v)
    b[t] = b[t].adding(q.1, times: v)
    c[t] = c[t].adding(r.1, times: v)
  }
  for t in 0..<T {
    let v = V.load(x + 2 &* size, t)
    a[t] = a[t].adding(p.2, times: v)
    b[t] = b[t].adding(q.2, times: v)
    c[t] = c[t].adding(r.2, times: v)
  }
}

@inline(__always)
private func storeRow<V: PlaneVector, let T: Int>(
  _ sums: InlineArray<T, V>, _ y: UnsafeMutableRawPointer, tail: Int, _ lower: V, _ upper: V
) {
  for t in 0..<(T &- 1) { sums[t].bounded(lower, upper).store(y, t) }
  let last = sums[T &- 1].bounded(lower, upper)
  if tail == V.count {
    last.store(y, T &- 1)
  } else {
    last.storeFirst(tail, y + (T &- 1) &* MemoryLayout<V>.size)
  }
}

/// All rows of T registers from `first` on, four at a time and at least four: a kernel of 3×3 without zeros at stride 1.
///
/// A load serves up to three rows of results: 18 for 36 multiply-adds. Each sum adds its taps in the order of the others.
@inline(__always)
func sumThree<V: PlaneVector, let T: Int>(
  _ p: PlaneSums, _ start: InlineArray<T, V>, first: Int, tail: Int, _ lower: V, _ upper: V
) {
  let w = p.weights.assumingMemoryBound(to: V.Scalar.self)
  let top = (V(repeating: w[0]), V(repeating: w[1]), V(repeating: w[2]))
  let middle = (V(repeating: w[3]), V(repeating: w[4]), V(repeating: w[5]))
  let bottom = (V(repeating: w[6]), V(repeating: w[7]), V(repeating: w[8]))
  let column = first &* MemoryLayout<V>.size
  var row = 0
  while row < p.rows {
    let begin = min(row, p.rows &- 4)
    let x = p.x + (begin &* p.rowStep &+ column)
    var (a, b, c, d) = (start, start, start, start)
    addRow(x, &a, top)
    addRow(x + p.rowStep, &a, middle, &b, top)
    addRow(x + 2 &* p.rowStep, &a, bottom, &b, middle, &c, top)
    addRow(x + 3 &* p.rowStep, &b, bottom, &c, middle, &d, top)
    addRow(x + 4 &* p.rowStep, &c, bottom, &d, middle)
    addRow(x + 5 &* p.rowStep, &d, bottom)
    let y = p.y + (begin &* p.yStep &+ column)
    storeRow(a, y, tail: tail, lower, upper)
    storeRow(b, y + p.yStep, tail: tail, lower, upper)
    storeRow(c, y + 2 &* p.yStep, tail: tail, lower, upper)
    storeRow(d, y + 3 &* p.yStep, tail: tail, lower, upper)
    row &+= 4
  }
}

/// The same for a plane of any width.
@inline(__always)
func sumThree<V: PlaneVector>(_ p: PlaneSums, _ bias: V, _ lower: V, _ upper: V) {
  let vectors = (p.columns &+ V.count &- 1) / V.count
  let tail = p.columns &- (vectors &- 1) &* V.count
  var first = 0
  // With two registers of each row 8 sums, 9 weights and loads fit into the 32 registers of AVX-512.
  #if LACUNA_V4
    while first &+ 2 <= vectors {
      sumThree(
        p, InlineArray<2, V>(repeating: bias), first: first,
        tail: first &+ 2 == vectors ? tail : V.count, lower, upper)
      first &+= 2
    }
  #endif
  while first < vectors {
    sumThree(
      p, InlineArray<1, V>(repeating: bias), first: first,
      tail: first &+ 1 == vectors ? tail : V.count, lower, upper)
    first &+= 1
  }
}
