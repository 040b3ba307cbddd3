// One step of a GRU or LSTM, element by element, and its adjoint:
//
//     GRU    z = σ(s_z), r = σ(s_r), n = tanh(s_h + r·q_h),  h = n + z·(h′ − n)
//     LSTM   i = σ(s_i), o = σ(s_o), f = σ(s_f), u = tanh(s_c),  c = f·c′ + i·u,  h = o·tanh(c)

import LacunaOperations

/// Where the numbers of one step of some samples lie.
struct CellStep {
  let units: Int, samples: Int
  /// [samples, gates · units]: s, which the forward pass replaces by the gates, and the backward pass by ds.
  let sums: UnsafeMutablePointer<Float>
  /// [samples, units]: q_h of a GRU, which the backward pass replaces by dq_h; c of an LSTM.
  let second: UnsafeMutablePointer<Float>
  /// [samples, units]: h′ and h.
  let before: UnsafePointer<Float>
  let after: UnsafeMutablePointer<Float>

  func gruForward() {
    let n = units
    for b in 0..<samples {
      let (s, q) = (sums + b * 3 * n, second + b * n)
      let (from, to) = (before + b * n, after + b * n)
      PointwiseFunction.sigmoid.apply(s, into: s, count: 2 * n)
      let (z, r, candidate) = (s, s + n, s + 2 * n)
      for j in 0..<n { candidate[j] += r[j] * q[j] }
      PointwiseFunction.tanh.apply(candidate, into: candidate, count: n)
      for j in 0..<n { to[j] = candidate[j] + z[j] * (from[j] - candidate[j]) }
    }
  }

  /// - Parameter g: ∂loss/∂h, replaced by the share of h′ that does not go through R.
  func gruBackward(_ g: UnsafeMutablePointer<Float>) {
    let n = units
    for b in 0..<samples {
      let (s, q) = (sums + b * 3 * n, second + b * n)
      let (from, g) = (before + b * n, g + b * n)
      for j in 0..<n {
        let (z, r, candidate, dh) = (s[j], s[n + j], s[2 * n + j], g[j])
        let ds = dh * (1 - z) * (1 - candidate * candidate)
        s[j] = dh * (from[j] - candidate) * z * (1 - z)
        s[n + j] = ds * q[j] * r * (1 - r)
        s[2 * n + j] = ds
        q[j] = ds * r
        g[j] = dh * z
      }
    }
  }

  /// - Parameter c: before the step.
  func lstmForward(c: UnsafePointer<Float>) {
    let n = units
    for b in 0..<samples {
      let (s, cell) = (sums + b * 4 * n, second + b * n)
      let (from, to) = (c + b * n, after + b * n)
      PointwiseFunction.sigmoid.apply(s, into: s, count: 3 * n)
      PointwiseFunction.tanh.apply(s + 3 * n, into: s + 3 * n, count: n)
      for j in 0..<n { cell[j] = s[2 * n + j] * from[j] + s[j] * s[3 * n + j] }
      PointwiseFunction.tanh.apply(cell, into: to, count: n)
      for j in 0..<n { to[j] *= s[n + j] }
    }
  }

  /// - Parameters:
  ///   - g: ∂loss/∂h, replaced by zeros: h′ is read through R alone.
  ///   - dc: ∂loss/∂c of the step after, replaced by that of this one.
  ///   - c: before the step.
  func lstmBackward(
    _ g: UnsafeMutablePointer<Float>, dc: UnsafeMutablePointer<Float>, c: UnsafePointer<Float>
  ) {
    let n = units
    for b in 0..<samples {
      let s = sums + b * 4 * n
      let (from, g, dc, h) = (c + b * n, g + b * n, dc + b * n, after + b * n)
      for j in 0..<n {
        let (i, o, f, u) = (s[j], s[n + j], s[2 * n + j], s[3 * n + j])
        // An output gate of zero hides tanh(c), whose gradient it blocks as well.
        let t = o == 0 ? 0 : h[j] / o
        let d = dc[j] + g[j] * o * (1 - t * t)
        s[j] = d * u * i * (1 - i)
        s[n + j] = g[j] * t * o * (1 - o)
        s[2 * n + j] = d * from[j] * f * (1 - f)
        s[3 * n + j] = d * i * (1 - u * u)
        dc[j] = d * f
        g[j] = 0
      }
    }
  }
}
