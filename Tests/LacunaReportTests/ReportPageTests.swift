// The page is one file that asks nobody for anything.

import LacunaReport
import Testing

@Suite struct ReportPageTests {
  private var page: ReportPage {
    var page = ReportPage(title: "<b>weights</b>", summary: "90 % of them & more")
    page.opening = [.keyFigures([.init("4.3×", "faster", detail: "<1 ms")])]
    var table = ReportTable(["a", "b"], caption: "<caption>")
    table.rows = [["<td>", "1", "beyond"], ["short"]]
    table.strongRows = [0]
    let chart = LineChart(
      title: "ramp", x: Axis("x"), y: Axis("y"), series: [.init("s", [(0, 0), (1, 1)])])
    page.sections = [
      .init("One & two", [.table(table), .code("a < b"), .note("at 3 MB")]),
      .init("Pictures", [.figure([chart.picture()], caption: "in 12 ms <here>")]),
    ]
    page.footer = "made & done"
    return page
  }

  @Test func `nothing is fetched and nothing runs`() {
    let html = page.html()
    for word in ["<script", "http:", "https:", "@import", "url(", "<link", " src="] {
      #expect(!html.contains(word), "\(word)")
    }
  }

  @Test func `everything said is escaped`() {
    let html = page.html()
    for word in [
      "&lt;b&gt;weights", "&lt;td&gt;", "&lt;caption&gt;", "a &lt; b", "&lt;here&gt;",
      "One &amp; two", "made &amp; done", "&lt;1 ms",
    ] {
      #expect(html.contains(word), "\(word)")
    }
  }

  @Test func `a number stays with its unit`() {
    let html = page.html()
    #expect(html.contains("90\u{00A0}% of them"))
    #expect(html.contains("at 3\u{00A0}MB") && html.contains("in 12\u{00A0}ms"))
  }

  @Test func `it follows dark and print, and tables have as many cells as their head`() {
    let html = page.html()
    #expect(html.contains("prefers-color-scheme:dark") && html.contains("@media print"))
    #expect(html.components(separatedBy: "<td").count - 1 == 4)
    #expect(!html.contains("beyond"))
    #expect(html.contains("<tr class=\"strong\">"))
  }
}
