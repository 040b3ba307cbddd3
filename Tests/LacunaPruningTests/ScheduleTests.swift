// Every schedule: its ends, its updates, its saved form, what it refuses.

import Foundation
import LacunaPruning
import Testing

@Suite struct ScheduleTests {
  static func all() throws -> [AnySchedule] {
    [
      .constant(try ConstantSparsity(0.5)),
      .constant(try ConstantSparsity(0.75, begin: 3, end: 77, frequency: 10, includesEnd: false)),
      .polynomial(try PolynomialDecay(initial: 0.2, final: 0.9, begin: 5, end: 99, frequency: 7)),
      .polynomial(
        try PolynomialDecay(final: 0.8, begin: 0, end: 50, power: 1.5, includesEnd: false)),
      .ramp(try Ramp(.linear, initial: 0.1, final: 0.9, begin: 10, end: 95, frequency: 10)),
      .ramp(try Ramp(.cosine, final: 0.9, begin: 10, end: 95, frequency: 10)),
      .ramp(try Ramp(.exponential, initial: 0.5, final: 0.99, begin: 1, end: 64, frequency: 9)),
      .oneShot(try OneShot(0.6, at: 42)),
      .piecewise(
        try PiecewiseSparsity(
          [
            .init(step: 5, sparsity: 0.1), .init(step: 30, sparsity: 0.7),
            .init(step: 90, sparsity: 0.8),
          ],
          frequency: 13)),
      .piecewise(
        try PiecewiseSparsity([.init(step: 5, sparsity: 0.1)], interpolation: .hold, frequency: 1)),
    ]
  }

