// The k-th largest magnitude against a full sort, on friendly and on adversarial data.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct SelectionTests {
  enum Shape: String, CaseIterable {
    case uniform, gaussianLike, allEqual, twoValues, mostlyZero, denormal, sorted, outlier, mixed
    case infinities
  }

  func weights<Scalar: SparseScalar>(_ shape: Shape, _ count: Int, seed: UInt64) -> [Scalar] {
    var g = SeededGenerator(seed: seed)
    func unit() -> Double { Double(g.next() >> 11) / Double(1 << 53) * 2 - 1 }
    return (0..<count).map { i in
      switch shape {
      case .uniform: Scalar(unit())
      case .gaussianLike: Scalar(unit() + unit() + unit() + unit())
      case .allEqual: -0.25
      case .twoValues: g.next() & 1 == 0 ? 0.5 : -0.125
      case .mostlyZero: g.next() % 10 == 0 ? Scalar(unit()) : (g.next() & 1 == 0 ? 0 : -0.0)
      case .denormal: Scalar.leastNonzeroMagnitude * Scalar(g.next() % 1000)
      case .sorted: Scalar(i) / Scalar(count)
      case .outlier: i == count / 3 ? -1e30 : Scalar(unit()) * 1e-3
      case .mixed: i < count / 2 ? Scalar(unit()) * 1e-6 : Scalar(unit()) * 1e3
      case .infinities: g.next() % 7 == 0 ? -.infinity : Scalar(unit())
      }
    }
  }

  func check<Scalar: SparseScalar>(_: Scalar.Type, _ shape: Shape, _ count: Int, seed: UInt64)
    throws
  {
    let w: [Scalar] = weights(shape, count, seed: seed)
    let sorted = w.map { $0.magnitude }.sorted(by: >)
    for k in Set([1, 2, count / 10, count / 2, count * 9 / 10, count - 1, count])
    where (1...count).contains(k) {
      let expected = sorted[k - 1]
      let result = try w.withUnsafeBufferPointer { buffer in
        try Selection.kthLargestMagnitude(buffer, k: k)
      }
      let above = sorted.firstIndex { $0 <= expected }!
      let end = sorted.firstIndex { $0 < expected } ?? count
      #expect(
        result == .init(threshold: expected, above: above, equal: end - above),
        "\(Scalar.dtype) \(shape) count \(count) k \(k) seed \(seed)")
    }
  }

  @Test(arguments: Shape.allCases, [1, 2, 17, 1000, 32768, 70001])
  func agreesWithSorting(_ shape: Shape, _ count: Int) throws {
    try check(Float.self, shape, count, seed: 1)
    try check(Double.self, shape, count, seed: 2)
  }

  @Test func severalTensorsAreOne() throws {
    let all: [Float] = weights(.gaussianLike, 100_000, seed: 3)
    try all.withUnsafeBufferPointer { buffer in
      let parts = [0..<0, 0..<1, 1..<40_003, 40_003..<100_000].map {
        UnsafeBufferPointer(rebasing: buffer[$0])
      }
      for k in [1, 777, 50_000, 99_999, 100_000] {
        let separate = try Selection.kthLargestMagnitude(parts, k: k)
        let joined = try Selection.kthLargestMagnitude(buffer, k: k)
        #expect(separate == joined, "k \(k)")
      }
    }
  }

  @Test(arguments: [10, 100_000])
  func refusesNaNWithItsPlace(_ count: Int) throws {
    var w: [Float] = weights(.uniform, count, seed: 4)
    w[count - 3] = -.nan
    w[count - 1] = .nan
    let first: [Float] = [1, 2]
    w.withUnsafeBufferPointer { buffer in
      first.withUnsafeBufferPointer { front in
        _ = #expect(throws: SelectionError.notANumber(tensor: 1, index: count - 3)) {
          try Selection.kthLargestMagnitude([front, buffer], k: count / 2)
        }
      }
    }
  }

  @Test func refusesRanksOutside() {
    let w: [Float] = [1, 2, 3]
    w.withUnsafeBufferPointer { buffer in
      for k in [-1, 0, 4] {
        _ = #expect(throws: SelectionError.rankOutOfRange(k: k, count: 3)) {
          try Selection.kthLargestMagnitude(buffer, k: k)
        }
      }
    }
  }
}
