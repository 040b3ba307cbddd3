// `lacuna compress CHECKPOINT`: the weights alone, in the form in which they are shipped.

import ArgumentParser
import Lacuna

struct CompressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compress",
    abstract: "Write the weights of a checkpoint or a model file as a compact .lacuna file.",
    discussion: """
      Takes checkpoints, and ONNX, TFLite, safetensors and all else that inspect reads; convert brings a \
      .lacuna file back.

      Prints the bytes beside the entropy of what is stored (positions at random, values by their frequencies), and \
      for checkpoints beside the classical recipe, gzip -9 of the same weights with their zeros. Weights in 8 or 4 bits \
      are symmetric with one scale per output channel: zeros stay zeros. They are entropy-coded: 4 bits are the most \
      that a value takes, not the least. Ranges of activations that a checkpoint was trained with go along. In bf16 or \
      f16 each weight is the nearest number of that type.

      With --codebook the weights of a tensor become a few numbers, at most 255 or 16, chosen by rate–distortion: \
      the shortest code whose error is at most --error. Small weights become zero where that is cheaper. A \
      checkpoint that `lacuna quantize` trained is stored as it is.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The checkpoint or model file; - reads standard input.", completion: .file())
  var checkpoint: String

  @Option(help: "Bits of a stored weight: f32 (or 32), bf16, f16 (or 16), 8 or 4.")
  var bits = StoredBits.f32

  @Option(
    help: ArgumentHelp(
      "Other bits for tensors of this name; * matches any characters. May be repeated.",
      valueName: "pattern=bits"),
    transform: BitsRule.init(argument:))
  var bitsOf: [BitsRule] = []

  @Flag(help: "Store few values for each tensor, chosen by rate–distortion, in place of scales.")
  var codebook = false

  @Option(
    help: ArgumentHelp(
      "What --codebook may cost: the squared change of the weights over their squares. "
        + "[\(CompressedModel.usualError)]", valueName: "share"))
  var error: Double?

  @Flag(help: "Store every weight, zeros too.")
  var dense = false

  @Option(
    help: ArgumentHelp("Store the blocks that the weights were pruned in.", valueName: "RxC"),
    transform: BlockSize.init(argument:))
  var block: BlockSize?

  @Option(name: .shortAndLong, help: "The model to write.", completion: .file())
  var output = "model.lacuna"

  func validate() throws {
    if dense {
      try refuse(
        [
          ("--bits", bits != .f32), ("--bits-of", !bitsOf.isEmpty), ("--block", block != nil),
          ("--codebook", codebook),
        ],
        "has no effect beside --dense, which stores every weight as f32")
    }
    try checkError(error)
    if codebook {
      try refuse([("--block", block != nil)], "has no effect beside --codebook")
      if !bits.isQuantized && !bitsOf.contains(where: { $0.bits.isQuantized }) {
        throw ValidationError("--codebook needs --bits 4 or 8: how many values there may be")
      }
    } else {
      try refuse([("--error", error != nil)], "is for --codebook")
    }
  }

  /// What the first rule that matches says, else `--bits`.
  private func bits(of name: String) -> StoredBits {
    bitsOf.first { TensorRule($0.pattern).matches(name) }?.bits ?? bits
  }

  func run() throws {
    let target = outputPath(output)
    try checkWritable(target)
    let checkpoint = try inputPath(checkpoint)
    let file = try ModelFile(contentsOf: checkpoint)
    if file.format != .lacuna { return try compress(file) }
    let stored = try Checkpoint(contentsOf: checkpoint)
    let model = try stored.makeModel(threads: 1)
    let form: CompressedModel.Form =
      dense ? .dense : codebook ? .codebook : try form(of: model.parameters.map(\.name))
    var compressed = try CompressedModel(
      model, form: form, block: block ?? .element, bits: { bits(of: $0).count },
      error: error ?? CompressedModel.usualError)
    if form == .quantized && !stored.activationRanges.isEmpty {
      compressed = try compressed.calibrated(with: stored.activationRanges)
    }
    let bytes = try compressed.file.encoded()
    try AtomicFile.write(bytes, to: target)
    let result = Compression(output: output, bytes: bytes.count, of: compressed)
    try common.show(result, besides: output) { result.text }
  }

  /// The one form of a model's kernels.
  private func form(of names: [String]) throws -> CompressedModel.Form {
    let forms = names.map { bits(of: $0).form }
    if let other = forms.indices.first(where: { forms[$0] != forms[0] }) {
      throw Failure(
        .usage,
        "--bits-of stores \(names[0]) in \(bits(of: names[0]).rawValue) and \(names[other]) in "
          + "\(bits(of: names[other]).rawValue): a model's kernels are all f32, all bf16, all f16 or all "
          + "of few bits")
    }
    return forms.first ?? .sparse
  }

  /// A model file of another format, tensor by tensor.
  private func compress(_ file: ModelFile) throws {
    try refuse(
      [("--dense", dense), ("--block", block != nil)],
      "is for checkpoints, not for \(file.format.rawValue)")
    let compressed = try file.compressed(
      error: codebook ? error ?? CompressedModel.usualError : nil
    ) { bits(of: $0).values }
    let bytes = try compressed.encoded()
    try AtomicFile.write(bytes, to: outputPath(output))
    let facts = CompressionFacts(
      output: output, from: file.format.rawValue, bytes: bytes.count,
      entropyBytes: StoredEntropy(compressed.tensors).total)
    try common.show(facts, besides: output) { facts.text }
  }
}

/// `--bits`.
enum StoredBits: String, ExpressibleByArgument, CaseIterable {
  case f32, bf16, f16
  case eight = "8", four = "4"

  init?(argument: String) {
    self.init(rawValue: ["32": "f32", "16": "f16"][argument] ?? argument)
  }

  /// Whether values are integers with a scale.
  var isQuantized: Bool { self == .eight || self == .four }

  /// How a model's kernels are stored.
  var form: CompressedModel.Form {
    switch self {
    case .f32: .sparse
    case .bf16: .bf16
    case .f16: .f16
    case .eight, .four: .quantized
    }
  }

  /// Bits of a quantised value.
  var count: Int { self == .four ? 4 : 8 }

  var values: CompressedValues {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .f16: .f16
    case .eight: .bits8
    case .four: .bits4
    }
  }
}

/// `--bits-of`.
struct BitsRule {
  var pattern: String
  var bits: StoredBits

  init(argument: String) throws {
    guard let place = argument.lastIndex(of: "="), place != argument.startIndex,
      let bits = StoredBits(argument: String(argument[argument.index(after: place)...]))
    else { throw ValidationError("\(argument) is not of the form PATTERN=BITS, such as conv*=8") }
    (pattern, self.bits) = (String(argument[..<place]), bits)
  }
}

/// Bytes of a model file beside the entropy of what it holds.
struct CompressionFacts: Encodable {
  var output: String
  var from: String
  var bytes: Int
  var entropyBytes: Double

  var text: String {
    "\(output.printable()): \(from) → lacuna, \(Numeral.grouped(bytes)) bytes; entropy "
      + "\(Numeral.grouped(Int(entropyBytes.rounded())))"
  }
}

/// Bytes of a model beside those of the classical recipe.
struct Compression: Encodable {
  var output: String
  var form: String
  var bytes: Int
  var parameters: Int
  var nonzeros: Int
  /// All weights with their zeros, as f32, in 16 bits, or, for 8- and 4-bit models, as 8-bit numbers and scales.
  var plainBytes: Int
  /// The same through gzip -9.
  var gzipBytes: Int
  var bitsPerWeight: Double
  /// The entropy of what is stored.
  var entropyBytes: Double

  init(output: String, bytes: Int, of model: CompressedModel) {
    self.output = output
    self.bytes = bytes
    form = Self.name(of: model)
    let plain = model.tensors.map(\.tensor.plain)
    parameters = model.tensors.reduce(0) { $0 + $1.tensor.shape.reduce(1, *) }
    nonzeros = plain.reduce(0) { $0 + $1.nonzeros }
    let all = plain.flatMap(\.bytes)
    plainBytes = all.count
    gzipBytes = Gzip.compress(all).count
    entropyBytes = StoredEntropy(model.tensors).total
    bitsPerWeight = Double(bytes) * 8 / Double(max(parameters, 1))
  }

  private static func name(of model: CompressedModel) -> String {
    for tensor in model.tensors {
      guard let weights = tensor.tensor.weights, !weights.isDense else { continue }
      if case .codebook = weights.storage { return "codebooks" }
      return tensor.tensor.form
    }
    return "f32 dense"
  }

  var text: String {
    var table = TextTable(["", "bytes", "bits/weight"])
    func row(_ name: String, _ bytes: Int) {
      table.append([
        name, "\(bytes)", Numeral.fixed(Double(bytes) * 8 / Double(max(parameters, 1)), digits: 2),
      ])
    }
    row(output, bytes)
    row("entropy of what is stored", Int(entropyBytes.rounded()))
    row("all weights, plain", plainBytes)
    row("all weights, gzip -9", gzipBytes)
    return """
      \(form): \(nonzeros) of \(parameters) weights are not zero

      \(table.rendered())
      """
  }
}

extension StoredTensor {
  /// The tensor as the classical recipe stores it, zeros included, and how many are not zero.
  var plain: (bytes: [UInt8], nonzeros: Int) {
    switch self {
    case .weights(let weights):
      switch weights.storage {
      case .f32(let matrix): Self.plain(matrix.dense().values)
      case .f64(let matrix): Self.plain(matrix.dense().values)
      case .bf16(let matrix): Self.plain(matrix.dense().values)
      case .f16(let matrix): Self.plain(matrix.dense().values)
      case .codebook(let matrix): Self.plain(matrix.values().dense().values)
      case .i8(let matrix):
        Self.plain(matrix.dequantized().dense(), scales: matrix.scales)
      }
    case .bitMask(let mask): (mask.words.withUnsafeBytes { Array($0) }, mask.keptCount)
    case .bytes(let bytes): (bytes, bytes.count)
    }
  }

  private static func plain<Scalar: StoredScalar>(
    _ values: [Scalar]
  ) -> (bytes: [UInt8], nonzeros: Int) {
    (values.withUnsafeBytes { Array($0) }, values.count { $0.rounded(to: Double.self) != 0 })
  }

  /// What a table says of the form: `4-bit sparse`, `codebook of 9`.
  var form: String {
    switch self {
    case .weights(let weights):
      let layout = weights.isDense ? "dense" : weights.block == .element ? "sparse" : "blocks"
      return switch weights.storage {
      case .f32, .f64, .bf16, .f16: "\(weights.type) \(layout)"
      case .i8(let matrix): "\(Self.bits(of: matrix.values))-bit \(layout)"
      case .codebook(let matrix): "codebook of \(matrix.codebook.count)"
      }
    case .bitMask: return "mask"
    case .bytes: return "bytes"
    }
  }

  /// Bits that the largest of symmetric integers needs, of those that `--bits` offers.
  private static func bits(of values: [Int8]) -> Int {
    values.contains { abs(Int($0)) > 7 } || values.isEmpty ? 8 : 4
  }

  /// One byte per weight, then the scales.
  private static func plain(
    _ dense: DenseMatrix<Float>, scales: [Float]
  ) -> (bytes: [UInt8], nonzeros: Int) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(dense.rows * dense.columns + scales.count * 4)
    for row in 0..<dense.rows {
      for column in 0..<dense.columns {
        let level = scales[row] == 0 ? 0 : (dense[row, column] / scales[row]).rounded()
        bytes.append(UInt8(bitPattern: Int8(level)))
      }
    }
    let nonzeros = bytes.count { $0 != 0 }
    return (bytes + scales.withUnsafeBytes { Array($0) }, nonzeros)
  }
}
