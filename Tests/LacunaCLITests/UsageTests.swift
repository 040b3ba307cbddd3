// What the command line itself promises: help, usage errors, JSON.

import Foundation
import Lacuna
import Testing

@Suite struct UsageTests {
  @Test func `help goes to standard output and succeeds`() throws {
    let run = try Tool.run("--help")
    #expect(run.exitCode == 0)
    #expect(run.output.contains("SUBCOMMANDS"))
    #expect(run.errors.isEmpty)
  }

  @Test(arguments: [["nonsense"], ["info", "--colour"]])
  func `wrong usage is one line and exit code 64`(arguments: [String]) throws {
    let run = try Tool.run(arguments)
    #expect(run.exitCode == 64)
    #expect(run.errorLines.count == 1, "\(run.errors)")
    #expect(run.errors.hasPrefix("lacuna: "))
    #expect(run.output.isEmpty)
  }

  @Test func `info as JSON is one document`() throws {
    let run = try Tool.run("info", "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let document = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    #expect((document as? [String: Any])?["version"] is String)
  }

  @Test func `info lists every row of the kernel table`() throws {
    let run = try Tool.run("info", "--kernels", "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    struct Document: Decodable { var kernels: [KernelListing] }
    let document = try JSONDecoder().decode(Document.self, from: Data(run.output.utf8))
    #expect(document.kernels == KernelTable.selected.listing)
    let text = try Tool.run("info", "--kernels").output
    for row in KernelTable.all { #expect(text.contains(row.operation.rawValue), "\(row.name)") }
    #expect(
      text.split(separator: "\n").count { $0.hasSuffix("  used") }
        == document.kernels.count(where: \.isChosen))
    #expect(try !Tool.run("info").output.contains("selectBracket"))
  }

  @Test func `a full disk on standard output is exit code 74`() throws {
    let run = try Tool.run("info", standardOutput: "/dev/full")
    #expect(run.exitCode == 74)
    #expect(run.errorLines.count == 1, "\(run.errors)")
  }
}
