// Which images a command reads.

import ArgumentParser
import Lacuna

/// `--data` and `--limit`.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder with four IDX files in the layout of MNIST, gzipped or plain. "
        + "[\(ImageDataset.fashionMNISTDirectory)]",
      discussion: "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-…, t10k-labels-…",
      valueName: "folder"),
    completion: .directory)
  var data: String?

  @Option(help: "Use only the first images of each half.")
  var limit: Int?

  func validate() throws {
    try check("--limit", limit, in: OptionRange.images)
  }

  var folder: String { data ?? ImageDataset.fashionMNISTDirectory }

  /// The options, and whether they were typed.
  var typed: [(name: String, isTyped: Bool)] {
    [("--data", data != nil), ("--limit", limit != nil)]
  }

  /// The training and the test images.
  func load() throws -> (training: ImageDataset, test: ImageDataset) {
    let (training, test) = try ImageDataset.load(directory: folder)
    guard let limit else { return (training, test) }
    return (training.prefix(limit), test.prefix(limit))
  }
}
