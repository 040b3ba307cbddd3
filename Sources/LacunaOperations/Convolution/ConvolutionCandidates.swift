// What a convolution of floats may run: strips, planes, a product, OpenBLAS on patches; and what each would take.

import LacunaFormats

/// Share of the speed on aligned panels that loads across cache lines leave of strips of one row; taller strips use
/// each load more. With AVX2 two loads in five cross a line, and direct reading was the faster one of the two for
/// seven of eight 3×3 and strided layers of ResNets at 90 % (Zen 3, a loaded machine), packing included; with AVX-512
/// all but one in sixteen do. That share was set by hand.
func unalignedShare(_ isa: ISA) -> Double { isa.includes(.v4) ? 0.6 : 0.95 }

/// Share of the peak that the depthwise kernels' loads leave: one for each multiply-add, most of them across a line.
private let planesShare = 0.4

/// Bytes per second at which panels and patches are copied inside the caches, and images from further away.
let copyRate = 3e10

func convolutionCandidates<Scalar: SparseScalar>(
  _ context: ConvolutionContext, _ weights: ConvolutionWeights<Scalar>, _ roof: Roofline
) -> [ConvolutionCandidate] {
  let s = context.shape
  let images = Double(max(context.images, 1))
  let size = Double(context.dtype.size)
  let traffic = Double(s.inputCount + s.outputCount) * images * size
  let isDense = weights.source.isDense
  var list: [ConvolutionCandidate] = []

  func strips(_ weights: ConvolutionWeights<Scalar>, prefix: String, isDense: Bool) {
    let maker = StripMaker(context: context, weights: weights)
    let stored = Double(weights.source.stored)
    let flops = 2 * stored * Double(s.pixels) * images
    let density = stored / Double(s.filters * s.patch)
    for reading in StripReading.allCases {
      let tiling = maker.tiling(reading)
      let share = KernelShares(context.table.isa).strip(
        rows: weights.blockRows, vectors: maker.vectors(tiling), density: density)
      let work = maker.work(tiling)
      let copied =
        reading == .direct
        ? 0 : Double(s.channels * s.taps) * Double(s.pixels) * work * 2 * size * images
      let packed = Double(tiling.tileCount * tiling.tiles) * images * 2 * size
      let reached =
        reading == .direct && weights.blockRows == 1 && !tiling.isAligned
        ? share * unalignedShare(context.table.isa) : share
      let name = maker.name(reading, prefix: prefix)
      list.append(
        ConvolutionCandidate(
          name: name, isDense: isDense,
          seconds: flops * work / (roof.peak * reached) + (copied + packed + traffic) / copyRate,
          flops: flops, bytes: traffic + stored * (size + 2),
          make: { () throws(OperationError) in try maker.make(name, reading) }))
    }
  }

  strips(weights, prefix: "", isDense: isDense)
  // The others keep their values.
  if context.options.updatable { return list }
  if DepthwiseConvolution<Scalar>.suits(context) {
    let stored = Double(weights.source.stored)
    let flops = 2 * stored * Double(s.pixels) * images
    let lanes = context.table.kernel(.depthwise, dtype: context.dtype)!.vectorBytes / Int(size)
    let wasted = Double((s.outputWidth + lanes - 1) / lanes * lanes) / Double(s.outputWidth)
    list.append(
      ConvolutionCandidate(
        name: DepthwiseConvolution<Scalar>.candidateName, isDense: isDense,
        seconds: flops * wasted / (roof.peak * planesShare) + 2 * traffic / copyRate,
        flops: flops, bytes: traffic + stored * size,
        make: { () throws(OperationError) in DepthwiseConvolution(context, weights) }))
  }
  if isDense || weights.storesAll || !context.options.excludesDense {
    let flops = 2 * Double(s.filters * s.patch) * Double(s.pixels) * images
    func overChannels(
      _ name: String, turned: Double, _ make: @escaping () -> any ConvolutionBody
    ) {
      list.append(
        ConvolutionCandidate(
          name: name, isDense: isDense || !weights.storesAll,
          seconds: flops / (roof.peak * planesShare) + (traffic + turned) / copyRate, flops: flops,
          bytes: traffic + Double(s.filters * s.patch) * size,
          make: { () throws(OperationError) in make() }))
    }
    if ChannelConvolution<Scalar>.suits(context) {
      overChannels(ChannelConvolution<Scalar>.candidateName, turned: 0) {
        ChannelConvolution(context, weights)
      }
    }
    if TurnedChannelConvolution<Scalar>.suits(context) {
      overChannels(TurnedChannelConvolution<Scalar>.candidateName, turned: traffic) {
        TurnedChannelConvolution(context, weights)
      }
    }
  }
  if PointwiseConvolution.suits(context) {
    list.append(
      context.productCandidate(
        .floats(weights.source.withNarrowBlocks), besides: list, isDense: isDense))
  }
  if context.options.excludesDense && !isDense { return list }
  let flops = 2 * Double(s.filters * s.patch) * Double(s.pixels) * images
  let patches = Double(s.channels * s.taps) * Double(s.pixels) * images * 2 * size
  // A group with few filters multiplies a few rows: as slow as so few columns would be.
  let share = Roofline.denseShare(columns: min(s.groupFilters, s.pixels), isa: .detected)
  list.append(
    ConvolutionCandidate(
      name: "im2col", isDense: true,
      seconds: flops / (roof.densePeak * share) + (patches + traffic) / copyRate, flops: flops,
      bytes: traffic + patches,
      make: { () throws(OperationError) in PatchConvolution(context, weights) }))
  // Weights that store everything anyway gain nothing by being called dense, unless strips become taller.
  if let dense = weights.dense, !weights.storesAll || dense.blockRows > weights.blockRows {
    strips(dense, prefix: "dense-", isDense: true)
  }
  return list
}

extension ConvolutionWeights {
  /// Whether no zero is left out.
  fileprivate var storesAll: Bool { source.stored == shape.filters * shape.patch }

  /// The same with all zeros stored; nil when they are.
  fileprivate var dense: ConvolutionWeights? {
    switch source {
    case .csr(let w): .init(source: .dense(w.dense()), shape: shape, order: order)
    case .bsr(let w): .init(source: .dense(w.dense()), shape: shape, order: order)
    case .dense: nil
    }
  }
}
