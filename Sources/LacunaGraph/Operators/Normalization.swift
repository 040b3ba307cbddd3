// y ← scale · (x − mean) / √(variance + ε) + shift, and softmax: rows that are brought to one measure.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// y ← scale · (x − mean) / √(variance + ε) + shift with numbers that are known: a factor and a summand for each
/// channel. Folded into the product before it where there is one.
struct BatchNormalizationRule: OperatorRule {
  let epsilon: Float
  var inputs: ClosedRange<Int> { 5...5 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.numbers(0, "the operand").type
    _ = try factors(x)
    return [type]
  }

  /// y = factor · x + summand for each channel.
  func factors(
    _ x: Operands
  ) throws(GraphProblem) -> (factors: [Float], summands: [Float]) {
    let shape = try x.numbers(0, "the operand").shape
    if shape.count < 2 {
      throw .outOfRange(what: "the rank", value: shape.count, lowest: 2, highest: .max)
    }
    var known: [[Float]] = []
    for (index, what) in ["scale", "shift", "mean", "variance"].enumerated() {
      guard let values = try x.numbers(index + 1, "the \(what)").floats else {
        throw .notConstant(what: "the \(what)")
      }
      if values.count != shape[1] {
        throw .count(what: "numbers as the \(what)", expected: shape[1], actual: values.count)
      }
      known.append(values)
    }
    let factors =
      shape[1] == 0
      ? []
      : (0..<shape[1]).map { c -> Float in
        Float(Double(known[0][c]) / (Double(known[3][c]) + Double(epsilon)).squareRoot())
      }
    let summands = factors.indices.map { c in
      Float(Double(known[1][c]) - Double(known[2][c]) * Double(factors[c]))
    }
    return (factors, summands)
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shape = request.inputs[0]!.shape
    let (factors, summands) = try factors(request.inputs)
    return ChannelBody(
      factors: factors, summands: summands, images: shape[0],
      pixels: shape[2...].reduce(1, *), split: request.split)
  }
}

/// y[n, c, …] ← f[c]·x[n, c, …] + s[c]
private struct ChannelBody: GraphBody {
  let factors: [Float], summands: [Float]
  let images: Int, pixels: Int
  let split: WorkSplit
  var kernel: String { "channels" }
  var inPlace: Int? { 0 }

  func run(_ call: StepCall) {
    let (x, y) = (call.floats(0), call.result)
    split(images * factors.count, weight: pixels) { range, _ in
      for row in range {
        let (f, s) = (factors[row % factors.count], summands[row % factors.count])
        mapVectors(x + row * pixels, y + row * pixels, pixels) { f * $0 + s }
      }
    }
  }
}

/// Each row of the last axes to mean 0 and variance 1, then scale and shift of every place in it.
struct LayerNormalizationRule: OperatorRule {
  let place: Int
  let epsilon: Float
  var inputs: ClosedRange<Int> { 2...3 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.numbers(0, "the operand").type
    let row = try rowShape(type)
    for (index, what) in [(1, "the scale"), (2, "the shift")] where x.optional(index) != nil {
      let operand = try x.numbers(index, what)
      if operand.type.count != row.reduce(1, *) {
        throw .shapes(what: "\(what) of normalised rows", [operand.shape, Array(row)])
      }
    }
    return [type]
  }

  private func rowShape(_ type: GraphType) throws(GraphProblem) -> ArraySlice<Int> {
    type.shape[try axis(place, rank: type.rank)...]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let type = request.outputs[0]
    let count = try rowShape(type).reduce(1, *)
    return LayerNormalizationBody(
      rows: count == 0 ? 0 : type.count / count, count: count, epsilon: epsilon,
      hasShift: request.inputs.optional(2) != nil, split: request.split)
  }
}

private struct LayerNormalizationBody: GraphBody {
  let rows: Int, count: Int
  let epsilon: Float
  let hasShift: Bool
  let split: WorkSplit
  var kernel: String { "normalize" }
  var inPlace: Int? { 0 }

  func run(_ call: StepCall) {
    let (x, y, scale) = (call.floats(0), call.result, call.floats(1))
    let shift = hasShift ? call.floats(2) : nil
    split(rows, weight: 4 * count) { range, _ in
      for row in range {
        let (from, to) = (x + row * count, y + row * count)
        let mean = sum(from) { $0 } / Float(count)
        let variance = sum(from) { ($0 - mean) * ($0 - mean) } / Float(count)
        let factor = 1 / (variance + epsilon).squareRoot()
        zipVectors(from, 1, scale, 1, to, count) { ($0 - mean) * factor * $1 }
        if let shift { zipVectors(to, 1, shift, 1, to, count) { $0 + $1 } }
      }
    }
  }

