// Every reader by name, and where a search starts.

import Lacuna
import LacunaIO

/// All targets, in the order in which a campaign runs them.
public let fuzzTargets: [FuzzTarget] =
  arrayTargets + matrixTargets + containerTargets + modelTargets + modelFileTargets + networkTargets
  + callTargets

/// Inputs to start from.
///
/// - Parameter files: golden files, name and content; each goes to the targets that read its kind.
public func fuzzSeeds(
  of target: String, files: [(name: String, bytes: [UInt8])]
) throws -> [[UInt8]] {
  func of(_ suffixes: String...) -> [[UInt8]] {
    files.filter { file in
      !networkArchives.contains(file.name) && suffixes.contains { file.name.hasSuffix($0) }
    }.map(\.bytes)
  }
  switch target {
  case "idx":
    let small = IDX(shape: [2, 2, 3], elements: Array(0..<12))
    return [
      small.encoded(), small.encoded(gzip: true), IDX(shape: [3], elements: [1, 2, 3]).encoded(),
    ]
  case "idx-gzip": return [IDX(shape: [2, 2, 3], elements: Array(0..<12)).encoded()]
  case "gzip": return of(".gz") + [Gzip.compress(Array(0..<200))]
  case "npy": return of(".npy")
  case "npz": return of(".npz")
  case "npz-members":
    return [false, true].flatMap { deflated in
      [
        zipCase(
          files.filter { $0.name.hasSuffix(".npy") }.prefix(6).map { ($0.name, $0.bytes) },
          deflated: deflated)
      ]
        + files.filter { $0.name.hasSuffix(".npy") }.map {
          zipCase([("a.npy", $0.bytes)], deflated: deflated)
        }
    }
  case "mtx": return of(".mtx")
  case "smtx": return of(".smtx") + [Array("3, 4, 3\n0 2 2 3\n1 3 0\n".utf8)]
  case "scipy": return scipySeeds()
  case "safetensors": return of(".safetensors")
  case "lacuna": return try containerSeeds().map { try $0.encoded() }
  case "lacuna-sections":
    return try containerSeeds().flatMap { file in
      let bytes = try file.encoded()
      return try LacunaReader(bytes: bytes).records.map { ContainerCase(bytes, $0).input }
    }
  case "pruner-state": return try modelSeeds().states
  case "model": return try modelSeeds().models
  case "checkpoint": return try modelSeeds().checkpoints
  case "onnx": return of(".onnx")
  case "network": return of(".onnx") + (try networkSeeds(files))
  case "tflite": return of(".tflite")
  case "model-file":
    return of(".onnx", ".tflite", ".safetensors", ".npy", ".npz", ".mtx", ".smtx")
      + (try containerSeeds().map { try $0.encoded() })
  case "shard-index":
    let shard = try Safetensors(arrays: [
      NamedArray(
        name: "w", array: try NumericArray(shape: [2, 3], values: .f32([1, 0, 2, 0, 3, 0])))
    ]).encoded()
    return [
      shardSeed([shard], index: #"{"metadata": {}, "weight_map": {"w": "s0"}}"#),
      shardSeed([shard, shard], index: #"{"weight_map": {"w": "s1"}}"#),
      shardSeed([shard], index: #"{"weight_map": {"w": "../s0"}}"#),
    ]
  case "onnx-location":
    return [
      "data", "sub/data", "same", "./data", "sub//data", "link", "sub/up/data", "sub/up/link",
      "../secret", "/etc/passwd", "sub/../data", "none", "",
    ].map { Array($0.utf8) }
  case "plan-blob": return try blobSeeds()
  default: return []
  }
}

/// Small files of every kind of tensor, with few and with many entries.
private func containerSeeds() throws -> [LacunaFile] {
  var files: [LacunaFile] = []
  for (rows, columns, step) in [(3, 5, 2), (8, 40, 3), (16, 120, 1), (1, 1, 1), (12, 16, 7)] {
    let values = (0..<rows * columns).map { index in
      index % step == 0 ? Float(index * 37 % 101 - 50) / 8 : 0
    }
    let dense = try DenseMatrix(rows: rows, columns: columns, values: values)
    let csr = CSRMatrix(dense: dense)
    let bsr = BSRMatrix(dense: dense, block: try BlockSize(2, 4))
    let shape = [rows, columns]
    for (name, tensor) in [
      ("dense", try StoredTensor.dense(shape: shape, values: values)),
      ("sparse", .weights(SparseTensor(csr))),
      ("quantized", .weights(SparseTensor(try QuantizedCSR(quantizing: csr)))),
      ("blocks", .weights(SparseTensor(bsr))),
      ("quantized-blocks", .weights(SparseTensor(try QuantizedBSR(quantizing: bsr)))),
      ("codebook", .weights(SparseTensor(CodebookCSR(exactly: csr)!))),
      ("bf16", .weights(SparseTensor(csr).converted(to: BFloat16.self))),
      ("f16-blocks", .weights(SparseTensor(bsr).converted(to: Float16.self))),
      ("mask", .bitMask(BitMask(csr.pattern))),
      ("bytes", .bytes(Array(repeating: 7, count: 99) + Array(0..<100))),
    ] {
      files.append(
        LacunaFile(metadata: ["kind": "test"], tensors: [NamedTensor(name: name, tensor: tensor)]))
    }
  }
  files.append(
    LacunaFile(
      metadata: ["a": "b", "long": String(repeating: "text ", count: 30)],
      tensors: Array(files.prefix(3).flatMap(\.tensors))))
  return files
}
