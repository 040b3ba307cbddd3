// What the steps of a network take, as a table: the slowest first.

import Lacuna

/// One step of a network and its time.
struct StepTime: Encodable {
  var name: String
  var operation: String
  /// Of the result.
  var shape: [Int]
  var kernel: String
  /// The least of some runs.
  var seconds: Double
  /// Multiplications and additions with stored weights.
  var operations: Int
  /// Of operands, results and weights.
  var bytes: Int

  private func cells(of all: Double) -> [String] {
    // Less than the clock sees, or no step at all.
    let (seconds, all) = (max(seconds, 1e-9), max(all, 1e-9))
    return [
      name, operation, shape.map(String.init).joined(separator: "×"), kernel,
      Numeral.fixed(seconds * 1e6, digits: 1), Numeral.fixed(seconds / all * 100, digits: 1) + " %",
      operations == 0 ? "" : Numeral.fixed(Double(operations) / seconds / 1e9, digits: 1),
      Numeral.fixed(Double(bytes) / seconds / 1e9, digits: 1),
    ]
  }

  /// Steps with their sum below.
  static func table(_ steps: [StepTime]) -> String {
    var table = TextTable(
      ["step", "operation", "result", "kernel", "µs", "share", "GFLOP/s", "GB/s"],
      leading: [0, 1, 2, 3])
    let all = StepTime(
      name: "all", operation: "", shape: [], kernel: "",
      seconds: steps.reduce(0) { $0 + $1.seconds },
      operations: steps.reduce(0) { $0 + $1.operations },
      bytes: steps.reduce(0) { $0 + $1.bytes })
    for step in steps.sorted(by: { $0.seconds > $1.seconds }) + [all] {
      table.append(step.cells(of: all.seconds))
    }
    return table.rendered()
  }
}
