// `lacuna inspect FILE`: what a .lacuna file holds, tensor by tensor, and what each bit is spent on.

import ArgumentParser
import Lacuna

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Show the tensors of a model file: shape, sparsity, blocks, bytes.",
    discussion: """
      Reads ONNX, TFLite, safetensors (an index of shards, too), .npy, .npz, scipy.sparse, Matrix Market, .smtx \
      and .lacuna, by content. "block" is the largest R×C that the zeros leave whole, of outputs by inputs, \
      with the share of nonzeros in such blocks; "csr" and "bsr" what those formats would take; \
      "speed-up" dense over sparse time of a product with --width columns, by the plan's estimate. \
      Of a .lacuna file it says more:

      Every byte of the file is read and checked. "bits/weight" counts all weights, stored or not: \
      f32 dense is 32. "positions" are the bytes that say which entries (weights, or blocks) are \
      stored, "if random" what they would take if nothing were known but the density, "bits/entry" \
      the bits of one position; "bits/value" the bits of one stored weight with its share of the \
      scales or the codebook. Checkpoints are .lacuna files too.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "A model or checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Option(help: "Columns of the products that speed-ups are estimated for.")
  var width = 1

  func validate() throws {
    try check("--width", width, in: OptionRange.columns)
  }

  func run() throws {
    let file = try inputPath(file)
    let model = try ModelFile(contentsOf: file)
    if model.format != .lacuna {
      let inspection = try ModelInspection(model, width: width)
      return try common.show(inspection) { inspection.text }
    }
    let reader = try LacunaReader(contentsOf: file)
    let inspection = try Inspection(reader, model)
    try common.show(inspection) { inspection.text }
  }
}

/// What `lacuna inspect` reports.
struct Inspection: Encodable {
  struct Tensor: Encodable {
    var name: String
    var kind: String
    var shape: [Int]
    var dtype: String
    var elements: Int
    var zeros: Int
    /// Output rows by inputs of a stored block; else of the largest that the nonzeros fill.
    var block: String?
    /// The share of the nonzeros in whole blocks of that size.
    var blockShare: Double?
    var weights: Int
    var nonzeros: Int
    var sparsity: Double
    var bytes: Int
    var positionBytes: Int
    var valueBytes: Int
    var bitsPerWeight: Double
    /// Bits that say where one stored entry (a weight, or a block) is.
    var positionBitsPerEntry: Double
    /// Bytes that positions would take if nothing were known but the density.
    var independentPositionBytes: Double
    /// Bits for the value of one stored weight, with its share of the scales or the codebook.
    var valueBitsPerStoredWeight: Double
  }

  var file: String
  var format = ModelFormat.lacuna.rawValue
  var fileBytes: Int
  var metadata: [String: String]
  /// The numbers of a checkpoint's metadata, decoded; nil for a model.
  var checkpoint: CheckpointFacts?
  var tensors: [Tensor]

  init(_ reader: LacunaReader, _ model: ModelFile) throws {
    file = reader.path
    fileBytes = reader.byteCount
    metadata = reader.metadata
    let isCheckpoint = metadata["kind"] == "lacuna checkpoint"
    var decoded: [NamedTensor] = []
    var facts: [String: TensorFacts] = [:]
    for index in model.tensors.indices {
      facts[model.tensors[index].name] = try TensorFacts(model, index)
    }
    tensors = try reader.records.map { record in
      // Decoding checks the section's checksum; a dense tensor's zeros are not in its record.
      let tensor = try reader.tensor(record)
      if isCheckpoint { decoded.append(NamedTensor(name: record.name, tensor: tensor)) }
      let nonzeros = Self.nonzeros(of: tensor, stored: record.storedCount)
      let weights = record.elementCount
      return Tensor(
        name: record.name, kind: tensor.form, shape: record.shape,
        dtype: Self.type(of: record.kind), elements: weights, zeros: weights - nonzeros,
        block: record.block.area > 1
          ? "\(record.block.rows)×\(record.block.columns)" : facts[record.name]?.block,
        blockShare: record.block.area > 1 ? 1 : facts[record.name]?.blockShare,
        weights: weights, nonzeros: nonzeros,
        sparsity: weights == 0 ? 0 : 1 - Double(nonzeros) / Double(weights),
        bytes: record.byteCount, positionBytes: record.byteCount(of: .positions),
        valueBytes: record.valueByteCount,
        bitsPerWeight: record.bitsPerWeight,
        positionBitsPerEntry: record.positionBitsPerEntry,
        independentPositionBytes: record.independentPositionBytes,
        valueBitsPerStoredWeight: record.valueBitsPerStoredWeight)
    }
    if isCheckpoint {
      let file = LacunaFile(metadata: metadata, tensors: decoded)
      checkpoint = CheckpointFacts(try Checkpoint(file))
    }
  }

  private static func nonzeros(of tensor: StoredTensor, stored: Int) -> Int {
    switch tensor {
    case .weights(let weights):
      switch weights.storage {
      case .i8(let matrix): matrix.values.count { $0 != 0 }
      case .codebook(let matrix): matrix.codes.count { matrix.codebook[Int($0)] != 0 }
      case .f32, .f64, .bf16, .f16: weights.matrix(of: Float.self).values.count { $0 != 0 }
      }
    case .bitMask(let mask): mask.keptCount
    case .bytes: stored
    }
  }

  private static func type(of kind: TensorKind) -> String {
    switch kind {
    case .dense, .sparse, .blockSparse, .codebookSparse: "f32"
    case .quantizedSparse, .quantizedBlockSparse: "i8"
    case .bf16Sparse, .bf16BlockSparse: "bf16"
    case .f16Sparse, .f16BlockSparse: "f16"
    case .bitMask: "bool"
    case .bytes: "u8"
    }
  }

  var text: String {
    var table = TextTable(
      [
        "tensor", "kind", "shape", "block", "weights", "nonzeros", "sparsity", "bytes", "positions",
        "if random", "bits/entry", "values", "bits/value", "bits/weight",
      ], leading: [0, 1, 2])
    for tensor in tensors {
      table.append([
        tensor.name, tensor.kind, tensor.shape.map(String.init).joined(separator: "×"),
        tensor.block ?? "", "\(tensor.weights)", "\(tensor.nonzeros)",
        Numeral.percent(tensor.sparsity), "\(tensor.bytes)", "\(tensor.positionBytes)",
        Numeral.fixed(tensor.independentPositionBytes, digits: 0),
        Numeral.fixed(tensor.positionBitsPerEntry, digits: 2), "\(tensor.valueBytes)",
        Numeral.fixed(tensor.valueBitsPerStoredWeight, digits: 2),
        Numeral.fixed(tensor.bitsPerWeight, digits: 2),
      ])
    }
    // Masks and bytes are no weights: they would be counted twice.
    let weighty = tensors.filter { $0.kind != "mask" && $0.kind != "bytes" }
    let weights = weighty.reduce(0) { $0 + $1.weights }
    let nonzeros = weighty.reduce(0) { $0 + $1.nonzeros }
    let bytes = tensors.reduce(0) { $0 + $1.bytes }
    let share = Double(max(weights, 1))
    table.append([
      "all", "", "", "", "\(weights)", "\(nonzeros)",
      Numeral.percent(weights == 0 ? 0 : 1 - Double(nonzeros) / share), "\(bytes)",
      "\(tensors.reduce(0) { $0 + $1.positionBytes })",
      Numeral.fixed(tensors.reduce(0) { $0 + $1.independentPositionBytes }, digits: 0), "",
      "\(tensors.reduce(0) { $0 + $1.valueBytes })", "",
      Numeral.fixed(Double(bytes) * 8 / share, digits: 2),
    ])
    var lines = [
      "\(file.printable()): \(Numeral.bytes(fileBytes)) (\(fileBytes) bytes)", "",
    ]
    var texts = metadata
    if let checkpoint { texts.merge(checkpoint.texts) { $1 } }
    for (key, value) in texts.sorted(by: { $0.key < $1.key }) {
      let text = value.count > 160 ? "\(value.prefix(159))…" : value
      lines.append("\(key.printable()): \(text.printable())")
    }
    if !metadata.isEmpty { lines.append("") }
    return (lines + [table.rendered()]).joined(separator: "\n")
  }
}
