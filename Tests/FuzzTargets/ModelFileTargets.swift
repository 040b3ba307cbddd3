// ONNX, TFLite and the one door to all model files: read, changed, written, read again.

import Foundation
import Lacuna
import LacunaIO
import LacunaModels

/// A sparse tensor unfolds to 16 MB or to 4096 times what is stored, and is held twice while it is checked.
private let unfolded = (base: 160 << 20, each: 1 << 15)

/// Tensors up to this size are changed and compared; larger ones are only read.
private let compared = 1 << 14

let modelFileTargets = [
  FuzzTarget("onnx", memory: unfolded) { bytes in
    let model = try ONNXModel(bytes: bytes)
    if !model.hasExternalData {
      let same = try certainly("written without a change") {
        try model.rewritten([:], dataName: nil).main.bytes()
      }
      try hold(same == bytes, "another file without a change")
    }
    for storage in TensorStorage.allCases {
      let changes = changes(model.tensors, storage) { try model.content($0) }
      guard let image = try? model.rewritten(changes.mapValues(\.change), dataName: nil),
        let written = try? image.main.bytes()
      else { continue }
      let again = try certainly("read again") { try ONNXModel(bytes: written) }
      // Sparse initialisers stand where they stood, but become dense ones of another number.
      for (index, change) in changes {
        let name = model.tensors[index].name
        guard let place = again.tensors.firstIndex(where: { $0.name == name }) else {
          throw Violation("\(name) is gone")
        }
        let content = try certainly("read again") { try again.content(place).array }
        try hold(content == change.content, "\(name): other elements were read back")
      }
    }
  },
  FuzzTarget("tflite", memory: unfolded) { bytes in
    let model = try TFLiteModel(bytes: bytes)
    let same = try certainly("written without a change") { try model.rewritten([:]).main.bytes() }
    try hold(same == bytes, "another file without a change")
    for storage in TensorStorage.allCases {
      let changes = changes(model.tensors, storage) { try model.content($0) }
      guard let image = try? model.rewritten(changes.mapValues(\.change)),
        let written = try? image.main.bytes()
      else { continue }
      let again = try certainly("read again") { try TFLiteModel(bytes: written) }
      if storage == .asBefore {
        try hold(again.tensors.count == model.tensors.count, "another number of tensors")
        for (index, change) in changes {
          let content = try certainly("read again") { try again.content(index).array }
          try hold(
            content == change.content, "\(model.tensors[index].name): other elements came back")
        }
      }
    }
  },
  FuzzTarget("model-file", memory: unfolded) { bytes in
    try ReadingMemory.limited(to: 64 << 20) { try exercise(try ModelFile(bytes: bytes), bytes) }
  },
  // The number of shards, each behind its length, then the index.
  FuzzTarget("shard-index", memory: unfolded) { bytes in
    var cursor = InputCursor(bytes)
    var shards: [String: [UInt8]] = [:]
    for number in 0..<cursor.choice(4) { shards["s\(number)"] = cursor.run() }
    let file = try ModelFile(index: cursor.bytes(bytes.count), shards: shards)
    for index in file.tensors.indices {
      let content = try certainly("an element") { try file.content(index) }
      try hold(
        file.tensors[index].type.byteCount(of: file.tensors[index].elementCount).map {
          $0 == content.count
        } ?? true, "\(content.count) bytes of \(file.tensors[index].shape)")
    }
    let image = try certainly("written") { try file.rewritten([:], output: nil) }
    for (name, shard) in image.beside {
      try hold(try shard.bytes() == shards[name] ?? [], "another shard without a change")
    }
  },
  // Where a model says that its elements are: nothing outside of its folder is read.
  FuzzTarget("onnx-location", memory: (1 << 20, 512)) { bytes in
    let model = try ONNXModel(
      ByteSlice(externalModel(location: bytes)), folder: locations.appending("/model"))
    let content = try model.content(0).array
    try hold(content == Array(repeating: 0x5A, count: 16), "read outside of the model's folder")
  },
]

/// The tensors that can be read, to be written with what they have.
private func changes(
  _ tensors: [ModelTensor], _ storage: TensorStorage, _ content: (Int) throws -> ByteSlice
) -> [Int: (content: [UInt8], change: TensorChange)] {
  var result: [Int: (content: [UInt8], change: TensorChange)] = [:]
  for (index, tensor) in tensors.enumerated() {
    if storage == .sparse && !tensor.canBeSparse { continue }
    guard let bytes = try? content(index).array, bytes.count <= compared else { continue }
    result[index] = (bytes, TensorChange(storage: storage) { bytes })
  }
  return result
}

