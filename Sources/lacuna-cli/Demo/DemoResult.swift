// What the demonstration found out: the rows of its table, and everything its report draws.

import Lacuna

/// The numbers of one run of the demonstration; `report.json` is this.
struct DemoResult: Encodable {
  /// One step of the recipe: a network as it is stored and run after that step.
  struct Row: Encodable {
    var name: String
    var accuracy: Double
    /// Zeros over all weights of the kernels.
    var sparsity: Double
    var bytes: Int
    /// gzip -9 of the same weights, zeros included.
    var gzipBytes: Int
    /// Median seconds for one image, and for a mini-batch.
    var secondsForOne: Double
    var secondsForBatch: Double
  }

  /// One pruned tensor.
  struct Tensor: Encodable {
    var name: String
    var rows: Int
    var columns: Int
    var kept: Int
    var sparsity: Double
  }

  var machine = MachineFacts()
  var commit: String
  var data: String
  var trainingImages: Int
  var testImages: Int
  var parameters: Int
  var recipe: DemoRecipe
  /// The commands that do the same, weight by weight.
  var commands: [String]
  var threads: Int
  var largeBatch: Int
  var rows: [Row]
  var tensors: [Tensor]
  /// The largest difference of a logit between the sparse network and the masked dense one.
  var largestLogitDifference: Double
  var timings: [InferenceTiming]
  /// Of the smallest file.
  var loading: LoadTiming
  var denseTrainingSeconds: Double
  var pruningSeconds: Double
  var quantizingSeconds: Double
  var totalSeconds = 0.0
  var denseSteps: [StepRecord]
  var pruningSteps: [StepRecord]

  var dense: Row { rows[0] }
  var sparse: Row { rows[2] }
  var quantized: Row { rows[3] }
  /// The smallest file.
  var smallest: Row { rows[4] }

  /// The table that ends the demonstration.
  func text(files: [String]) -> String {
    var table = TextTable([
      "", "accuracy", "zeros", "bytes", "gzip -9", "1 image", "\(largeBatch) images",
    ])
    for row in rows {
      table.append([
        row.name, Numeral.percent(row.accuracy, digits: 2), Numeral.percent(row.sparsity),
        Numeral.bytes(row.bytes), Numeral.bytes(row.gzipBytes),
        Numeral.duration(seconds: row.secondsForOne),
        Numeral.duration(seconds: row.secondsForBatch),
      ])
    }
    return """

      \(table.rendered())

      \(Numeral.times(Double(dense.bytes) / Double(smallest.bytes))) smaller, \
      \(Numeral.times(dense.secondsForOne / smallest.secondsForOne)) faster for one image, \
      \(Numeral.times(dense.secondsForBatch / smallest.secondsForBatch)) for \(largeBatch), \
      accuracy \(signed((smallest.accuracy - dense.accuracy) * 100)) points
      read in \(Numeral.duration(seconds: loading.seconds)), \
      \(Numeral.times(loading.speedup)) faster than a gzip of the same weights
      one thread each; dense is OpenBLAS with its \(machine.blasCore) kernels, sparse is Lacuna's \
      \(machine.selectedISA) on \(machine.processor)

      \(files.joined(separator: "\n"))
      """
  }

  private func signed(_ value: Double) -> String {
    (value >= 0 ? "+" : "−") + Numeral.fixed(value.magnitude, digits: 2)
  }
}
