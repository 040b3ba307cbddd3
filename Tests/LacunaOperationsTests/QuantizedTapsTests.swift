// An 8-bit product that reads X where taps say is the product with those rows copied, bit for bit.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct QuantizedTapsTests {
  /// Rows of a tap around the four of a quad: each quad within a tap, all across taps, and both.
  @Test(arguments: ISA.allCases, [1, 3, 4, 6, 9, 70])
  func rows(isa: ISA, rows: Int) throws {
    try require(isa)
    var seed = UInt64(rows)
    for taps in [1, 2, 5, 25] {
      for width in [1, 16, 37] {
        for range in [ActivationRange.perSide, .perTensor, .fixed(scale: 0.03, zeroPoint: 90)] {
          seed += 1
          try check(isa, rows, taps, width, range, seed) { generator in
            Float.random(in: -3...4, using: &generator)
          }
        }
        seed += 1
        try check(isa, rows, taps, width, .fixed(scale: 1, zeroPoint: 7), seed) { generator in
          UInt8.random(in: 0...255, using: &generator)
        }
      }
    }
  }

  private func check<Activation: ActivationElement>(
    _ isa: ISA, _ rows: Int, _ taps: Int, _ width: Int, _ range: ActivationRange, _ seed: UInt64,
    _ random: (inout SeededGenerator) -> Activation
  ) throws {
    var generator = SeededGenerator(seed: seed)
    let (outputs, columns) = (11, rows * taps)
    let kernels = ["spmm-1x4", "spmm-2x4", "spmm-4x4", "dense"]
    let w: [Float] = randomWeights(
      outputs, columns, sparsity: 0.7, block: .element, &generator)
    let plan = try QuantizedPlan<Activation, Float>(
      QuantizedCSR(quantizing: csr(w, outputs, columns)), activations: range, width: width,
      options: PlanOptions(kernel: kernels[Int(seed) % kernels.count], isa: isa))
    #expect(plan.core.body.readsTaps)
    // Taps begin anywhere in the image and overlap.
    let stride = width + 11
    let image = (0..<rows * stride).map { _ in random(&generator) }
    let offsets = (0..<taps).map { _ in Int.random(in: 0...11, using: &generator) }
    let x = (0..<columns).flatMap { j -> ArraySlice<Activation> in
      let first = offsets[j / rows] + j % rows * stride
      return image[first..<first + width]
    }
    var expected = [Float](repeating: 0, count: outputs * width)
    try plan.run(x, into: &expected, width: width)
    var y = [Float](repeating: 0, count: outputs * width)
    image.withUnsafeBufferPointer { image in
      offsets.withUnsafeBufferPointer { offsets in
        y.withUnsafeMutableBufferPointer { y in
          plan.core.run(
            ProductCall(
              x: image.baseAddress!, xStride: stride, y: y.baseAddress!, yStride: width,
              width: width, taps: RowTaps(offsets: offsets.baseAddress!, rows: rows)))
        }
      }
    }
    #expect(y == expected, "\(plan), \(taps) taps of \(rows) rows, \(range), seed \(seed)")
  }
}
