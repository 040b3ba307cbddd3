// Lines over two axes: ramps, losses, accuracies. Names stand at the line ends, not in a legend.

/// A chart of one or more series over common axes.
public struct LineChart: Sendable {
  /// One named line.
  public struct Series: Sendable {
    /// How neighbouring points are joined.
    public enum Join: Sendable {
      /// By straight lines.
      case line
      /// By steps, which hold a value until the next point.
      case steps
      /// Not at all: a dot for each point.
      case dots
    }

    /// The words at the end of the line.
    public var name: String
    /// The points in the order in which they are joined, in the axes' units.
    public var points: [(x: Double, y: Double)]
    /// The colour.
    public var tone: Tone
    /// How neighbouring points are joined.
    public var join: Join
    /// Drawn dashed: something planned, or a baseline.
    public var isDashed: Bool
    /// Drawn thin and pale, without a name: raw data behind its own average.
    public var isFaint: Bool

    /// A line of that name through the points.
    public init(
      _ name: String, _ points: [(x: Double, y: Double)], tone: Tone = .blue, join: Join = .line,
      isDashed: Bool = false, isFaint: Bool = false
    ) {
      self.name = name
      self.points = points
      self.tone = tone
      self.join = join
      self.isDashed = isDashed
      self.isFaint = isFaint
    }
  }

  /// One line that says what is drawn; ``Picture/title`` of the picture.
  public var title: String
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// The lines, the last on top.
  public var series: [Series]
  /// Vertical marks with a word: where fine-tuning begins, where the ramp ends.
  public var marks: [(x: Double, label: String)] = []

  /// A chart without marks.
  public init(title: String, x: Axis, y: Axis, series: [Series]) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series
  }

  /// The chart drawn into `width`×`height` pixels. Points that are not numbers are left out.
  ///
  /// - Complexity: O(points)
  public func picture(width: Double = 720, height: Double = 320) -> Picture {
    let shown = series.map { s in
      var copy = s
      copy.points = s.points.filter { $0.x.isFinite && $0.y.isFinite }
      return copy
    }
    let points = shown.flatMap(\.points)
    let top = marks.isEmpty ? 30.0 : 46.0
    let bottom = height - 46
    let vertical = y.fitted(to: points.map(\.y), from: bottom, to: top)
    let tickWidth = vertical.ticks.map { Markup.width(of: vertical.text($0), size: 12) }.max() ?? 0
    let names = shown.filter { !$0.isFaint && !$0.points.isEmpty }.map(\.name)
    let nameWidth = names.map { Markup.width(of: $0, size: 13) }.max() ?? 0
    let left = tickWidth + 14
    let right = width - max(16, nameWidth + 18)
    let horizontal = x.fitted(to: points.map(\.x), from: left, to: right)

    var content = Mark.text(y.label, x: 0, y: 13, style: "axis-label")
    for tick in vertical.ticks {
      let at = vertical.position(tick)
      content += Mark.line(x1: left, y1: at, x2: right, y2: at, style: "grid")
      content += Mark.text(
        vertical.text(tick), x: left - 8, y: at + 4, anchor: "end", style: "tick")
    }
    content += Mark.line(x1: left, y1: bottom, x2: right, y2: bottom, style: "base")
    for tick in Self.spaced(horizontal) {
      let at = horizontal.position(tick)
      content += Mark.line(x1: at, y1: bottom, x2: at, y2: bottom + 5, style: "base")
      content += Mark.text(
        horizontal.text(tick), x: at, y: bottom + 19, anchor: "middle", style: "tick")
    }
    content += Mark.text(x.label, x: right, y: bottom + 38, anchor: "end", style: "axis-label")
    for mark in marks {
      let at = horizontal.position(mark.x)
      content += Mark.line(x1: at, y1: top - 8, x2: at, y2: bottom, style: "base dashed thin")
      let fitsRight = at + 6 + Markup.width(of: mark.label, size: 12) < width
      content += Mark.text(
        mark.label, x: fitsRight ? at + 5 : at - 5, y: top - 10,
        anchor: fitsRight ? "start" : "end",
        style: "tick")
    }
    for s in shown where !s.points.isEmpty {
      content += Self.drawn(s, horizontal, vertical)
    }
    content += endNames(shown, horizontal, vertical, top: top, bottom: bottom)
    return Picture(width: width, height: height, title: title, content: content)
  }

  /// Ticks of the horizontal axis that do not run into each other.
  private static func spaced(_ axis: FittedAxis) -> [Double] {
    var kept: [Double] = []
    var free = -Double.infinity
    for tick in axis.ticks {
      let half = Markup.width(of: axis.text(tick), size: 12) / 2
      let at = axis.position(tick)
      if at - half >= free {
        kept.append(tick)
        free = at + half + 14
      }
    }
    return kept
  }

  private static func drawn(_ s: Series, _ x: FittedAxis, _ y: FittedAxis) -> String {
    let tone = s.tone.rawValue
    if s.join == .dots {
      return s.points.map { point in
        "<circle class=\"f-\(tone)\" r=\"3.5\" cx=\"\(Markup.number(x.position(point.x)))\" "
          + "cy=\"\(Markup.number(y.position(point.y)))\"/>\n"
      }.joined()
    }
    var path = ""
    for (index, point) in s.points.enumerated() {
      let px = Markup.number(x.position(point.x))
      let py = Markup.number(y.position(point.y))
      if index == 0 {
        path += "M\(px) \(py)"
      } else if s.join == .steps {
        path += "H\(px)V\(py)"
      } else {
        path += "L\(px) \(py)"
      }
    }
    let style = "line s-\(tone)" + (s.isDashed ? " dashed" : "") + (s.isFaint ? " thin faint" : "")
    return "<path class=\"\(style)\" d=\"\(path)\"/>\n"
  }

  /// Names at the last points, pushed apart until none covers another.
  private func endNames(
    _ shown: [Series], _ x: FittedAxis, _ y: FittedAxis, top: Double, bottom: Double
  ) -> String {
    var labels = shown.filter { !$0.isFaint && !$0.points.isEmpty && !$0.name.isEmpty }
      .map { (name: $0.name, tone: $0.tone, at: y.position($0.points.last!.y)) }
      .sorted { $0.at < $1.at }
    let gap = 17.0
    for index in labels.indices.dropFirst() {
      labels[index].at = max(labels[index].at, labels[index - 1].at + gap)
    }
    var limit = bottom + 4
    for index in labels.indices.reversed() {
      labels[index].at = min(labels[index].at, limit)
      limit = labels[index].at - gap
    }
    return labels.map {
      Mark.text($0.name, x: x.end + 8, y: $0.at + 4.5, style: "series-name f-\($0.tone.rawValue)")
    }.joined()
  }
}
