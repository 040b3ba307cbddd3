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
  let mask = try magnitudeMask(weights, shape: [out, inputs], sparsity: 0.9).mask
  let sparse = try CSRMatrix(dense: dense, mask: mask)
  // Packed once for 256 right-hand sides, run as often as you like: Y = max(0, W·X).
  let plan = try Plan(sparse, width: batch, epilogue: Epilogue(activation: .relu))
  return try plan(DenseMatrix(rows: inputs, columns: batch))
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

  @Test func `the article about the tool shows every command`() throws {
    let article = try String(
      contentsOf: Self.readme.deletingLastPathComponent()
        .appendingPathComponent("Sources/Lacuna/Lacuna.docc/Tool.md"), encoding: .utf8)
    let help = try Tool.run("--help").output
    let listing = try #require(help.components(separatedBy: "SUBCOMMANDS:\n").last)
    let commands = listing.split(separator: "\n").filter {
      $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See")
    }.compactMap { $0.split(separator: " ").first }
    #expect(commands.count > 12, "\(help)")
    for command in commands where command != "demo" && command != "info" {
      #expect(article.contains("$ lacuna \(command) "), "\(command)")
    }
    #expect(article.contains("`demo`") && article.contains("$ lacuna info\n"))
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
