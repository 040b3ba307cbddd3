// m×k×n: an m×k sparse matrix times n right-hand sides; on the command line and in shape files.

import ArgumentParser
import Lacuna

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The shape of a product.
struct Shape: Hashable, Sendable {
  /// Rows of the weights: outputs.
  var m: Int
  /// Columns of the weights: inputs.
  var k: Int
  /// Right-hand sides.
  var n: Int

  init(m: Int, k: Int, n: Int) { (self.m, self.k, self.n) = (m, k, n) }

  /// Reads "512x2048x64".
  init?(_ text: some StringProtocol) {
    self.init(text.split(separator: "x", omittingEmptySubsequences: false))
  }

  /// Elements that W, X or Y may have: two gigabytes each in the reference's f64, and larger than any layer.
  private static let mostElements = 1 << 28

  /// Refuses operands that would not fit into memory.
  ///
  /// - Parameter option: what asked for the shape.
  func checkSize(_ option: String) throws(ValidationError) {
    // Dimensions are below 2²⁴: no product overflows.
    for (name, rows, columns) in [("W", m, k), ("X", k, n), ("Y", m, n)]
    where rows * columns > Self.mostElements {
      throw ValidationError(
        "\(option) \(listElement): \(name) has \(rows) · \(columns) elements, more than "
          + "\(Self.mostElements)")
    }
  }

  private init?(_ parts: [some StringProtocol]) {
    let numbers = parts.compactMap { Int($0) }
    guard parts.count == 3, numbers.count == 3, numbers.allSatisfy({ $0 > 0 && $0 < 1 << 24 })
    else { return nil }
    (m, k, n) = (numbers[0], numbers[1], numbers[2])
  }

  /// The shapes of a file: lines of "name m k n"; `#` starts a comment.
  static func read(_ path: String) throws -> [Shape] {
    guard let contents = FileManager.default.contents(atPath: path) else {
      throw Failure(.missingInput, "\(path): cannot be read")
    }
    var shapes: [Shape] = []
    let lines = String(decoding: contents, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }
      if words.isEmpty { continue }
      guard words.count == 4, let shape = Shape(Array(words.dropFirst())) else {
        throw Failure(.badData, "\(path):\(number + 1): expected \"name m k n\", found \"\(line)\"")
      }
      do throws(ValidationError) { try shape.checkSize("line") } catch {
        throw Failure(.badData, "\(path):\(number + 1): \(error.message)")
      }
      shapes.append(shape)
    }
    return shapes
  }
}

/// The value of a list option: words parted by commas, each read by `Element`.
struct List<Element: ListElement>: ExpressibleByArgument, Sendable {
  var elements: [Element]

  init(_ elements: [Element]) { self.elements = elements }

  init?(argument: String) {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false)
    elements = words.compactMap { Element(listElement: String($0)) }
    if elements.count != words.count || words.isEmpty { return nil }
  }

  var defaultValueDescription: String { elements.map(\.listElement).joined(separator: ",") }
}

/// What can be an element of a list option.
protocol ListElement: Sendable {
  init?(listElement: String)
  var listElement: String { get }
}

extension Shape: ListElement {
  init?(listElement: String) { self.init(listElement) }
  var listElement: String { "\(m)x\(k)x\(n)" }
}

extension Double: ListElement {
  /// A sparsity: 0 up to but not 1.
  init?(listElement: String) {
    guard let value = Double(listElement), value >= 0, value < 1 else { return nil }
    self = value
  }
  var listElement: String { Numeral.trimmed(self) }
}

extension Int: ListElement {
  init?(listElement: String) {
    guard let value = Int(listElement), value > 0, value < 1 << 24 else { return nil }
    self = value
  }
  var listElement: String { "\(self)" }
}

extension BlockSize: ListElement {
  /// "4x4": output rows by input columns.
  init?(listElement: String) {
    let numbers = listElement.split(separator: "x", omittingEmptySubsequences: false).map {
      Int($0)
    }
    guard numbers.count == 2, let rows = numbers[0], let columns = numbers[1],
      let block = try? BlockSize(rows, columns)
    else { return nil }
    self = block
  }
  var listElement: String { description }
}

extension DType: ListElement {
  init?(listElement: String) { self.init(rawValue: listElement) }
  var listElement: String { rawValue }
}
