// dW[i, j] (+)= Σ_c G[i, c]·X[j, c] for the stored (i, j) alone: the gradient of the kept weights.
//
// Four entries are summed at a time over a panel of columns: they share the loads of G's row, and their horizontal sums
// share shuffles. Keeping a short panel of G in registers over all entries of a row was no faster: of long panels there
// are fewer horizontal sums, which cost more than a fifth of the loads (AMD EPYC, Zen 5).

import CSIMD

/// What sampled products add to a register.
protocol SumVector: KernelVector {
  static var scalarBytes: Int { get }
  /// The lane sums of four registers, to four adjacent elements.
  static func sums(_ a: Self, _ b: Self, _ c: Self, _ d: Self, _ out: UnsafeMutableRawPointer)
  /// values[p] (+)= sums[k].
  static func accumulate(
    _ sums: UnsafeRawPointer, _ k: Int, _ values: UnsafeMutableRawPointer, _ p: Int, adds: Bool)
}

extension VectorF32: SumVector {
  @inline(__always) static var scalarBytes: Int { 4 }
  @inline(__always) static func sums(
    _ a: Self, _ b: Self, _ c: Self, _ d: Self, _ out: UnsafeMutableRawPointer
  ) {
    lcn_sums4_f32(
      out.assumingMemoryBound(to: Float.self), a.lanes, b.lanes, c.lanes, d.lanes)
  }
  @inline(__always) static func accumulate(
    _ sums: UnsafeRawPointer, _ k: Int, _ values: UnsafeMutableRawPointer, _ p: Int, adds: Bool
  ) {
    let v = values.assumingMemoryBound(to: Float.self) + p
    let sum = sums.assumingMemoryBound(to: Float.self)[k]
    v.pointee = adds ? v.pointee + sum : sum
  }
}

extension VectorF64: SumVector {
  @inline(__always) static var scalarBytes: Int { 8 }
  @inline(__always) static func sums(
    _ a: Self, _ b: Self, _ c: Self, _ d: Self, _ out: UnsafeMutableRawPointer
  ) {
    lcn_sums4_f64(
      out.assumingMemoryBound(to: Double.self), a.lanes, b.lanes, c.lanes, d.lanes)
  }
  @inline(__always) static func accumulate(
    _ sums: UnsafeRawPointer, _ k: Int, _ values: UnsafeMutableRawPointer, _ p: Int, adds: Bool
  ) {
    let v = values.assumingMemoryBound(to: Double.self) + p
    let sum = sums.assumingMemoryBound(to: Double.self)[k]
    v.pointee = adds ? v.pointee + sum : sum
  }
}

/// Index number `p`, 16 or 32 bits wide.
@inline(__always)
func index(_ indices: UnsafeRawPointer, _ p: Int, wide: Bool) -> Int {
  wide
    ? Int(indices.assumingMemoryBound(to: UInt32.self)[p])
    : Int(indices.assumingMemoryBound(to: UInt16.self)[p])
}

/// The sums of four entries over a panel.
@inline(__always)
private func dot<V: SumVector>(
  _ g: UnsafeRawPointer,
  _ x: (UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer),
  _ vector: V.Type, _ vectors: Int, into sums: UnsafeMutableRawPointer
) {
  var (s0, s1, s2, s3) = (V.zero, V.zero, V.zero, V.zero)
  for t in 0..<vectors {
    let gradient = V.load(g, t)
    s0 = s0.adding(gradient, times: V.load(x.0, t))
    s1 = s1.adding(gradient, times: V.load(x.1, t))
    s2 = s2.adding(gradient, times: V.load(x.2, t))
    s3 = s3.adding(gradient, times: V.load(x.3, t))
  }
  V.sums(s0, s1, s2, s3, sums)
}

@inline(__always)
private func sample<V: SumVector>(
  _ arguments: UnsafePointer<lcn_sddmm_args>, _ vector: V.Type, wide: Bool
) {
  let a = arguments.pointee
  let (values, indices) = (a.values, a.indices)
  let (adds, vectors) = (a.adds != 0, Int(a.vectors))
  let (x, xStride) = (a.x, Int(a.xStride))
  // Four sums on the stack.
  var memory = InlineArray<4, Double>(repeating: 0)
  withUnsafeMutablePointer(to: &memory) { memory in
    let sums = UnsafeMutableRawPointer(memory)
    for i in 0..<Int(a.rows) {
      let start = Int(a.starts[i &* Int(a.splits)])
      let end = Int(a.starts[i &* Int(a.splits) &+ 1])
      let row = a.g + i &* Int(a.gStride)
      var p = start
      while p &+ 4 <= end {
        dot(
          row,
          (
            x + index(indices, p, wide: wide) &* xStride,
            x + index(indices, p &+ 1, wide: wide) &* xStride,
            x + index(indices, p &+ 2, wide: wide) &* xStride,
            x + index(indices, p &+ 3, wide: wide) &* xStride
          ), vector, vectors, into: sums)
        for k in 0..<4 { V.accumulate(sums, k, values, p &+ k, adds: adds) }
        p &+= 4
      }
      if p >= end { continue }
      // Behind the row's end the last entry is summed again and thrown away.
      let last = x + index(indices, end &- 1, wide: wide) &* xStride
      dot(
        row,
        (
          x + index(indices, p, wide: wide) &* xStride,
          p &+ 1 < end ? x + index(indices, p &+ 1, wide: wide) &* xStride : last,
          p &+ 2 < end ? x + index(indices, p &+ 2, wide: wide) &* xStride : last, last
        ), vector, vectors, into: sums)
      for k in 0..<(end &- p) { V.accumulate(sums, k, values, p &+ k, adds: adds) }
    }
  }
}

@inline(__always)
private func sample<V: SumVector>(_ a: UnsafePointer<lcn_sddmm_args>, _ vector: V.Type) {
  if a.pointee.indexBytes == 2 {
    sample(a, vector, wide: false)
  } else {
    sample(a, vector, wide: true)
  }
}

func sddmmF32(_ a: UnsafePointer<lcn_sddmm_args>) { sample(a, VectorF32.self) }
func sddmmF64(_ a: UnsafePointer<lcn_sddmm_args>) { sample(a, VectorF64.self) }
