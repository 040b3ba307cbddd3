// The demonstration as a page: the message in numbers, then ramp, training, weights, sizes, speed.

import Lacuna

/// The report of one run of the demonstration.
struct DemoReport {
  var result: DemoResult
  var before: [KernelCopy]
  var after: [KernelCopy]
  var frames: [Picture]

  private static let width = 804.0

  func page() -> ReportPage {
    let (dense, small) = (result.dense, result.smallest)
    var page = ReportPage(
      title: "\(Numeral.percent(small.sparsity, digits: 0)) of the weights are gone",
      summary:
        "A convolutional network with \(Numeral.grouped(result.parameters)) parameters learns "
        + "\(Numeral.grouped(result.trainingImages)) images, loses most of its weights while it is "
        + "fine-tuned, is put on a few values for each kernel, is stored in \(Numeral.bytes(small.bytes)), and runs by skipping what is gone."
    )
    page.opening = [
      .keyFigures([
        .init(
          Numeral.percent(small.accuracy, digits: 2), "accuracy, sparse",
          detail: "dense: \(Numeral.percent(dense.accuracy, digits: 2))"),
        .init(
          Numeral.bytes(small.bytes), "on disk",
          detail: "dense: \(Numeral.bytes(dense.bytes))"),
        .init(
          Numeral.times(dense.secondsForOne / small.secondsForOne), "faster, one image",
          detail: against(small.secondsForOne, dense.secondsForOne)),
        .init(
          Numeral.times(dense.secondsForBatch / small.secondsForBatch),
          "faster, \(result.largeBatch) images",
          detail: against(small.secondsForBatch, dense.secondsForBatch)),
      ])
    ]
    page.sections = [recipe(), ramp(), shapes(), training(), weights(), sizes(), speed(), how()]
    let source = result.commit.isEmpty ? "" : ", commit \(result.commit)"
    page.footer =
      "lacuna \(result.machine.version)\(source), \(result.machine.processor), "
      + "\(result.machine.selectedISA) kernels; dense work by OpenBLAS, \(result.machine.blasCore) kernels."
    return page
  }

  private func against(_ sparse: Double, _ dense: Double) -> String {
    "\(Numeral.duration(seconds: sparse)) against \(Numeral.duration(seconds: dense))"
  }

  private func recipe() -> ReportPage.Section {
    var table = ReportTable(
      ["", "accuracy", "zeros", "bytes", "gzip -9", "1 image", "\(result.largeBatch) images"],
      caption:
        "Accuracy on \(Numeral.grouped(result.testImages)) test images. Bytes are those of the "
        + ".lacuna file; gzip is the classical recipe on the same weights with their zeros. Times are "
        + "medians for the whole network on one thread, dense and sparse taking turns.")
    table.rows = result.rows.map { row in
      [
        row.name, Numeral.percent(row.accuracy, digits: 2), Numeral.percent(row.sparsity),
        Numeral.bytes(row.bytes), Numeral.bytes(row.gzipBytes),
        Numeral.duration(seconds: row.secondsForOne),
        Numeral.duration(seconds: row.secondsForBatch),
      ]
    }
    table.strongRows = [result.rows.count - 1]
    return .init("Step by step", [.table(table)])
  }

