// Every input that a search kept is read soundly: its claims hold, whatever it is.

import Foundation
import FuzzTargets
import Lacuna
import Testing

@Suite struct CorpusTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden/fuzz")

  /// The inputs of an archive, each behind its length in four bytes.
  private static func inputs(of name: String) throws -> [[UInt8]] {
    let packed = try Data(contentsOf: folder.appending(path: "\(name).gz"))
    var data = try Gzip.decompress(Array(packed))[...]
    var inputs: [[UInt8]] = []
    while !data.isEmpty {
      let count = data.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      inputs.append(Array(data.dropFirst(4).prefix(count)))
      data = data.dropFirst(4 + count)
    }
    return inputs
  }

  @Test(arguments: fuzzTargets.map(\.name))
  func `every kept input is read soundly or refused with words`(name: String) throws {
    let target = try #require(fuzzTargets.first { $0.name == name })
    let inputs = try Self.inputs(of: name)
    var accepted = 0
    for (number, input) in inputs.enumerated() {
      do { if try target.accepts(input) { accepted += 1 } } catch {
        Issue.record("\(name), input \(number) of \(input.count) bytes: \(error)")
      }
    }
    // Both ways are taken, or the inputs no longer reach the reader.
    #expect(accepted > 0 && (accepted < inputs.count || name == "calls"), "\(name): \(accepted)")
  }

  @Test func `there is an archive for each reader and none without one`() throws {
    let archives = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(archives.sorted() == fuzzTargets.map { "\($0.name).gz" }.sorted())
  }
}
