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

      Prints the bytes beside those of the classical recipe, gzip -9 of the same weights with their \
      zeros. Weights in 8 bits are symmetric with one scale per output channel: zeros stay zeros.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The checkpoint or model file.", completion: .file())
  var checkpoint: String

  @Option(help: "Bits of a stored weight: 32 or 8.")
  var bits = 32

  @Flag(help: "Store every weight, zeros too.")
  var dense = false

  @Option(
    help: ArgumentHelp("Store the blocks that the weights were pruned in.", valueName: "RxC"),
    transform: BlockSize.init(argument:))
  var block: BlockSize?

  @Option(name: .shortAndLong, help: "The model to write.", completion: .file())
  var output = "model.lacuna"

  func validate() throws {
    guard bits == 32 || bits == 8 else {
      throw ValidationError("--bits is \(bits), must be 32 or 8")
    }
    guard !(dense && (bits == 8 || block != nil)) else {
      throw ValidationError("--dense goes with neither --bits 8 nor --block")
    }
  }

  func run() throws {
    let target = outputPath(output)
    try checkWritable(target)
    let checkpoint = try inputPath(checkpoint)
    let file = try ModelFile(contentsOf: checkpoint)
    if file.format != .lacuna { return try compress(file) }
    let model = try Checkpoint(contentsOf: checkpoint).makeModel(threads: 1)
    let form: CompressedModel.Form = dense ? .dense : bits == 8 ? .quantized : .sparse
    let compressed = try CompressedModel(model, form: form, block: block ?? .element)
    let bytes = try compressed.file.encoded()
    try AtomicFile.write(bytes, to: target)
    let result = Compression(output: output, bytes: bytes.count, of: compressed)
    try common.show(result, besides: output) { result.text }
  }

  /// A model file of another format, tensor by tensor.
  private func compress(_ file: ModelFile) throws {
    try refuse(
      [("--dense", dense), ("--block", block != nil)],
      "is for checkpoints, not for \(file.format.rawValue)")
    let bytes = try file.convert(
      to: .lacuna, values: bits == 8 ? .bits8 : .f32, output: outputPath(output))
    let facts = ConversionFacts(
      output: output, format: ModelFormat.lacuna.rawValue, from: file.format.rawValue, bytes: bytes)
    try common.show(facts, besides: output) { facts.text }
  }
}

/// Bytes of a model beside those of the classical recipe.
struct Compression: Encodable {
  var output: String
  var form: String
  var bytes: Int
  var parameters: Int
  var nonzeros: Int
  /// All weights with their zeros, as f32 or, for 8-bit models, as 8-bit numbers and scales.
  var plainBytes: Int
  /// The same through gzip -9.
  var gzipBytes: Int
  var bitsPerWeight: Double

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
    bitsPerWeight = Double(bytes) * 8 / Double(max(parameters, 1))
  }

  private static func name(of model: CompressedModel) -> String {
    for tensor in model.tensors {
      switch tensor.tensor.kind {
      case .sparse: return "f32 sparse"
      case .quantizedSparse: return "8-bit sparse"
      case .blockSparse: return "f32 blocks"
      case .quantizedBlockSparse: return "8-bit blocks"
      case .dense, .bitMask, .bytes: continue
      }
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
    func f32(_ values: [Float]) -> ([UInt8], Int) {
      (values.withUnsafeBytes { Array($0) }, values.count { $0 != 0 })
    }
    switch self {
    case .dense(_, let values): return f32(values)
    case .sparse(_, let matrix): return f32(matrix.dense().values)
    case .blockSparse(_, let matrix): return f32(matrix.dense().values)
    case .quantizedSparse(_, let matrix):
      return Self.plain(matrix.dequantized().dense(), scales: matrix.scales)
    case .quantizedBlockSparse(_, let matrix):
      return Self.plain(matrix.dequantized().dense(), scales: matrix.scales)
    case .bitMask(let mask): return (mask.words.withUnsafeBytes { Array($0) }, mask.keptCount)
    case .bytes(let bytes): return (bytes, bytes.count)
    }
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
