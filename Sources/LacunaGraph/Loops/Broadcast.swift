// y[i, j, …] ← f(a[i, j, …], b[i, j, …], …) where a dimension of 1 stands for any.

/// How operands that are broadcast to one shape are walked: rows of `count` elements, in which every operand either
/// stands still or goes on by one.
///
/// Neighbouring dimensions that all operands walk through alike are one: operands of equal shape are a single row,
/// a bias for each channel is a row of pixels for each channel.
struct Broadcast: Sendable {
  /// Dimensions outside of the rows, outermost first.
  private let outer: [Int]
  /// Elements from one index of an outer dimension to the next, for each operand.
  private let strides: [[Int]]
  /// Elements of a row.
  let count: Int
  /// 0 or 1 for each operand.
  let steps: [Int]
  /// Rows in all.
  let rows: Int

  /// The shape that `shapes` are broadcast to; nil when they do not fit.
  static func shape(_ shapes: [[Int]]) -> [Int]? {
    let rank = shapes.map(\.count).max() ?? 0
    var result = [Int](repeating: 1, count: rank)
    for shape in shapes {
      for (axis, size) in zip(rank - shape.count..<rank, shape) where size != 1 {
        if result[axis] != 1 && result[axis] != size { return nil }
        result[axis] = size
      }
    }
    return result
  }

  /// Not checked: that `shapes` are broadcast to `shape`.
  init(_ shapes: [[Int]], to shape: [Int]) {
    let rank = shape.count
    // Strides of every operand in every dimension, 0 where it stands still.
    let all = shapes.map { own -> [Int] in
      var (result, stride) = ([Int](repeating: 0, count: rank), 1)
      for axis in own.indices.reversed() {
        if own[axis] != 1 { result[rank - own.count + axis] = stride }
        stride *= own[axis]
      }
      return result
    }
    var (sizes, walks): ([Int], [[Int]]) = ([], [])
    for axis in shape.indices where shape[axis] != 1 {
      let walk = all.map { $0[axis] }
      if let last = walks.last,
        zip(last, walk).allSatisfy({ $0 == $1 * shape[axis] })
      {
        sizes[sizes.count - 1] *= shape[axis]
        walks[walks.count - 1] = walk
      } else {
        sizes.append(shape[axis])
        walks.append(walk)
      }
    }
    count = sizes.last ?? 1
    steps = walks.last ?? shapes.map { _ in 1 }
    outer = sizes.dropLast()
    rows = outer.reduce(1, *)
    strides = shapes.indices.map { operand in walks.dropLast().map { $0[operand] } }
  }

  /// Where row `row` of an operand starts.
  @inline(__always)
  func offset(_ operand: Int, row: Int) -> Int {
    var (left, offset) = (row, 0)
    var axis = outer.count - 1
    while axis >= 0 {
      let (next, index) = left.quotientAndRemainder(dividingBy: outer[axis])
      offset += index * strides[operand][axis]
      left = next
      axis -= 1
    }
    return offset
  }

  /// Calls `body` with parts of rows that together are everything: the row, the first element in it and how many.
  @inline(__always)
  func forEachRun(
    _ split: WorkSplit, _ body: (_ row: Int, _ first: Int, _ count: Int) -> Void
  ) {
    if rows == 1 {
      split(count) { range, _ in body(0, range.lowerBound, range.count) }
    } else {
      split(rows, weight: count) { range, _ in for row in range { body(row, 0, count) } }
    }
  }
}
