// Pictures shown one after another: CSS key frames only, so that it plays in a page and in a file.

/// A loop of pictures of the same size.
public enum Animation {
  /// Shows each frame for `secondsPerFrame`, the last for `hold` times as long, and begins anew.
  ///
  /// On paper and for readers who asked for less motion only the last frame is shown.
  ///
  /// - Parameter name: makes the style names unique when a page holds several animations; letters,
  ///   digits and hyphens.
  /// - Complexity: O(total length of the frames)
  public static func loop(
    _ frames: [Picture], name: String, title: String, secondsPerFrame: Double = 0.35,
    hold: Int = 4
  ) -> Picture {
    let width = frames.map(\.width).max() ?? 0
    let height = frames.map(\.height).max() ?? 0
    guard frames.count > 1 else {
      return Picture(
        width: width, height: height, title: title, content: frames.first?.content ?? "")
    }
    let id = String(name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
    let slots = Double(frames.count - 1 + max(1, hold))
    let period = secondsPerFrame * slots
    var style = ""
    var layers = ""
    for (index, frame) in frames.enumerated() {
      let isLast = index == frames.count - 1
      let on = Double(index) / slots * 100
      let off = isLast ? 100 : Double(index + 1) / slots * 100
      var keys = index == 0 ? "" : "0%{opacity:0}"
      keys += "\(Numeral.trimmed(on, digits: 3))%{opacity:1}"
      keys +=
        isLast ? "100%{opacity:1}" : "\(Numeral.trimmed(off, digits: 3))%{opacity:0}100%{opacity:0}"
      style += "@keyframes \(id)-\(index){\(keys)}\n"
      style +=
        ".\(id)-\(index){animation:\(id)-\(index) \(Numeral.trimmed(period, digits: 3))s step-end infinite}\n"
      layers += "<g class=\"\(id)-frame \(id)-\(index)\">\(frame.content)</g>\n"
    }
    let still =
      ".\(id)-frame{animation:none;opacity:0}.\(id)-\(frames.count - 1){opacity:1}"
    style +=
      "@media (prefers-reduced-motion:reduce){\(still)}\n@media print{\(still)}\n"
    return Picture(
      width: width, height: height, title: title, content: "<style>\(style)</style>\n\(layers)")
  }
}
