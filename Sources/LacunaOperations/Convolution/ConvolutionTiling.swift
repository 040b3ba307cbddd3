// X[c, oy·s + ky·d − top, ox·s + kx·d − left] = tile[c·plane + tap(ky, kx) + oy·row + ox]: a convolution of any
// stride as shifted views of one packed tile.

import LacunaFormats

/// How results are cut into tiles, and how the part of the image that a tile sees lies in memory.
///
/// An image is padded and split by the phases of the stride, so that neighbours in the output read
/// neighbours in memory. At stride 2 a 3×3 kernel sees four phases of a row of six:
///
///     image row          phase 0   phase 1      output ox reads, for kx = 0, 1, 2,
///     a b c d e f        a c e     b d f        phase 0 [ox], phase 1 [ox], phase 0 [ox + 1]
///
/// Phases of one channel follow each other and make its plane. Whatever the stride and dilation are, the
/// input of a tap is one number further on than the output's place: no patch is ever copied.
///
/// An *aligned* tiling has a view of its own for each column of the kernel, whose rows are whole registers, so that no
/// load crosses a line of the cache: one copy for each column instead of one for each tap.
struct ConvolutionTiling: Sendable {
  let shape: ConvolutionShape
  /// Channels of a plane group: what a tile holds at once.
  let channels: Int
  /// Output rows and columns of a tile at most.
  let tileRows: Int, tileColumns: Int
  let tilesDown: Int, tilesAcross: Int
  /// Phases of the stride that some tap sees.
  let phasesY: [Int]
  /// Columns of the image where a tile's views of its rows begin: those of the phases, or of all taps if aligned.
  let viewsX: [Int]
  let isAligned: Bool
  /// Columns of a view behind a tile's own.
  let haloX: Int
  /// Elements from one row of a view to the next, from one view, from one channel.
  let rowStride: Int, phaseStride: Int, planeStride: Int
  /// Rows of one view.
  let phaseRows: Int
  /// Where the input of output (0, 0) lies in a plane, for each tap.
  let tapOffsets: [Int]
  /// Whether tiles are views of the caller's image instead of copies.
  let isInPlace: Bool

  /// Elements behind a plane: a register that begins at its last pixel reads that far.
  private static let slack = 16
  /// Rows of a tile that halos are worth.
  private static let fewestRows = 4
  /// Pixels of a tile that is no copy: enough that its last panel, which may be cut, does not count.
  private static let pixelsInPlace = 2048
  /// Views of an aligned tile at most: each is a copy.
  private static let mostViews = 8
  /// Columns that are not cut further for the sake of the cache.
  private static let fewestColumns = 128

