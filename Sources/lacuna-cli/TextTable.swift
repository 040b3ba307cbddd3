// A table in plain text: the first column flush left, numbers flush right, one rule below the head.

/// Rows of text set in columns that are as wide as their widest cell.
struct TextTable {
  private let header: [String]
  private var rows: [[String]] = []
  /// Columns set flush left; all others are flush right.
  private let leading: Set<Int>

  init(_ header: [String], leading: Set<Int> = [0]) {
    self.header = header
    self.leading = leading
  }

  /// Adds a row. Missing cells are empty; cells beyond the head are dropped; names may hold anything.
  mutating func append(_ cells: [String]) {
    rows.append((0..<header.count).map { $0 < cells.count ? cells[$0].printable() : "" })
  }

  /// The table without a final line end.
  func rendered() -> String {
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - cells[column].count)
        return leading.contains(column) ? cells[column] + space : space + cells[column]
      }
      var text = padded.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      return text
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }
}
