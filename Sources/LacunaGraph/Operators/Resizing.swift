// y[…, i, …] ← x at i/scale: the nearest element, or the two around it by their distance.

/// Where an element of a resized axis comes from.
public enum ResizeCoordinates: String, Sendable, Hashable {
  /// Centres on centres: (i + ½)/scale − ½.
  case halfPixel = "half_pixel"
  /// The same, but 0 for a single result.
  case halfPixelOrZero = "pytorch_half_pixel"
  /// i/scale
  case asymmetric
  /// First on first, last on last.
  case alignCorners = "align_corners"

  func place(_ i: Int, size: Int, result: Int, scale: Double) -> Double {
    switch self {
    case .halfPixel: (Double(i) + 0.5) / scale - 0.5
    case .halfPixelOrZero: result > 1 ? (Double(i) + 0.5) / scale - 0.5 : 0
    case .asymmetric: Double(i) / scale
    case .alignCorners: result > 1 ? Double(i) * Double(size - 1) / Double(result - 1) : 0
    }
  }
}

/// Which element is the nearest one.
public enum ResizeRounding: String, Sendable, Hashable {
  /// The nearest, of two at the same distance the one before.
  case preferFloor = "round_prefer_floor"
  /// The nearest, of two at the same distance the one behind.
  case preferCeil = "round_prefer_ceil"
  /// The one at or before, at or behind the place.
  case floor, ceil

  func index(_ place: Double) -> Double {
    switch self {
    case .preferFloor: (place - 0.5).rounded(.up)
    case .preferCeil: (place + 0.5).rounded(.down)
    case .floor: place.rounded(.down)
    case .ceil: place.rounded(.up)
    }
  }
}

/// How a resized array is made.
public enum ResizeMode: Sendable, Hashable {
  /// The nearest element.
  case nearest(ResizeRounding)
  /// By distance, over the last one or two axes.
  case linear
}

/// Another size for some axes: operand 1 has a factor for each axis, or operand 2 a size.
struct ResizeRule: OperatorRule {
  let mode: ResizeMode
  let coordinates: ResizeCoordinates
  var inputs: ClosedRange<Int> { 2...3 }

  /// Most elements of an axis: every one has an entry in a table.
  private static let largest = 1 << 20

  /// Size and factor of each axis.
  private func axes(_ x: Operands) throws(GraphProblem) -> [(size: Int, scale: Double)] {
    let shape = try x.numbers(0, "the operand").shape
    var result: [(size: Int, scale: Double)] = []
    if let sizes = try x.integers(2, "the sizes"), !sizes.isEmpty {
      if sizes.count != shape.count {
        throw .count(what: "sizes", expected: shape.count, actual: sizes.count)
      }
      result = zip(shape, sizes).map { ($1, Double($1) / Double(max($0, 1))) }
    } else {
      let operand = try x.numbers(1, "the factors")
      guard let scales = operand.floats else { throw .notConstant(what: "the factors") }
      if scales.count != shape.count {
        throw .count(what: "factors", expected: shape.count, actual: scales.count)
      }
      for (size, scale) in zip(shape, scales) {
        let new = (Double(size) * Double(scale)).rounded(.down)
        guard scale > 0, new < Double(Self.largest) else {
          throw .unsupported(what: "resizing \(size) by", found: "\(scale)")
        }
        result.append((Int(new), Double(scale)))
      }
    }
    for (size, (new, _)) in zip(shape, result) {
      if new < 0 || new > Self.largest || size == 0 && new > 0 {
        throw .outOfRange(
          what: "a size", value: new, lowest: 0, highest: size == 0 ? 0 : Self.largest)
      }
    }
    if mode == .linear {
      for place in shape.indices.dropLast(2) where result[place].size != shape[place] {
        throw .unsupported(what: "resizing by distance along axis", found: "\(place)")
      }
    }
    return result
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    [try GraphType(.f32, try axes(x).map(\.size))]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shape = request.inputs[0]!.shape
    let sizes = try axes(request.inputs)
    let places = zip(shape, sizes).map { old, new in
      (0..<new.size).map { i -> Double in
        // An axis that keeps its size keeps its elements.
        let place =
          new.scale == 1
          ? Double(i) : coordinates.place(i, size: old, result: new.size, scale: new.scale)
        return max(-1, min(place, Double(old)))
      }
    }
    switch mode {
    case .nearest(let rounding):
      let tables = zip(shape, places).map { size, places in
        places.map { max(0, min(Int(rounding.index($0)), size - 1)) }
      }
      return TableBody(tables: tables, shape: shape, elementSize: 4)
    case .linear:
      let tables = zip(shape, places).suffix(2).map { size, places in
        places.map { LinearTap($0, size: size) }
      }
      let planes = shape.dropLast(2).reduce(1, *)
      return LinearResizeBody(
        planes: planes, width: shape.last ?? 1,
        height: shape.count < 2 ? 1 : shape[shape.count - 2],
        rows: tables.count < 2 ? [.init(0, size: 1)] : tables[0],
        columns: tables.last ?? [.init(0, size: 1)], split: request.split)
    }
  }
}

