// The same TFLite model with other elements in some tensors.

import LacunaIO

extension TFLiteModel {
  /// The file with the tensors of `changes` replaced.
  ///
  /// A dense tensor stays dense and keeps its place. A sparse tensor stays sparse in its own order and
  /// blocks. With ``TensorStorage/sparse`` a dense weight becomes sparse along its last axis, and DENSIFY
  /// in front of the operators that read it makes it dense when the model is loaded, as TensorFlow's
  /// converter has it.
  ///
  /// - Parameter changes: By index in ``tensors``.
  /// - Throws: `DataProblem` when a tensor cannot be stored as asked.
  package func rewritten(_ changes: [Int: TensorChange]) throws(DataProblem) -> ModelImage {
    let root = try FlatBuffer(bytes).root(Self.identifier)
    var edit = FlatEdit()
    var encodings: [Int: TFLiteSparsity] = [:]
    var densified: Set<Int> = []
    var owners: [Range<Int>: Int] = [:]
    for entry in entries { owners[entry.data, default: 0] += 1 }
    var replaced: Set<Range<Int>> = []
    for (index, change) in changes.sorted(by: { $0.key < $1.key }) {
      let entry = entries[index]
      try checkAlone(index)
      guard let sparsity = try self.sparsity(index, change.storage) else {
        guard let count = entry.type.byteCount(of: tensors[index].elementCount) else {
          throw .unsupported(what: tensors[index].name, found: "of texts")
        }
        if count != entry.data.count {
          throw .mismatch(
            what: "bytes of \(tensors[index].name)", expected: count, actual: entry.data.count)
        }
        // Tied weights share their elements, and both see the new ones.
        if !replaced.insert(entry.data).inserted { continue }
        edit.replaceContent(entry.data, .made(count: count, change.content))
        continue
      }
      if entry.isBehind || owners[entry.data] != 1 {
        throw .unsupported(
          what: "sparse encoding of \(tensors[index].name)",
          found: entry.isBehind ? "behind the flatbuffer" : "of elements that tensors share")
      }
      guard let bits = entry.type.bits, bits >= 8 else {
        throw .unsupported(
          what: "sparse encoding of \(tensors[index].name)", found: "\(entry.type)")
      }
      let encoded = try sparsity.encoding(
        try change.content(), shape: entry.shape, width: bits / 8, name: tensors[index].name)
      if encoded.values.isEmpty {
        throw .unsupported(
          what: "sparse encoding of \(tensors[index].name)", found: "without a nonzero")
      }
      edit.replaceVector(entry.data, count: encoded.values.count, .bytes(encoded.values))
      encodings[index] = encoded.sparsity
      if entry.sparsity == nil { densified.insert(index) }
    }
    if encodings.isEmpty {
      try edit.settle()
      return ModelImage(FileImage(bytes, replacing: edit.splices))
    }
    let insertions = try TFLiteInsertions(root, densified.sorted(), entries, &edit)
    try edit.settle()
    let image = try resized(root, edit, encodings, insertions)
    try checkReadable(image)
    return ModelImage(image)
  }

  /// Objects of a file may be made to lie over each other, so that moving one spoils another: what
  /// nobody could read is not written.
  private func checkReadable(_ image: FileImage) throws(DataProblem) {
    let (again, names): (TFLiteModel, Set<ByteName>)
    do throws(DataProblem) {
      again = try TFLiteModel(bytes: image.outline())
      names = Set(again.tensors.map { ByteName($0.name) })
    } catch {
      throw .unsupported(what: "a sparse encoding in this file", found: "that spoils it: \(error)")
    }
    if let lost = tensors.first(where: { !names.contains(ByteName($0.name)) }) {
      throw .unsupported(what: "a sparse encoding in this file", found: "that loses \(lost.name)")
    }
  }

  /// Refuses to change elements that lie over something else: it would change with them.
  private func checkAlone(_ index: Int) throws(DataProblem) {
    let data = entries[index].data
    let found =
      if structure.contains(where: { $0.overlaps(data) }) {
        "over the file's own tables"
      } else if entries.contains(where: { $0.data != data && $0.data.overlaps(data) }) {
        "over a part of another tensor"
      } else {
        nil as String?
      }
    if let found { throw .unsupported(what: "elements of \(tensors[index].name)", found: found) }
  }

