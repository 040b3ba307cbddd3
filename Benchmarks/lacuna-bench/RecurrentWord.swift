// CELLxINPUTSxHIDDENxSTEPSxBATCH: a recurrent layer on the command line.

import ArgumentParser
import Lacuna

/// A recurrent layer and the sequences that it runs on.
struct RecurrentWord: Hashable, Sendable, ListElement {
  var shape: RecurrentShape
  var steps: Int, batch: Int
  /// The word that it was read from.
  var listElement: String

  /// Layers of known networks: WaveRNN's at each sample, the encoder of g2p-en's and silero-vad's at each step.
  private static let known = [
    "wavernn": "gru-afterx3x1024x1x1", "g2p": "gru-afterx256x256x1x1",
    "silero": "lstmx128x128x1x1",
  ]
  private static let cells: [Substring: RecurrentCell] = [
    "lstm": .lstm, "gru": .gru(resetsAfter: false), "gru-after": .gru(resetsAfter: true),
  ]
  /// Elements that weights, sequences or results may have.
  private static let mostElements = 1 << 27

  init?(listElement text: String) {
    let words = (Self.known[text] ?? text).split(separator: "x", omittingEmptySubsequences: false)
    let numbers = words.dropFirst().compactMap { Int($0) }
    guard words.count == 5, numbers.count == 4, numbers.allSatisfy({ $0 > 0 && $0 < 1 << 24 }),
      let cell = Self.cells[words[0]],
      let shape = try? RecurrentShape(cell, inputs: numbers[0], hidden: numbers[1])
    else { return nil }
    (self.shape, steps, batch, listElement) = (shape, numbers[2], numbers[3], text)
  }

  /// Refuses what would not fit into memory.
  func checkSize(_ option: String) throws(ValidationError) {
    let rows = shape.cell.gates * shape.hidden
    for (name, factors) in [
      ("the weights", [rows, max(shape.inputs, shape.hidden)]),
      ("the sequences", [steps, batch, max(shape.inputs, shape.hidden)]),
    ] {
      var count = 1
      for factor in factors {
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        count = overflow ? .max : product
      }
      if count > Self.mostElements {
        throw ValidationError(
          "\(option) \(listElement): \(name) have \(count) elements, more than \(Self.mostElements)"
        )
      }
    }
  }
}
