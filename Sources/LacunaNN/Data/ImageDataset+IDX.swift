// A folder of four IDX files, as MNIST and Fashion-MNIST are published, as two data sets.

import LacunaIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ImageDataset {
  /// The training and test halves of a folder in the layout of MNIST.
  ///
  ///     train-images-idx3-ubyte.gz   train-labels-idx1-ubyte.gz
  ///     t10k-images-idx3-ubyte.gz    t10k-labels-idx1-ubyte.gz
  ///
  /// Each file may also be plain, without `.gz`.
  ///
  /// - Throws: ``ModelError`` when a file is missing or malformed, when the numbers of images and
  ///   labels differ, or when the halves differ in image size.
  public static func load(directory: String, classes: Int = 10)
    throws(ModelError) -> (training: ImageDataset, test: ImageDataset)
  {
    let training = try half("train", in: directory, classes: classes)
    let test = try half("t10k", in: directory, classes: classes)
    if training.shape != test.shape {
      throw .dataMismatch(
        what: "bytes per test image", expected: training.shape.count, found: test.shape.count)
    }
    return (training, test)
  }

  /// Where Debian's package `dataset-fashion-mnist` puts Fashion-MNIST.
  public static let fashionMNISTDirectory = "/usr/share/datasets/fashion-mnist"

  /// The names of Fashion-MNIST's classes.
  public static let fashionMNISTClasses = [
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
  ]

  private static func half(
    _ name: String, in directory: String, classes: Int
  ) throws(ModelError) -> ImageDataset {
    let images: (count: Int, rows: Int, columns: Int, pixels: [UInt8])
    let labels: [UInt8]
    do throws(FileError) {
      images = try IDX.images(contentsOf: path("\(name)-images-idx3-ubyte", in: directory))
      labels = try IDX.labels(
        contentsOf: path("\(name)-labels-idx1-ubyte", in: directory), classes: classes)
    } catch { throw .file(error) }
    if labels.count != images.count {
      throw .dataMismatch(
        what: "labels of \(directory)/\(name)", expected: images.count, found: labels.count)
    }
    return try ImageDataset(
      shape: Shape(height: images.rows, width: images.columns, channels: 1), classes: classes,
      images: images.pixels, labels: labels.map(UInt16.init))
  }

  /// The compressed file, or the plain one where only that exists.
  private static func path(_ name: String, in directory: String) -> String {
    let (plain, compressed) = ("\(directory)/\(name)", "\(directory)/\(name).gz")
    func exists(_ path: String) -> Bool { PathText.withCString(path) { access($0, F_OK) } == 0 }
    return !exists(compressed) && exists(plain) ? plain : compressed
  }
}
