// A checkpoint in several safetensors files, and the index that says which tensor is in which.

import LacunaFormats
import LacunaIO

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `model.safetensors.index.json` and the files it names.
///
///     {"metadata": {"total_size": 90}, "weight_map": {"encoder.w": "model-00001-of-00002.safetensors", …}}
///
/// Shards lie in the folder of the index: a name with a slash is refused.
struct ShardedModel: ModelContent {
  private struct Index: Decodable {
    let weightMap: [String: String]

    private enum CodingKeys: String, CodingKey {
      case weightMap = "weight_map"
    }
  }

  private let bytes: ByteSlice
  private let shards: [(name: String, model: ArrayModel)]
  /// For each tensor its shard, and its number there.
  private let places: [(shard: Int, index: Int)]
  let tensors: [ModelTensor]

  init(_ bytes: ByteSlice, folder: String?) throws(DataProblem) {
    guard let folder else {
      throw .unsupported(what: "an index of shards", found: "without a folder")
    }
    try self.init(bytes) { (name) throws(FileError) in
      ByteSlice(try ByteStorage(mapping: folder + "/" + name))
    }
  }

  /// - Parameter open: The bytes of the shard of that name, which has no slash.
  init(
    _ bytes: ByteSlice, open: (String) throws(FileError) -> ByteSlice
  ) throws(DataProblem) {
    guard let index = try? JSONDecoder().decode(Index.self, from: Data(bytes.array)) else {
      throw .unsupported(what: "index of shards", found: "without a weight_map of texts")
    }
    var shards: [(name: String, model: ArrayModel)] = []
    var (places, tensors): ([(shard: Int, index: Int)], [ModelTensor]) = ([], [])
    var missing = Set(index.weightMap.keys.map { ByteName($0) })
    for name in Set(index.weightMap.values.map { ByteName($0) }).sorted(by: {
      $0.bytes.lexicographicallyPrecedes($1.bytes)
    }) {
      if name.isEmpty || name.bytes.contains(UInt8(ascii: "/")) || name.bytes.contains(0) {
        throw .unsupported(what: "shard", found: "\"\(name.text.prefix(200))\"")
      }
      let model: ArrayModel
      do throws(FileError) {
        let file = try open(name.text)
        do throws(DataProblem) {
          model = try ArrayModel(try ArrayFile(opening: file, path: name.text), file)
        } catch { throw .malformed(path: name.text, error) }
      } catch { throw .unsupported(what: "shard", found: "\(error)") }
      for (number, tensor) in model.tensors.enumerated() {
        guard missing.remove(ByteName(tensor.name)) != nil else { continue }
        if index.weightMap[tensor.name] != name.text { throw .duplicateName(tensor.name) }
        places.append((shards.count, number))
        tensors.append(tensor)
      }
      shards.append((name.text, model))
    }
    if let name = missing.map(\.text).min() { throw .absent(what: "tensor \(name) of the index") }
    (self.bytes, self.shards, self.places, self.tensors) = (bytes, shards, places, tensors)
  }

  func content(_ index: Int) throws(DataProblem) -> ByteSlice {
    try shards[places[index].shard].model.content(places[index].index)
  }

  /// The index as it is, and all shards beside it, those without a change too.
  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage {
    var perShard = [[Int: TensorChange]](repeating: [:], count: shards.count)
    for (index, change) in changes {
      perShard[places[index].shard][places[index].index] = change
    }
    var image = FileImage()
    image.append(.slice(bytes))
    var model = ModelImage(image)
    for (shard, changes) in zip(shards, perShard) {
      let image = try shard.model.rewritten(changes, output: nil).main
      model.beside.append((shard.name, image))
    }
    return model
  }
}

extension ByteSlice {
  /// Whether the bytes are JSON that speaks of a `weight_map`.
  var isSafetensorsIndex: Bool {
    let start = part(0..<min(count, 1 << 16)).array
    guard start.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else { return false }
    let key = Array("\"weight_map\"".utf8)
    return start.indices.contains { place in
      start[place] == key[0] && start[place...].starts(with: key)
    }
  }
}
