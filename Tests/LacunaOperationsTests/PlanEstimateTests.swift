// Estimates and explanations stay within what a processor can do.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct PlanEstimateTests {
  /// (rows, columns, right-hand sides)
  static let shapes = [
    (64, 64, 1), (64, 64, 64), (256, 256, 128), (300, 784, 16), (512, 512, 1), (512, 512, 256),
  ]

  /// A peak that is measured too low, or an estimate that promises too much, shows as a share above
  /// one.
  @Test(arguments: ISA.allCases, [true, false])
  func noCandidateExceedsThePeak(isa: ISA, deterministic: Bool) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 51)
    for (rows, columns, width) in Self.shapes {
      for sparsity in [0.3, 0.7, 0.95] {
        for layout in ProductLayout.allCases {
          let w: [Float] = randomWeights(rows, columns, sparsity: sparsity, &generator)
          let plan = try Plan(
            csr(w, rows, columns), layout: layout, width: width,
            options: PlanOptions(deterministic: deterministic, isa: isa))
          let explanation = plan.explanation
          #expect(explanation.candidates.count >= 2)
          for c in explanation.candidates {
            #expect(
              c.peakShare > 0 && c.peakShare <= 1.05,
              """
              \(c.kernel) \(rows)×\(columns)×\(width) sparsity \(sparsity) \(layout) \(isa): \
              predicted \(c.predictedSeconds), measured \(c.measuredSeconds ?? .nan)
              """)
          }
        }
      }
    }
  }

  @Test(arguments: DType.allCases, [0, 1, 9])
  func thePeakCountsItsOperations(dtype: DType, rounds: Int) {
    for isa in ISA.available {
      let peak = MultiplyAddPeak(dtype, isa: isa)
      let bytes = isa.includes(.v4) ? 64 : isa.includes(.v3) ? 32 : 16
      let lanes = bytes / dtype.size
      #expect(peak.run(rounds: rounds) == rounds * 24 * lanes, "\(isa)")
    }
  }
}