  /// The encoding that a changed tensor gets; nil for dense.
  private func sparsity(
    _ index: Int, _ storage: TensorStorage
  ) throws(DataProblem) -> TFLiteSparsity? {
    let (entry, name) = (entries[index], tensors[index].name)
    switch (storage, entry.sparsity) {
    case (.asBefore, let old?), (.sparse, let old?): return old
    case (.asBefore, nil), (.dense, nil): return nil
    case (.dense, _?):
      throw .unsupported(what: "storing \(name), which is sparse,", found: "dense")
    case (.sparse, nil):
      guard entry.canBeSparse else {
        throw .unsupported(
          what: "storing \(name), \(entry.shape) of \(entry.type),", found: "sparse")
      }
      let last = entry.shape.count - 1
      return TFLiteSparsity(
        order: Array(0...last), blockMap: [],
        levels: entry.shape.dropLast().map { .dense($0) } + [
          .compressed(segments: [], indices: [])
        ])
    }
  }

  /// The file after vectors changed their size, the new encodings at its end.
  private func resized(
    _ root: FlatTable, _ edit: FlatEdit, _ encodings: [Int: TFLiteSparsity],
    _ room: TFLiteInsertions
  ) throws(DataProblem) -> FileImage {
    if entries.contains(where: \.isBehind) {
      throw .unsupported(what: "a sparse encoding in a model", found: "with buffers behind it")
    }
    var references: Set<FlatReference> = []
    try root.references(FlatSchema.model, into: &references)
    references.insert(
      FlatReference(
        place: 0, target: try root.buffer.target(of: 0), isBackward: false))
    for reference in references {
      if edit.replaces(reference.target) || edit.replaces(reference.place)
        || edit.replaces(reference.place + 3)
      {
        throw .unsupported(
          what: "an object at byte \(reference.target)", found: "inside of a tensor's elements")
      }
    }
    let grown = edit.splices.reduce(bytes.count) { $0 + $1.growth }
    let padding = (16 - grown % 16) % 16
    var writer = FlatWriter(base: grown + padding)
    var (patches, edit, insertions) = ([Int: UInt32](), edit, room)
    let subgraphs = try root.tables(2)
    for (index, sparsity) in encodings.sorted(by: { $0.key < $1.key }) {
      let entry = entries[index]
      let graph = subgraphs[entry.graph]
      guard let vector = try graph.target(0) else { throw .absent(what: "the tensors") }
      // A new table for the tensor: the old one may have no room for the offset.
      let slot = vector + 4 + 4 * entry.index
      let old = try root.buffer.table(at: try root.buffer.target(of: slot))
      let (copy, place) = try writer.clone(old, FlatSchema.tensor, adding: 6)
      if let place { writer.link(place, to: sparsity.append(to: &writer)) }
      if entry.sparsity == nil {
        try insertions.add(
          copy, of: old, number: entry.index, entry.graph, &writer, &patches)
      } else {
        patches[slot] = UInt32(copy - edit.moved(slot))
      }
    }
    insertions.finish(&writer, &edit, &patches)
    for reference in references where patches[reference.place] == nil {
      let (place, target) = (edit.moved(reference.place), edit.moved(reference.target))
      if reference.isBackward {
        if place - target != reference.place - reference.target {
          patches[reference.place] = UInt32(bitPattern: Int32(place - target))
        }
      } else if target - place != reference.target - reference.place {
        patches[reference.place] = UInt32(target - place)
      }
    }
    var patched = edit
    for (place, value) in patches {
      patched.replaceContent(
        place..<place + 4, .bytes(withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }))
    }
    try patched.settle()
    var image = FileImage(bytes, replacing: patched.splices)
    image.append(.bytes([UInt8](repeating: 0, count: padding)))
    image.append(.bytes(writer.bytes))
    if image.byteCount > Int(Int32.max) {
      throw .outOfRange(
        what: "size of the TFLite model", value: image.byteCount, lowest: 0,
        highest: Int(Int32.max))
    }
    return image
  }
}