/// Everything that the commands do to a file.
private func exercise(_ file: ModelFile, _ bytes: [UInt8]) throws {
  for (index, tensor) in file.tensors.enumerated().prefix(16) {
    guard let facts = try? TensorFacts(file, index) else { continue }
    try hold((0...facts.elements).contains(facts.zeros), "\(facts.zeros) zeros")
    if let share = facts.blockShare { try hold((0...1).contains(share), "share \(share)") }
    if tensor.elementCount > compared { continue }
    guard let numbers = try? file.numbers(index) else { continue }
    try hold(numbers.count == tensor.elementCount, "\(numbers.count) numbers of \(tensor.shape)")
    // Of f64 small numbers become zero in f32.
    if tensor.quantization == nil && tensor.type != .f64 {
      let zeros = numbers.count { $0 == 0 }
      try hold(zeros == facts.zeros, "\(facts.zeros) zeros, then \(zeros)")
    }
    let matrix = try certainly("a matrix") { try file.weights(index) }
    try checkMatrix(matrix)
    let (rows, columns) = tensor.view.size(of: tensor.shape)
    try hold(matrix.rows == rows && matrix.columns == columns, "a matrix of another size")
  }
  switch file.format {
  case .onnx, .tflite, .safetensors, .npz, .npy:
    if let image = try? file.rewritten([:], output: nil) {
      try hold(try image.main.bytes() == bytes, "another file without a change")
    }
  case .lacuna, .scipy, .matrixMarket, .smtx, .safetensorsIndex: break
  }
  if file.tensors.contains(where: { $0.elementCount > compared }) || file.tensors.count > 64 {
    return
  }
  for format in [ModelFormat.safetensors, .npz, .lacuna] {
    guard let image = try? file.converted(to: format), let written = try? image.bytes() else {
      continue
    }
    let again = try certainly("converted, then read") { try ModelFile(bytes: written) }
    try hold(again.format == format, "\(format) became \(again.format)")
  }
  let pruning = ModelPruning(sparsity: 0.5)
  guard let outcomes = try? pruning.outcomes(file),
    let image = try? pruning.image(file, outcomes, output: nil),
    let written = try? image.main.bytes()
  else { return }
  let again = try certainly("pruned, then read") { try ModelFile(bytes: written) }
  // Tensors of TFLite may share their elements.
  if file.format == .tflite || file.format == .smtx { return }
  for outcome in outcomes {
    guard let index = again.tensors.firstIndex(where: { $0.name == outcome.name }) else {
      throw Violation("\(outcome.name) is gone")
    }
    let tensor = again.tensors[index]
    if tensor.quantization != nil || !tensor.type.isFloatingPoint { continue }
    let left = try certainly("pruned, then read") { try again.numbers(index).count { $0 != 0 } }
    try hold(left <= outcome.kept, "\(left) of \(outcome.kept) weights are left")
  }
}

/// A model with one tensor, f32 [4], at that location.
private func externalModel(location: [UInt8]) -> [UInt8] {
  func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    var bytes = [UInt8(number << 3 | 2)]
    var rest = content.count
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)] + content
  }
  let entry = field(1, Array("location".utf8)) + field(2, location)
  // dims 4, f32, name w, external_data, data_location EXTERNAL
  let tensor = [8, 4, 16, 1] + field(8, [0x77]) + field(13, entry) + [0x70, 1]
  return field(7, field(5, tensor))
}

/// A folder with a model's folder in it, and beside that a file that no model may read.
private let locations: String = {
  let root = FileManager.default.temporaryDirectory.appending(path: "lacuna-fuzz-locations").path
  let inside = root + "/model"
  try! FileManager.default.createDirectory(
    atPath: inside + "/sub", withIntermediateDirectories: true)
  for (name, byte) in [("/model/data", 0x5A), ("/model/sub/data", 0x5A), ("/secret", 0xA5)] {
    try! AtomicFile.write(Array(repeating: UInt8(byte), count: 16), to: root + name)
  }
  for (name, target) in [("link", "../secret"), ("sub/up", ".."), ("same", "sub/data")] {
    try? FileManager.default.createSymbolicLink(
      atPath: inside + "/" + name, withDestinationPath: target)
  }
  return root
}()

/// Shards and their index, as the target "shard-index" reads them.
func shardSeed(_ shards: [[UInt8]], index: String) -> [UInt8] {
  var output = OutputCursor()
  output.byte(shards.count)
  for shard in shards { output.run(shard) }
  output.bytes += index.utf8
  return output.bytes
}
