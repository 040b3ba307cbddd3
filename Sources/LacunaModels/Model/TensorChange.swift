// New elements for a tensor of a model file, and the form that they are stored in.

import LacunaIO

/// How a changed tensor is written.
public enum TensorStorage: String, Sendable, CaseIterable, Codable {
  /// As it was: dense tensors dense, sparse ones sparse.
  case asBefore
  /// Every element, zeros too.
  case dense
  /// In the sparse encoding of the file's own format.
  case sparse
}

/// New elements for one tensor, of the same shape and type.
package struct TensorChange: Sendable {
  /// Makes the elements, little-endian and row-major, as many as before. Called once, while the file is
  /// written, unless the size of what is written depends on them.
  package var content: @Sendable () throws(DataProblem) -> [UInt8]
  package var storage: TensorStorage

  package init(
    storage: TensorStorage = .asBefore,
    _ content: @escaping @Sendable () throws(DataProblem) -> [UInt8]
  ) {
    (self.content, self.storage) = (content, storage)
  }
}

/// Files that together are a model: the first is the model itself, others lie beside it.
package struct ModelImage: Sendable {
  package var main: FileImage
  /// Names in the folder of the model.
  package var beside: [(name: String, image: FileImage)] = []

  package init(_ main: FileImage) { self.main = main }

  /// Writes all files, each in one step, those beside the model first, and gives the number of bytes.
  ///
  /// - Throws: `FileError`
  @discardableResult
  package func write(to path: String) throws(FileError) -> Int {
    if path == AtomicFile.standardOutput && !beside.isEmpty {
      throw .malformed(
        path: path, .unsupported(what: "a model of several files", found: "on standard output"))
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var bytes = 0
    for (name, image) in beside { bytes += try image.write(to: folder + name) }
    return bytes + (try main.write(to: path))
  }
}
