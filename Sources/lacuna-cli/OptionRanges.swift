// What numbers the options take. Each is checked where it is parsed, under the name that was typed.

import ArgumentParser
import Lacuna

/// Ranges of options. No number inside of them overflows a sum, runs on for hours by itself, or asks for
/// more memory than machines have.
enum OptionRange {
  /// Steps of a training: a billion mini-batches are more than anybody trains.
  static let steps = 0...1_000_000_000
  /// Numbers of steps: of a whole training, or from one update to the next.
  static let stepCounts = 1...1_000_000_000
  /// Images of a data set.
  static let images = 1...1_000_000_000
  /// Weights of a model: forty gigabytes of f32.
  static let weights = 1...10_000_000_000
  /// Columns of a right-hand side.
  static let columns = 1...1 << 20
  static let threads = 1...1024
  /// Places of an image.
  static let patches = 1...1_000_000_000
  /// Times that products of a network may take: up to a quarter of an hour.
  static let microseconds = 1e-3...1e9
  /// Rows of a printed schedule: 20 MB of text.
  static let mostRows = 1_000_000
}

/// Refuses a number that was typed and lies outside of `range`.
func check<Value: Comparable>(
  _ option: String, _ value: Value?, in range: ClosedRange<Value>
) throws(ValidationError) {
  guard let value, !range.contains(value) else { return }
  throw ValidationError("\(option) is \(value), must be in \(range)")
}

/// Refuses a sparsity that was typed and is not 0 or more and below 1.
func checkSparsity(_ option: String, _ value: Double?) throws(ValidationError) {
  guard let value, !(value >= 0 && value < 1) else { return }
  throw ValidationError("\(option) is \(value), must be in 0..<1")
}

/// Refuses the first option that was typed though it has no effect beside the others.
///
/// - Parameters:
///   - options: Names, each with whether it was typed.
///   - reason: What follows the name: "is for …".
func refuse(_ options: [(name: String, isTyped: Bool)], _ reason: String) throws(ValidationError) {
  if let option = options.first(where: \.isTyped) {
    throw ValidationError("\(option.name) \(reason)")
  }
}
