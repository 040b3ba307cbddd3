// Parts of an array, and an array inside a larger one: slices, padding, rows that are looked up.

/// Every `step`-th element from `start` to `end` along some axes.
struct SliceRule: OperatorRule {
  /// Settings of files before opset 10; nil where they are inputs 1 to 4.
  let fixed: (starts: [Int], ends: [Int], axes: [Int]?)?

  var inputs: ClosedRange<Int> { fixed == nil ? 3...5 : 1...1 }

  /// First element, step and number along each axis.
  private func cuts(_ x: Operands) throws(GraphProblem) -> [(start: Int, step: Int, count: Int)] {
    let shape = try x.required(0, "the operand").shape
    let starts = try x.integers(1, "the starts", unless: fixed?.starts) ?? []
    let ends = try x.integers(2, "the ends", unless: fixed?.ends) ?? []
    let list = try x.integers(3, "the axes", unless: fixed?.axes) ?? Array(0..<starts.count)
    let steps = try x.integers(4, "the steps") ?? list.map { _ in 1 }
    for (what, count) in [("ends", ends.count), ("axes", list.count), ("steps", steps.count)]
    where count != starts.count {
      throw .count(what: what, expected: starts.count, actual: count)
    }
    var cuts = shape.map { (start: 0, step: 1, count: $0) }
    for (entry, place) in list.enumerated() {
      let place = try axis(place, rank: shape.count)
      let (size, step) = (shape[place], steps[entry])
      if step == 0 { throw .outOfRange(what: "a step", value: 0, lowest: 1, highest: .max) }
      // Counted from the end, then inside of what there is. Sums of a negative number and a size do not overflow.
      let start = starts[entry] < 0 ? starts[entry] + size : starts[entry]
      let end = ends[entry] < 0 ? ends[entry] + size : ends[entry]
      let first = step > 0 ? max(0, min(start, size)) : max(-1, min(start, size - 1))
      let last = step > 0 ? max(0, min(end, size)) : max(-1, min(end, size - 1))
      let distance = step > 0 ? last - first : first - last
      let stride = Int(clamping: step.magnitude)
      cuts[place] = (
        first, max(-size - 1, min(step, size + 1)),
        distance <= 0 ? 0 : (distance - 1) / stride + 1
      )
    }
    return cuts
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    return [GraphType(unchecked: type.element, try cuts(x).map(\.count))]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (shape, result) = (request.inputs[0]!.shape, request.outputs[0])
    let (strides, cuts) = (rowMajorStrides(shape), try cuts(request.inputs))
    return CopyBody(
      kernel: "copy",
      parts: [
        .init(
          input: 0,
          copy: StridedCopy(
            sizes: result.shape, source: zip(strides, cuts).map { $0 * $1.step },
            sourceOffset: zip(strides, cuts).reduce(0) { $0 + $1.0 * $1.1.start },
            target: rowMajorStrides(result.shape), elementSize: result.element.size))
      ], split: request.split)
  }
}

/// What stands around an array that is padded.
public enum PaddingMode: String, Sendable, Hashable {
  /// A number, 0 unless operand 2 says which.
  case constant
  /// The array mirrored at its first and last elements, which are not repeated.
  case reflect
  /// The first and last elements again and again.
  case edge
}

/// An array inside a larger one.
struct PadRule: OperatorRule {
  let mode: PaddingMode
  /// Settings of files before opset 11: all starts, then all ends; nil where they are inputs 1 to 3.
  let fixed: (pads: [Int], value: Float)?

  var inputs: ClosedRange<Int> { fixed == nil ? 2...4 : 1...1 }

