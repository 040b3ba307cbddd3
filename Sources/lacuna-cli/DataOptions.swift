// Which images a command reads.

import ArgumentParser
import Lacuna

/// `--data` and `--limit`.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder with four IDX files in the layout of MNIST, gzipped or plain.",
      discussion: "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-…, t10k-labels-…",
      valueName: "folder"),
    completion: .directory)
  var data = ImageDataset.fashionMNISTDirectory

  @Option(help: "Use only the first images of each half.")
  var limit: Int?

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit is \(limit), must be at least 1") }
  }

  /// The training and the test images.
  func load() throws -> (training: ImageDataset, test: ImageDataset) {
    let (training, test) = try ImageDataset.load(directory: data)
    guard let limit else { return (training, test) }
    return (training.prefix(limit), test.prefix(limit))
  }
}
