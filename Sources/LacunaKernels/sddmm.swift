// dW[i, j] (+)= Σ_c G[i, c]·X[j, c] for the stored (i, j) alone: the gradient of the kept weights.
//
// A panel of up to four registers of columns of G's row stays in registers while the row's entries each
// load their row of X. Four entries are summed at a time, so that their horizontal sums share shuffles. Of a longer
// panel G's registers are loaded again for each four entries, a fifth more loads, and there are that many fewer
// horizontal sums: for runs of 16 registers it takes half of the time of four short panels (AMD EPYC, Zen 5).

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

/// - Parameter isKept: whether G's registers stay in registers: at most four, whose number is a constant.
@inline(__always)
private func sample<V: SumVector>(
  _ arguments: UnsafePointer<lcn_sddmm_args>, _ vector: V.Type, vectors: Int, wide: Bool,
  isKept: Bool = true
) {
  let a = arguments.pointee
  let (values, indices) = (a.values, a.indices)
  let adds = a.adds != 0
  let xStride = Int(a.xStride)
  // Four sums on the stack.
  var memory = InlineArray<4, Double>(repeating: 0)
  withUnsafeMutablePointer(to: &memory) { memory in
    let sums = UnsafeMutableRawPointer(memory)
    for i in 0..<Int(a.rows) {
      let start = Int(a.starts[i &* Int(a.splits)])
      let end = Int(a.starts[i &* Int(a.splits) &+ 1])
      if start == end { continue }
      let row = a.g + i &* Int(a.gStride)
      var g = InlineArray<4, V>(repeating: .zero)
      if isKept { for t in 0..<vectors { g[t] = V.load(row, t) } }
      var p = start
      while p < end {
        // Behind the row's end the last entry is summed again and thrown away.
        let last = end &- 1
        let x0 = a.x + index(indices, p, wide: wide) &* xStride
        let x1 = a.x + index(indices, p &+ 1 < last ? p &+ 1 : last, wide: wide) &* xStride
        let x2 = a.x + index(indices, p &+ 2 < last ? p &+ 2 : last, wide: wide) &* xStride
        let x3 = a.x + index(indices, p &+ 3 < last ? p &+ 3 : last, wide: wide) &* xStride
        var (s0, s1, s2, s3) = (V.zero, V.zero, V.zero, V.zero)
        for t in 0..<vectors {
          let gradient = isKept ? g[t] : V.load(row, t)
          s0 = s0.adding(gradient, times: V.load(x0, t))
          s1 = s1.adding(gradient, times: V.load(x1, t))
          s2 = s2.adding(gradient, times: V.load(x2, t))
          s3 = s3.adding(gradient, times: V.load(x3, t))
        }
        V.sums(s0, s1, s2, s3, sums)
        V.accumulate(sums, 0, values, p, adds: adds)
        if p &+ 1 < end { V.accumulate(sums, 1, values, p &+ 1, adds: adds) }
        if p &+ 2 < end { V.accumulate(sums, 2, values, p &+ 2, adds: adds) }
        if p &+ 3 < end { V.accumulate(sums, 3, values, p &+ 3, adds: adds) }
        p &+= 4
      }
    }
  }
}

@inline(__always)
private func sample<V: SumVector>(_ a: UnsafePointer<lcn_sddmm_args>, _ vector: V.Type) {
  if a.pointee.vectors > 4 {
    return sample(a, vector, vectors: Int(a.pointee.vectors), wide: true, isKept: false)
  }
  switch (a.pointee.vectors, a.pointee.indexBytes) {
  case (1, 2): sample(a, vector, vectors: 1, wide: false)
  case (2, 2): sample(a, vector, vectors: 2, wide: false)
  case (3, 2): sample(a, vector, vectors: 3, wide: false)
  case (_, 2): sample(a, vector, vectors: 4, wide: false)
  case (1, _): sample(a, vector, vectors: 1, wide: true)
  case (2, _): sample(a, vector, vectors: 2, wide: true)
  case (3, _): sample(a, vector, vectors: 3, wide: true)
  default: sample(a, vector, vectors: 4, wide: true)
  }
}

func sddmmF32(_ a: UnsafePointer<lcn_sddmm_args>) { sample(a, VectorF32.self) }
func sddmmF64(_ a: UnsafePointer<lcn_sddmm_args>) { sample(a, VectorF64.self) }
