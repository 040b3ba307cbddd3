// A network in a .lacuna file, read to be changed and written back as what it was

import LacunaIO

/// A checkpoint or a compact model, and the network in it.
public struct StoredNetwork {
  /// The network; change it before ``write(to:)``.
  public let model: SequentialModel
  private let checkpoint: Checkpoint?

  /// Reads the file at `path`, a compressed model or a checkpoint.
  ///
  /// - Throws: ``ModelError`` when the file cannot be read or holds no network.
  public init(contentsOf path: String, threads: Int? = nil) throws(ModelError) {
    let stored: LacunaFile
    do throws(FileError) { stored = try LacunaFile(contentsOf: path) } catch { throw .file(error) }
    checkpoint = stored.metadata["kind"] == "lacuna checkpoint" ? try Checkpoint(stored) : nil
    if let checkpoint {
      model = try checkpoint.makeModel(threads: threads)
    } else {
      model = try CompressedModel(stored).makeModel(threads: threads)
    }
  }

  /// Writes a checkpoint without masks, or a compact model whose kernels are sparse.
  ///
  /// - Throws: ``ModelError``
  public func write(to path: String) throws(ModelError) {
    if let checkpoint {
      try Checkpoint(checkpoint, weightsOf: model).write(to: path)
    } else {
      try CompressedModel(model, form: .sparse).save(to: path)
    }
  }
}
