// The second half of the demonstration's page: weights before and after, sizes, speed, how to go on.

import Lacuna

extension DemoReport {
  func weights() -> ReportPage.Section {
    var blocks: [ReportPage.Block] = [
      .text(
        "Each kernel as a matrix, one output per row, before and after. First a corner of it, weight by "
          + "weight: blue above zero, orange below, the stronger the larger. Then the whole matrix, "
          + "where a cell is as dark as the share of its weights that are left."),
      .figure(
        [WeightPicture.densityScale()], caption: "Share of the weights of a cell that are left."),
    ]
    for (old, new) in zip(before, after) {
      let kept = new.values.count { $0 != 0 }
      let caption =
        "\(new.name), \(new.rows) × \(new.columns): \(Numeral.grouped(kept)) of "
        + "\(Numeral.grouped(new.values.count)) weights left, "
        + "\(Numeral.percent(1 - Double(kept) / Double(max(new.values.count, 1)))) zeros."
      let corner = (rows: 40, columns: 96)
      let isWhole = new.rows <= corner.rows && new.columns <= corner.columns
      var old = old
      // One scale for both, so that a weight that stayed keeps its colour.
      let largest = old.values.withUnsafeMutableBufferPointer { strongMagnitude($0) }
      func corners(_ kernel: KernelCopy, _ title: String) -> Picture {
        kernel.values.withUnsafeBufferPointer {
          titled(
            WeightPicture.closeUp(
              $0, rows: kernel.rows, columns: kernel.columns, title: title, extent: corner,
              largest: largest, square: isWhole ? 6 : 4))
        }
      }
      func whole(_ kernel: KernelCopy, _ title: String) -> Picture {
        kernel.values.withUnsafeBufferPointer {
          titled(
            WeightPicture.densities(
              $0, rows: kernel.rows, columns: kernel.columns, title: title, width: 384))
        }
      }
      blocks.append(
        .figure(
          [corners(old, "before"), corners(new, "after")], caption: isWhole ? caption : ""))
      if !isWhole {
        blocks.append(
          .figure([whole(old, "before, whole"), whole(new, "after, whole")], caption: caption))
      }
    }
    return .init("The weights", blocks)
  }

  /// `picture` under its own title.
  private func titled(_ picture: Picture) -> Picture { .row([picture], title: picture.title) }

  func sizes() -> ReportPage.Section {
    let rows = result.rows
    func ratio(_ bytes: Int) -> String {
      "\(Numeral.times(Double(rows[0].bytes) / Double(max(bytes, 1)))) smaller than dense"
    }
    let chart = BarChart(
      title: "Bytes on disk", axis: Axis("bytes on disk", format: .bytes),
      groups: [
        .init(
          "All weights, f32",
          [
            .init(".lacuna, dense", Double(rows[0].bytes), tone: .muted),
            .init("gzip -9", Double(rows[0].gzipBytes), tone: .orange),
          ]),
        .init(
          "\(Numeral.percent(rows[2].sparsity, digits: 0)) zeros, f32",
          [
            .init(
              "gzip -9", Double(rows[2].gzipBytes), tone: .orange, note: ratio(rows[2].gzipBytes)),
            .init(".lacuna, sparse", Double(rows[2].bytes), note: ratio(rows[2].bytes)),
          ]),
        .init(
          "\(Numeral.percent(rows[3].sparsity, digits: 0)) zeros, 8 bits",
          [
            .init(
              "gzip -9", Double(rows[3].gzipBytes), tone: .orange, note: ratio(rows[3].gzipBytes)),
            .init(".lacuna, sparse", Double(rows[3].bytes), note: ratio(rows[3].bytes)),
          ]),
        .init(
          "\(Numeral.percent(rows[4].sparsity, digits: 0)) zeros, few values",
          [
            .init(
              "gzip -9", Double(rows[4].gzipBytes), tone: .orange, note: ratio(rows[4].gzipBytes)),
            .init(".lacuna, codebooks", Double(rows[4].bytes), note: ratio(rows[4].bytes)),
          ]),
      ])
    return .init(
      "Sizes",
      [
        .text(
          "A pruned model is worth less disk only if its zeros are not stored. gzip finds them one run "
            + "at a time; the container codes positions near their entropy and the values beside them. Of few values, chosen by rate–distortion, "
            + "the most frequent take the fewest bits."
        ),
        .figure([chart.picture(width: 804)], caption: ""),
      ])
  }

  func speed() -> ReportPage.Section {
    var blocks: [ReportPage.Block] = [
      .text(
        "The same network with the same weights, once dense on OpenBLAS with every zero multiplied, once "
          + "sparse. Both run on one thread and take turns. The largest difference of a logit between "
          + "the two is \(significant(result.largestLogitDifference)).")
    ]
    for timing in result.timings.prefix(2) {
      let weighted = timing.layers.filter { !$0.kernel.isEmpty }
      let others = timing.layers.filter(\.kernel.isEmpty)
      var bars: [BarChart.Group] = weighted.map { layer in
        .init(
          "\(layer.name)   \(layer.kernel)",
          [
            .init("dense", layer.denseSeconds, tone: .muted),
            .init(
              "sparse", layer.sparseSeconds,
              note: layer.denseSeconds > 0 ? "\(Numeral.times(layer.speedup)) faster" : ""),
          ])
      }
      bars.append(
        .init(
          "pooling and normalisation",
          [
            .init("dense", others.reduce(0) { $0 + $1.denseSeconds }, tone: .muted),
            .init("sparse", others.reduce(0) { $0 + $1.sparseSeconds }),
          ]))
      bars.append(
        .init(
          "whole network",
          [
            .init("dense", timing.denseSeconds, tone: .muted),
            .init("sparse", timing.sparseSeconds, note: "\(Numeral.times(timing.speedup)) faster"),
          ]))
      let words = timing.batch == 1 ? "one image" : "\(timing.batch) images"
      blocks.append(
        .figure(
          [
            BarChart(
              title: "Seconds for \(words)",
              axis: Axis("time for \(words)", format: .duration), groups: bars
            ).picture(width: 804)
          ],
          caption:
            "Median time of each layer with weights for \(words), and the kernel that ran it."))
    }
    return .init("Speed", blocks)
  }

  private func significant(_ value: Double) -> String {
    value == 0
      ? "0"
      : value < 1e-3
        ? "\(Numeral.fixed(value * 1e6, digits: 1)) millionths" : Numeral.fixed(value, digits: 4)
  }

  func how() -> ReportPage.Section {
    .init(
      "How to do the same",
      [
        .code(result.commands.joined(separator: "\n")),
        .note(
          "Training took \(Numeral.clock(seconds: result.denseTrainingSeconds)) and pruning "
            + "\(Numeral.clock(seconds: result.pruningSeconds)) minutes, training on few values "
            + "\(Numeral.clock(seconds: result.quantizingSeconds)), on \(result.threads) "
            + "thread\(result.threads == 1 ? "" : "s"). Images: \(result.data)."),
      ])
  }
}
