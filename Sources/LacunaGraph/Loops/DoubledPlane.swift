// y[2i + 1], y[2i + 2] ← x[i] + ¼·(x[i + 1] − x[i]), x[i] + ¾·(x[i + 1] − x[i]) along both axes: a plane of twice the size.

/// Planes that become twice as high and as wide, centres on centres: what most networks resize by.
///
/// Both results between two neighbours have the same difference, and lie beside each other. Ends are as the tables say.
struct DoubledPlane {
  /// Of the image.
  let height: Int, width: Int

  /// Whether an axis of `size` elements is doubled by these taps.
  static func isDoubled(_ taps: [LinearTap], size: Int) -> Bool {
    // Four pairs of neighbours at least.
    if size < 5 || taps.count != 2 * size { return false }
    return (0..<size - 1).allSatisfy { i in
      taps[2 * i + 1] == LinearTap(first: i, second: i + 1, share: 0.25)
        && taps[2 * i + 2] == LinearTap(first: i, second: i + 1, share: 0.75)
    }
  }

  /// - Parameter scratch: two rows of results.
  func run(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    _ rows: UnsafeBufferPointer<LinearTap>, _ columns: UnsafeBufferPointer<LinearTap>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let size = 2 * width
    var (above, below) = (scratch, scratch + size)
    stretch(x, columns, above)
    for i in 0..<height - 1 {
      stretch(x + (i + 1) * width, columns, below)
      if i == 0 { blend(above, below, rows[0].share, y) }
      blendTwice(above, below, y + (2 * i + 1) * size)
      (above, below) = (below, above)
    }
    blend(above, above, rows[2 * height - 1].share, y + (2 * height - 1) * size)
  }

  /// One row at twice the width.
  @inline(__always)
  private func stretch(
    _ x: UnsafePointer<Float>, _ columns: UnsafeBufferPointer<LinearTap>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    y[0] = columns[0].sum(x)
    y[2 * width - 1] = columns[2 * width - 1].sum(x)
    var i = 0
    while i < width - 1 {
      // The last four begin earlier.
      let at = min(i, width - 5)
      let (a, b) = (SIMD4<Float>(loading: x + at), SIMD4<Float>(loading: x + at + 1))
      let difference = b - a
      var pairs = Vector()
      pairs.evenHalf = a + difference * 0.25
      pairs.oddHalf = a + difference * 0.75
      pairs.store(to: y + 2 * at + 1)
      i = at + 4
    }
  }

  /// y ← a + share·(b − a)
  @inline(__always)
  private func blend(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ share: Float,
    _ y: UnsafeMutablePointer<Float>
  ) {
    eachVector { i in
      let first = Vector(loading: a + i)
      (first + (Vector(loading: b + i) - first) * share).store(to: y + i)
    }
  }

  /// The same by a quarter, and by three quarters in the next row.
  @inline(__always)
  private func blendTwice(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    eachVector { i in
      let first = Vector(loading: a + i)
      let difference = Vector(loading: b + i) - first
      (first + difference * 0.25).store(to: y + i)
      (first + difference * 0.75).store(to: y + 2 * width + i)
    }
  }

  /// Where the registers of a row of results begin; the last one begins earlier.
  @inline(__always)
  private func eachVector(_ body: (Int) -> Void) {
    var i = 0
    while i < 2 * width {
      let at = min(i, 2 * width - 8)
      body(at)
      i = at + 8
    }
  }
}

extension SIMD4<Float> {
  @inline(__always)
  fileprivate init(loading pointer: UnsafePointer<Float>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Float>.self)
  }
}
