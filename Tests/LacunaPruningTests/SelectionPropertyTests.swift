// What every mask promises, on random and on adversarial weights.

import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

/// A mask, from values in a plain array.
func mask(
  _ values: [Float], shape: [Int], sparsity: Double, granularity: Granularity = .element,
  ties: TiePolicy = .exactK, layout: WeightLayout = .outputMajor
) throws -> MaskOutcome {
  try values.withUnsafeBufferPointer {
    try magnitudeMask(
      $0, shape: shape, sparsity: sparsity, granularity: granularity, ties: ties, layout: layout)
  }
}

/// The rule itself, by sorting: indices by magnitude, lower index first among equals.
private func kept<Scalar: SparseScalar>(_ values: [Scalar], _ count: Int) -> Set<Int> {
  Set(
    values.indices.sorted {
      let (a, b) = (values[$0].magnitude, values[$1].magnitude)
      return a > b || a == b && $0 < $1
    }.prefix(count))
}

@Suite struct SelectionPropertyTests {
  static let sparsities = [0, 0.1, 0.333, 0.5, 0.77, 0.9, 0.99, 0.9999]

  @Test(arguments: [1, 2, 63, 64, 65, 127, 128, 129, 1000, 33_000])
  func exactlyTheLargestAreKept(_ count: Int) throws {
    let seed = UInt64(count)
    for (kind, values) in Adversary.all(count, seed: seed) {
      for sparsity in Self.sparsities {
        let outcome = try mask(values, shape: [count], sparsity: sparsity)
        let expected = kept(values, keptCount(of: count, sparsity: sparsity))
        let bits = outcome.mask.bits
        let found = Set(bits.indices.filter { bits[$0] == 1 })
        #expect(found == expected, "\(kind), \(count) weights, sparsity \(sparsity), seed \(seed)")
        #expect(outcome.keptCells == expected.count)
        let threshold = try #require(outcome.threshold)
        #expect(expected.allSatisfy { Double(values[$0].magnitude) >= threshold })
        #expect(
          values.indices.allSatisfy {
            found.contains($0) || Double(values[$0].magnitude) <= threshold
          })
      }
    }
  }

  @Test func doublesKeepTheirPrecision() throws {
    // Neighbours that are one number in float32.
    let values = (0..<100).map { 1 + Double($0) * 1e-12 }
    let outcome = try values.withUnsafeBufferPointer {
      try magnitudeMask($0, shape: [10, 10], sparsity: 0.7)
    }
    #expect(outcome.mask.bits == (0..<100).map { $0 >= 70 ? 1 : 0 })
    for granularity: Granularity in [
      .pattern(keep: 2, of: 4), .window(keep: 3, of: 16), .block(try BlockSize(2, 5), pooling: .l2),
    ] {
      let wide = (0..<320).map { 1 + Double(($0 * 37) % 320) * 1e-12 }
      let found = try wide.withUnsafeBufferPointer {
        try magnitudeMask($0, shape: [10, 32], sparsity: 0.5, granularity: granularity)
      }
      // In float32 all are equal, and the lowest indices would win.
      let narrow = try mask(
        wide.map { Float($0) }, shape: [10, 32], sparsity: 0.5, granularity: granularity)
      #expect(found.mask != narrow.mask, "\(granularity)")
    }
  }

  @Test func tiesAreKeptWhenAsked() throws {
    for (kind, values) in Adversary.all(300, seed: 4) {
      for sparsity in Self.sparsities {
        let outcome = try mask(values, shape: [300], sparsity: sparsity, ties: .keepTies)
        let threshold = Float(try #require(outcome.threshold))
        let expected = values.map { $0.magnitude >= threshold ? 1 : 0 }
        #expect(outcome.mask.bits == expected, "\(kind) at \(sparsity)")
        #expect(outcome.keptCells >= keptCount(of: 300, sparsity: sparsity))
      }
    }
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func masksNestAndShrinkAsSparsityGrows(_ seed: UInt64) throws {
    let values = randomWeights(96 * 64, seed: seed)
    for granularity in try Self.granularities() {
      var last: BitMask?
      for step in 0...40 {
        let found = try mask(
          values, shape: [96, 64], sparsity: Double(step) / 41, granularity: granularity
        ).mask
        if let last {
          #expect(
            try found.subtracting(last).keptCount == 0, "\(granularity), \(step)/41, seed \(seed)")
        }
        last = found
      }
    }
  }

  static func granularities() throws -> [Granularity] {
    [
      .element, .block(try BlockSize(2, 3)), .block(try BlockSize(4, 1), pooling: .max),
      .block(try BlockSize(1, 16), pooling: .l1), .block(try BlockSize(7, 5), pooling: .l2),
      .pattern(keep: 2, of: 4), .pattern(keep: 1, of: 3), .window(keep: 2, of: 16),
      .window(keep: 3, of: 32), .rows(), .columns(pooling: .average), .channels(),
    ]
  }

  @Test func extremesAreDefined() throws {
    for granularity in try Self.granularities() {
      let none = try mask([], shape: [0, 5], sparsity: 0.5, granularity: granularity)
      #expect(none.mask.rows == 0 && none.mask.columns == 5 && none.cells == 0)
      let one = try mask([0], shape: [1, 1], sparsity: 0.9999, granularity: granularity)
      #expect(one.mask.keptCount == 1, "\(granularity)")
      let all = try mask(
        randomWeights(35, seed: 1), shape: [5, 7], sparsity: 0, granularity: granularity)
      #expect(all.mask.keptCount == 35, "\(granularity)")
    }
    // A block larger than the tensor is one block.
    let large = try mask(
      randomWeights(6, seed: 2), shape: [2, 3], sparsity: 0.9,
      granularity: .block(try BlockSize(8, 8)))
    #expect(large.cells == 1 && large.mask.keptCount == 6)
    // A constant tensor: exactly k with exactK, everything with keepTies.
    #expect(try mask(Array(repeating: 3, count: 50), shape: [50], sparsity: 0.9).keptCells == 5)
    #expect(
      try mask(Array(repeating: 3, count: 50), shape: [50], sparsity: 0.9, ties: .keepTies)
        .keptCells == 50)
  }

  @Test func countsBeyond32BitsAreDefinedOnPaper() {
    #expect(keptCount(of: 1 << 31, sparsity: 0.5) == 1 << 30)
    #expect(keptCount(of: 1 << 40, sparsity: 0) == 1 << 40)
    #expect(keptCount(of: Int.max, sparsity: 0) == Int.max)
    #expect(keptCount(of: Int.max, sparsity: 0.9999) < Int.max / 5000)
    #expect(keptCount(of: 0, sparsity: 0.5) == 0)
    #expect(keptCount(of: 5_000_000_000, sparsity: 0.9999999) >= 1)
  }

  @Test func errorsNameTheParameterItsValueAndWhatIsAllowed() throws {
    func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return "nothing thrown"
    }
    let w = randomWeights(12, seed: 1)
    #expect(
      message { _ = try mask(w, shape: [3, 4], sparsity: 1) }
        == "sparsity is 1.0, must be in 0..<1")
    #expect(
      message { _ = try mask(w, shape: [3, 4], sparsity: -0.5) }
        == "sparsity is -0.5, must be in 0..<1")
    #expect(
      message { _ = try mask(w, shape: [3, 4], sparsity: .nan) }
        == "sparsity is nan, must be in 0..<1")
    #expect(
      message { _ = try mask(w, shape: [3, 5], sparsity: 0.5) }
        == "weights of weights has 12 elements, expected 15")
    #expect(
      message { _ = try mask(w, shape: [-3, 4], sparsity: 0.5) }
        == "dimension 0 of weights is -3, must be 0 or more")
    #expect(
      message { _ = try mask(w, shape: [.max, .max], sparsity: 0.5) }
        .contains("must be small enough to address"))
    #expect(
      message {
        _ = try mask(w, shape: [3, 4], sparsity: 0.5, granularity: .pattern(keep: 4, of: 4))
      } == "weights kept of each 4 is 4, must be in 1..<4")
    #expect(
      message {
        _ = try mask(w, shape: [3, 4], sparsity: 0.5, granularity: .window(keep: 1, of: 1))
      } == "group length is 1, must be in 2...256")
    for granularity in try Self.granularities() {
      var bad = randomWeights(40 * 32, seed: 3)
      bad[777] = -.nan
      #expect(
        message { _ = try mask(bad, shape: [40, 32], sparsity: 0.5, granularity: granularity) }
          == "weights[777] is not a number", "\(granularity)")
      bad[777] = -.infinity
      #expect(
        message { _ = try mask(bad, shape: [40, 32], sparsity: 0.5, granularity: granularity) }
          == "weights[777] is infinite", "\(granularity)")
    }
  }
}

/// Weights that mislead selections.
enum Adversary {
  static func all(_ count: Int, seed: UInt64) -> [(String, [Float])] {
    let random = randomWeights(count, seed: seed)
    var outlier = random
    outlier[count / 2] = 1e38
    return [
      ("random", random),
      ("equal", Array(repeating: -0.25, count: count)),
      ("two values", random.map { $0 < 0 ? 1 : 2 }),
      ("denormal", random.map { ($0 * 1e6).rounded() * .leastNonzeroMagnitude }),
      ("sorted", random.sorted { $0.magnitude < $1.magnitude }),
      ("sorted down", random.sorted { $0.magnitude > $1.magnitude }),
      ("one outlier", outlier),
      ("zeros", Array(repeating: 0, count: count)),
      ("signed zeros", random.map { $0 < 0 ? -0.0 : 0 }),
      ("mostly zero", random.enumerated().map { $0.offset % 17 == 0 ? $0.element : 0 }),
      ("huge", random.map { $0 > 0.5 ? 0x1p100 : $0 }),
      ("few mantissas", random.map { ($0 * 4).rounded() }),
    ]
  }
}
