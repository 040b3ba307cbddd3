// Ranges of activations: what each method keeps of the numbers that were observed.

import LacunaOperations
import TestSupport
import Testing

@Suite struct RangeCalibrationTests {
  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    // A bell: sums of uniform numbers.
    return (0..<count).map { _ in
      (0..<12).reduce(Float(0)) { sum, _ in sum + Float.random(in: -0.5...0.5, using: &generator) }
    }
  }

  @Test func minMaxIsTheLeastAndTheGreatestAndHoldsZero() throws {
    var calibration = RangeCalibration()
    calibration.observe([0.5, 3, 1])
    #expect(try calibration.range(by: .minMax) == 0...3)
    calibration.observe([-1e-30, 2])
    #expect(try calibration.range(by: .minMax) == -1e-30...3)
    var negative = RangeCalibration()
    negative.observe([-7, -2])
    #expect(try negative.range(by: .minMax) == -7...0)
  }

  /// A sorted copy says where the cut is, to a bin.
  @Test(arguments: [0.5, 0.9, 0.999, 1])
  func percentilesAreThoseOfASortedCopy(share: Double) throws {
    let all = numbers(20_000, seed: 1)
    var calibration = RangeCalibration()
    for batch in 0..<10 { calibration.observe(Array(all[batch * 2000..<(batch + 1) * 2000])) }
    let range = try calibration.range(by: .percentile(share))
    let sorted = all.sorted()
    let most = Int((1 - share) / 2 * Double(all.count))
    let bin = 2 * (sorted.map(abs).max()!) / 2048
    #expect(abs(range.lowerBound - sorted[most]) <= bin)
    #expect(abs(range.upperBound - sorted[sorted.count - 1 - most]) <= bin)
    if share == 1 { #expect(range == sorted.first!...sorted.last!) }
  }

  @Test func ofNumbersThatAreMostlyZeroTheUpperEndIsCut() throws {
    var calibration = RangeCalibration()
    calibration.observe([Float](repeating: 0, count: 9000) + (1...1000).map { Float($0) })
    let range = try calibration.range(by: .percentile(0.99))
    #expect(range.lowerBound == 0 && abs(range.upperBound - 950) <= 1)
    // More than there are: nothing is left but zero.
    #expect(try calibration.range(by: .percentile(0.7)) == 0...0)
  }

  @Test func theOrderAndTheSizeOfBatchesChangeNothing() throws {
    let all = numbers(4096, seed: 2).map { $0 * 1000 } + [1e-3, -1e6]
    var (forward, backward) = (RangeCalibration(), RangeCalibration())
    forward.observe(all)
    for number in all.reversed() { backward.observe([number]) }
    for method in [RangeMethod.minMax, .percentile(1)] {
      #expect(try forward.range(by: method) == backward.range(by: method))
    }
    let (a, b) = (
      try forward.range(by: .percentile(0.9)), try backward.range(by: .percentile(0.9))
    )
    // Widths are doubled from the first number on: at most four times as wide a bin.
    #expect(abs(a.upperBound - b.upperBound) <= 4 * 1e6 / 2048)
  }

  /// One number far out is not worth a hundredfold coarser step for all the others.
  @Test func entropyCutsWhatLiesFarOut() throws {
    var calibration = RangeCalibration()
    calibration.observe(numbers(100_000, seed: 3) + [40])
    let range = try calibration.range(by: .entropy)
    #expect(range.upperBound < 10 && range.upperBound > 2, "\(range)")
    #expect(range.lowerBound < -2, "\(range)")
    // Numbers of few bins lose nothing: none is cut.
    var few = RangeCalibration()
    few.observe([Float](repeating: 1, count: 50) + [Float](repeating: 0.5, count: 50))
    #expect(try few.range(by: .entropy) == 0...1)
  }

  @Test func whatCannotBeARangeIsRefused() throws {
    var calibration = RangeCalibration()
    #expect(throws: RangeCalibrationError.nothingObserved) { try calibration.range(by: .minMax) }
    calibration.observe([1])
    for share in [0, -1, 1.5, .nan] {
      #expect(throws: RangeCalibrationError.self) { try calibration.range(by: .percentile(share)) }
    }
    calibration.observe([.nan, 2, -.infinity])
    #expect(throws: RangeCalibrationError.notFinite(numbers: 2)) {
      try calibration.range(by: .entropy)
    }
    var zeros = RangeCalibration()
    zeros.observe([0, 0])
    for method in [RangeMethod.minMax, .percentile(0.5), .entropy] {
      #expect(try zeros.range(by: method) == 0...0)
    }
  }

  @Test func theScaleOfARangeReachesOverItWithZeroExact() {
    let scale = OutputScale(covering: -1...3)
    #expect(scale.zeroPoint == 64)
    #expect(abs(scale.scale - 4 / 255) < 1e-6)
    #expect(OutputScale(covering: 2...3).zeroPoint == 0)
    #expect(OutputScale(covering: 0...0).scale == 1)
  }
}
