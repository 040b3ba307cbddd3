// Horizontal bars: a name on the left, a length that can be compared, the exact value at its end.

/// A chart of named values, biggest words first: the label, the bar, the number.
public struct BarChart: Sendable {
  /// One bar.
  public struct Bar: Sendable {
    /// The name on the left.
    public var label: String
    /// What the bar's length stands for, in the axis's unit.
    public var value: Double
    /// The colour.
    public var tone: Tone
    /// What follows the value: "4.3× faster". Empty for nothing.
    public var note: String

    /// A bar, blue and without a note unless told otherwise.
    public init(_ label: String, _ value: Double, tone: Tone = .blue, note: String = "") {
      self.label = label
      self.value = value
      self.tone = tone
      self.note = note
    }
  }

  /// Bars that belong together under one heading; an empty heading takes no room.
  public struct Group: Sendable {
    /// The words above the bars.
    public var heading: String
    /// The bars from top to bottom.
    public var bars: [Bar]

    /// Joins heading and bars.
    public init(_ heading: String = "", _ bars: [Bar]) {
      self.heading = heading
      self.bars = bars
    }
  }

  /// One line that says what is drawn; ``Picture/title`` of the picture.
  public var title: String
  /// The common axis: its label stands at the top.
  public var axis: Axis
  /// The groups from top to bottom.
  public var groups: [Group]

  /// A chart of several groups.
  public init(title: String, axis: Axis, groups: [Group]) {
    self.title = title
    self.axis = axis
    self.groups = groups
  }

  /// A chart of one group without a heading.
  public init(title: String, axis: Axis, bars: [Bar]) {
    self.init(title: title, axis: axis, groups: [Group("", bars)])
  }

  /// The chart in `width` pixels, as high as its bars need. A value that is not a number has no bar.
  ///
  /// - Complexity: O(bars)
  public func picture(width: Double = 720) -> Picture {
    let bars = groups.flatMap(\.bars)
    let labelWidth = bars.map { Markup.width(of: $0.label, size: 13) }.max() ?? 0
    let endText = { (bar: Bar) in
      self.axis.format.text(bar.value, step: bar.value)
        + (bar.note.isEmpty ? "" : "   \(bar.note)")
    }
    let endWidth = bars.map { Markup.width(of: endText($0), size: 13) + 14 }.max() ?? 0
    let left = labelWidth + 14
    let right = max(left + 40, width - endWidth)
    var fitting = axis
    if fitting.range == nil, fitting.scale == .linear {
      let high = bars.map(\.value).filter(\.isFinite).max() ?? 1
      fitting.range = 0...(high > 0 ? high : 1)
    }
    let scale = fitting.fitted(to: bars.map(\.value), from: left, to: right)

    var y = 4.0
    if !axis.label.isEmpty { y += 20 }
    var content = axis.label.isEmpty ? "" : Mark.text(axis.label, x: 0, y: 13, style: "axis-label")
    let barHeight = 20.0
    for (index, group) in groups.enumerated() {
      if !group.heading.isEmpty {
        y += index > 0 ? 16 : 0
        content += Mark.text(group.heading, x: 0, y: y + 15, style: "series-name")
        y += 26
      } else if index > 0 {
        y += 14
      }
      let top = y
      for bar in group.bars {
        let end = bar.value.isFinite ? scale.position(bar.value) : left
        content += Mark.text(bar.label, x: left - 10, y: y + 15, anchor: "end")
        content += Mark.rectangle(
          x: left, y: y, width: max(end - left, 1.5), height: barHeight, radius: 2,
          style: "f-\(bar.tone.rawValue)", hint: "\(bar.label): \(endText(bar))")
        content += Mark.text(
          axis.format.text(bar.value, step: bar.value), x: end + 8, y: y + 15, style: "value")
        if !bar.note.isEmpty {
          let offset =
            Markup.width(of: axis.format.text(bar.value, step: bar.value), size: 13.5) + 20
          content += Mark.text(bar.note, x: end + offset, y: y + 15, style: "axis-label")
        }
        y += barHeight + 7
      }
      content += Mark.line(x1: left, y1: top - 3, x2: left, y2: y - 4, style: "base")
    }
    return Picture(width: width, height: y + 4, title: title, content: content)
  }
}
