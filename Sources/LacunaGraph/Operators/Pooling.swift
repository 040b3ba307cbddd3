// y[…, i, j] ← the largest or the mean of x[…, i·s + k·d − p, j·s + l·d − p] over a kernel's k and l.

/// Pooling over one or two spatial dimensions.
struct PoolingRule: OperatorRule {
  let settings: WindowSettings
  let takesMean: Bool
  let roundsUp: Bool
  /// Whether zeros around the image count as elements of a mean.
  let countsPadding: Bool

  var inputs: ClosedRange<Int> { 1...1 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.numbers(0, "the operand").type
    let window = try Window(settings, of: type.shape)
    for (edge, pad, extent) in [
      ("top", window.padding.top, window.extent.y), ("left", window.padding.left, window.extent.x),
      ("bottom", window.padding.bottom, window.extent.y),
      ("right", window.padding.right, window.extent.x),
    ] where pad >= extent {
      throw .operation(.convolution(.paddingTooLarge(edge: edge, padding: pad, extent: extent)))
    }
    return [
      try GraphType(
        .f32, window.shape(channels: window.channels, window.results(roundsUp: roundsUp)))
    ]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let window = try Window(settings, of: request.inputs[0]!.shape)
    return PoolingBody(
      window: window, size: try window.results(roundsUp: roundsUp), takesMean: takesMean,
      countsPadding: countsPadding, split: request.split)
  }
}

private struct PoolingBody: GraphBody {
  let window: Window
  let size: (height: Int, width: Int)
  let takesMean: Bool
  let countsPadding: Bool
  let split: WorkSplit

  var kernel: String { takesMean ? "average pool" : "max pool" }
  /// A row of the image for each thread: rows of a window become one before its columns do.
  var workspaceBytes: Int { split.threads * window.width * 4 }

  func run(_ call: StepCall) {
    let w = window
    split(w.images * w.channels, weight: w.height * w.width) { planes, part in
      let row = call.workspace.assumingMemoryBound(to: Float.self) + part * w.width
      for plane in planes {
        let x = call.floats(0) + plane * w.height * w.width
        let y = call.result + plane * size.height * size.width
        for i in 0..<size.height {
          let top = i * w.stride.y - w.padding.top
          let rows = taps(top, w.kernel.y, w.dilation.y, w.height)
          collect(x, top, rows, row)
          pool(
            row, rows.count, y + i * size.width,
            counted(top, w.kernel.y, w.dilation.y, w.height + w.padding.bottom))
        }
      }
    }
  }

  /// The taps of a window at `start` that lie in `0 ..< size`.
  @inline(__always)
  private func taps(_ start: Int, _ kernel: Int, _ dilation: Int, _ size: Int) -> Range<Int> {
    let first = start >= 0 ? 0 : (dilation - 1 - start) / dilation
    let end = start >= size ? 0 : min(kernel, (size - 1 - start) / dilation + 1)
    return first..<max(first, end)
  }

  /// How many taps lie in the padded image, which ends at `end`.
  @inline(__always)
  private func counted(_ start: Int, _ kernel: Int, _ dilation: Int, _ end: Int) -> Int {
    start >= end ? 0 : min(kernel, (end - 1 - start) / dilation + 1)
  }

  /// row ← the largest or the sum of some rows of the image.
  @inline(__always)
  private func collect(
    _ x: UnsafePointer<Float>, _ top: Int, _ rows: Range<Int>, _ row: UnsafeMutablePointer<Float>
  ) {
    let width = window.width
    if rows.isEmpty {
      row.update(repeating: takesMean ? 0 : -.infinity, count: width)
      return
    }
    row.update(from: x + (top + rows.lowerBound * window.dilation.y) * width, count: width)
    for tap in rows.dropFirst() {
      let next = x + (top + tap * window.dilation.y) * width
      if takesMean {
        zipVectors(row, 1, next, 1, row, width) { $0 + $1 }
      } else {
        zipVectors(row, 1, next, 1, row, width) {
          // The largest is one instruction, which lets only a NaN of the second through.
          $0.selected($0 .!= $0, else: $0.selected($0 .> $1, else: $1))
        }
      }
    }
  }

