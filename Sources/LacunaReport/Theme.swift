// Colours and type, once for light, once for dark, shared by pages and by pictures that stand alone.

/// The colours a mark may have. Every one is legible on light and on dark paper.
public enum Tone: String, Sendable, CaseIterable {
  /// Colours for what is told apart; blue is the first choice.
  case blue, orange, green, violet
  /// The grey of what stands back.
  case muted
  /// The colour of text.
  case ink
}

enum Theme {
  static let sans =
    "'Inter','Source Sans 3',system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
  static let serif = "'Iowan Old Style','Palatino Linotype',Palatino,'Source Serif 4',Georgia,serif"

  private static let light =
    "--paper:#fdfcfa;--panel:#f5f3ee;--ink:#1c1e22;--muted:#666a72;--rule:#dedbd3;"
    + "--blue:#1c5fb0;--orange:#c4511a;--green:#2a7a50;--violet:#7548ad;"
  private static let dark =
    "--paper:#14161a;--panel:#1c1f25;--ink:#e9e7e2;--muted:#9da1a9;--rule:#34383f;"
    + "--blue:#79aef2;--orange:#f0965a;--green:#74c498;--violet:#bd9fe8;"

  /// The variables for `root`; paper is always light.
  static func variables(root: String) -> String {
    """
    \(root){color-scheme:light dark;\(light)}
    @media (prefers-color-scheme:dark){\(root){\(dark)}}
    @media print{\(root){color-scheme:light;\(light)}}
    """
  }

  /// Rules for what pictures draw.
  static let pictureRules: String = {
    var rules = """
      .pic text{font-family:\(sans);font-size:13px;fill:var(--ink);font-variant-numeric:tabular-nums}
      .pic .tick{fill:var(--muted);font-size:12px}
      .pic .axis-label{fill:var(--muted);font-size:12.5px}
      .pic .grid{stroke:var(--rule);stroke-width:1;fill:none}
      .pic .base{stroke:var(--muted);stroke-width:1;fill:none}
      .pic .frame-line{stroke:var(--rule);stroke-width:1;fill:none}
      .pic .line{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
      .pic .thin{stroke-width:1.25}
      .pic .dashed{stroke-dasharray:6 5}
      .pic .faint{opacity:.28}
      .pic .value{font-weight:600}
      .pic .series-name{font-weight:600;font-size:13px}
      .pic .pixels{image-rendering:pixelated}
      """
    for tone in Tone.allCases {
      rules += "\n.pic .s-\(tone.rawValue){stroke:var(--\(tone.rawValue))}"
      rules += "\n.pic .f-\(tone.rawValue){fill:var(--\(tone.rawValue))}"
    }
    return rules
  }()
}
