// A page that is one file: text, tables and pictures, nothing fetched, no scripts.

/// A self-contained HTML report.
///
///     var page = ReportPage(title: "90 % of the weights removed", summary: "…")
///     page.sections.append(.init("Accuracy", [.text("…"), .figure([chart.picture()], caption: "…")]))
///     let file = page.html()
///
/// It follows the reader's light or dark preference, fits a telephone, and prints on white paper.
public struct ReportPage: Sendable {
  /// A number that is the message: "91.6 %", "test accuracy", "0.2 points below dense".
  public struct KeyFigure: Sendable {
    /// The number, with its unit.
    public var value: String
    /// What it is.
    public var label: String
    /// What to compare it with, in small type; empty for nothing.
    public var detail: String

    /// Joins the three.
    public init(_ value: String, _ label: String, detail: String = "") {
      self.value = value
      self.label = label
      self.detail = detail
    }
  }

  /// What a section is made of. All text is escaped.
  public enum Block: Sendable {
    /// A paragraph.
    case text(String)
    /// A paragraph in small type: machine, commit, how a number was taken.
    case note(String)
    /// Big numbers in a row.
    case keyFigures([KeyFigure])
    /// A table with an optional caption.
    case table(ReportTable)
    /// Pictures side by side, wrapping where the page is narrow, over one caption.
    case figure([Picture], caption: String)
    /// Lines set in a typewriter face: commands.
    case code(String)
  }

  /// A heading and what belongs to it.
  public struct Section: Sendable {
    /// The heading.
    public var title: String
    /// What stands under it, in order.
    public var blocks: [Block]

    /// Joins heading and blocks.
    public init(_ title: String, _ blocks: [Block]) {
      self.title = title
      self.blocks = blocks
    }
  }

  /// The heading of the page, and its name in a browser.
  public var title: String
  /// One or two sentences under the title.
  public var summary: String
  /// Blocks between the summary and the first section.
  public var opening: [Block] = []
  /// The sections in order.
  public var sections: [Section] = []
  /// The last line: what made the page, where and from which commit.
  public var footer: String = ""

  /// A page with nothing under its summary.
  public init(title: String, summary: String) {
    self.title = title
    self.summary = summary
  }

  /// The page as the text of an `.html` file.
  ///
  /// - Complexity: O(length of the result)
  public func html() -> String {
    var body = "<header>\n<h1>\(Markup.escaped(title))</h1>\n"
    body += "<p class=\"summary\">\(Self.prose(summary))</p>\n</header>\n"
    body += opening.map(Self.rendered).joined()
    for section in sections {
      body += "<section>\n<h2>\(Markup.escaped(section.title))</h2>\n"
      body += section.blocks.map(Self.rendered).joined()
      body += "</section>\n"
    }
    if !footer.isEmpty { body += "<footer>\(Markup.escaped(footer))</footer>\n" }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(Markup.escaped(title))</title>
      <style>
      \(Theme.variables(root: ":root"))
      \(Self.pageRules)
      \(Theme.pictureRules)
      </style>
      </head>
      <body>
      <main>
      \(body)</main>
      </body>
      </html>\n
      """
  }

  /// Escaped prose in which a number and its unit stay on one line.
  private static func prose(_ text: String) -> String {
    var result = ""
    var previous: Character = " "
    var rest = text[...]
    while let character = rest.popFirst() {
      let joins =
        character == " " && previous.isNumber
        && ["%", "MB", "kB", "B", "ms", "µs", "ns", "s"].contains {
          rest.hasPrefix($0) && !(rest.dropFirst($0.count).first?.isLetter ?? false)
        }
      result.append(joins ? "\u{00A0}" : character)
      previous = character
    }
    return Markup.escaped(result)
  }

  private static func rendered(_ block: Block) -> String {
    switch block {
    case .text(let text): return "<p>\(prose(text))</p>\n"
    case .note(let text): return "<p class=\"note\">\(prose(text))</p>\n"
    case .code(let text): return "<pre><code>\(Markup.escaped(text))</code></pre>\n"
    case .table(let table): return table.html()
    case .keyFigures(let figures):
      let items = figures.map {
        "<div><dt>\(Markup.escaped($0.label))</dt><dd class=\"big\">\(Markup.escaped($0.value))</dd>"
          + "<dd class=\"detail\">\(Markup.escaped($0.detail))</dd></div>\n"
      }
      return "<dl class=\"key-figures\">\n\(items.joined())</dl>\n"
    case .figure(let pictures, let caption):
      let images = pictures.map { $0.inlineSVG() }.joined(separator: "\n")
      let words = caption.isEmpty ? "" : "<figcaption>\(prose(caption))</figcaption>\n"
      return "<figure>\n<div class=\"pictures\">\n\(images)\n</div>\n\(words)</figure>\n"
    }
  }

  private static let pageRules = """
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 \(Theme.sans)}
    main{max-width:860px;margin:0 auto;padding:72px 28px 96px}
    h1,h2{font-family:\(Theme.serif);font-weight:600;line-height:1.18;letter-spacing:-.012em;text-wrap:balance}
    h1{font-size:clamp(30px,5.4vw,46px);margin:0 0 18px}
    h2{font-size:27px;margin:72px 0 14px}
    p{margin:0 0 18px;max-width:66ch}
    .summary{font-size:20px;line-height:1.5;color:var(--muted);margin-bottom:40px}
    .note,figcaption,footer,caption{font-size:14px;line-height:1.5;color:var(--muted)}
    figure{margin:28px 0 36px}
    figcaption{margin-top:12px;max-width:72ch}
    .pictures{display:flex;flex-wrap:wrap;gap:24px 32px;align-items:flex-end}
    .pictures svg{max-width:100%;height:auto;overflow:visible}
    .key-figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:28px 32px;\
    margin:0 0 44px;padding:26px 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule)}
    .key-figures dt{font-size:14px;color:var(--muted)}
    .key-figures dd{margin:0}
    .key-figures .big{font:600 34px/1.25 \(Theme.serif);font-variant-numeric:lining-nums tabular-nums}
    .key-figures .detail{font-size:14px;color:var(--muted)}
    .table{overflow-x:auto;margin:24px 0 32px}
    table{border-collapse:collapse;width:100%;font-size:15px;line-height:1.4;font-variant-numeric:tabular-nums}
    caption{text-align:left;caption-side:bottom;padding-top:10px}
    th,td{padding:9px 0 9px 22px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
    th{font-weight:600;color:var(--muted);font-size:13.5px;vertical-align:bottom;border-bottom-color:var(--muted)}
    th:first-child,td:first-child{padding-left:0}
    .lead{text-align:left}
    tr.strong td{font-weight:650}
    pre{background:var(--panel);padding:16px 20px;border-radius:6px;overflow-x:auto;\
    font:14.5px/1.6 ui-monospace,'SF Mono','Cascadia Mono',Menlo,Consolas,monospace;margin:0 0 20px}
    footer{margin-top:80px;padding-top:18px;border-top:1px solid var(--rule)}
    @media print{
    main{max-width:none;padding:0}
    body{font-size:11pt}
    h2{margin-top:32px;break-after:avoid}
    figure,table,.key-figures{break-inside:avoid}
    }
    """
}
