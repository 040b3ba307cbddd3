// NxCxHxWxKxRxSxSTRIDExPADxGROUPS: a convolution on the command line and in shape files.

import ArgumentParser
import Lacuna

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A convolution of N images of C×H×W with K filters of R×S.
struct ConvShape: Hashable, Sendable, ListElement {
  var images: Int
  var shape: ConvolutionShape
  /// The words that it was read from.
  var listElement: String

  /// Elements that images, results or patches may have: a gigabyte of reference in f64.
  private static let mostElements = 1 << 27

  init?(listElement text: String) {
    let numbers = text.split(separator: "x", omittingEmptySubsequences: false).compactMap {
      Int($0)
    }
    guard numbers.count == 10, text.split(separator: "x").count == 10,
      numbers.allSatisfy({ $0 >= 0 && $0 < 1 << 24 }), numbers[0] > 0
    else { return nil }
    let n = numbers
    guard
      let shape = try? ConvolutionShape(
        channels: n[1], image: (n[2], n[3]), filters: n[4], kernel: (n[5], n[6]),
        stride: (n[7], n[7]), padding: (n[8], n[8], n[8], n[8]), groups: n[9])
    else { return nil }
    (images, self.shape, listElement) = (n[0], shape, text)
  }

  /// Refuses what would not fit into memory.
  func checkSize(_ option: String) throws(ValidationError) {
    for (name, factors) in [
      ("the images", [images, shape.inputCount]), ("the results", [images, shape.outputCount]),
      ("the patches of an image", [shape.channels * shape.taps, shape.pixels]),
      ("the kernel", [shape.filters, shape.patch]),
    ] {
      var count = 1
      for factor in factors {
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        count = overflow ? .max : product
      }
      if count > Self.mostElements {
        throw ValidationError(
          "\(option) \(listElement): \(name) have \(count) elements, more than \(Self.mostElements)"
        )
      }
    }
  }
}

/// A line of a shape file.
struct ConvLayer: Sendable {
  var name: String
  /// How many layers of the network have this shape.
  var count: Int
  var shape: ConvShape
  /// Whether the layer keeps all weights whatever sparsity is asked for: first and depthwise layers.
  var isDense: Bool

  /// The layers of a file: lines of "name count shape", "dense" behind those that stay dense; `#` starts a comment.
  static func read(_ path: String) throws -> [ConvLayer] {
    guard let contents = FileManager.default.contents(atPath: path) else {
      throw Failure(.missingInput, "\(path): cannot be read")
    }
    var layers: [ConvLayer] = []
    let lines = String(decoding: contents, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }
        .map(String.init)
      if words.isEmpty { continue }
      guard words.count == 3 || words.count == 4 && words[3] == "dense",
        let count = Int(words[1]), count > 0, count < 1 << 16,
        let shape = ConvShape(listElement: words[2])
      else {
        throw Failure(
          .badData,
          "\(path):\(number + 1): expected \"name count NxCxHxWxKxRxSxSTRIDExPADxGROUPS [dense]\" of a convolution "
            + "that fits, found \"\(line)\"")
      }
      do throws(ValidationError) { try shape.checkSize("line") } catch {
        throw Failure(.badData, "\(path):\(number + 1): \(error.message)")
      }
      layers.append(
        ConvLayer(name: words[0], count: count, shape: shape, isDense: words.count == 4))
    }
    return layers
  }
}
