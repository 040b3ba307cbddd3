// Fashion-MNIST in three parts for the networks of images.

import Lacuna

extension ResultsTask {
  /// The last 5000 of the training images are the validation part.
  static func images(
    _ architecture: Architecture, excluded: [String], _ data: String?, _ limit: Int
  ) throws -> ResultsTask {
    let (all, test) = try ImageDataset.load(
      directory: data ?? ImageDataset.fashionMNISTDirectory)
    let cut = max(all.count - 5000, all.count / 2)
    return ResultsTask(
      architecture: architecture, training: all.samples(0..<min(cut, limit)),
      validation: all.samples(cut..<all.count), test: test, measure: .accuracy, batch: 128,
      rate: 3e-3, labelSmoothing: 0.1, denseEpochs: 6, prunedEpochs: 3,
      rules: excluded.map { TensorRule($0, excluded: true) }, block: BlockSize(unchecked: 4, 1),
      timedBatch: 16)
  }
}
