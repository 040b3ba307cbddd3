// The element-wise part of a step of an LSTM or a GRU, s = W·x + R·h with both biases:
//
//     LSTM   c ← σ(s_f)·c + σ(s_i)·tanh(s_c),   h ← σ(s_o)·tanh(c)
//     GRU    z = σ(s_z),  r = σ(s_r),  n = tanh(W_h·x + r·(R_h·h)),  h ← (h − n)·z + n
//
// A GRU that resets before the product multiplies R_h by r·h: its first part leaves z and r·h behind, the second
// one makes h. No operation is fused: the bits are those of every instruction set.

import CSIMD

/// Elements `u ..< u + count` of a gate: W·x + R·h.
@inline(__always)
private func sum(
  _ x: UnsafePointer<Float>, _ r: UnsafeMutablePointer<Float>, _ gate: Int64, _ u: Int,
  _ count: Int
) -> VectorF32 {
  let place = Int(gate) &+ u
  return VectorF32(lanes(x + place, count).lanes + lanes(r + place, count).lanes)
}

/// c and h of LSTMs.
func lstmCellF32(_ pointer: UnsafePointer<lcn_cell_args>) {
  let a = pointer.pointee
  for b in 0..<Int(a.sequences) {
    let x = a.input + b &* Int(a.inputStride)
    let r = a.recurrent + b &* Int(a.recurrentStride)
    let (h, c) = (a.hidden + b &* Int(a.stateStride), a.cell + b &* Int(a.stateStride))
    let y = a.output + b &* Int(a.outputStride)
    var u = 0
    while u < Int(a.units) {
      let left = Int(a.units) &- u
      let count = left < VectorF32.count ? left : VectorF32.count
      let input = sum(x, r, a.gates.0, u, count).logistic()
      let forget = sum(x, r, a.gates.1, u, count).logistic()
      let candidate = sum(x, r, a.gates.2, u, count).hyperbolicTangent()
      let output = sum(x, r, a.gates.3, u, count).logistic()
      let cell = VectorF32(
        forget.lanes * lanes(c + u, count).lanes + input.lanes * candidate.lanes)
      let hidden = VectorF32(output.lanes * cell.hyperbolicTangent().lanes)
      cell.write(c + u, count)
      hidden.write(h + u, count)
      hidden.write(y + u, count)
      u &+= VectorF32.count
    }
  }
}

/// h of GRUs that reset after the product.
func gruCellF32(_ pointer: UnsafePointer<lcn_cell_args>) {
  let a = pointer.pointee
  for b in 0..<Int(a.sequences) {
    let x = a.input + b &* Int(a.inputStride)
    let r = a.recurrent + b &* Int(a.recurrentStride)
    let h = a.hidden + b &* Int(a.stateStride)
    let y = a.output + b &* Int(a.outputStride)
    var u = 0
    while u < Int(a.units) {
      let left = Int(a.units) &- u
      let count = left < VectorF32.count ? left : VectorF32.count
      let update = sum(x, r, a.gates.0, u, count).logistic()
      let reset = sum(x, r, a.gates.1, u, count).logistic()
      let place = Int(a.gates.2) &+ u
      let candidate = VectorF32(
        lanes(x + place, count).lanes + reset.lanes * lanes(r + place, count).lanes
      ).hyperbolicTangent().lanes
      let hidden = VectorF32((lanes(h + u, count).lanes - candidate) * update.lanes + candidate)
      hidden.write(h + u, count)
      hidden.write(y + u, count)
      u &+= VectorF32.count
    }
  }
}

/// The first part of GRUs that reset before the product: z in its place of `recurrent`, r·h in `output`.
func gruResetF32(_ pointer: UnsafePointer<lcn_cell_args>) {
  let a = pointer.pointee
  for b in 0..<Int(a.sequences) {
    let x = a.input + b &* Int(a.inputStride)
    let r = a.recurrent + b &* Int(a.recurrentStride)
    let h = a.hidden + b &* Int(a.stateStride)
    let y = a.output + b &* Int(a.outputStride)
    var u = 0
    while u < Int(a.units) {
      let left = Int(a.units) &- u
      let count = left < VectorF32.count ? left : VectorF32.count
      let update = sum(x, r, a.gates.0, u, count).logistic()
      let reset = sum(x, r, a.gates.1, u, count).logistic()
      update.write(r + Int(a.gates.0) + u, count)
      VectorF32(reset.lanes * lanes(h + u, count).lanes).write(y + u, count)
      u &+= VectorF32.count
    }
  }
}

/// Their second part: h from z, R_h·(r·h) and W_h·x.
func gruUpdateF32(_ pointer: UnsafePointer<lcn_cell_args>) {
  let a = pointer.pointee
  for b in 0..<Int(a.sequences) {
    let x = a.input + b &* Int(a.inputStride)
    let r = a.recurrent + b &* Int(a.recurrentStride)
    let h = a.hidden + b &* Int(a.stateStride)
    let y = a.output + b &* Int(a.outputStride)
    var u = 0
    while u < Int(a.units) {
      let left = Int(a.units) &- u
      let count = left < VectorF32.count ? left : VectorF32.count
      let update = lanes(r + Int(a.gates.0) + u, count).lanes
      let candidate = sum(x, r, a.gates.2, u, count).hyperbolicTangent().lanes
      let hidden = VectorF32((lanes(h + u, count).lanes - candidate) * update + candidate)
      hidden.write(h + u, count)
      hidden.write(y + u, count)
      u &+= VectorF32.count
    }
  }
}