  /// Σ f(x): eight sums side by side, in four registers while there are so many.
  @inline(__always)
  private func sum(_ x: UnsafePointer<Float>, _ f: (Vector) -> Vector) -> Float {
    var sums = Vector.zero
    var i = 0
    if count >= 32 {
      var (b, c, d) = (Vector.zero, Vector.zero, Vector.zero)
      while i + 32 <= count {
        sums += f(Vector(loading: x + i))
        b += f(Vector(loading: x + i + 8))
        c += f(Vector(loading: x + i + 16))
        d += f(Vector(loading: x + i + 24))
        i += 32
      }
      sums += b + (c + d)
    }
    while i + 8 <= count {
      sums += f(Vector(loading: x + i))
      i += 8
    }
    var last = Vector.zero
    while i < count {
      last[i % 8] = f(Vector(repeating: x[i]))[0]
      i += 1
    }
    return (sums + last).sum()
  }
}

/// eˣ / Σ eˣ along an axis, or along all from it on; or its logarithm.
struct SoftmaxRule: OperatorRule {
  let place: Int
  /// As before opset 13: all axes from this one on are one.
  let flattens: Bool
  let logarithm: Bool
  var inputs: ClosedRange<Int> { 1...1 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.numbers(0, "the operand").type
    _ = try axis(place, rank: type.rank)
    return [type]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shape = request.outputs[0].shape
    let place = try axis(place, rank: shape.count)
    return SoftmaxBody(
      outer: shape[..<place].reduce(1, *),
      count: flattens ? shape[place...].reduce(1, *) : shape[place],
      inner: flattens ? 1 : shape[(place + 1)...].reduce(1, *), logarithm: logarithm,
      split: request.split)
  }
}

private struct SoftmaxBody: GraphBody {
  let outer: Int, count: Int, inner: Int
  let logarithm: Bool
  let split: WorkSplit
  var kernel: String { "softmax" }
  var inPlace: Int? { 0 }
  /// A row for each thread where rows do not lie together.
  var workspaceBytes: Int { inner == 1 ? 0 : split.threads * count * 4 }

  func run(_ call: StepCall) {
    let (x, y) = (call.floats(0), call.result)
    split(outer * inner, weight: 8 * count) { range, part in
      for row in range {
        if inner == 1 {
          softmax(x + row * count, y + row * count)
          continue
        }
        let start = row / inner * count * inner + row % inner
        let scratch = call.workspace.assumingMemoryBound(to: Float.self) + part * count
        for i in 0..<count { scratch[i] = x[start + i * inner] }
        softmax(scratch, scratch)
        for i in 0..<count { y[start + i * inner] = scratch[i] }
      }
    }
  }

  private func softmax(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    var largest = -Float.infinity
    for i in 0..<count { largest = x[i] > largest || x[i].isNaN ? x[i] : largest }
    if logarithm {
      var sum: Float = 0
      for i in 0..<count { sum += expf(x[i] - largest) }
      let shift = largest + logf(sum)
      mapVectors(x, y, count) { $0 - shift }
      return
    }
    mapVectors(x, y, count) { exponential($0 - largest) }
    var sum: Float = 0
    for i in 0..<count { sum += y[i] }
    let factor = 1 / sum
    mapVectors(y, y, count) { $0 * factor }
  }
}

extension GraphOperator {
  /// scale · (x − mean) / √(variance + ε) + shift for each channel: operands 1 to 4 are scale, shift, mean and
  /// variance, known when a plan is made.
  public static func batchNormalization(epsilon: Float = 1e-5) -> GraphOperator {
    GraphOperator("batch normalization", BatchNormalizationRule(epsilon: epsilon))
  }

  /// Rows of the axes from `axis` on brought to mean 0 and variance 1, times operand 1, plus operand 2.
  public static func layerNormalization(axis: Int = -1, epsilon: Float = 1e-5) -> GraphOperator {
    GraphOperator("layer normalization", LayerNormalizationRule(place: axis, epsilon: epsilon))
  }

  /// eˣ / Σ eˣ along an axis; with `flattens` along all axes from it on.
  public static func softmax(axis: Int = -1, flattens: Bool = false) -> GraphOperator {
    GraphOperator("softmax", SoftmaxRule(place: axis, flattens: flattens, logarithm: false))
  }

  /// The logarithm of that.
  public static func logSoftmax(axis: Int = -1, flattens: Bool = false) -> GraphOperator {
    GraphOperator("log softmax", SoftmaxRule(place: axis, flattens: flattens, logarithm: true))
  }
}
