// c_t = Σ_s a_ts·m_s with a_t = softmax_s(q_t·m_s): what a query finds in a memory, and its gradient.
//
//     A = softmax(Q·Mᵀ) by rows,   C = A·M
//     dA = dC·Mᵀ,   dS = A ∘ (dA − rows of Σ_s A ∘ dA),   dQ = dS·M,   dM = Aᵀ·dC + dSᵀ·Q
//
// Luong, Pham and Manning, "Effective approaches to attention-based neural machine translation", 2015: their score
// "general" is this one with q_t = W·h_t.

import LacunaOperations

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The attention of the queries of one sample to its memory. A memory has no row that is padding: what is no part of
/// a sample gets no weight because it is not there.
struct DotProductAttention {
  /// Q [queries, features] and C, whose rows may lie apart.
  let queries: Int, memory: Int, features: Int
  /// Q.
  let q: UnsafePointer<Float>
  /// M [memory, features].
  let m: UnsafePointer<Float>
  /// A [queries, memory]: written by the forward pass and read by the backward pass.
  let weights: UnsafeMutablePointer<Float>

  /// - Parameters:
  ///   - c: C, written.
  ///   - stride: elements from one row of C to the next.
  func forward(into c: UnsafeMutablePointer<Float>, stride: Int) {
    BLAS.gemm(
      m: queries, n: memory, k: features, a: q, lda: features, b: m, ldb: features,
      transposeB: true, c: weights, ldc: memory)
    for t in 0..<queries { softmax(weights + t * memory, memory) }
    BLAS.gemm(
      m: queries, n: features, k: memory, a: weights, lda: memory, b: m, ldb: features, c: c,
      ldc: stride)
  }

  /// - Parameters:
  ///   - dc: ∂loss/∂C, in rows `stride` apart.
  ///   - dq: ∂loss/∂Q, written.
  ///   - dm: ∂loss/∂M, written.
  ///   - scratch: as many elements as A has.
  func backward(
    _ dc: UnsafePointer<Float>, stride: Int, dq: UnsafeMutablePointer<Float>,
    dm: UnsafeMutablePointer<Float>, scratch ds: UnsafeMutablePointer<Float>
  ) {
    BLAS.gemm(
      m: memory, n: features, k: queries, a: weights, lda: memory, transposeA: true, b: dc,
      ldb: stride, c: dm, ldc: features)
    BLAS.gemm(
      m: queries, n: memory, k: features, a: dc, lda: stride, b: m, ldb: features,
      transposeB: true, c: ds, ldc: memory)
    for t in 0..<queries {
      let (a, d) = (weights + t * memory, ds + t * memory)
      var mean: Float = 0
      for s in 0..<memory { mean += a[s] * d[s] }
      for s in 0..<memory { d[s] = a[s] * (d[s] - mean) }
    }
    BLAS.gemm(
      m: queries, n: features, k: memory, a: ds, lda: memory, b: m, ldb: features, c: dq,
      ldc: features)
    BLAS.gemm(
      m: memory, n: features, k: queries, a: ds, lda: memory, transposeA: true, b: q,
      ldb: features, beta: 1, c: dm, ldc: features)
  }
}

/// y ← eʸ / Σ eʸ
func softmax(_ y: UnsafeMutablePointer<Float>, _ n: Int) {
  var (most, sum) = (-Float.infinity, Float(0))
  for i in 0..<n where y[i] > most { most = y[i] }
  for i in 0..<n {
    y[i] = expf(y[i] - most)
    sum += y[i]
  }
  let share = 1 / sum
  for i in 0..<n { y[i] *= share }
}