  /// Elements before and behind each axis; negative ones cut off.
  private func pads(_ x: Operands) throws(GraphProblem) -> [(before: Int, after: Int)] {
    let shape = try x.required(0, "the operand").shape
    let pads = try x.integers(1, "the padding", unless: fixed?.pads) ?? []
    let list = try axes(x.integers(3, "the axes") ?? Array(shape.indices), rank: shape.count)
    if let given = try x.integers(3, "the axes"), given.contains(where: { $0 < 0 }) || given != list
    {
      throw .unsupported(what: "axes of padding that do not rise:", found: "\(given)")
    }
    if pads.count != 2 * list.count {
      throw .count(what: "paddings", expected: 2 * list.count, actual: pads.count)
    }
    var result = shape.map { _ in (before: 0, after: 0) }
    for (entry, place) in list.enumerated() {
      let (before, after) = (pads[entry], pads[list.count + entry])
      for pad in [before, after] where abs(Double(pad)) > 1e12 { throw .tooManyElements([pad]) }
      result[place] = (before, after)
      let least = mode == .constant ? -shape[place] : 0
      let most =
        switch mode {
        case .constant: Int.max
        case .reflect: max(shape[place] - 1, 0)
        // Every place has an entry in a table.
        case .edge: shape[place] == 0 ? 0 : 1 << 20
        }
      for pad in [before, after] where pad < least || pad > most {
        throw .outOfRange(
          what: "the padding of a dimension of \(shape[place])", value: pad, lowest: least,
          highest: most)
      }
    }
    return result
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    if let value = x.optional(2), value.type.element != type.element || value.type.count != 1 {
      throw .shapes(what: "the padding of \(type) is no number of that type", [value.shape])
    }
    return [
      try GraphType(
        type.element, zip(type.shape, try pads(x)).map { $0 + $1.before + $1.after })
    ]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (shape, result) = (request.inputs[0]!.shape, request.outputs[0])
    let pads = try pads(request.inputs)
    if mode != .constant {
      let tables = zip(shape, pads).map { size, pad in
        (-pad.before..<size + pad.after).map { place -> Int in
          if mode == .edge { return max(0, min(place, size - 1)) }
          return place < 0 ? -place : place >= size ? 2 * (size - 1) - place : place
        }
      }
      return TableBody(tables: tables, shape: shape, elementSize: result.element.size)
    }
    let strides = rowMajorStrides(result.shape), from = rowMajorStrides(shape)
    let kept = zip(shape, pads).map { max(0, $0 + min($1.before, 0) + min($1.after, 0)) }
    let copy = StridedCopy(
      sizes: kept, source: from,
      sourceOffset: zip(from, pads).reduce(0) { $0 + $1.0 * max(0, -$1.1.before) },
      target: strides,
      targetOffset: zip(strides, pads).reduce(0) { $0 + $1.0 * max(0, $1.1.before) },
      elementSize: result.element.size)
    return PadBody(
      copy: copy, result: result, value: fixed?.value ?? 0,
      hasValue: request.inputs.optional(2) != nil, split: request.split)
  }
}

private struct PadBody: GraphBody {
  let copy: StridedCopy
  let result: GraphType
  let value: Float
  let hasValue: Bool
  let split: WorkSplit
  var kernel: String { "pad" }

  func run(_ call: StepCall) {
    let y = call.output()
    switch result.element {
    case .f32: fill(y, hasValue ? call.floats(2)[0] : value)
    case .i64: fill(y, hasValue ? call.input(2).load(as: Int.self) : Int(value))
    case .bool: fill(y, hasValue && call.input(2).load(as: Bool.self))
    }
    if copy.count > 0 { copy.run(call.input(0), y, split) }
  }

  private func fill<T>(_ y: UnsafeMutableRawPointer, _ value: T) {
    y.assumingMemoryBound(to: T.self).update(repeating: value, count: result.count)
  }
}

/// y[i, j, …] ← x[t₀[i], t₁[j], …]
struct TableBody: GraphBody {
  let tables: [[Int]]
  let shape: [Int]
  let elementSize: Int
  var kernel: String { "gather" }

  func run(_ call: StepCall) {
    switch elementSize {
    case 1: run(call, of: UInt8.self)
    case 4: run(call, of: UInt32.self)
    default: run(call, of: UInt64.self)
    }
  }

