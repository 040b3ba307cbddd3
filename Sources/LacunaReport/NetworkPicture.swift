// A fully connected network as circles and lines: what is pruned is not drawn.

/// Pictures of layers and the connections between them.
public enum NetworkPicture {
  /// One line per weight that is not zero, from its input's circle to its output's; the larger the
  /// magnitude, the stronger the line.
  ///
  /// - Parameters:
  ///   - layers: one matrix `[out, in]` per pair of neighbouring layers, row-major; the inputs of each
  ///     are the outputs of the one before. Layers that do not fit together draw an empty picture.
  ///   - largest: the magnitude of the strongest line; nil takes it from the weights, layer by layer.
  /// - Complexity: O(weights)
  public static func connections(
    _ layers: [(weights: [Float], outputs: Int, inputs: Int)], title: String, width: Double = 380,
    height: Double = 300, tone: Tone = .blue, largest: [Float]? = nil
  ) -> Picture {
    let empty = Picture(width: width, height: height, title: title, content: "")
    guard let first = layers.first else { return empty }
    var sizes = [first.inputs]
    for layer in layers {
      guard layer.inputs == sizes.last, layer.weights.count == layer.outputs * layer.inputs else {
        return empty
      }
      sizes.append(layer.outputs)
    }
    let most = sizes.max() ?? 1
    let radius = min(9, height / Double(max(most, 1)) * 0.28)
    func place(_ layer: Int, _ unit: Int) -> (x: Double, y: Double) {
      let across = (width - 2 * radius - 2) / Double(sizes.count - 1)
      let down = height / Double(sizes[layer])
      return (radius + 1 + Double(layer) * across, (Double(unit) + 0.5) * down)
    }
    var content = ""
    for (n, layer) in layers.enumerated() {
      let top = largest?[n] ?? layer.weights.map(\.magnitude).max() ?? 0
      for output in 0..<layer.outputs {
        for input in 0..<layer.inputs {
          let weight = layer.weights[output * layer.inputs + input].magnitude
          if weight == 0 || !weight.isFinite { continue }
          let strength = top > 0 ? Double(weight / top) : 1
          let (a, b) = (place(n, input), place(n + 1, output))
          content +=
            "<path class=\"line s-\(tone.rawValue)\" style=\"stroke-width:"
            + "\(Markup.number(0.5 + 1.7 * strength))px;stroke-opacity:"
            + "\(Markup.number(0.22 + 0.6 * strength))\" d=\"M\(Markup.number(a.x)) "
            + "\(Markup.number(a.y))L\(Markup.number(b.x)) \(Markup.number(b.y))\"/>\n"
        }
      }
    }
    for (layer, size) in sizes.enumerated() {
      for unit in 0..<size {
        let at = place(layer, unit)
        content +=
          "<circle class=\"f-ink\" cx=\"\(Markup.number(at.x))\" cy=\"\(Markup.number(at.y))\" "
          + "r=\"\(Markup.number(radius))\"/>\n"
      }
    }
    return Picture(width: width, height: height, title: title, content: content)
  }
}
