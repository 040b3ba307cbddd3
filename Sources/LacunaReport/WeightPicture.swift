// Where a matrix has weights: the whole of it as densities, or a part of it weight by weight.

/// Pictures of a row-major weight matrix.
public enum WeightPicture {
  /// The share of nonzeros of each cell of a grid of at most `cells` laid over the whole matrix: solid
  /// where every weight is there, paper where none is. Between, opacity is the 0.6th power of the
  /// density, which keeps 5 % and 10 % apart.
  ///
  /// - Parameters:
  ///   - weights: `rows * columns` values, row-major. A short buffer draws an empty picture.
  ///   - width: the width of the picture in pixels; its height follows from the shape, within limits
  ///     that keep very wide and very tall matrices readable.
  /// - Complexity: O(rows · columns)
  public static func densities(
    _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, title: String,
    width: Double = 360, tone: Tone = .blue, cells: Int = 20_000
  ) -> Picture {
    let size = pixelSize(rows: rows, columns: columns, width: width)
    guard rows > 0, columns > 0, weights.count >= rows * columns else {
      return framed(size, title: title, image: "")
    }
    // No finer than a screen pixel, no more cells than allowed, and never finer than the matrix.
    let shrink = min(1, (Double(cells) / (size.width * size.height)).squareRoot())
    let across = min(columns, max(1, Int(size.width * shrink)))
    let down = min(rows, max(1, Int(size.height * shrink)))
    var kept = [Int](repeating: 0, count: across * down)
    var total = kept
    for row in 0..<rows {
      let line = row * down / rows * across
      for column in 0..<columns {
        let cell = line + column * across / columns
        total[cell] += 1
        if weights[row * columns + column] != 0 { kept[cell] += 1 }
      }
    }
    let pixels = zip(kept, total).map { kept, total -> UInt8 in
      kept == 0 || total == 0 ? 0 : level(root(Double(kept) / Double(total)))
    }
    let image = PalettePNG(
      width: across, height: down, palette: ramp(tone), pixels: pixels)
    return framed(size, title: title, image: image.dataAddress())
  }

  /// A part of a matrix, one square per weight: blue above zero, orange below, paper where pruned;
  /// the stronger the colour, the larger the magnitude.
  ///
  /// The part starts at `origin` and ends with the matrix if that comes first.
  ///
  /// - Complexity: O(extent.rows · extent.columns)
  public static func closeUp(
    _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, title: String,
    origin: (row: Int, column: Int) = (0, 0), extent: (rows: Int, columns: Int) = (48, 120),
    largest: Float? = nil, square: Double = 3
  ) -> Picture {
    let down = max(0, min(extent.rows, rows - origin.row))
    let across = max(0, min(extent.columns, columns - origin.column))
    let size = (width: Double(across) * square, height: Double(down) * square)
    guard down > 0, across > 0, origin.row >= 0, origin.column >= 0,
      weights.count >= rows * columns
    else { return framed(size, title: title, image: "") }
    var values: [Float] = []
    for row in origin.row..<origin.row + down {
      let start = row * columns + origin.column
      values += weights[start..<start + across]
    }
    let scale = largest ?? values.map(\.magnitude).max() ?? 1
    // 0 is paper, 1…7 blue, 8…14 orange.
    let pixels = values.map { value -> UInt8 in
      guard value != 0, scale > 0, value.isFinite else { return 0 }
      let strength = min(1, Double(value.magnitude / scale))
      let step = UInt8(min(6, Int(strength.squareRoot() * 7)))
      return value > 0 ? 1 + step : 8 + step
    }
    let steps = (1...7).map { UInt8(48 + $0 * 29) }
    let palette: [PalettePNG.Colour] =
      [(0, 0, 0, 0)] + steps.map { colour(.blue, $0) } + steps.map { colour(.orange, $0) }
    let image = PalettePNG(width: across, height: down, palette: palette, pixels: pixels)
    return framed(size, title: title, image: image.dataAddress())
  }

  /// The scale that belongs to ``densities(_:rows:columns:title:width:tone:cells:)``.
  public static func densityScale(tone: Tone = .blue) -> Picture {
    let stops: [Double] = [0, 0.05, 0.1, 0.25, 0.5, 1]
    var content = ""
    for (index, stop) in stops.enumerated() {
      let x = Double(index) * 58
      let alpha = stop == 0 ? 0 : Double(level(root(stop))) * 17 / 255
      content += """
        <rect x="\(Markup.number(x + 0.5))" y="0.5" width="58" height="14" \
        class="f-\(tone.rawValue)" fill-opacity="\(Markup.number(alpha))"/>
        <rect x="\(Markup.number(x + 0.5))" y="0.5" width="58" height="14" class="frame-line"/>\n
        """
      content += Mark.text(
        Numeral.percent(stop, digits: 0), x: x + 29, y: 30, anchor: "middle", style: "tick")
    }
    return Picture(
      width: Double(stops.count) * 58 + 1, height: 36, title: "density of a cell", content: content)
  }

  private static func pixelSize(
    rows: Int, columns: Int, width: Double
  ) -> (width: Double, height: Double) {
    let ratio = Double(max(rows, 1)) / Double(max(columns, 1))
    return (width, (width * min(max(ratio, 0.09), 0.9)).rounded())
  }

  private static func framed(
    _ size: (width: Double, height: Double), title: String, image: String
  ) -> Picture {
    let box = "width=\"\(Markup.number(size.width))\" height=\"\(Markup.number(size.height))\""
    let pixels =
      image.isEmpty
      ? ""
      : "<image class=\"pixels\" x=\"0.5\" y=\"0.5\" \(box) preserveAspectRatio=\"none\" href=\"\(image)\"/>\n"
    return Picture(
      width: size.width + 1, height: size.height + 1, title: title,
      content: pixels + "<rect class=\"frame-line\" x=\"0.5\" y=\"0.5\" \(box)/>\n")
  }

  /// x^0.6 = 2^(0.6·log₂ x).
  private static func root(_ density: Double) -> Double {
    let power = 0.6 * logarithm(density)
    let whole = power.rounded(.down)
    // 2^f for f in 0..<1 by a cubic, exact to 0.1 %: far below one of sixteen levels.
    let f = power - whole
    let fraction = 1 + f * (0.695_556 + f * (0.226_174 + f * 0.078_024))
    return Double(sign: .plus, exponent: Int(whole), significand: fraction)
  }

  /// One of the fifteen visible levels.
  private static func level(_ opacity: Double) -> UInt8 {
    UInt8(min(15, max(1, Int((opacity * 15).rounded()))))
  }

  private static func ramp(_ tone: Tone) -> [PalettePNG.Colour] {
    (0..<16).map { colour(tone, UInt8($0 * 17)) }
  }

  /// Mid-tones that read on light and dark paper alike: an image cannot follow the page's colours.
  private static func colour(_ tone: Tone, _ alpha: UInt8) -> PalettePNG.Colour {
    switch tone {
    case .blue: (52, 122, 205, alpha)
    case .orange: (219, 107, 45, alpha)
    case .green: (60, 148, 104, alpha)
    case .violet: (139, 99, 196, alpha)
    case .muted, .ink: (125, 128, 135, alpha)
    }
  }
}
