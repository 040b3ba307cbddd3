// Rows and columns for a report page.

/// A table: words flush left, numbers flush right in figures of one width.
public struct ReportTable: Sendable {
  /// The head, one cell for each column.
  public var header: [String]
  /// The rows from top to bottom, each a cell for each column.
  public var rows: [[String]] = []
  /// The words below the table; empty for none.
  public var caption: String
  /// Columns of words; all others hold numbers.
  public var wordColumns: Set<Int>
  /// Rows set in a heavier face: totals, or the row that is the message.
  public var strongRows: Set<Int> = []

  /// A table without rows; its first column holds words unless told otherwise.
  public init(_ header: [String], caption: String = "", wordColumns: Set<Int> = [0]) {
    self.header = header
    self.caption = caption
    self.wordColumns = wordColumns
  }

  /// The table as HTML. Missing cells are empty, cells beyond the head are left out.
  ///
  /// - Complexity: O(cells)
  public func html() -> String {
    func cell(_ tag: String, _ column: Int, _ text: String) -> String {
      let style = wordColumns.contains(column) ? " class=\"lead\"" : ""
      return "<\(tag)\(style)>\(Markup.escaped(text))</\(tag)>"
    }
    var text = "<div class=\"table\"><table>\n"
    if !caption.isEmpty { text += "<caption>\(Markup.escaped(caption))</caption>\n" }
    text += "<thead><tr>"
    text += header.enumerated().map { cell("th", $0.offset, $0.element) }.joined()
    text += "</tr></thead>\n<tbody>\n"
    for (index, row) in rows.enumerated() {
      text += strongRows.contains(index) ? "<tr class=\"strong\">" : "<tr>"
      text += header.indices.map { cell("td", $0, $0 < row.count ? row[$0] : "") }.joined()
      text += "</tr>\n"
    }
    return text + "</tbody></table></div>\n"
  }
}
