// `lacuna convert IN OUT`: the tensors of a file in another format.

import ArgumentParser
import Lacuna

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write the tensors of a model file in another format.",
    discussion: """
      Reads ONNX, TFLite, safetensors (with an index of shards, too), .npy, .npz, scipy.sparse, Matrix Market, \
      .smtx and .lacuna, by content. The output's name says the format: .safetensors, .npz, .npy, .lacuna, \
      .mtx, .smtx; --to names it where the name does not, scipy for a sparse .npz. Formats of one matrix take \
      --name. Quantised integers become the numbers that they stand for.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The file to read; - reads standard input.", completion: .file())
  var input: String

  @Argument(help: "The file to write; - is standard output, and needs --to.", completion: .file())
  var output: String

  @Option(help: "The format to write: \(Self.formats.map(\.rawValue).joined(separator: ", ")).")
  var to: ModelFormat?

  @Option(help: "The only tensor to write.")
  var name: String?

  @Option(
    help: """
      How safetensors hold matrices that become smaller by it: \
      \(SparsePartsForm.allCases.map(\.rawValue).joined(separator: ", ")). [dense]
      """)
  var parts: SparsePartsForm?

  /// Bytes from which on progress is shown.
  private static let leastProgress = 256 << 20

  /// What can be written out of any other format.
  private static let formats: [ModelFormat] = [
    .safetensors, .npz, .npy, .scipy, .matrixMarket, .smtx, .lacuna,
  ]

  func run() throws {
    guard let format = to ?? ModelFormat(nameOf: output) else {
      throw Failure(.usage, "\(output) does not say which format: give --to")
    }
    if !Self.formats.contains(format) {
      throw Failure(
        .usage, "\(format.rawValue) cannot be made of another format: it needs the model's graph")
    }
    if format != .safetensors {
      try refuse([("--parts", parts != nil)], "is for safetensors, not \(format.rawValue)")
    }
    let target = outputPath(output)
    try checkWritable(target)
    let file = try ModelFile(contentsOf: inputPath(input))
    var bar: ProgressBar?
    let bytes = try file.convert(to: format, name: name, parts: parts, output: target) {
      (written, all) in
      // Small files are done before anybody has read a line.
      if all < Self.leastProgress { return }
      bar = bar ?? common.progressBar(total: all >> 20, title: "convert")
      bar?.update(step: written >> 20, detail: "MB")
    }
    bar?.finish()
    let facts = ConversionFacts(
      output: output, format: format.rawValue, from: file.format.rawValue, bytes: bytes)
    try common.show(facts, besides: output) { facts.text }
  }
}

extension ModelFormat: ExpressibleByArgument {}

extension ModelFormat {
  /// The format that a file's name asks for; nil when it asks for none.
  init?(nameOf path: String) {
    let suffixes: [(String, ModelFormat)] = [
      (".safetensors", .safetensors), (".npz", .npz), (".npy", .npy), (".mtx", .matrixMarket),
      (".smtx", .smtx), (".lacuna", .lacuna), (".onnx", .onnx), (".tflite", .tflite),
    ]
    guard let format = suffixes.first(where: { path.hasSuffix($0.0) })?.1 else { return nil }
    self = format
  }
}

extension SparsePartsForm: ExpressibleByArgument {}

/// What `lacuna convert` reports.
struct ConversionFacts: Encodable {
  var output: String
  var format: String
  var from: String
  var bytes: Int

  var text: String { "\(output.printable()): \(from) → \(format), \(Numeral.grouped(bytes)) bytes" }
}
