// Training for products of few bits.

import ArgumentParser
import Lacuna

/// Options of the commands that train weights that are free.
struct QuantizationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Train for weights of so many bits, 8 or 4: each step computes with rounded weights, and the last leaves them as \
      `lacuna compress` stores them in as many bits.
      """, valueName: "bits"))
  var quantizationAware: WeightBits?

  @Flag(
    help: """
      With --quantization-aware, round what layers read to bytes as well, by ranges that the run learns: `compress \
      --bits 8` keeps them, in place of `lacuna calibrate`.
      """)
  var quantizeActivations = false

  /// Bits of a weight with a scale for each output.
  enum WeightBits: String, ExpressibleByArgument, CaseIterable {
    case eight = "8", four = "4"
  }

  func validate() throws {
    if quantizationAware == nil {
      try refuse([("--quantize-activations", quantizeActivations)], "needs --quantization-aware")
    }
  }

  /// The options, and whether they were typed.
  var typed: [(name: String, isTyped: Bool)] {
    [
      ("--quantization-aware", quantizationAware != nil),
      ("--quantize-activations", quantizeActivations),
    ]
  }

  /// Nil where nothing is rounded.
  var settings: QuantizationSettings? {
    quantizationAware.map {
      QuantizationSettings(
        weightBits: $0 == .four ? 4 : 8, roundsActivations: quantizeActivations)
    }
  }
}