  @Test func aSavedScheduleIsTheSameSchedule() throws {
    for schedule in try Self.all() {
      let data = try JSONEncoder().encode(schedule)
      let back = try JSONDecoder().decode(AnySchedule.self, from: data)
      #expect(back == schedule)
      for step in 0...130 {
        #expect(back.sparsity(at: step) == schedule.sparsity(at: step))
        #expect(back.isUpdate(at: step) == schedule.isUpdate(at: step))
      }
      #expect(try AnySchedule(schedule.schedule) == schedule)
    }
    // A file that was edited by hand is checked like any other input.
    let broken = Data(#"{"kind":"oneShot","parameters":{"target":1.5,"step":3}}"#.utf8)
    #expect(
      throws: PruningError.invalidParameter(name: "target", value: "1.5", allowed: "in 0..<1")
    ) {
      try JSONDecoder().decode(AnySchedule.self, from: broken)
    }
    let function = try FunctionSchedule(
      window: UpdateWindow(begin: 1, end: 9, frequency: 2)
    ) { Double($0) / 10 }
    #expect(throws: PruningError.notSerialisable(schedule: "FunctionSchedule")) {
      try AnySchedule(function)
    }
    let table = try PiecewiseSparsity(tabulating: function, plannedSteps: 20)
    for step in 1...20 {
      #expect(table.isUpdate(at: step) == function.isUpdate(at: step), "\(step)")
      if function.isUpdate(at: step) {
        #expect(table.sparsity(at: step) == function.sparsity(at: step))
      }
    }
  }

  @Test func theFirstUpdateIsTheFirst() throws {
    for schedule in try Self.all() {
      for (from, to) in [(1, 1), (1, 40), (42, 42), (43, 60), (60, 130), (91, 99), (96, 200)] {
        let plain = (from...to).first { schedule.isUpdate(at: $0) }
        #expect(schedule.firstUpdate(in: from...to) == plain, "\(schedule) in \(from)...\(to)")
      }
    }
  }

  @Test func theEndIsAlwaysAnUpdate() throws {
    for frequency in 1...40 {
      for end in 5...60 {
        let ramp = try PolynomialDecay(final: 0.9, begin: 5, end: end, frequency: frequency)
        #expect(ramp.isUpdate(at: end) && ramp.sparsity(at: end) == Double(Float(0.9)))
        #expect(!ramp.isUpdate(at: end + 1) && !ramp.isUpdate(at: end + frequency))
        #expect(ramp.isUpdate(at: 5) && !ramp.isUpdate(at: 4))
      }
    }
  }

  @Test func rampsMeetTheirEndsAndRise() throws {
    for shape in Ramp.Shape.allCases {
      let ramp = try Ramp(shape, initial: 0.25, final: 0.95, begin: 10, end: 110, frequency: 1)
      #expect(ramp.sparsity(at: 0) == 0.25 && ramp.sparsity(at: 10) == 0.25)
      #expect(ramp.sparsity(at: 110) == 0.95 && ramp.sparsity(at: 1000) == 0.95)
      for step in 10..<110 { #expect(ramp.sparsity(at: step) < ramp.sparsity(at: step + 1)) }
      let point = try Ramp(shape, initial: 0.25, final: 0.95, begin: 7, end: 7)
      #expect(point.sparsity(at: 6) == 0.25 && point.sparsity(at: 7) == 0.95)
    }
    let linear = try Ramp(.linear, initial: 0.2, final: 0.8, begin: 0, end: 10)
    #expect(abs(linear.sparsity(at: 5) - 0.5) < 1e-12)
    let cosine = try Ramp(.cosine, initial: 0.2, final: 0.8, begin: 0, end: 10)
    #expect(abs(cosine.sparsity(at: 5) - 0.5) < 1e-7)
    let exponential = try Ramp(.exponential, final: 0.99, begin: 0, end: 2)
    #expect(abs(exponential.sparsity(at: 1) - 0.9) < 1e-12)
    // A power of 0 stays at the start, as in the reference; any power meets the formula.
    for power in [0.5, 1, 2.5, 3, 7] {
      let ramp = try PolynomialDecay(initial: 0.1, final: 0.7, begin: 0, end: 100, power: power)
      for step in stride(from: 0, through: 100, by: 5) {
        let p = Double(step) / 100
        #expect(abs(ramp.sparsity(at: step) - ((0.1 - 0.7) * pow(1 - p, power) + 0.7)) < 1e-6)
      }
    }
  }

  @Test func schedulesThatCannotFireSayWhy() throws {
    func reason(_ schedule: any PruningSchedule, _ steps: Int) -> String {
      do { try schedule.checkFires(within: steps) } catch { return "\(error)" }
      return ""
    }
    #expect(
      reason(try ConstantSparsity(0.5, begin: 0, frequency: 100), 99)
        == "ConstantSparsity never updates a mask in steps 1...99: "
        + "frequency 100 from step 0 first falls on a later step")
    #expect(reason(try OneShot(0.5, at: 10), 9).hasSuffix("its first update is at step 10"))
    #expect(
      reason(try ConstantSparsity(0.5, begin: 0, end: 0, frequency: 1), 50)
        .hasSuffix("it ends at step 0, and training counts from step 1"))
    #expect(
      reason(try PiecewiseSparsity([.init(step: 60, sparsity: 0.5)]), 50)
        .hasSuffix("its points lie in steps 60...60"))
    #expect(reason(try OneShot(0.5, at: 10), 0) == "plannedSteps is 0, must be 1 or more")
    #expect(reason(try OneShot(0.5, at: 10), 10).isEmpty)
  }

  @Test func tablesAndFunctionsAreChecked() throws {
    #expect(throws: PruningError.self) { try PiecewiseSparsity([]) }
    #expect(throws: PruningError.self) {
      try PiecewiseSparsity([.init(step: 5, sparsity: 0.1), .init(step: 5, sparsity: 0.2)])
    }
    #expect(throws: PruningError.self) { try PiecewiseSparsity([.init(step: -1, sparsity: 0.1)]) }
    #expect(throws: PruningError.self) { try PiecewiseSparsity([.init(step: 1, sparsity: 1)]) }
    #expect(throws: PruningError.self) {
      try PiecewiseSparsity([.init(step: 1, sparsity: 0.5)], frequency: 0)
    }
    #expect(throws: PruningError.self) { try OneShot(0.5, at: 0) }
    #expect(throws: PruningError.self) { try Ramp(.linear, final: 1, begin: 0, end: 5) }
    #expect(throws: PruningError.self) {
      try PolynomialDecay(final: 0.5, begin: 0, end: 5, power: -1)
    }
    #expect(throws: PruningError.self) {
      try FunctionSchedule(window: UpdateWindow(begin: 0, end: nil, frequency: 1)) { _ in 0.5 }
    }
    let wild = try FunctionSchedule(window: UpdateWindow(begin: 0, end: 9, frequency: 1)) {
      [Double.nan, -1, 0.5, 2, .infinity][$0 % 5]
    }
    for step in 0..<10 { #expect((0..<1).contains(wild.sparsity(at: step))) }
    let holding = try PiecewiseSparsity(
      [.init(step: 2, sparsity: 0.2), .init(step: 8, sparsity: 0.8)], interpolation: .hold)
    #expect(
      (1...9).map { holding.sparsity(at: $0) } == [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.8, 0.8])
    #expect((1...9).filter { holding.isUpdate(at: $0) } == [2, 8])
  }
}
