// Charts: marks where the data says, text escaped, bad numbers harmless.

import Foundation
import LacunaReport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Parses `text` as XML and returns how often each element occurs; nil when it is not well formed.
private func elements(_ text: String) -> [String: Int]? {
  final class Counter: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]
    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) { counts[name, default: 0] += 1 }
  }
  let counter = Counter()
  let parser = XMLParser(data: Data(text.utf8))
  parser.delegate = counter
  return parser.parse() ? counter.counts : nil
}

@Suite struct ChartTests {
  private func chart(_ points: [(x: Double, y: Double)], scale: Axis.Scale = .linear) -> LineChart {
    LineChart(
      title: "a < b & \"c\"", x: Axis("step"), y: Axis("value", scale: scale),
      series: [.init("<script>alert(1)</script>", points)])
  }

  @Test func `all text is escaped and the file is well-formed XML`() throws {
    let file = chart([(0, 1), (1, 2), (2, 4)]).picture().file()
    #expect(!file.contains("<script"))
    #expect(file.contains("&lt;script&gt;"))
    #expect(file.contains("<title>a &lt; b &amp; &quot;c&quot;</title>"))
    let counts = try #require(elements(file))
    #expect(counts["svg"] == 1)
  }

  @Test func `control characters that XML forbids are left out`() throws {
    let picture = Picture(width: 10, height: 10, title: "a\u{0}b\u{1B}[1mc\u{FFFF}", content: "")
    #expect(elements(picture.file()) != nil)
  }

  @Test func `steps hold their value until the next point`() throws {
    var steps = chart([(0, 0), (10, 1)])
    steps.series[0].join = .steps
    let content = steps.picture().content
    let path = try #require(content.split(separator: "class=\"line").last)
    #expect(path.contains("H") && path.contains("V"))
    #expect(!chart([(0, 0), (10, 1)]).picture().content.contains("V"))
  }

  @Test(
    arguments: [
      [], [(0.0, 0.0)], [(0, .nan), (.infinity, 3)], [(1, 5), (2, 5)], [(0, -1e300), (1, 1e300)],
      [(0, 1e-300), (1, 2e-300)],
    ] as [[(x: Double, y: Double)]])
  func `degenerate data still draws`(points: [(x: Double, y: Double)]) throws {
    for scale in [Axis.Scale.linear, .logarithmic] {
      let file = chart(points, scale: scale).picture().file()
      #expect(elements(file) != nil, "\(points)")
      #expect(!file.contains("nan") && !file.contains("inf"), "\(points)")
    }
  }

  @Test func `a logarithmic axis names decades`() {
    let content = chart([(0, 0.01), (1, 1000)], scale: .logarithmic).picture().content
    for tick in ["0.01", "0.1", "1", "10", "100", "1000"] {
      #expect(content.contains(">\(tick)</text>"), "tick \(tick)")
    }
  }

  @Test func `names at line ends do not cover each other`() throws {
    var many = chart([])
    many.series = (0..<5).map { .init("series \($0)", [(0, 1), (1, 1 + Double($0) * 0.001)]) }
    let ys = many.picture().content.split(separator: "\n").filter { $0.contains("series-name") }
      .compactMap { $0.split(separator: "y=\"").last?.split(separator: "\"").first }
      .compactMap { Double($0) }.sorted()
    #expect(ys.count == 5)
    for (a, b) in zip(ys, ys.dropFirst()) { #expect(b - a >= 16.9) }
  }

  @Test func `bars are as long as their values`() throws {
    let bars = BarChart(
      title: "sizes", axis: Axis("bytes", format: .bytes),
      bars: [.init("whole", 1000), .init("half", 500, note: "2.0× smaller"), .init("none", .nan)])
    let picture = bars.picture(width: 600)
    let widths = picture.content.split(separator: "<rect").dropFirst().compactMap {
      $0.split(separator: "width=\"").last?.split(separator: "\"").first.flatMap { Double($0) }
    }
    #expect(widths.count == 3)
    #expect(abs(widths[0] - 2 * widths[1]) < 0.02, "\(widths)")
    #expect(picture.content.contains("2.0× smaller"))
    #expect(elements(picture.file()) != nil)
  }

  @Test func `an animation shows every frame once and the last one on paper`() throws {
    let frames = (0..<4).map {
      Picture(width: 10, height: 10, title: "", content: "<rect width=\"\($0)\" height=\"1\"/>")
    }
    let loop = Animation.loop(frames, name: "prune\"<", title: "pruning")
    let counts = try #require(elements(loop.file()))
    #expect(counts["g"] == 4)
    #expect(loop.content.components(separatedBy: "@keyframes prune-").count == 5)
    #expect(loop.content.contains("prefers-reduced-motion"))
    #expect(loop.content.contains(".prune-3{opacity:1}"))
    #expect(Animation.loop([], name: "a", title: "").content.isEmpty)
  }
}
