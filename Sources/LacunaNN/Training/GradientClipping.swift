// g ← g · min(1, most / ‖g‖₂), with one norm over the gradients of all parameters (Pascanu et al., 2013).

extension SequentialModel {
  /// Scales all gradients down together where they are longer than `most`. The sum of squares is taken in double
  /// precision in the order of the parameters: the same bits for any number of threads. A norm that is not finite
  /// leaves them as they are.
  func clipGradients(norm most: Float) {
    var squares = 0.0
    for p in parameters where p.isTrainable {
      // Eight sums side by side, so that the loop is one of vectors.
      var sums = SIMD8<Double>.zero
      let (g, count) = (p.trainedGradient.pointer, p.trainedGradient.count)
      let whole = count & ~7
      for i in stride(from: 0, to: whole, by: 8) {
        let lanes = SIMD8<Double>(
          UnsafeRawPointer(g + i).loadUnaligned(as: SIMD8<Float>.self))
        sums += lanes * lanes
      }
      squares += sums.sum()
      for i in whole..<count { squares += Double(g[i]) * Double(g[i]) }
    }
    let norm = squares.squareRoot()
    guard norm > Double(most), norm.isFinite else { return }
    let factor = Float(Double(most) / norm)
    for p in parameters where p.isTrainable {
      let (g, count) = (p.trainedGradient.pointer, p.trainedGradient.count)
      for i in 0..<count { g[i] *= factor }
    }
  }
}
