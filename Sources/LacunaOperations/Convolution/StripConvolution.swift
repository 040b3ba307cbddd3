// Y[f, o] ← bound(Σ W[f, c, tap] · tile[c·plane + tap + o] + b[f] + R[f, o]) with the strip kernels.

import CSIMD
import LacunaFormats

/// How a strip convolution brings X to the kernels.
enum StripReading: String, Sendable, CaseIterable {
  /// Every nonzero reads registers of its channel's plane at its tap: indices are offsets into the tile. Loads cross
  /// cache lines, unless the tile is aligned.
  case direct
  /// Rows of the patch matrix are copied, some registers wide, next to each other in the first-level cache.
  /// Loads are aligned; pays when many filters use each row.
  case panels
}

/// A convolution whose weights are packed in strips.
///
/// Each task is a tile of one image times a block of filters of one part: consecutive groups, all of them when
/// there is one. The tile is packed once for the row blocks that follow each other in a slice, and panels of
/// T registers walk over its virtual output, whose rows go on for the halo's width (those junk columns are
/// computed and dropped) or end where the output's do, whichever wastes less. A sum adds its terms in the order of
/// columns whatever the slices are.
final class StripConvolution: ConvolutionBody {
  let name: String
  let context: ConvolutionContext
  let tiling: ConvolutionTiling
  let reading: StripReading
  let parts: [ConvolutionPart]
  private let packer: any PlanePacker
  private let copy: Kernel, turn: Kernel, unpack: Kernel
  private let sum: Kernel
  private let mostVectors: Int, vectorBytes: Int
  private let rowsApart: Bool
  /// Bytes of a tile's element and of a sum.
  private let size: Int
  private let bytes: ByteResults?
  // Kept, not computed: every panel asks for them.
  private let tileBytes: Int, scratchBytes: Int, sumsBytes: Int, panelBytes: Int
  private let rowBlocks: Int

  init(
    name: String, _ context: ConvolutionContext, _ tiling: ConvolutionTiling,
    _ reading: StripReading,
    _ parts: [ConvolutionPart], vectors: Int, vectorBytes: Int, strip: Int
  ) {
    (self.name, self.context, self.tiling, self.reading) = (name, context, tiling, reading)
    (self.parts, mostVectors, self.vectorBytes) = (parts, vectors, vectorBytes)
    packer =
      context.bytes.map { QuadTilePacker(tiling, context, $0) } ?? TilePacker(tiling, context)
    bytes = context.bytes.map {
      ByteResults($0, columns: vectors * vectorBytes / 4, context)
    }
    copy = context.table.kernel(.packRows, dtype: context.dtype)!
    turn = context.table.kernel(.packTransposed, dtype: context.dtype)!
    unpack = context.table.kernel(.unpackImageRows, dtype: context.dtype)!
    sum = context.table.kernel(.residual, dtype: context.dtype)!
    size = context.dtype.size
    tileBytes = (tiling.tileCount * size + 63) / 64 * 64
    scratchBytes = (packer.scratchBytes + 63) / 64 * 64
    let rowBytes = vectors * vectorBytes
    sumsBytes = parts.map(\.weights.tallestRowBlock).max()! * rowBytes
    panelBytes =
      reading == .direct
      ? 0 : parts.map { $0.channelBlock * context.shape.taps }.max()! * rowBytes
    rowBlocks = parts.reduce(0) { $0 + $1.weights.rowBlocks }
    rowsApart = tiling.panelsEndWithRows(
      lanes: vectorBytes / size, vectors: vectors, strip: strip)
  }

  var packedBytes: Int { parts.reduce(0) { $0 + $1.weights.byteCount } }

  /// A tile, what its packer needs, a panel of sums, one of X, and results whose channels lie together before they
  /// become bytes.
  var workspaceBytes: Int { turnedOffset + (bytes?.turns == true ? sumsBytes : 0) }
  private var turnedOffset: Int { tileBytes + scratchBytes + sumsBytes + panelBytes }

