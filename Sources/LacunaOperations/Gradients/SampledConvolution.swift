// dW[f, c, tap] += Σ over images and pixels of dY[f, pixel] · X[c, pixel's input at the tap], for kept weights alone.

import CSIMD
import LacunaFormats

/// The gradient of a convolution's kept weights, without patches.
///
/// Tiles of X are packed as for strips, so that a tap's inputs are the plane from some offset on; dY is packed with
/// rows as long as those of the tile, and zeros where they go on for the halo. A weight's sum is then a dot product of
/// two runs of memory: the kernel of sampled products computes it, with offsets into the tile for its column indices
/// and one element from one "row" of X to the next.
final class SampledConvolution: Sendable {
  private let context: ConvolutionContext
  private let tiling: ConvolutionTiling
  private let packer: TilePacker
  private let kernel: Kernel, copy: Kernel, turn: Kernel
  private let size: Int, lanes: Int
  /// Offset of each kept weight's input in a tile, for the first output.
  private let offsets: [UInt32]
  /// Where the weights of each filter start, and the last one's end.
  private let starts: [Int64]
  /// Elements of a filter's dY: the longest run, whole registers, and one more that copies may write to.
  private let outputStride: Int
  private let tileBytes: Int

  /// Registers of a panel's row at most: few horizontal sums, and the part of the planes that it reads stays near.
  private static let vectors = 16
  /// Share of the second-level cache that a tile may take.
  private static let tileShare = 0.5

  init(
    _ pattern: CSRPattern, _ places: [(channel: Int, tap: Int)], _ context: ConvolutionContext
  ) {
    self.context = context
    let shape = context.shape
    size = context.dtype.size
    tiling = ConvolutionTiling(
      shape, channels: shape.channels, elementSize: size,
      bytes: Int(Double(CPUInfo.current.level2Bytes) * Self.tileShare), plane: 1 << 16)
    packer = TilePacker(tiling, context)
    kernel = context.table.kernel(.sddmm, dtype: context.dtype)!
    copy = context.table.kernel(.packRows, dtype: context.dtype)!
    turn = context.table.kernel(.packTransposed, dtype: context.dtype)!
    lanes = kernel.vectorBytes / size
    var offsets: [UInt32] = []
    offsets.reserveCapacity(pattern.nnz)
    for p in 0..<pattern.nnz {
      let place = places[pattern.columnIndices[p]]
      offsets.append(UInt32(place.channel * tiling.planeStride + tiling.tapOffsets[place.tap]))
    }
    self.offsets = offsets
    starts = pattern.rowOffsets.map(Int64.init)
    let longest = (tiling.tileRows - 1) * tiling.rowStride + tiling.tileColumns
    outputStride = ((longest + lanes - 1) / lanes + 1) * lanes
    // A register that begins at the last plane's last input reads on.
    tileBytes = (tiling.tileCount * size + kernel.vectorBytes + 63) / 64 * 64
  }

  var workspaceBytes: Int { tileBytes + context.shape.filters * outputStride * size }

  /// Adds the gradients of `images` images to `values`. Not checked: anything.
  func run(
    x: UnsafeRawPointer, g: UnsafeRawPointer, images: Int,
    addingTo values: UnsafeMutableRawPointer, workspace: UnsafeMutableRawPointer
  ) {
    if offsets.isEmpty { return }
    let shape = context.shape
    // What a register reads behind the planes meets zeros of dY, and may be no NaN.
    let planeBytes = tiling.tileCount * size
    (workspace + planeBytes).initializeMemory(
      as: UInt8.self, repeating: 0, count: tileBytes - planeBytes)
    for image in 0..<images {
      for number in 0..<tiling.tiles {
        let tile = tiling.tile(number)
        packer.pack(
          tile, of: x + image * shape.inputCount * size, firstChannel: 0, count: shape.channels,
          into: workspace, scratch: workspace + tileBytes)
        pack(tile, of: g + image * shape.outputCount * size, into: workspace + tileBytes)
        add(tile, planes: workspace, outputs: workspace + tileBytes, to: values)
      }
    }
  }

  /// Sums of the tile, panel by panel: a filter's part of dY stays in registers for all its weights.
  private func add(
    _ tile: ConvolutionTile, planes: UnsafeRawPointer, outputs: UnsafeRawPointer,
    to values: UnsafeMutableRawPointer
  ) {
    let width = (tile.rows - 1) * tiling.rowStride + tile.columns
    let vectors = (width + lanes - 1) / lanes
    starts.withUnsafeBufferPointer { starts in
      offsets.withUnsafeBytes { offsets in
        for first in stride(from: 0, to: vectors, by: Self.vectors) {
          let start = first * kernel.vectorBytes
          var arguments = lcn_sddmm_args(
            g: outputs + start, gStride: Int64(outputStride * size), x: planes + start,
            xStride: Int64(size), starts: starts.baseAddress!, splits: 1,
            indices: offsets.baseAddress!, values: values, rows: Int64(context.shape.filters),
            vectors: Int32(min(Self.vectors, vectors - first)), indexBytes: 4, adds: 1)
          kernel.call(&arguments)
        }
      }
    }
  }

  /// dY of a tile, a row as long as one of the tile's planes, zeros behind each.
  private func pack(
    _ tile: ConvolutionTile, of g: UnsafeRawPointer, into target: UnsafeMutableRawPointer
  ) {
    let shape = context.shape
    target.initializeMemory(
      as: UInt8.self, repeating: 0, count: shape.filters * outputStride * size)
    for row in 0..<tile.rows {
      let pixel = (tile.row + row) * shape.outputWidth + tile.column
      let isTurned = context.layout == .nhwc
      var arguments = lcn_pack_args(
        source: g + (isTurned ? pixel * shape.filters : pixel) * size,
        sourceStride: Int64(isTurned ? shape.filters : shape.pixels),
        target: target + row * tiling.rowStride * size, targetStride: Int64(outputStride),
        rows: Int64(shape.filters), columns: Int64(tile.columns),
        paddedColumns: Int64(tile.columns))
      (isTurned ? turn : copy).call(&arguments)
    }
  }
}
