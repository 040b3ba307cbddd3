// AC/DC: dense and sparse phases in turn, against the algorithm written down plainly.

import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

@Suite struct AlternatingTests {
  @Test("Phases alternate after a dense beginning, and the last one is sparse")
  func phases() throws {
    let schedule = try PiecewiseSparsity.alternating(0.75, begin: 11, phase: 5, last: 33)
    let updates = (1...100).filter { schedule.isUpdate(at: $0) }
    #expect(updates == [11, 16, 21, 26, 31])
    #expect(updates.map { schedule.sparsity(at: $0) } == [0.75, 0, 0.75, 0, 0.75])
    #expect(schedule.finalSparsity == 0.75 && schedule.lastUpdate == 31)
    // A dense phase is never the last.
    let shorter = try PiecewiseSparsity.alternating(0.75, begin: 11, phase: 5, last: 30)
    #expect(shorter.lastUpdate == 21)
    #expect(try PiecewiseSparsity.alternating(0.5, begin: 3, phase: 9, last: 3).points.count == 1)
  }

  @Test("Parameters out of range are refused with their values")
  func refused() {
    for (sparsity, begin, phase, last, name) in [
      (1.0, 1, 1, 1, "sparsity"), (0.5, 0, 1, 1, "begin"), (0.5, 1, 0, 1, "phase"),
      (0.5, 5, 1, 4, "last"), (0.5, 1, 1, Int.max, "phase"),
    ] {
      #expect {
        _ = try PiecewiseSparsity.alternating(sparsity, begin: begin, phase: phase, last: last)
      } throws: { error in
        if case PruningError.invalidParameter(name, _, _) = error { true } else { false }
      }
    }
  }

  @Test(
    "Weights follow the algorithm written down plainly, step by step", arguments: [UInt64(1), 2, 3])
  func reference(seed: UInt64) throws {
    let (rows, columns, rate) = (12, 10, Float(0.125))
    let count = rows * columns
    let target = randomWeights(count, seed: seed &+ 100)
    let weights = Weights("w", shape: [rows, columns], values: randomWeights(count, seed: seed))
    var plain = weights.values
    var kept = [Bool](repeating: true, count: count)
    // What the optimiser made of dropped weights in the step before an update.
    var moved = plain
    let schedule = try PiecewiseSparsity.alternating(0.8, begin: 4, phase: 3, last: 16)
    let pruner = try Pruner(settings: PruningSettings(schedule: schedule))
    for step in 1...25 {
      try pruner.step([try weights.tensor()])
      if step >= 4 && (step - 4) % 3 == 0 && step <= 16 {
        plain = moved
        let isSparse = (step - 4) % 6 == 0
        let order = (0..<count).sorted {
          abs(plain[$0]) == abs(plain[$1]) ? $0 < $1 : abs(plain[$0]) > abs(plain[$1])
        }
        kept = [Bool](repeating: !isSparse, count: count)
        if isSparse {
          for i in order.prefix(keptCount(of: count, sparsity: 0.8)) { kept[i] = true }
        }
        for i in 0..<count where !kept[i] { plain[i] = 0 }
      }
      #expect(weights.values == plain, "step \(step), seed \(seed)")
      for i in 0..<count {
        weights.buffer[i] -= rate * (weights.buffer[i] - target[i])
        moved[i] = plain[i] - rate * (plain[i] - target[i])
        plain[i] = kept[i] ? moved[i] : 0
      }
      pruner.enforce([try weights.tensor()])
      #expect(weights.values == plain, "after step \(step), seed \(seed)")
    }
    let zeros = plain.filter { $0 == 0 }.count
    #expect(zeros == count - keptCount(of: count, sparsity: 0.8))
  }
}
