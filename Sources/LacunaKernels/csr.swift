// Y[i, c] ← bound(bias[i] + β·Y[i, c] + Σ_p w[p]·X[index[p], c]) straight from CSR, four entries at a time.
//
// What every instruction set has for one or two right-hand sides: no packing, no gather instruction, four
// sums that do not wait for each other.

import CSIMD

@inline(__always)
private func rows<W: SingleWeight>(
  _ arguments: UnsafePointer<lcn_csr_args>, _: W.Type, wide: Bool
) where W.Value == Float {
  let a = arguments.pointee
  let (lower, upper, beta) = (Float(a.lower), Float(a.upper), Float(a.beta))
  let values = a.values.assumingMemoryBound(to: W.Stored.self)
  let bias = a.bias.assumingMemoryBound(to: Float.self)
  let xInput = Int(a.xInput)
  for c in 0..<Int(a.columns) {
    let x = a.x.assumingMemoryBound(to: Float.self) + c &* Int(a.xColumn)
    let y = a.y.assumingMemoryBound(to: Float.self) + c &* Int(a.yColumn)
    for i in Int(a.firstRow)..<Int(a.endRow) {
      var (p, end) = (Int(a.offsets[i]), Int(a.offsets[i &+ 1]))
      var (s0, s1, s2, s3): (Float, Float, Float, Float) = (0, 0, 0, 0)
      while p &+ 4 <= end {
        s0 += W.value(values[p]) * x[index(a.indices, p, wide: wide) &* xInput]
        s1 += W.value(values[p &+ 1]) * x[index(a.indices, p &+ 1, wide: wide) &* xInput]
        s2 += W.value(values[p &+ 2]) * x[index(a.indices, p &+ 2, wide: wide) &* xInput]
        s3 += W.value(values[p &+ 3]) * x[index(a.indices, p &+ 3, wide: wide) &* xInput]
        p &+= 4
      }
      while p < end {
        s0 += W.value(values[p]) * x[index(a.indices, p, wide: wide) &* xInput]
        p &+= 1
      }
      end = i &* Int(a.yRow)
      var sum = (s0 + s1) + (s2 + s3) + bias[i]
      if beta != 0 { sum += beta * y[end] }
      y[end] = bounded(sum, lower, upper)
    }
  }
}

@inline(__always)
private func rows(_ arguments: UnsafePointer<lcn_csr_args>, _: Double.Type, wide: Bool) {
  let a = arguments.pointee
  let values = a.values.assumingMemoryBound(to: Double.self)
  let bias = a.bias.assumingMemoryBound(to: Double.self)
  let xInput = Int(a.xInput)
  for c in 0..<Int(a.columns) {
    let x = a.x.assumingMemoryBound(to: Double.self) + c &* Int(a.xColumn)
    let y = a.y.assumingMemoryBound(to: Double.self) + c &* Int(a.yColumn)
    for i in Int(a.firstRow)..<Int(a.endRow) {
      var (p, end) = (Int(a.offsets[i]), Int(a.offsets[i &+ 1]))
      var (s0, s1, s2, s3): (Double, Double, Double, Double) = (0, 0, 0, 0)
      while p &+ 4 <= end {
        s0 += values[p] * x[index(a.indices, p, wide: wide) &* xInput]
        s1 += values[p &+ 1] * x[index(a.indices, p &+ 1, wide: wide) &* xInput]
        s2 += values[p &+ 2] * x[index(a.indices, p &+ 2, wide: wide) &* xInput]
        s3 += values[p &+ 3] * x[index(a.indices, p &+ 3, wide: wide) &* xInput]
        p &+= 4
      }
      while p < end {
        s0 += values[p] * x[index(a.indices, p, wide: wide) &* xInput]
        p &+= 1
      }
      end = i &* Int(a.yRow)
      var sum = (s0 + s1) + (s2 + s3) + bias[i]
      if a.beta != 0 { sum += a.beta * y[end] }
      y[end] = bounded(sum, a.lower, a.upper)
    }
  }
}

func csrF32(_ a: UnsafePointer<lcn_csr_args>) {
  if a.pointee.indexBytes == 2 {
    rows(a, SingleF32.self, wide: false)
  } else {
    rows(a, SingleF32.self, wide: true)
  }
}

func csrF64(_ a: UnsafePointer<lcn_csr_args>) {
  if a.pointee.indexBytes == 2 {
    rows(a, Double.self, wide: false)
  } else {
    rows(a, Double.self, wide: true)
  }
}

func csrBF16(_ a: UnsafePointer<lcn_csr_args>) {
  if a.pointee.indexBytes == 2 {
    rows(a, WeightBF16.self, wide: false)
  } else {
    rows(a, WeightBF16.self, wide: true)
  }
}

func csrF16(_ a: UnsafePointer<lcn_csr_args>) {
  if a.pointee.indexBytes == 2 {
    rows(a, WeightF16.self, wide: false)
  } else {
    rows(a, WeightF16.self, wide: true)
  }
}
