// Which body a convolution runs: estimated by a roofline, timed where that can change the choice.

import LacunaFormats

/// As for products: a sparse candidate has to be this much faster than dense.
private let denseBias = 0.95
/// Candidates further than this from the best estimate are not timed.
private let timingHorizon = 4.0
/// Candidates that are timed at most.
private let mostTimed = 4

/// Share of the speed on aligned panels that loads across cache lines leave of strips of one row; taller strips use
/// each load more. With AVX2 two loads in five cross a line, and direct reading was the faster one of the two for
/// seven of eight 3×3 and strided layers of ResNets at 90 % (Zen 3, a loaded machine), packing included; with AVX-512
/// all but one in sixteen do. That share was set by hand.
private func unalignedShare(_ isa: ISA) -> Double { isa.includes(.v4) ? 0.6 : 0.95 }

/// Share of the peak that the depthwise kernel's loads leave: one for each multiply-add, most of them across a line.
private let planesShare = 0.4

/// Bytes per second at which panels and patches are copied inside the caches, and images from further away.
private let copyRate = 3e10

/// What a plan looks at: a name, an estimate, and how to make it.
private struct ConvolutionCandidate {
  let name: String
  var isDense = false
  let seconds: Double
  let flops: Double
  let bytes: Double
  let make: () throws(OperationError) -> (any ConvolutionBody)?
}

/// Makes the body that a request asks for, and says why.
func chooseConvolution<Scalar: SparseScalar>(
  _ context: ConvolutionContext, _ weights: ConvolutionWeights<Scalar>, _ epilogue: Epilogue<Scalar>
) throws(OperationError) -> (any ConvolutionBody, PlanExplanation) {
  let options = context.options
  let roof =
    options.deterministic
    ? Roofline(nominal: context.table.isa, ProductTypes(context.dtype))
    : Roofline(measured: context.table.isa, ProductTypes(context.dtype))
  let candidates = candidates(context, weights, epilogue, roof).sorted { $0.seconds < $1.seconds }
  func explained(_ i: Int) -> PlanExplanation.Candidate {
    let c = candidates[i]
    return PlanExplanation.Candidate(
      kernel: c.name, predictedSeconds: c.seconds, bytes: Int(min(c.bytes, 1e18)),
      flops: Int(min(c.flops, 1e18)), peakShare: c.flops / c.seconds / roof.machinePeak)
  }
  if let forced = options.kernel {
    let prefix = PointwiseConvolution<Scalar>.candidateName + "-"
    if forced.hasPrefix(prefix) && PointwiseConvolution<Scalar>.suits(context) {
      let body = try PointwiseConvolution(
        context, weights, epilogue: epilogue, kernel: String(forced.dropFirst(prefix.count)))
      return (
        body,
        PlanExplanation(
          candidates: candidates.indices.map(explained), kernel: body.name, reason: "forced",
          peak: roof.machinePeak)
      )
    }
    guard let i = candidates.firstIndex(where: { $0.name == forced }) else {
      throw .unknownKernel(name: forced, available: candidates.map(\.name))
    }
    guard let body = try candidates[i].make() else {
      throw .unsuitableKernel(
        name: forced, rows: context.shape.filters, columns: context.shape.patch)
    }
    return (
      body,
      PlanExplanation(
        candidates: candidates.indices.map(explained), kernel: body.name, reason: "forced",
        peak: roof.machinePeak)
    )
  }
  var explanations = candidates.indices.map(explained)
  func finished(_ body: any ConvolutionBody, _ order: [Int], _ reason: String)
    -> (any ConvolutionBody, PlanExplanation)
  {
    (
      body,
      PlanExplanation(
        candidates: order.map { explanations[$0] }, kernel: body.name, reason: reason,
        peak: roof.machinePeak)
    )
  }
  if options.deterministic {
    for i in candidates.indices {
      if let body = try candidates[i].make() {
        return finished(body, Array(candidates.indices), "by the estimate alone")
      }
    }
  }
  let operands = ConvolutionOperands(context)
  var timed: [(index: Int, body: any ConvolutionBody, seconds: Double)] = []
  for i in candidates.indices where timed.count < mostTimed {
    if candidates[i].seconds > candidates[0].seconds * timingHorizon && !timed.isEmpty { continue }
    guard let body = try candidates[i].make() else { continue }
    let seconds = operands.seconds(of: body)
    explanations[i].measuredSeconds = seconds
    explanations[i].peakShare =
      candidates[i].flops / seconds / (roof.machinePeak * Double(options.threads))
    timed.append((i, body, candidates[i].isDense ? seconds * denseBias : seconds))
  }
  timed.sort { $0.seconds < $1.seconds }
  guard let best = timed.first else {
    throw .unsuitableKernel(
      name: candidates[0].name, rows: context.shape.filters, columns: context.shape.patch)
  }
  let others = candidates.indices.filter { i in !timed.contains { $0.index == i } }
  return finished(
    best.body, timed.map(\.index) + others, "the fastest of \(timed.count) timed")
}

private func candidates<Scalar: SparseScalar>(
  _ context: ConvolutionContext, _ weights: ConvolutionWeights<Scalar>,
  _ epilogue: Epilogue<Scalar>,
  _ roof: Roofline
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
    let share = KernelShares(context.table.isa).strip(
      rows: weights.blockRows, vectors: maker.vectors, density: density)
    for reading in StripReading.allCases {
      let tiling = maker.tiling(reading)
      let work = tiling.work(lanes: maker.lanes, vectors: maker.vectors)
      let copied =
        reading == .direct
        ? 0 : Double(s.channels * s.taps) * Double(s.pixels) * work * 2 * size * images
      let packed = Double(tiling.tileCount * tiling.tiles) * images * 2 * size
      let reached =
        reading == .direct && weights.blockRows == 1
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
  if PointwiseConvolution<Scalar>.suits(context) {
    // What a product is worth is the plan's own business: it is always looked at.
    let best = list.map(\.seconds).min()!
    list.append(
      ConvolutionCandidate(
        name: PointwiseConvolution<Scalar>.candidateName, isDense: isDense, seconds: best * 0.95,
        flops: list[0].flops, bytes: list[0].bytes,
        make: { () throws(OperationError) in
          try PointwiseConvolution(context, weights, epilogue: epilogue, kernel: nil)
        }))
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
