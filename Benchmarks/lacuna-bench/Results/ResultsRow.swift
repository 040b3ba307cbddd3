// One trained network of a task: how good, how large, how fast.

import Lacuna

struct ResultsRow {
  var task: ResultsName
  var phase: String
  var sparsity: Double
  var block: BlockSize
  var budget: Budget
  var start: ResultsStart
  var schedule: ResultsSchedule
  var epochs: Int
  var measure: ResultsMeasure
  var validation: Double
  var test: Double
  /// Of all kernels that are pruned.
  var zeros: Double
  var parameters: Int
  /// Of the `.lacuna` file.
  var bytes: Int
  /// At the task's own batch, and perhaps at a wider one.
  var timings: [InferenceTiming]
  var trainingSeconds: Double
  var seed: UInt64

  var row: Row {
    Row(
      fields: [
        ("task", .text(task.rawValue)), ("phase", .text(phase)), ("sparsity", .number(sparsity)),
        ("block", .text("\(block)")), ("budget", .text(budget.rawValue)),
        ("from", .text(start.rawValue)), ("schedule", .text(schedule.rawValue)),
        ("epochs", .integer(epochs)),
        ("measure", .text(measure.name)), ("validation", .number(validation)),
        ("test", .number(test)), ("zeros", .number(zeros)), ("parameters", .integer(parameters)),
        ("bytes", .integer(bytes)),
      ] + timings.fields + [
        ("trainingSeconds", .number(trainingSeconds)), ("isa", .text(ISA.selected.rawValue)),
        ("denseCore", .text(BLAS.coreName)), ("seed", .integer(Int(truncatingIfNeeded: seed))),
      ])
  }

  static let tableHeader = [
    "phase", "zeros", "block", "epochs", "validation", "test", "bytes", "sparse", "dense",
    "speed-up", "wide", "trained",
  ]
  static let tableWidths = [10, 7, 6, 6, 10, 8, 9, 9, 9, 8, 7, 8]

  var tableCells: [String] {
    [
      phase, Numeral.percent(zeros), "\(block)", "\(epochs)", measure.text(validation),
      measure.text(test), Numeral.grouped(bytes),
    ] + timings.tableCells + [Numeral.duration(seconds: trainingSeconds)]
  }
}
