// How weights, planes and panels are cut for the strip kernels of a convolution.

import LacunaFormats

/// Share of the second-level cache that a tile may take: weights stream through the rest.
private let tileShare = 0.5
/// Share of the first-level cache that a column block's rows of X may take.
private let blockShare = 1.0
/// How much wider than its rows with their halo a tile may be for the sake of loads that cross no line of the cache: the
/// more rows of weights share a load, the less it costs. Pixels whose channels come last take more to bring there.
private func mostRounding(_ layout: ImageLayout, rows: Int) -> Double {
  switch rows {
  case 1: layout == .nchw ? 1.25 : 1.1
  case 2: layout == .nchw ? 1.15 : 1.1
  default: layout == .nchw ? 0.98 : 0
  }
}
/// Registers of a panel's row in an aligned tile.
private let alignedVectors = 8
/// Channels that consecutive groups are packed together for: enough rows for a kernel call, few enough for a tile of
/// some rows.
private let partChannels = 32

/// Makes strip convolutions of some weights.
struct StripMaker {
  let context: ConvolutionContext
  let weights: any StripConvolutionWeights

  private var shape: ConvolutionShape { weights.planes }

  /// Such as "direct-2x1".
  func name(_ reading: StripReading, prefix: String = "") -> String {
    "\(prefix)\(reading.rawValue)-\(weights.blockRows)x\(weights.inputs)"
  }

  /// Groups per part, all parts but the last.
  private var partGroups: Int {
    if shape.groups == 1 { return 1 }
    let most = max(1, min(shape.groups, partChannels / shape.groupChannels))
    let parts = (shape.groups + most - 1) / most
    return (shape.groups + parts - 1) / parts
  }

  func tiling(_ reading: StripReading) -> ConvolutionTiling {
    if reading == .panels && weights.inputs == 1
      && ConvolutionTiling.readsInPlace(shape, context.layout)
    {
      return ConvolutionTiling(inPlace: shape)
    }
    let channels = partGroups * shape.groupChannels
    return ConvolutionTiling(
      shape, channels: channels, elementSize: context.dtype.size,
      bytes: Int(Double(CPUInfo.current.level2Bytes) * tileShare),
      plane: shape.groups == 1 ? 1 << 16 : max((1 << 16) / channels, 1 << 10),
      alignment: reading == .direct && context.bytes == nil
        ? (lanes, mostRounding(context.layout, rows: weights.blockRows)) : nil)
  }

  private func kernel(_ height: Int) -> Kernel {
    context.table.kernel(
      .spmm, variant: "\(height)x\(weights.inputs)", types: weights.kernelTypes)!
  }

  private var heights: [Int] {
    KernelTable.stripHeights.filter { kernel($0).mostVectors > 0 }
  }

  private var usedHeights: [Int] {
    stripParts(of: weights.blockRows, heights: heights).map(\.height) + [1]
  }

  /// Rows of the tallest strips.
  var strip: Int { usedHeights[0] }

  /// Registers of a panel's row: as for products, where it was measured. Panels of an aligned tile are wide, because taps one
  /// above the other read the same rows: twice the width takes much less than twice the room.
  func vectors(_ tiling: ConvolutionTiling) -> Int {
    let most = usedHeights.map { kernel($0).mostVectors }.min()!
    if tiling.isAligned && strip == 1 && shape.kernelHeight > 1 { return min(most, alignedVectors) }
    let bytes = widestPanelBytes(strip: strip, density: weights.density, columns: shape.patch)
    let widest = max(1, bytes / kernel(1).vectorBytes)
    let run = tiling.runVectors(lanes: lanes, vectors: min(most, widest), strip: strip)
    return panelVectors(widest, of: run, strip: strip, kernels: most)
  }

  /// What a tile computes for each column of the result.
  func work(_ tiling: ConvolutionTiling) -> Double {
    tiling.work(lanes: lanes, vectors: vectors(tiling), strip: strip)
  }

  var lanes: Int { kernel(1).vectorBytes / context.dtype.size }

  /// Channels whose rows of X a panel finds in the first-level cache.
  private func channelBlock(
    _ reading: StripReading, _ tiling: ConvolutionTiling, channels: Int
  ) -> Int {
    let perIndex = reading == .direct ? tiling.planeStride : shape.taps
    let indexed = max((1 << 16) / perIndex, 1)
    // Groups that see few channels use each row of X few times: nothing would stay to be used again.
    if shape.groups > 1 && channels <= indexed && reading == .direct { return channels }
    let vectors = vectors(tiling)
    var lines = shape.taps * vectors
    if reading == .direct {
      // Rows of a view that several taps read are there once.
      let cut = tiling.isAligned ? 0 : 1
      let halo = tiling.phaseRows - tiling.tileRows
      let rows = (shape.kernelHeight + tiling.phasesY.count - 1) / tiling.phasesY.count
      let view = min(
        vectors + (halo * tiling.rowStride + lanes - 1) / lanes + cut, rows * (vectors + cut))
      lines = tiling.phasesY.count * tiling.viewsX.count * view
    }
    let bytes = lines * kernel(1).vectorBytes
    let cached = Int(Double(CPUInfo.current.level1Bytes) * blockShare) / bytes
    let most = max(1, min(indexed, cached))
    let blocks = (channels + most - 1) / most
    return (channels + blocks - 1) / blocks
  }

  /// nil when a plane has more elements than indices reach.
  func make(_ name: String, _ reading: StripReading) throws(OperationError) -> StripConvolution? {
    let tiling = tiling(reading)
    if reading == .direct && !tiling.hasNarrowPlanes { return nil }
    let stride = reading == .direct ? tiling.planeStride : shape.taps
    let offsets = reading == .direct ? tiling.tapOffsets : Array(0..<shape.taps)
    let vectors = vectors(tiling)
    let rowBytes = vectors * kernel(1).vectorBytes
    var parts: [ConvolutionPart] = []
    for first in Swift.stride(from: 0, to: shape.groups, by: partGroups) {
      let groups = first..<min(first + partGroups, shape.groups)
      let channels = groups.count * shape.groupChannels
      let block = channelBlock(reading, tiling, channels: channels)
      let tallest = max(CPUInfo.current.level2Bytes / 2 / rowBytes, 64)
      let tasks = context.options.threads > 1 ? 2 * context.options.threads : 1
      let others = tiling.tiles * ((shape.groups + partGroups - 1) / partGroups) * context.images
      let packed = try weights.packed(groups: groups, channelStride: stride, tapOffsets: offsets) {
        let cuts = balancedCuts(
          rows: $0.rows, unit: weights.blockRows,
          parts: max(($0.rows + tallest - 1) / tallest, (tasks + others - 1) / others),
          stored: $0.storedBefore)
        return PackingShape(rowCuts: cuts, columnBlock: block * stride, heights: heights)
      }
      parts.append(
        ConvolutionPart(
          firstChannel: first * shape.groupChannels, channels: channels,
          firstFilter: first * shape.groupFilters, weights: packed, channelBlock: block,
          kernels: packed.heights.map(kernel)))
    }
    return StripConvolution(
      name: name, context, tiling, reading, parts, vectors: vectors,
      vectorBytes: kernel(1).vectorBytes, strip: strip)
  }
}