  func usefulSlices(images: Int) -> Int { images * tiling.tiles * rowBlocks }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let perTile = rowBlocks
    let tasks = call.images * tiling.tiles * perTile
    let (begin, end) = (tasks * slice / slices, tasks * (slice + 1) / slices)
    var first = begin
    while first < end {
      let (position, block) = first.quotientAndRemainder(dividingBy: perTile)
      let last = min(end - position * perTile, perTile)
      runTile(call, position: position, blocks: block..<last, workspace)
      first = position * perTile + last
    }
    if context.isInMemory(images: call.images) { lcn_finish_streams() }
  }

  /// Some row blocks, numbered through all parts, on one tile of one image.
  private func runTile(
    _ call: ConvolutionCall, position: Int, blocks: Range<Int>, _ workspace: UnsafeMutableRawPointer
  ) {
    let (image, number) = position.quotientAndRemainder(dividingBy: tiling.tiles)
    let tile = tiling.tile(number)
    let isFar = context.isFar(images: call.images)
    let streams = context.isInMemory(images: call.images)
    let pixels = call.x + image * context.shape.inputCount * context.inputSize
    var before = 0
    for part in parts {
      let mine = blocks.clamped(to: before..<(before + part.weights.rowBlocks))
      if !mine.isEmpty {
        var planes = UnsafeRawPointer(workspace)
        if tiling.isInPlace {
          planes =
            pixels + (part.firstChannel * tiling.planeStride + tile.row * tiling.rowStride) * size
        } else {
          packer.pack(
            tile, of: pixels, firstChannel: part.firstChannel, count: part.channels,
            into: workspace, scratch: workspace + tileBytes)
        }
        for block in mine {
          multiply(
            Work(
              call: call, image: image, tile: tile, part: part, rowBlock: block - before,
              isFar: isFar, streams: streams),
            planes: planes, sums: workspace + tileBytes + scratchBytes)
        }
      }
      before += part.weights.rowBlocks
    }
  }

  private struct Work {
    let call: ConvolutionCall
    let image: Int
    let tile: ConvolutionTile
    let part: ConvolutionPart
    let rowBlock: Int
    let isFar: Bool, streams: Bool
  }

  /// All panels of a tile times one row block.
  private func multiply(
    _ work: Work, planes: UnsafeRawPointer, sums: UnsafeMutableRawPointer
  ) {
    let (tile, lanes) = (work.tile, vectorBytes / size)
    let width =
      rowsApart ? tile.columns : (tile.rows - 1) * tiling.rowStride + tile.columns
    let vectors = (width + lanes - 1) / lanes
    let panels = (vectors + mostVectors - 1) / mostVectors
    for segment in 0..<(rowsApart ? tile.rows : 1) {
      for panel in 0..<panels {
        let (first, end) = (vectors * panel / panels, vectors * (panel + 1) / panels)
        multiply(
          work, planes: planes, start: segment * tiling.rowStride + first * lanes,
          columns: min((end - first) * lanes, width - first * lanes), vectors: end - first,
          following: work.isFar ? following(work, planes, min(end * lanes, width), width) : nil,
          sums: sums)
      }
    }
  }

  /// What a tile that is no copy is followed by in memory, after `end` of its `width` places: where its next panel begins,
  /// its next tile, or its next image.
  private func following(
    _ work: Work, _ planes: UnsafeRawPointer, _ end: Int, _ width: Int
  ) -> UnsafeRawPointer? {
    if !tiling.isInPlace || rowsApart { return nil }
    if end < width || work.tile.row + work.tile.rows < context.shape.outputHeight {
      return planes + end * size
    }
    let next = work.image + 1
    return next < work.call.images && parts.count == 1
      ? work.call.x + next * context.shape.inputCount * size : nil
  }

  /// What the strips of a column block ask for: rows of X, where they are the image's own; or the rows of Y to which sums are
  /// brought when all are made.
  private func next(
    _ work: Work, block: Int, section: Int, _ planes: UnsafeRawPointer,
    following: UnsafeRawPointer?, start: Int, target: Int
  ) -> lcn_next_rows {
    let weights = work.part.weights
    let height = weights.heights[section]
    if tiling.isInPlace {
      if context.shape.taps > 1 { return lcn_next_rows() }
      return weights.next(
        rowBlock: work.rowBlock, columnBlock: block, height: height, x: planes + start * size,
        stride: tiling.planeStride * size, following: following)
    }
    if block < weights.columnBlocks - 1 || isContiguous(work.tile) || context.layout == .nhwc
      || bytes?.output != nil
    {
      return lcn_next_rows()
    }
    let rows = weights.rowCuts[work.rowBlock + 1] - weights.rowCuts[work.rowBlock]
    return lcn_next_rows(
      rows: UnsafeRawPointer(work.call.y + target), stride: Int64(context.shape.pixels * size),
      count: Int32(rows), share: Int32(height))
  }

  /// One panel: virtual outputs `start ..< start + columns` of the tile.
  private func multiply(
    _ work: Work, planes: UnsafeRawPointer, start: Int, columns: Int, vectors: Int,
    following: UnsafeRawPointer?, sums: UnsafeMutableRawPointer
  ) {
    let (weights, part) = (work.part.weights, work.part)
    let firstRow = weights.rowCuts[work.rowBlock]
    let rows = weights.rowCuts[work.rowBlock + 1] - firstRow
    let filter = part.firstFilter + firstRow
    let stride = vectors * vectorBytes
    let panel = sums + sumsBytes
    let writesY = isContiguous(work.tile) && bytes?.output == nil
    let place =
      context.target(image: work.image, filter: filter, pixel: pixel(start, in: work.tile)) * size
    let target = writesY ? work.call.y + place : sums
    let last = weights.columnBlocks - 1
    let streams =
      work.streams && writesY && bytes == nil
      && context.epilogue.function == nil && columns * size == stride
      && context.shape.pixels * size % vectorBytes == 0
      && Int(bitPattern: target) % vectorBytes == 0
    let asks =
      writesY && !streams
      && weights.asksForY(rows: rows, width: columns, size: size, isFar: work.isFar)
    // Where results are written by the kernel, it adds the residual too.
    let residual =
      writesY && bytes == nil ? work.call.residual.map { $0 + (target - work.call.y) } : nil
    let (lower, upper) =
      context.addsResidual && residual == nil
      ? (-.infinity, .infinity) : (context.epilogue.lower, context.epilogue.upper)
    for block in 0...last {
      var x = UnsafeRawPointer(panel)
      var isPacked = false
      for section in part.kernels.indices {
        let region = weights.region(rowBlock: work.rowBlock, columnBlock: block, section: section)
        if region.groupCount == 0 { continue }
        if reading == .direct {
          x = planes + (block * weights.columnBlock + start) * size
        } else if !isPacked {
          packPanel(
            planes, part, block: block, start: start, columns: columns, vectors: vectors, panel)
          isPacked = true
        }
        var arguments = lcn_spmm_args(
          x: x, xStride: Int64(reading == .direct ? size : stride), weights: region.weights,
          indices: region.indices, groups: region.groups, groupCount: Int64(region.groupCount),
          rows: region.rows, partial: sums, partialStride: Int64(stride), y: target,
          yStride: Int64(writesY ? context.shape.pixels * size : stride),
          residual: residual, bias: UnsafeRawPointer(context.epilogue.bias + filter * size),
          lower: lower, upper: upper,
          columns: Int64(writesY ? columns : vectors * vectorBytes / size),
          vectors: Int32(vectors), strip: Int32(weights.heights[section]),
          startsFromBias: block == 0 ? 1 : 0, finishes: block == last ? 1 : 0,
          fetchesTarget: asks && block == last ? 1 : 0,
          fetchesResidual: work.isFar && residual != nil && block == last ? 1 : 0,
          streams: streams && block == last ? 1 : 0,
          next: work.isFar
            ? next(
              work, block: block, section: section, planes, following: following, start: start,
              target: place) : lcn_next_rows(),
          quads: bytes?.scales(filter: filter) ?? lcn_quad_scales())
        part.kernels[section].call(&arguments)
      }
    }
    if !context.addsResidual || residual != nil {
      context.epilogue.activate(
        target, rows: rows, columns: columns,
        stride: writesY ? context.shape.pixels : stride / size)
    }
    if residual != nil { return }
    deliver(
      work, filter: filter, rows: rows, start: start, columns: columns, sums: sums, stride: stride,
      isWritten: writesY)
  }

  /// Patch rows of one column block: one call of the kernel per tap copies its row of every channel.
  private func packPanel(
    _ planes: UnsafeRawPointer, _ part: ConvolutionPart, block: Int, start: Int, columns: Int,
    vectors: Int, _ panel: UnsafeMutableRawPointer
  ) {
    let taps = context.shape.taps
    let first = block * part.channelBlock
    let channels = min(part.channelBlock, part.channels - first)
    let padded = vectors * vectorBytes / size
    for tap in 0..<taps {
      let source = first * tiling.planeStride + tiling.tapOffsets[tap] + start
      var arguments = lcn_pack_args(
        source: planes + source * size, sourceStride: Int64(tiling.planeStride),
        target: panel + tap * padded * size, targetStride: Int64(taps * padded),
        rows: Int64(channels), columns: Int64(columns), paddedColumns: Int64(padded))
      copy.call(&arguments)
    }
  }

  /// Whether the columns of a panel are neighbours in the result.
  @inline(__always)
  private func isContiguous(_ tile: ConvolutionTile) -> Bool {
    context.layout == .nchw
      && (rowsApart
        || tiling.rowStride == tile.columns && tile.columns == context.shape.outputWidth)
  }

  /// The output pixel of a virtual one.
  @inline(__always)
  private func pixel(_ place: Int, in tile: ConvolutionTile) -> Int {
    (tile.row + place / tiling.rowStride) * context.shape.outputWidth + tile.column
      + place % tiling.rowStride
  }

  /// Brings the real columns of a panel to the result, and adds the residual to them.
  private func deliver(
    _ work: Work, filter: Int, rows: Int, start: Int, columns: Int, sums: UnsafeMutableRawPointer,
    stride: Int, isWritten: Bool
  ) {
    let isFloat = bytes?.output == nil
    let isUnpacked = !isWritten && isFloat && context.layout == .nchw
    if isUnpacked { unpack(work, filter: filter, rows: rows, start, columns, sums, stride) }
    if (isWritten || isUnpacked) && !context.addsResidual { return }
    var place = start
    while place < start + columns {
      let column = place % tiling.rowStride
      if !isWritten && column >= work.tile.columns {
        place += tiling.rowStride - column
        continue
      }
      let left = start + columns - place
      let count = isWritten ? left : min(left, work.tile.columns - column)
      let pixel = pixel(place, in: work.tile)
      let target =
        context.target(image: work.image, filter: filter, pixel: pixel) * context.outputSize
      if let bytes, bytes.output != nil {
        bytes.deliver(
          UnsafeRawPointer(sums + (place - start) * size), stride: stride / size,
          to: work.call.y + target, rows: rows, count: count,
          turned: sums + sumsBytes + panelBytes)
      } else if !isWritten && !isUnpacked {
        turn(
          UnsafeRawPointer(sums + (place - start) * size), stride: stride,
          to: work.call.y + target, rows: rows, count: count)
      }
      if let residual = work.call.residual {
        let channelsFirst = context.layout == .nchw
        var arguments = lcn_residual_args(
          y: work.call.y + target, residual: residual + target,
          rows: Int64(channelsFirst ? rows : count), columns: Int64(channelsFirst ? count : rows),
          stride: Int64(channelsFirst ? context.shape.pixels : context.shape.filters),
          lower: context.epilogue.lower, upper: context.epilogue.upper)
        sum.call(&arguments)
        context.epilogue.activate(
          work.call.y + target, rows: channelsFirst ? rows : count,
          columns: channelsFirst ? count : rows,
          stride: channelsFirst ? context.shape.pixels : context.shape.filters)
      }
      place += count
    }
  }

  /// The real columns of a panel to rows of a result whose channels come first.
  private func unpack(
    _ work: Work, filter: Int, rows: Int, _ start: Int, _ columns: Int,
    _ sums: UnsafeMutableRawPointer, _ stride: Int
  ) {
    let (line, first) = start.quotientAndRemainder(dividingBy: tiling.rowStride)
    let target = context.target(
      image: work.image, filter: filter, pixel: pixel(line * tiling.rowStride, in: work.tile))
    var arguments = lcn_image_unpack_args(
      source: sums, sourceStride: Int64(stride / size), target: work.call.y + target * size,
      targetStride: Int64(context.shape.pixels), targetLine: Int64(context.shape.outputWidth),
      rows: Int64(rows), columns: Int64(columns), first: Int64(first),
      kept: Int64(work.tile.columns), line: Int64(tiling.rowStride))
    unpack.call(&arguments)
  }

  /// A run of pixels of some filters, from a panel of sums, to a result whose channels come last.
  private func turn(
    _ source: UnsafeRawPointer, stride: Int, to target: UnsafeMutableRawPointer, rows: Int,
    count: Int
  ) {
    var arguments = lcn_pack_args(
      source: source, sourceStride: Int64(stride / size), target: target,
      targetStride: Int64(context.shape.filters), rows: Int64(count), columns: Int64(rows),
      paddedColumns: Int64(rows))
    turn.call(&arguments)
  }
}