  private func ramp() -> ReportPage.Section {
    let recipe = result.recipe
    let total = Double(result.pruningSteps.last?.step ?? 1)
    var planned: [(x: Double, y: Double)] = []
    if let schedule = try? recipe.schedule() {
      let stride = max(1, result.pruningSteps.count / 400)
      for record in result.pruningSteps
      where record.step % stride == 0 || record.step == recipe.begin {
        guard record.step >= recipe.begin else { continue }
        planned.append((Double(record.step), schedule.sparsity(at: record.step)))
      }
    }
    var chart = LineChart(
      title: "Sparsity, planned and achieved",
      x: Axis("training step", format: .grouped, range: 0...max(total, 1)),
      y: Axis("sparsity", format: .percent, range: 0...1),
      series: [
        .init("planned", planned, tone: .orange, isDashed: true),
        .init("achieved", changes(of: result.pruningSteps), tone: .blue, join: .steps),
      ])
    chart.marks = [(Double(recipe.end), "last update")]
    var blocks: [ReportPage.Block] = [
      .text(
        "Sparsity starts at \(Numeral.percent(recipe.initialSparsity, digits: 0)) and rises along "
          + "a polynomial of power \(Numeral.trimmed(recipe.power)) to "
          + "\(Numeral.percent(recipe.finalSparsity, digits: 0)), with a new mask every "
          + "\(recipe.frequency == 1 ? "step" : "\(recipe.frequency) steps"): fast while there is much to remove, slowly at the end. "
          + "After the last update the weights that are left heal."),
      .figure([chart.picture(width: Self.width)], caption: ""),
    ]
    if frames.count > 1 {
      blocks.append(
        .figure(
          [
            Animation.loop(
              frames, name: "pruning", title: "A part of dense1/kernel being pruned",
              secondsPerFrame: 0.6)
          ],
          caption:
            "56 outputs by 150 inputs of the largest layer while it is pruned. Blue weights are "
            + "positive, orange ones negative; what is pruned is exactly zero from then on, unless it "
            + "comes back at a later update."))
    }
    return .init("The ramp", blocks)
  }

  /// The points where sparsity changed, and the ends.
  private func changes(of steps: [StepRecord]) -> [(x: Double, y: Double)] {
    var points: [(x: Double, y: Double)] = [(0, 0)]
    for record in steps where record.sparsity != points.last!.y {
      points.append((Double(record.step), record.sparsity))
    }
    if let last = steps.last { points.append((Double(last.step), last.sparsity)) }
    return points
  }

  private func training() -> ReportPage.Section {
    let offset = Double(result.denseSteps.last?.step ?? 0)
    let all =
      result.denseSteps.map { (x: Double($0.step), $0) }
      + result.pruningSteps.map { (x: Double($0.step) + offset, $0) }
    let end = max(all.last?.x ?? 1, 1)
    let x = Axis("training step", format: .grouped, range: 0...end)
    let smooth = smoothed(all.map { ($0.x, $0.1.batchLoss) })
    let thin = max(1, all.count / 700)
    let raw = all.enumerated().filter { $0.offset % thin == 0 }
      .map { (x: $0.element.x, y: $0.element.1.batchLoss) }
    var loss = LineChart(
      title: "Training loss", x: x, y: Axis("cross-entropy", scale: .logarithmic),
      series: [
        .init("each batch", raw, tone: .orange, isFaint: true),
        .init("loss", smooth, tone: .orange),
      ])
    var accuracy = LineChart(
      title: "Training accuracy", x: x,
      y: Axis("training accuracy, mean over the epoch so far", format: .percent),
      series: [
        .init(
          "dense", thinned(result.denseSteps.map { (Double($0.step), $0.accuracy) }), tone: .muted),
        .init(
          "pruning", thinned(result.pruningSteps.map { (Double($0.step) + offset, $0.accuracy) }),
          tone: .blue),
      ])
    let marks = [
      (offset + Double(result.recipe.begin), "pruning begins"),
      (offset + Double(result.recipe.end), "ramp ends"),
    ].map { (x: $0.0, label: $0.1) }
    (loss.marks, accuracy.marks) = (marks, marks)
    return .init(
      "Loss and accuracy",
      [
        .text(
          "Each update of the masks costs a little, and the steps that follow win it back. Dropout is "
            + "on while training, so that training accuracy lies below that of the test."),
        .figure([loss.picture(width: Self.width)], caption: ""),
        .figure([accuracy.picture(width: Self.width)], caption: ""),
      ])
  }

  /// A running mean over about a hundredth of the run, at no more than 400 points.
  private func smoothed(_ points: [(Double, Double)]) -> [(x: Double, y: Double)] {
    guard let first = points.first else { return [] }
    let keep = 1 - 1 / Double(max(2, points.count / 100))
    var mean = first.1
    let all = points.map { point -> (x: Double, y: Double) in
      mean = keep * mean + (1 - keep) * point.1
      return (point.0, mean)
    }
    return thinned(all)
  }

  private func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let every = max(1, points.count / 400)
    return points.enumerated().filter {
      $0.offset % every == every - 1 || $0.offset == points.count - 1
    }
    .map(\.element)
  }
}