  /// y[j] ← the largest or the mean of some columns of the row.
  @inline(__always)
  private func pool(
    _ row: UnsafePointer<Float>, _ rows: Int, _ y: UnsafeMutablePointer<Float>, _ paddedRows: Int
  ) {
    let inner = inner
    for j in 0..<inner.lowerBound { y[j] = edge(row, j, rows, paddedRows) }
    if !inner.isEmpty {
      let x = row + inner.lowerBound * window.stride.x - window.padding.left
      if takesMean {
        let count = (countsPadding ? paddedRows : rows) * window.kernel.x
        combine(x, y + inner.lowerBound, inner.count) { $0 + $1 }
        let divisor = Vector(repeating: Float(max(count, 1)))
        mapVectors(y + inner.lowerBound, y + inner.lowerBound, inner.count) { $0 / divisor }
      } else {
        combine(x, y + inner.lowerBound, inner.count) {
          $0 != $0 ? $0 : ($0 > $1 ? $0 : $1)
        }
      }
    }
    for j in inner.upperBound..<size.width { y[j] = edge(row, j, rows, paddedRows) }
  }

  /// The results whose taps all lie in the image.
  private var inner: Range<Int> {
    let w = window
    let first = min((w.padding.left + w.stride.x - 1) / w.stride.x, size.width)
    let last = w.width + w.padding.left - w.extent.x
    return first..<max(first, last < 0 ? 0 : min(last / w.stride.x + 1, size.width))
  }

  /// y[j] ← f over the taps of window j, in their order, for `count` windows inside of the image.
  @inline(__always)
  private func combine(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int,
    _ f: (Float, Float) -> Float
  ) {
    let (stride, taps, dilation) = (window.stride.x, window.kernel.x, window.dilation.x)
    if taps == 3 && dilation == 1 {
      for j in 0..<count {
        let p = x + j &* stride
        y[j] = f(f(p[0], p[1]), p[2])
      }
      return
    }
    for j in 0..<count {
      let p = x + j &* stride
      var result = p[0]
      for tap in 1..<max(taps, 1) { result = f(result, p[tap &* dilation]) }
      y[j] = result
    }
  }

  /// One result whose window may hang over the edge.
  private func edge(
    _ row: UnsafePointer<Float>, _ j: Int, _ rows: Int, _ paddedRows: Int
  ) -> Float {
    let w = window
    let left = j * w.stride.x - w.padding.left
    let columns = taps(left, w.kernel.x, w.dilation.x, w.width)
    var result: Float = takesMean ? 0 : -.infinity
    for tap in columns {
      let value = row[left + tap * w.dilation.x]
      if takesMean {
        result += value
      } else {
        result = result < value || value.isNaN ? value : result
      }
    }
    if !takesMean { return result }
    let count =
      countsPadding
      ? paddedRows * counted(left, w.kernel.x, w.dilation.x, w.width + w.padding.right)
      : rows * columns.count
    return result / Float(max(count, 1))
  }
}

extension GraphOperator {
  /// The largest number of each window, over one or two spatial dimensions.
  ///
  /// - Parameters:
  ///   - kernel, strides, dilations: one for each spatial dimension; empty for ones.
  ///   - roundsUp: whether a last window that hangs over the edge counts.
  public static func maxPool(
    kernel: [Int], strides: [Int] = [], dilations: [Int] = [],
    padding: GraphPadding = .explicit([]), roundsUp: Bool = false
  ) -> GraphOperator {
    GraphOperator(
      "max pool",
      PoolingRule(
        settings: WindowSettings(
          kernel: kernel, strides: strides, dilations: dilations, padding: padding),
        takesMean: false, roundsUp: roundsUp, countsPadding: false))
  }

  /// The mean of each window.
  ///
  /// - Parameter countsPadding: whether zeros around the image count as elements.
  public static func averagePool(
    kernel: [Int], strides: [Int] = [], dilations: [Int] = [],
    padding: GraphPadding = .explicit([]), roundsUp: Bool = false, countsPadding: Bool = false
  ) -> GraphOperator {
    GraphOperator(
      "average pool",
      PoolingRule(
        settings: WindowSettings(
          kernel: kernel, strides: strides, dilations: dilations, padding: padding),
        takesMean: true, roundsUp: roundsUp, countsPadding: countsPadding))
  }
}
