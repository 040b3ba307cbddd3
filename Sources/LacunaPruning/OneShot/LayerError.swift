// ‖D·X‖² = Σ_i d_i·H·d_iᵀ: what a change D of the weights changes of the layer's outputs

import LacunaFormats
import LacunaOperations

extension Calibration {
  /// d_i·H·d_iᵀ of each row of D[rows, inputs]: the energy of D's outputs over all samples.
  ///
  /// - Complexity: O(rows · inputs²)
  func energies(of d: AlignedBuffer<Float>, _ rows: Int) -> [Double] {
    switch symmetricSums() {
    case .norms(let norms):
      preconditionFailure("products of \(name) were not collected, only \(norms.count) norms")
    case .single(let h): return Self.energies(h.pointer, d.pointer, rows, inputs)
    case .double(let h): return Self.energies(h.pointer, d.pointer, rows, inputs)
    }
  }

  private static func energies<Scalar: LinearScalar>(
    _ h: UnsafePointer<Scalar>, _ d: UnsafePointer<Float>, _ rows: Int, _ n: Int
  ) -> [Double] {
    var result = [Double](repeating: 0, count: rows)
    let strip = 64
    result.withUnsafeMutableBufferPointer { result in
      let result = result
      TiledAlgebra.inParallel(tasks: (rows + strip - 1) / strip) { task in
        let first = task * strip
        let count = min(strip, rows - first)
        let own = AlignedBuffer<Scalar>(uninitialized: 2 * count * n)
        let product = own.pointer + count * n
        for i in 0..<count * n { own.pointer[i] = Scalar(d[first * n + i]) }
        Scalar.product(
          m: count, n: n, k: n, alpha: 1, a: own.pointer, lda: n, transposeA: false, b: h, ldb: n,
          transposeB: false, beta: 0, c: product, ldc: n)
        for i in 0..<count {
          var sum = 0.0
          for j in i * n..<(i + 1) * n { sum += Double(own.pointer[j]) * Double(product[j]) }
          result[first + i] = max(sum, 0)
        }
      }
    }
    return result
  }
}

extension OneShotLayer {
  /// Σ‖W·x‖² over the samples.
  func outputEnergy() -> Double { calibration.energies(of: weights, rows).reduce(0, +) }

  /// Σ‖(W − Ŵ)·x‖² over the samples.
  func outputError(_ pruned: [Float]) -> Double {
    let change = AlignedBuffer<Float>(uninitialized: count)
    for i in 0..<count { change.pointer[i] = weights.pointer[i] - pruned[i] }
    return calibration.energies(of: change, rows).reduce(0, +)
  }
}