  /// - Parameters:
  ///   - channels: of one part of the work.
  ///   - bytes: what a tile may take, unless it would become too narrow.
  ///   - plane: most elements of a plane, if that can be had.
  ///   - alignment: a tiling is aligned where whole registers of `lanes` are not wider, by more than that factor, than a
  ///     row with its halo.
  init(
    _ s: ConvolutionShape, channels: Int, elementSize: Int, bytes: Int, plane: Int,
    alignment: (lanes: Int, mostRounding: Double)? = nil
  ) {
    (shape, self.channels, isInPlace) = (s, channels, false)
    func whole(_ columns: Int, _ unit: Int) -> Int { (columns + unit - 1) / unit * unit }
    let haloY = (s.kernelHeight - 1) * s.dilationY / s.strideY
    let phaseHalo = (s.kernelWidth - 1) * s.dilationX / s.strideX
    let unit =
      alignment.flatMap {
        s.taps > 1 && s.kernelWidth <= Self.mostViews
          && Double(whole(s.outputWidth, $0.lanes))
            <= $0.mostRounding * Double(s.outputWidth + phaseHalo)
          ? $0.lanes : nil
      } ?? 1
    isAligned = unit > 1
    haloX = isAligned ? 0 : phaseHalo
    phasesY = Array(Set((0..<s.kernelHeight).map { $0 * s.dilationY % s.strideY })).sorted()
    let columns = (0..<s.kernelWidth).map { $0 * s.dilationX }
    viewsX = isAligned ? columns : Array(Set(columns.map { $0 % s.strideX })).sorted()
    let phases = phasesY.count * viewsX.count
    let elements = max(bytes / elementSize, 1)
    let room = plane - Self.slack - 2 * (64 / elementSize)
    func balanced(_ total: Int, _ most: Int) -> (size: Int, count: Int) {
      let count = (total + most - 1) / most
      let size = (total + count - 1) / count
      return (size, (total + size - 1) / size)
    }
    let byCache = elements / (phases * (1 + haloY) * channels) - haloX
    let byPlane = room / (phases * (1 + haloY)) - haloX
    let mostColumns = min(max(byCache, Self.fewestColumns), byPlane) / unit * unit
    let across = balanced(s.outputWidth, max(unit, mostColumns))
    tileColumns = across.count == 1 ? s.outputWidth : whole(across.size, unit)
    tilesAcross = (s.outputWidth + tileColumns - 1) / tileColumns
    rowStride = whole(tileColumns + haloX, unit)
    let rows = max(elements / (phases * rowStride * channels) - haloY, Self.fewestRows)
    (tileRows, tilesDown) = balanced(
      s.outputHeight, max(1, min(rows, room / (phases * rowStride) - haloY)))
    phaseRows = tileRows + haloY
    phaseStride = phaseRows * rowStride
    // An odd number of cache lines: planes a power of two apart would share few sets of the cache.
    let line = 64 / elementSize
    planeStride = ((phases * phaseStride + Self.slack + line - 1) / line | 1) * line
    var offsets: [Int] = []
    for ky in 0..<s.kernelHeight {
      for kx in 0..<s.kernelWidth {
        let (rowY, phaseY) = (ky * s.dilationY).quotientAndRemainder(dividingBy: s.strideY)
        let (columnX, viewX) =
          isAligned
          ? (0, columns[kx]) : columns[kx].quotientAndRemainder(dividingBy: s.strideX)
        let phase = phasesY.firstIndex(of: phaseY)! * viewsX.count + viewsX.firstIndex(of: viewX)!
        offsets.append(phase * phaseStride + rowY * rowStride + columnX)
      }
    }
    tapOffsets = offsets
  }

  /// Rows of the image itself as tiles, for kernels that read no further than they must: it has to be
  /// channels-first, without padding, at stride 1.
  init(inPlace s: ConvolutionShape) {
    (shape, channels, isInPlace) = (s, s.channels, true)
    let most = max(1, min(s.outputHeight, Self.pixelsInPlace / s.outputWidth))
    let down = (s.outputHeight + most - 1) / most
    tileRows = (s.outputHeight + down - 1) / down
    tilesDown = (s.outputHeight + tileRows - 1) / tileRows
    (tileColumns, tilesAcross) = (s.outputWidth, 1)
    (phasesY, viewsX, isAligned, haloX) = ([0], [0], false, 0)
    (rowStride, phaseRows, phaseStride) = (s.width, s.height, s.height * s.width)
    planeStride = phaseStride
    tapOffsets = (0..<s.taps).map {
      $0 / s.kernelWidth * s.dilationY * s.width + $0 % s.kernelWidth * s.dilationX
    }
  }

  /// Whether ``init(inPlace:)`` may be used.
  static func readsInPlace(_ s: ConvolutionShape, _ layout: ImageLayout) -> Bool {
    layout == .nchw && s.strideY == 1 && s.strideX == 1
      && s.padTop + s.padLeft + s.padBottom + s.padRight == 0
  }

  var tiles: Int { tilesDown * tilesAcross }
  /// Elements of a tile of all channels; none when it is the image.
  var tileCount: Int { isInPlace ? 0 : channels * planeStride }
  /// The largest offset that an element of a plane has for a tap.
  var hasNarrowPlanes: Bool { planeStride <= 1 << 16 }

  /// What tile number `tile` of an image computes.
  func tile(_ tile: Int) -> ConvolutionTile {
    let (down, across) = tile.quotientAndRemainder(dividingBy: tilesAcross)
    let (row, column) = (down * tileRows, across * tileColumns)
    return ConvolutionTile(
      row: row, column: column, rows: min(tileRows, shape.outputHeight - row),
      columns: min(tileColumns, shape.outputWidth - column))
  }
}

/// A rectangle of output pixels.
struct ConvolutionTile {
  var row: Int, column: Int, rows: Int, columns: Int
}
