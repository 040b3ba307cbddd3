// All rows' normal equations at once: products P·H in place of factors, with diag(H) as
// preconditioner

import LacunaFormats
import LacunaOperations

/// Refits the kept weights of every row by preconditioned conjugate gradients in double precision.
///
/// A row is a problem of its own; strips of rows go through H together, so that the work is one
/// product of `64 × inputs` by `inputs²` per iteration and strip.
struct ConjugateGradients {
  let layer: OneShotLayer
  let mask: BitMask
  /// H + λI.
  let damped: AlignedBuffer<Double>
  let iterations: Int
  let tolerance: Double

  private static let strip = 64

  /// The refitted weights; `start` gives the first guess, where the mask keeps it.
  func solved(from start: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: layer.count)
    result.withUnsafeMutableBufferPointer { result in
      let result = result
      TiledAlgebra.inParallel(tasks: (layer.rows + Self.strip - 1) / Self.strip) { task in
        let first = task * Self.strip
        solve(first..<min(first + Self.strip, layer.rows), start, result.baseAddress!)
      }
    }
    return result
  }

  private func solve(
    _ rows: Range<Int>, _ start: [Float], _ result: UnsafeMutablePointer<Float>
  ) {
    let (n, m) = (layer.columns, rows.count)
    let size = m * n
    let memory = AlignedBuffer<Double>(count: 4 * size)
    let (x, residual) = (memory.pointer, memory.pointer + size)
    let (direction, product) = (memory.pointer + 2 * size, memory.pointer + 3 * size)
    let offset = rows.lowerBound * n
    let keep = AlignedBuffer<Double>(count: size)
    for r in 0..<m {
      for j in 0..<n where mask[rows.lowerBound + r, j] {
        keep.pointer[r * n + j] = 1
        x[r * n + j] = Double(start[offset + r * n + j])
      }
    }
    // residual = mask ⊙ ((w − x)·H)
    for i in 0..<size { direction[i] = Double(layer.weights.pointer[offset + i]) - x[i] }
    multiply(direction, m, into: residual)
    for i in 0..<size { residual[i] *= keep.pointer[i] }
    let inverseDiagonal = AlignedBuffer<Double>(uninitialized: n)
    for j in 0..<n { inverseDiagonal.pointer[j] = 1 / damped.pointer[j * n + j] }
    var energy = [Double](repeating: 0, count: m)
    for r in 0..<m {
      for j in 0..<n {
        let i = r * n + j
        direction[i] = residual[i] * inverseDiagonal.pointer[j]
        energy[r] += residual[i] * direction[i]
      }
    }
    let goal = energy.map { $0 * tolerance * tolerance }
    for _ in 0..<iterations {
      if (0..<m).allSatisfy({ energy[$0] <= goal[$0] }) { break }
      multiply(direction, m, into: product)
      for r in 0..<m where energy[r] > goal[r] {
        var curvature = 0.0
        for i in r * n..<(r + 1) * n { curvature += direction[i] * product[i] }
        if !(curvature > 0) {
          energy[r] = 0
          continue
        }
        let step = energy[r] / curvature
        var next = 0.0
        for j in 0..<n {
          let i = r * n + j
          x[i] += step * direction[i]
          residual[i] = (residual[i] - step * product[i]) * keep.pointer[i]
          next += residual[i] * residual[i] * inverseDiagonal.pointer[j]
        }
        let ratio = next / energy[r]
        energy[r] = next
        for j in 0..<n {
          let i = r * n + j
          direction[i] = residual[i] * inverseDiagonal.pointer[j] + ratio * direction[i]
        }
      }
    }
    for i in 0..<size { result[offset + i] = Float(x[i]) * Float(keep.pointer[i]) }
  }

  private func multiply(
    _ a: UnsafePointer<Double>, _ m: Int, into c: UnsafeMutablePointer<Double>
  ) {
    let n = layer.columns
    BLAS.gemm(
      m: m, n: n, k: n, a: a, lda: n, b: damped.pointer, ldb: n, c: c, ldc: n)
  }
}