  private func run<T: BitwiseCopyable>(_ call: StepCall, of _: T.Type) {
    let x = call.input(0).assumingMemoryBound(to: T.self)
    let y = call.output().assumingMemoryBound(to: T.self)
    guard let inner = tables.last else {
      y[0] = x[0]
      return
    }
    if inner.isEmpty { return }
    let rows = tables.dropLast().reduce(1) { $0 * $1.count }
    for row in 0..<rows {
      var (left, offset, stride) = (row, 0, shape.last!)
      var axis = tables.count - 2
      while axis >= 0 {
        let (next, index) = left.quotientAndRemainder(dividingBy: tables[axis].count)
        offset += tables[axis][index] * stride
        stride *= shape[axis]
        left = next
        axis -= 1
      }
      for i in inner.indices { y[row * inner.count + i] = x[offset + inner[i]] }
    }
  }
}

/// Slices of operand 0 along an axis, at the positions of operand 1.
struct GatherRule: OperatorRule {
  let place: Int
  var inputs: ClosedRange<Int> { 2...2 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let (type, indices) = (
      try x.required(0, "the operand").type, try x.required(1, "the positions")
    )
    if indices.type.element != .i64 {
      throw .element(what: "positions", found: indices.type.element)
    }
    let place = try axis(place, rank: type.rank)
    let size = type.shape[place]
    for index in indices.integers ?? [] where index < -size || index >= size {
      throw .outOfRange(what: "a position", value: index, lowest: -size, highest: size - 1)
    }
    return [
      try GraphType(
        type.element, type.shape[..<place] + indices.shape + type.shape[(place + 1)...])
    ]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let type = request.inputs[0]!.type
    let place = try axis(place, rank: type.rank)
    return GatherBody(
      outer: type.shape[..<place].reduce(1, *), size: type.shape[place],
      bytes: type.shape[(place + 1)...].reduce(type.element.size, *),
      positions: request.inputs[1]!.type.count)
  }
}

private struct GatherBody: GraphBody {
  let outer: Int, size: Int, bytes: Int, positions: Int
  var kernel: String { "gather" }

  func run(_ call: StepCall) {
    let (x, y) = (call.input(0), call.output())
    let indices = call.input(1).assumingMemoryBound(to: Int.self)
    if size == 0 { return }
    for row in 0..<outer {
      for i in 0..<positions {
        // Positions that a run is given are only as good as their maker: those outside go to the nearest one.
        let raw = indices[i]
        let index = max(0, min(raw < 0 ? raw + size : raw, size - 1))
        (y + (row * positions + i) * bytes).copyMemory(
          from: x + (row * size + index) * bytes, byteCount: bytes)
      }
    }
  }
}

extension GraphOperator {
  /// Parts of operand 0: starts, ends, axes and steps are operands 1 to 4.
  public static let slice = GraphOperator("slice", SliceRule(fixed: nil))

  /// Parts of the operand along these axes, or the first ones.
  public static func slice(starts: [Int], ends: [Int], axes: [Int]? = nil) -> GraphOperator {
    GraphOperator("slice", SliceRule(fixed: (starts, ends, axes)))
  }

  /// Operand 0 inside a larger array: operand 1 says how many elements stand before all axes, then behind them;
  /// operand 2 which number, operand 3 which axes.
  public static func pad(_ mode: PaddingMode = .constant) -> GraphOperator {
    GraphOperator("pad", PadRule(mode: mode, fixed: nil))
  }

  /// The operand inside a larger array: elements before all axes, then behind them.
  public static func pad(
    _ pads: [Int], value: Float = 0, mode: PaddingMode = .constant
  ) -> GraphOperator {
    GraphOperator("pad", PadRule(mode: mode, fixed: (pads, value)))
  }

  /// Slices of operand 0 along the axis, at the positions of operand 1. Of positions that only a run knows, those
  /// outside take the nearest slice.
  public static func gather(axis: Int = 0) -> GraphOperator {
    GraphOperator("gather", GatherRule(place: axis))
  }
}