/// Two neighbours and the share of the second one.
struct LinearTap: Hashable, Sendable {
  let first: Int, second: Int
  let share: Float

  init(first: Int, second: Int, share: Float) {
    (self.first, self.second, self.share) = (first, second, share)
  }

  init(_ place: Double, size: Int) {
    let inside = max(0, min(place, Double(size - 1)))
    first = Int(inside)
    share = Float(inside - Double(first))
    // What has no share may be infinite.
    second = share == 0 ? first : first + 1
  }

  @inline(__always)
  func sum(_ x: UnsafePointer<Float>) -> Float { x[first] + (x[second] - x[first]) * share }
}

/// Weighted sums of four neighbours.
private struct LinearResizeBody: GraphBody {
  let planes: Int, width: Int, height: Int
  let rows: [LinearTap], columns: [LinearTap]
  let split: WorkSplit
  let isDoubled: Bool

  init(
    planes: Int, width: Int, height: Int, rows: [LinearTap], columns: [LinearTap], split: WorkSplit
  ) {
    (self.planes, self.width, self.height) = (planes, width, height)
    (self.rows, self.columns, self.split) = (rows, columns, split)
    isDoubled =
      DoubledPlane.isDoubled(rows, size: height) && DoubledPlane.isDoubled(columns, size: width)
  }

  var kernel: String { "resize" }
  /// Two rows of the image for each thread, as wide as the result: neighbouring results share them.
  var workspaceBytes: Int { isDoubled ? 0 : split.threads * 2 * columns.count * 4 }

  func run(_ call: StepCall) {
    if isDoubled { return runDoubled(call) }
    let (count, size) = (rows.count * columns.count, columns.count)
    split(planes, weight: 4 * count) { range, part in
      let stretched = call.workspace.assumingMemoryBound(to: Float.self) + part * 2 * size
      columns.withUnsafeBufferPointer { columns in
        for plane in range {
          let x = call.floats(0) + plane * width * height
          let y = call.result + plane * count
          // Which row of the image each of the two holds.
          var held = (-1, -1)
          for (i, row) in rows.enumerated() {
            if held.0 != row.first && held.1 != row.first {
              if held.0 == row.second {
                held.1 = row.first
                stretch(x + row.first * width, columns, stretched + size)
              } else {
                held.0 = row.first
                stretch(x + row.first * width, columns, stretched)
              }
            }
            if held.0 != row.second && held.1 != row.second {
              if held.0 == row.first {
                held.1 = row.second
                stretch(x + row.second * width, columns, stretched + size)
              } else {
                held.0 = row.second
                stretch(x + row.second * width, columns, stretched)
              }
            }
            let share = Vector(repeating: row.share)
            zipVectors(
              held.0 == row.first ? stretched : stretched + size, 1,
              held.0 == row.second ? stretched : stretched + size, 1, y + i * size, size
            ) { $0 + ($1 - $0) * share }
          }
        }
      }
    }
  }

  private func runDoubled(_ call: StepCall) {
    let plane = DoubledPlane(height: height, width: width)
    let count = rows.count * columns.count
    split(planes, weight: 4 * count) { range, _ in
      for number in range {
        plane.run(call.floats(0) + number * width * height, call.result + number * count)
      }
    }
  }

  /// One row of the image at the columns of the result.
  @inline(__always)
  private func stretch(
    _ row: UnsafePointer<Float>, _ columns: UnsafeBufferPointer<LinearTap>,
    _ target: UnsafeMutablePointer<Float>
  ) {
    for (j, column) in columns.enumerated() { target[j] = column.sum(row) }
  }
}

extension GraphOperator {
  /// Operand 0 resized: operand 1 has a factor for each axis, or operand 2 a size.
  public static func resize(
    _ mode: ResizeMode, coordinates: ResizeCoordinates = .halfPixel
  ) -> GraphOperator {
    GraphOperator("resize", ResizeRule(mode: mode, coordinates: coordinates))
  }
}
