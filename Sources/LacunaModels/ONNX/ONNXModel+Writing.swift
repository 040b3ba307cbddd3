// The same model with other elements in some tensors: all that was not touched stays byte for byte.

import LacunaIO

extension ONNXModel {
  /// The file with the tensors of `changes` replaced.
  ///
  /// A changed tensor keeps every field but those with elements, which become `raw_data`; or, with
  /// ``TensorStorage/sparse``, the initialiser becomes a sparse one at the same place. Lengths of
  /// messages around it are written anew. Nothing else changes.
  ///
  /// - Parameters:
  ///   - changes: By index in ``tensors``.
  ///   - dataName: The name of the file beside the model that takes the elements of tensors with
  ///     external data, changed or not; nil to put them all into the model.
  /// - Throws: `DataProblem` when a tensor cannot be stored as asked, or the model would exceed the
  ///   2 GiB that protobuf allows.
  package func rewritten(
    _ changes: [Int: TensorChange], dataName: String?
  ) throws(DataProblem) -> ModelImage {
    var splices: [(splice: Splice, scope: Int?)] = []
    var data = FileImage()
    for (index, entry) in graphs.entries.enumerated() {
      let change = changes[index]
      if case .dense(let tensor) = entry.content, tensor.external != nil {
        // The old file need not be beside the new model.
        splices.append(
          (try externalSplice(index, tensor, change, dataName, &data), entry.scope))
      } else if let change {
        splices.append((try splice(entry, change), entry.scope))
      }
    }
    let image = FileImage(bytes, replacing: withLengths(splices, graphs.scopes))
    if image.byteCount > Int(Int32.max) {
      throw .outOfRange(
        what: "size of the ONNX model", value: image.byteCount, lowest: 0,
        highest: Int(Int32.max))
    }
    var model = ModelImage(image)
    if let dataName, data.byteCount > 0 { model.beside.append((dataName, data)) }
    return model
  }

  /// Whether some tensor's elements lie beside the model.
  package var hasExternalData: Bool {
    graphs.entries.contains {
      if case .dense(let tensor) = $0.content { tensor.external != nil } else { false }
    }
  }

  private func splice(
    _ entry: ONNXEntry, _ change: TensorChange
  ) throws(DataProblem) -> Splice {
    let wasSparse = entry.field == 15 || entry.field == 22
    let sparse = change.storage == .sparse || (change.storage == .asBefore && wasSparse)
    let template: ONNXTensor
    var coordinates = false
    switch entry.content {
    case .dense(let tensor): template = tensor
    case .sparse(let tensor):
      coordinates = tensor.indices.shape.count == 2
      var values = tensor.values
      values.shape = tensor.shape
      template = values
    }
    if sparse != wasSparse && entry.isConstant {
      throw .unsupported(
        what: "storing \(entry.name.text), the value of a Constant node,",
        found: sparse ? "sparse" : "dense")
    }
    if sparse {
      let elements = try change.content()
      let message = try elements.withUnsafeBufferPointer { (buffer) throws(DataProblem) in
        try ONNXSparseTensor.encoded(
          UnsafeRawBufferPointer(buffer), of: template, coordinates: coordinates, in: bytes)
      }
      return Splice(
        range: entry.record, pieces: [.bytes(Self.field(entry.isConstant ? 22 : 15, message))])
    }
    return try denseSplice(entry, template, change, wasSparse: wasSparse)
  }

  private func denseSplice(
    _ entry: ONNXEntry, _ tensor: ONNXTensor, _ change: TensorChange, wasSparse: Bool
  ) throws(DataProblem) -> Splice {
    guard let count = tensor.type.byteCount(of: tensor.elementCount) else {
      throw .unsupported(what: "\(entry.name.text)", found: "of texts")
    }
    var header = WireWriter()
    if wasSparse {
      // Of the values only the name and the type are those of the dense tensor.
      for size in tensor.shape { header.varint(1, UInt64(size)) }
      header.append(try tensor.withoutElements(in: bytes, dropping: [1]).bytes)
    } else {
      header = try tensor.withoutElements(in: bytes)
    }
    header.start(9, count: count)
    var start = WireWriter()
    start.start(5, count: header.bytes.count + count)
    return Splice(
      range: entry.record,
      pieces: [.bytes(start.bytes + header.bytes), .made(count: count, change.content)])
  }

  /// A tensor whose elements lie in another file: moved into `data`, or into the model.
  private func externalSplice(
    _ index: Int, _ tensor: ONNXTensor, _ change: TensorChange?, _ dataName: String?,
    _ data: inout FileImage
  ) throws(DataProblem) -> Splice {
    let entry = graphs.entries[index]
    if change?.storage == .sparse, let change { return try splice(entry, change) }
    guard let count = tensor.type.byteCount(of: tensor.elementCount) else {
      throw .unsupported(what: "\(entry.name.text)", found: "of texts")
    }
    let piece: FileImage.Piece =
      if let change { .made(count: count, change.content) } else { .slice(try content(index)) }
    guard let dataName else {
      let header = try tensor.header(in: bytes, rawCount: count)
      var start = WireWriter()
      start.start(entry.field, count: header.count + count)
      return Splice(range: entry.record, pieces: [.bytes(start.bytes + header), piece])
    }
    // Pages of memory, so that a runtime can map each tensor.
    let padding = (4096 - data.byteCount % 4096) % 4096
    data.append(.bytes([UInt8](repeating: 0, count: padding)))
    var message = try tensor.withoutElements(in: bytes)
    for (key, value) in [
      ("location", dataName), ("offset", "\(data.byteCount)"), ("length", "\(count)"),
    ] {
      var pair = WireWriter()
      pair.bytes(1, Array(key.utf8))
      pair.bytes(2, Array(value.utf8))
      message.bytes(13, pair.bytes)
    }
    message.varint(14, 1)
    data.append(piece)
    return Splice(range: entry.record, pieces: [.bytes(Self.field(entry.field, message.bytes))])
  }

  private static func field(_ number: Int, _ message: [UInt8]) -> [UInt8] {
    var writer = WireWriter()
    writer.bytes(number, message)
    return writer.bytes
  }
}
