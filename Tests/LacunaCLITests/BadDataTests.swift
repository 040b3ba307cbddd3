// Wrong images: each gives one line that names the file, and the right exit code.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct BadDataTests {
  private let folder: TemporaryFolder
  private let output: String

  init() throws {
    folder = try TemporaryFolder()
    output = folder.path("model.lacuna")
    try SyntheticImages(training: 20, testing: 10).write(to: folder.root, gzip: false)
  }

  /// Trains on the folder and expects a refusal that names `file`.
  private func expectRefusal(
    _ code: Int32, naming file: String, _ words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try Tool.run(
      "train", "--architecture", "perceptron", "--data", folder.root, "--epochs", "1", "--output",
      output)
    #expect(run.exitCode == code, "\(run.errors)", sourceLocation: sourceLocation)
    #expect(run.errorLines.count == 1, "\(run.errors)", sourceLocation: sourceLocation)
    for word in words + [file] {
      #expect(run.errors.contains(word), "\(run.errors)", sourceLocation: sourceLocation)
    }
    #expect(!FileManager.default.fileExists(atPath: output), sourceLocation: sourceLocation)
  }

  @Test func `a missing folder is exit code 66`() throws {
    let run = try Tool.run("train", "--data", folder.path("nowhere"), "--output", output)
    #expect(run.exitCode == 66)
    #expect(run.errorLines.count == 1 && run.errors.contains("nowhere"), "\(run.errors)")
  }

  @Test(arguments: [0, 3, 15, 16, 100, 15_695])
  func `a truncated file is exit code 65`(length: Int) throws {
    try rewrite(folder.path("train-images-idx3-ubyte")) { $0 = Array($0.prefix(length)) }
    try expectRefusal(65, naming: "train-images-idx3-ubyte")
  }

  @Test func `a truncated gzip file is exit code 65`() throws {
    try SyntheticImages(training: 20, testing: 10).write(to: folder.root)
    try rewrite(folder.path("t10k-images-idx3-ubyte.gz")) { $0.removeLast(9) }
    try expectRefusal(65, naming: "t10k-images-idx3-ubyte.gz")
  }

  @Test(arguments: [0, 1, 2, 3]) func `a wrong magic number is exit code 65`(byte: Int) throws {
    try rewrite(folder.path("train-labels-idx1-ubyte")) { $0[byte] ^= 0x10 }
    try expectRefusal(65, naming: "train-labels-idx1-ubyte")
  }

  @Test func `a count that disagrees with the file is exit code 65`() throws {
    try rewrite(folder.path("t10k-images-idx3-ubyte")) { $0[7] += 1 }
    try expectRefusal(65, naming: "t10k-images-idx3-ubyte")
  }

  @Test func `more labels than images is exit code 65 with both numbers`() throws {
    let labels = IDX(shape: [21], elements: [UInt8](repeating: 1, count: 21))
    try Data(labels.encoded()).write(
      to: URL(fileURLWithPath: folder.path("train-labels-idx1-ubyte")))
    try expectRefusal(65, naming: "train", "21", "20")
  }

  @Test func `a label out of range is exit code 65 with the label`() throws {
    try rewrite(folder.path("t10k-labels-idx1-ubyte")) { $0[8 + 4] = 200 }
    try expectRefusal(65, naming: "label", "200")
  }

  @Test func `images of another size than the network's are exit code 65`() throws {
    for (name, count) in [("train", 20), ("t10k", 10)] {
      let images = IDX(
        shape: [count, 8, 8], elements: [UInt8](repeating: 1, count: count * 64))
      try Data(images.encoded()).write(
        to: URL(fileURLWithPath: folder.path("\(name)-images-idx3-ubyte")))
    }
    try expectRefusal(65, naming: "64", "784")
  }
}
