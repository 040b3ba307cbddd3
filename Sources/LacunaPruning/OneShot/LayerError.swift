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

  // H is symmetric: of each tile of columns only the rows above it are multiplied, and count twice.
  //
  //     d · H · dᵀ  =  Σ_J  2 · d_<J · H_<J,J · d_Jᵀ  +  d_J · H_J,J · d_Jᵀ
  private static func energies<Scalar: LinearScalar>(
    _ h: UnsafePointer<Scalar>, _ d: UnsafePointer<Float>, _ rows: Int, _ n: Int
  ) -> [Double] {
    var result = [Double](repeating: 0, count: rows)
    let (strip, width) = (128, min(n, 256))
    result.withUnsafeMutableBufferPointer { result in
      let result = result
      TiledAlgebra.inParallel(tasks: (rows + strip - 1) / strip) { task in
        let first = task * strip
        let count = min(strip, rows - first)
        let own = AlignedBuffer<Scalar>(uninitialized: count * (n + width))
        let product = own.pointer + count * n
        for i in 0..<count * n { own.pointer[i] = Scalar(d[first * n + i]) }
        for start in stride(from: 0, to: n, by: width) {
          let tile = min(width, n - start)
          for (above, factor) in [(start, 2.0), (-1, 1.0)] where above != 0 {
            // The rows above the tile, then the tile itself.
            let (from, k) = above > 0 ? (0, above) : (start, tile)
            Scalar.product(
              m: count, n: tile, k: k, alpha: 1, a: own.pointer + from, lda: n, transposeA: false,
              b: h + from * n + start, ldb: n, transposeB: false, beta: 0, c: product, ldc: tile)
            for i in 0..<count {
              let row = own.pointer + i * n + start
              var sum = 0.0
              for j in 0..<tile { sum += Double(row[j]) * Double(product[i * tile + j]) }
              result[first + i] += factor * sum
            }
          }
        }
        for i in first..<first + count { result[i] = max(result[i], 0) }
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
