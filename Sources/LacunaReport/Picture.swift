// A drawing of known size: SVG content that can stand in a page or alone in a file.

/// A finished drawing, in pixels, with the words a screen reader speaks for it.
public struct Picture: Sendable {
  /// Width of the drawing area in pixels; a page may scale it down.
  public var width: Double
  /// Height of the drawing area in pixels.
  public var height: Double
  /// One line that says what is drawn. Escaped when rendered.
  public var title: String
  /// SVG elements in the coordinates of the drawing area. Already markup: escape text that goes in.
  public var content: String

  /// Creates a picture from SVG elements. Use the classes of the theme: `s-blue` strokes, `f-blue`
  /// fills, `line`, `grid`, `tick`, `axis-label`, `value`.
  public init(width: Double, height: Double, title: String, content: String) {
    self.width = width
    self.height = height
    self.title = title
    self.content = content
  }

  /// The picture as an element of an HTML page made by ``ReportPage``.
  public func inlineSVG() -> String {
    """
    <svg class="pic" role="img" viewBox="0 0 \(Markup.number(width)) \(Markup.number(height))" \
    width="\(Markup.number(width))" height="\(Markup.number(height))">
    <title>\(Markup.escaped(title))</title>
    \(content)
    </svg>
    """
  }

  /// The picture as the text of an `.svg` file: under its title, with margins, on its own paper, light
  /// or dark as the viewer is.
  public func file() -> String {
    let margin = 32.0
    let head = 40.0
    let paper = (width: width + 2 * margin, height: height + head + 2 * margin)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" class="pic" role="img" \
      viewBox="\(Markup.number(-margin)) \(Markup.number(-margin - head)) \
      \(Markup.number(paper.width)) \(Markup.number(paper.height))" \
      width="\(Markup.number(paper.width))" height="\(Markup.number(paper.height))">
      <title>\(Markup.escaped(title))</title>
      <style>\(Theme.variables(root: ".pic"))
      \(Theme.pictureRules)
      .pic .paper{fill:var(--paper)}
      .pic .heading{font-family:\(Theme.serif);font-size:21px;font-weight:600}</style>
      <rect class="paper" x="\(Markup.number(-margin))" y="\(Markup.number(-margin - head))" \
      width="100%" height="100%"/>
      <text class="heading" x="0" y="\(Markup.number(-head + 14))">\(Markup.escaped(title))</text>
      \(content)
      </svg>\n
      """
  }

  /// Pictures side by side with `gap` pixels between them, each under its own title.
  public static func row(_ pictures: [Picture], title: String, gap: Double = 28) -> Picture {
    var x = 0.0
    var content = ""
    for picture in pictures {
      content += """
        <text x="\(Markup.number(x))" y="14" class="series-name">\(Markup.escaped(picture.title))</text>
        <g transform="translate(\(Markup.number(x)) 26)">\(picture.content)</g>\n
        """
      x += picture.width + gap
    }
    return Picture(
      width: max(0, x - gap), height: 26 + (pictures.map(\.height).max() ?? 0), title: title,
      content: content)
  }
}

/// The SVG elements the pictures of this module are made of.
public enum Mark {
  /// A line of text. `anchor` is `start`, `middle` or `end`.
  public static func text(
    _ text: String, x: Double, y: Double, anchor: String = "start", style: String = ""
  ) -> String {
    let place = "x=\"\(Markup.number(x))\" y=\"\(Markup.number(y))\""
    let anchored = anchor == "start" ? "" : " text-anchor=\"\(anchor)\""
    let styled = style.isEmpty ? "" : " class=\"\(style)\""
    return "<text \(place)\(anchored)\(styled)>\(Markup.escaped(text))</text>\n"
  }

  /// A straight line.
  public static func line(
    x1: Double, y1: Double, x2: Double, y2: Double, style: String
  ) -> String {
    "<path class=\"\(style)\" d=\"M\(Markup.number(x1)) \(Markup.number(y1))"
      + "L\(Markup.number(x2)) \(Markup.number(y2))\"/>\n"
  }

  /// A rectangle with rounded corners of `radius`; `hint` appears when a pointer rests on it.
  public static func rectangle(
    x: Double, y: Double, width: Double, height: Double, radius: Double = 0, style: String,
    hint: String? = nil
  ) -> String {
    let corner = radius > 0 ? " rx=\"\(Markup.number(radius))\"" : ""
    let body = hint.map { "><title>\(Markup.escaped($0))</title></rect>" } ?? "/>"
    return
      "<rect x=\"\(Markup.number(x))\" y=\"\(Markup.number(y))\" width=\"\(Markup.number(width))\" "
      + "height=\"\(Markup.number(height))\"\(corner) class=\"\(style)\"\(body)\n"
  }
}
