// No step is too large for a schedule: nothing traps and nothing counts its way there.

import Foundation
import LacunaFormats
import LacunaPruning
import Testing

@Suite struct LargeStepTests {
  private static let edges = [Int.min, -1, 0, 1, 2, 1 << 53, Int.max - 1, Int.max]

  /// Schedules that begin, end or pause near the largest integer.
  private static func schedules() throws -> [any PruningSchedule] {
    try [
      ConstantSparsity(0.5, begin: .max, frequency: .max),
      ConstantSparsity(0.5, begin: 0, end: .max, frequency: .max - 1),
      ConstantSparsity(0.5, begin: 1, frequency: .max, includesEnd: false),
      PolynomialDecay(final: 0.9, begin: 0, end: .max, frequency: .max),
      PolynomialDecay(final: 0.9, begin: .max - 1, end: .max, frequency: 1),
      Ramp(.cosine, final: 0.9, begin: 1, end: .max, frequency: 3),
      OneShot(0.5, at: .max),
      PiecewiseSparsity(
        [.init(step: 0, sparsity: 0.1), .init(step: .max, sparsity: 0.9)], frequency: .max - 7),
      PiecewiseSparsity(
        [.init(step: .max - 1, sparsity: 0.1), .init(step: .max, sparsity: 0.9)],
        interpolation: .hold, frequency: .max),
    ]
  }

  @Test func everyQuestionHasAnAnswer() throws {
    for schedule in try Self.schedules() {
      for step in Self.edges {
        let sparsity = schedule.sparsity(at: step)
        #expect(sparsity >= 0 && sparsity < 1, "\(schedule) at \(step)")
        for last in Self.edges where last >= step {
          if let first = schedule.firstUpdate(in: step...last) {
            let final = try #require(schedule.lastUpdate(in: step...last))
            #expect(schedule.isUpdate(at: final) && (first...last).contains(final), "\(schedule)")
            #expect(schedule.isUpdate(at: first) && (step...last).contains(first), "\(schedule)")
          }
        }
        #expect(
          schedule.isUpdate(at: step) == (schedule.firstUpdate(in: step...step) == step),
          "\(schedule) at \(step)")
      }
      // Saved and read again it is the same.
      let saved = try JSONEncoder().encode(try AnySchedule(schedule))
      let read = try JSONDecoder().decode(AnySchedule.self, from: saved)
      #expect(read.lastUpdate == schedule.lastUpdate)
      #expect(read.sparsity(at: .max) == schedule.sparsity(at: .max))
      for planned in Self.edges where planned >= 1 { try? schedule.checkFires(within: planned) }
    }
  }

  @Test(arguments: [1, 2, 3, 7, 100])
  func theFirstUpdateOfATableIsTheFirstThatACountFinds(_ frequency: Int) throws {
    let table = try PiecewiseSparsity(
      [3, 4, 11, 25].map { .init(step: $0, sparsity: Double($0) / 30) }, frequency: frequency)
    for first in -2...30 {
      for last in first...31 {
        let updates = (first...last).filter { table.isUpdate(at: $0) }
        #expect(table.firstUpdate(in: first...last) == updates.first, "\(first)...\(last)")
        #expect(table.lastUpdate(in: first...last) == updates.last, "\(first)...\(last)")
      }
    }
  }

  @Test func aTableOfTooManyUpdatesIsRefusedAtOnce() throws {
    let dense = try ConstantSparsity(0.5, begin: 1, frequency: 1)
    let error = #expect(throws: PruningError.self) {
      try PiecewiseSparsity(tabulating: dense, plannedSteps: .max)
    }
    #expect("\(error!)".contains("plannedSteps is \(Int.max)"))
    let rare = try ConstantSparsity(0.5, begin: 1, frequency: 1 << 60)
    #expect(try PiecewiseSparsity(tabulating: rare, plannedSteps: .max).points.count == 8)
  }

  @Test(arguments: [Double.nan, -.infinity, .infinity, -1, 2])
  func aCountOfAnySparsityIsInRange(_ sparsity: Double) {
    for count in [0, 1, 2, 1000, Int.max] {
      let kept = keptCount(of: count, sparsity: sparsity)
      #expect(kept >= min(count, 1) && kept <= count, "\(count), \(sparsity)")
    }
  }

  @Test func aWidthThatNoMatrixHasIsRefused() throws {
    let compaction = try Compaction(BitMask(rows: 2, columns: 3))
    for width in [-1, Int.min, Int.max] {
      #expect(throws: PruningError.self) { try compaction.gather([] as [Float], width: width) }
    }
    #expect(throws: PruningError.self) { try compaction.scatter([] as [Float], width: .max) }
  }

  @Test func aStateWithAnImpossibleStepIsRefused() throws {
    var bytes = PrunerState().bytes
    for place in 4..<11 { bytes[place] = 0xFF }
    bytes[11] = 0x7F
    let error = #expect(throws: PruningError.self) { try PrunerState(bytes: bytes) }
    #expect("\(error!)".contains("step is \(Int.max)"))
  }
}
