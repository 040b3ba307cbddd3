// y[2i], y[2i + 1] ← x[i − 1] + ¾·(x[i] − x[i − 1]), x[i] + ¼·(x[i + 1] − x[i]) along both axes: a plane of twice the size.

/// Planes that become twice as high and as wide, centres on centres: what most networks resize by. Beyond the ends their
/// outermost elements go on.
///
/// Four columns of the image walk down the rows, and the stretched row before stays in a register: from memory, stores that begin at
/// other places would have to be waited for.
struct DoubledPlane {
  /// Of the image.
  let height: Int, width: Int

  /// Rows after which the next columns come: what they write shares lines of the cache.
  private static let rowsAtOnce = 16

  /// Whether an axis of `size` elements is doubled by these taps.
  static func isDoubled(_ taps: [LinearTap], size: Int) -> Bool {
    // The first four columns and the last four are not the same.
    if size < 5 || taps.count != 2 * size { return false }
    let ends = [0, size - 1].map { LinearTap(first: $0, second: $0, share: 0) }
    return taps.first == ends[0] && taps.last == ends[1]
      && (0..<size - 1).allSatisfy { i in
        taps[2 * i + 1] == LinearTap(first: i, second: i + 1, share: 0.25)
          && taps[2 * i + 2] == LinearTap(first: i, second: i + 1, share: 0.75)
      }
  }

  func run(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    for first in stride(from: 0, to: height, by: Self.rowsAtOnce) {
      let rows = first..<min(first + Self.rowsAtOnce, height)
      walk(x, y, rows, column: 0, isFirst: true, isLast: false)
      var column = 4
      while column < width - 4 {
        walk(x, y, rows, column: column, isFirst: false, isLast: false)
        column += 4
      }
      walk(x, y, rows, column: width - 4, isFirst: false, isLast: true)
    }
  }

  /// Four columns of some rows: the results from the row 2·`rows.lowerBound` on.
  @inline(__always)
  private func walk(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Range<Int>, column: Int,
    isFirst: Bool, isLast: Bool
  ) {
    @inline(__always) func stretched(_ row: Int) -> Vector {
      let p = x + row * width + column
      let here = SIMD4<Float>(loading: p)
      let before = isFirst ? SIMD4(p[0], p[0], p[1], p[2]) : SIMD4(loading: p - 1)
      let behind = isLast ? SIMD4(p[1], p[2], p[3], p[3]) : SIMD4(loading: p + 1)
      var pairs = Vector()
      pairs.evenHalf = before + (here - before) * 0.75
      pairs.oddHalf = here + (behind - here) * 0.25
      return pairs
    }
    var here = stretched(rows.lowerBound)
    var y = y + 2 * (rows.lowerBound * width * 2 + column)
    let before = stretched(max(rows.lowerBound - 1, 0))
    (before + (here - before) * 0.75).store(to: y)
    for row in rows {
      let behind = stretched(min(row + 1, height - 1))
      let difference = behind - here
      (here + difference * 0.25).store(to: y + 2 * width)
      y += 4 * width
      if row + 1 < rows.upperBound { (here + difference * 0.75).store(to: y) }
      here = behind
    }
  }
}

extension SIMD4<Float> {
  @inline(__always)
  fileprivate init(loading pointer: UnsafePointer<Float>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Float>.self)
  }
}
