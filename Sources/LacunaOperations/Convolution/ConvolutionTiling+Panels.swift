// What a tile sees of a row of the image; whether panels end with the rows of the output, and how much they compute in vain.

extension ConvolutionTiling {
  /// Panels of strips of one row that are narrower than this leave the multiply-add units waiting for sums.
  private static let fewestVectors = 4

  /// Whether panels end where the output's rows do: then nothing of the halo is computed and results need
  /// no copy, but the last register of a row may be cut.
  ///
  /// - Parameter strip: rows of weights that share a load.
  func panelsEndWithRows(lanes: Int, vectors most: Int, strip: Int) -> Bool {
    if rowStride == tileColumns { return false }
    let vectors = (tileColumns + lanes - 1) / lanes
    let panels = (vectors + most - 1) / most
    let share = Double(tileColumns) / Double(vectors * lanes)
    let fewest = max(3 * most / 4, strip == 1 ? min(Self.fewestVectors, most) : 1)
    return vectors / panels >= fewest
      && share >= 0.97 * Double(tileColumns) / Double(rowStride)
  }

  /// Registers that follow each other in a tile until a panel has to end.
  func runVectors(lanes: Int, vectors most: Int, strip: Int) -> Int {
    let width =
      panelsEndWithRows(lanes: lanes, vectors: most, strip: strip)
      ? tileColumns : (tileRows - 1) * rowStride + tileColumns
    return (width + lanes - 1) / lanes
  }

  /// Columns computed for each column of the result.
  func work(lanes: Int, vectors most: Int, strip: Int) -> Double {
    if panelsEndWithRows(lanes: lanes, vectors: most, strip: strip) {
      return Double((tileColumns + lanes - 1) / lanes * lanes) / Double(tileColumns)
    }
    let width = (tileRows - 1) * rowStride + tileColumns
    return Double((width + lanes - 1) / lanes * lanes) / Double(tileRows * tileColumns)
  }

  /// The columns of a view that lie in the image: the first, how many, and where the first comes from.
  @inline(__always)
  func columns(
    _ tile: ConvolutionTile, _ viewX: Int
  ) -> (first: Int, count: Int, source: Int) {
    let s = shape
    let origin = tile.column * s.strideX + viewX - s.padLeft
    let all = tile.columns + haloX
    // x = origin + column · stride has to be in 0..<width.
    let first = origin >= 0 ? 0 : (-origin + s.strideX - 1) / s.strideX
    let last = s.width - 1 - origin
    let end = last < 0 ? 0 : min(all, last / s.strideX + 1)
    return (first, max(end - first, 0), origin + first * s.strideX)
  }
}
