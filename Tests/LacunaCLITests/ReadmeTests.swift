// The README's example is this test's body, line for line: it compiles, runs and does what it says.

import Foundation
import Testing

// README begins
import Lacuna

/// Prunes a layer to 90 % zeros and multiplies with what is left.
func example() throws -> DenseMatrix<Float> {
  let (out, inputs, batch) = (1024, 3136, 256)
  let weights = (0..<out * inputs).map { _ in Float.random(in: -1...1) }
  let dense = try DenseMatrix(rows: out, columns: inputs, values: weights)
  let mask = try weights.withUnsafeBufferPointer {
    try magnitudeMask($0, shape: [out, inputs], sparsity: 0.9).mask
  }
  let sparse = try CSRMatrix(dense: dense, mask: mask)
  // Packed once for 256 right-hand sides, run as often as you like: Y = max(0, W·X).
  let plan = try Plan(sparse, width: batch, epilogue: Epilogue(activation: .relu))
  let x = try DenseMatrix<Float>(rows: inputs, columns: batch)
  var y = try DenseMatrix<Float>(rows: out, columns: batch)
  try plan.run(x, into: &y)
  return y
}
// README ends

@Suite struct ReadmeTests {
  private static let readme = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("README.md")

  @Test func `the example in the README is the one that is compiled here`() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let begin = try #require(source.range(of: "// README begins\n"))
    let end = try #require(source.range(of: "// README ends\n"))
    let readme = try String(contentsOf: Self.readme, encoding: .utf8)
    #expect(readme.contains("```swift\n\(source[begin.upperBound..<end.lowerBound])```"))
  }

  @Test func `the example runs`() throws {
    let y = try example()
    #expect((y.rows, y.columns) == (1024, 256))
    // W·0
    #expect(y.values.allSatisfy { $0 == 0 })
  }

  @Test func `every command the README names exists`() throws {
    let readme = try String(contentsOf: Self.readme, encoding: .utf8)
    let help = try Tool.run("--help").output
    let lines = readme.split(separator: "\n").filter { $0.hasPrefix("lacuna ") }
    #expect(lines.count > 5)
    for line in lines {
      let command = try #require(line.split(separator: " ").dropFirst().first)
      #expect(help.contains("  \(command) "), "\(line)")
    }
  }
}
