// .npy, .npz and safetensors as a model: every array a tensor.

import LacunaFormats
import LacunaIO

/// A file of arrays.
struct ArrayModel: ModelContent {
  private let file: ArrayFile
  /// The file as it is on disk: where arrays are not compressed, their elements are slices of it.
  private let bytes: ByteSlice
  /// Whether the file is gzipped, so that places in it mean nothing.
  private let isPacked: Bool
  let tensors: [ModelTensor]

  init(_ file: ArrayFile, _ bytes: ByteSlice) throws(DataProblem) {
    (self.file, self.bytes) = (file, bytes)
    isPacked = bytes.count > 1 && bytes.byte(0) == 0x1F && bytes.byte(1) == 0x8B
    var tensors: [ModelTensor] = []
    for (array, name) in zip(
      file.arrays, TensorName.distinctTexts(file.arrays.map(\.name)))
    {
      tensors.append(
        ModelTensor(
          name: name, shape: array.shape, type: TensorType(array.type),
          byteCount: array.byteCount))
    }
    self.tensors = tensors
  }

  /// Where the elements lie in the file as they are handed out; nil for others, and in a gzipped file.
  private func range(_ index: Int) -> Range<Int>? {
    file.arrays[index].isPlain && !isPacked
      ? file.arrays[index].byteRange : nil
  }

  func slice(_ index: Int) -> ByteSlice? { range(index).map { bytes.part($0) } }

  func content(_ index: Int) throws(DataProblem) -> ByteSlice {
    if let range = range(index) { return bytes.part(range) }
    return ByteSlice(try file.arrays[index].plainBytes())
  }

  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage {
    for (index, change) in changes where change.storage == .sparse {
      throw .unsupported(
        what: "storing \(tensors[index].name) of \(file.kind.name)", found: "sparse")
    }
    if changes.isEmpty || file.kind != .npz && changes.keys.allSatisfy({ range($0) != nil }) {
      let splices = changes.map { index, change in
        let range = range(index)!
        return Splice(range: range, pieces: [.made(count: range.count, change.content)])
      }
      return ModelImage(
        FileImage(
          bytes, replacing: splices.sorted { $0.range.lowerBound < $1.range.lowerBound }))
    }
    let stored = { @Sendable (index: Int) throws(DataProblem) -> [UInt8]? in
      guard let change = changes[index] else { return nil }
      return try file.arrays[index].stored(try change.content())
    }
    var image = FileImage()
    if file.kind == .npz {
      image.append(.series(estimate: bytes.count) { file.archiveParts(replacing: stored) })
    } else {
      // One array in a gzipped file, which becomes a plain one.
      var replaced: [Int: [UInt8]] = [:]
      for index in changes.keys { replaced[index] = try stored(index) }
      image.append(.bytes(try file.encoded(replacing: replaced)))
    }
    return ModelImage(image)
  }
}

extension TensorType {
  /// The type of an array in a file.
  init(_ type: StoredType) {
    switch type {
    case .number(let element):
      switch element {
      case .bool: self = .bool
      case .i8: self = .i8
      case .u8: self = .u8
      case .i16: self = .i16
      case .u16: self = .u16
      case .i32: self = .i32
      case .u32: self = .u32
      case .i64: self = .i64
      case .u64: self = .u64
      case .f16: self = .f16
      case .bf16: self = .bf16
      case .f32: self = .f32
      case .f64: self = .f64
      }
    case .opaque(let code):
      switch code {
      case "F8_E4M3": self = .f8e4m3
      case "F8_E5M2": self = .f8e5m2
      case "F8_E4M3FNUZ": self = .f8e4m3fnuz
      case "F8_E5M2FNUZ": self = .f8e5m2fnuz
      case "F8_E8M0": self = .f8e8m0
      case "F4": self = .f4e2m1
      case "C64", "<c8": self = .c64
      case "<c16": self = .c128
      default: self = .text
      }
    }
  }
}
