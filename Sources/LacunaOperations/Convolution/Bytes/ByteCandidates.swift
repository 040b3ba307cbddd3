// What a convolution of bytes may run: strips of quads of each height, sparse and dense, planes,
// channels, or a product of bytes.

import LacunaFormats

/// What turning sums into results and bringing quads takes for each register of results, in products of quads: where these are one
/// instruction, and where they are six. 3×3 over 144 channels of 56×56 takes 12.6, 8.3 and 9 of them in all as planes with AVX-512 and
/// VNNI, AVX2 and SSE2, and 24, 11 and 12 over channels (AMD Zen 5).
private let planesFinish = (single: 9.0, several: 5.5),
  channelsFinish = (single: 19.0, several: 8.0)

/// Every way, with what it would take by a roofline.
func byteCandidates(
  _ context: ConvolutionContext, _ quantized: QuantizedWeights, order: KernelOrder, _ roof: Roofline
) throws(OperationError) -> [ConvolutionCandidate] {
  let s = context.shape
  let images = Double(max(context.images, 1))
  let traffic =
    Double(s.inputCount * context.inputSize + s.outputCount * context.outputSize) * images
  // Results are floats in between.
  let finished = context.outputSize == 4 ? 0 : Double(s.outputCount) * 8 * images
  var list: [ConvolutionCandidate] = []

  func strips(height: Int, isDense: Bool) throws(OperationError) {
    let weights = try ConvolutionQuads(
      quantized.source, shape: s, order: order, blockRows: height, isDense: isDense)
    let maker = StripMaker(context: context, weights: weights)
    let quads = Double(weights.quads)
    let useful = isDense ? Double(s.filters * s.patch) : Double(quantized.stored)
    let flops = 2 * useful * Double(s.pixels) * images
    for reading in StripReading.allCases {
      let tiling = maker.tiling(reading)
      let share = KernelShares(context.table.isa).quads(
        rows: height, vectors: maker.vectors(tiling), density: useful / Double(s.filters * s.patch))
      let work = maker.work(tiling)
      let planes = Double(weights.planes.channels)
      let copied =
        reading == .direct ? 0 : planes * Double(s.taps * s.pixels) * work * 8 * images
      let packed = Double(tiling.tileCount * tiling.tiles) * images * 8
      let reached =
        reading == .direct && height == 1 ? share * unalignedShare(context.table.isa) : share
      let name = maker.name(reading, prefix: isDense ? "dense-" : "")
      list.append(
        ConvolutionCandidate(
          name: name, isDense: isDense,
          seconds: 8 * quads * Double(s.pixels) * images * work / (roof.peak * reached)
            + (copied + packed + finished + traffic) / copyRate,
          flops: flops, bytes: traffic + quads * (4 + 2 / Double(height)),
          make: { () throws(OperationError) in try maker.make(name, reading) }))
    }
  }

  func finish(_ products: (single: Double, several: Double)) -> Double {
    context.table.isa.hasByteProducts ? products.single : products.several
  }

  for height in KernelTable.stripHeights { try strips(height: height, isDense: false) }
  if ByteDepthwiseConvolution.suits(context, quantized) {
    let quads = Double(s.kernelHeight * ((s.kernelWidth + 3) / 4) * s.filters)
    let results = Double(s.outputCount) * images
    list.append(
      ConvolutionCandidate(
        name: ByteDepthwiseConvolution.candidateName,
        seconds: 8 * (quads * Double(s.pixels) * images + finish(planesFinish) * results)
          / roof.peak + traffic / copyRate,
        flops: 2 * Double(quantized.stored * s.pixels) * images, bytes: traffic + quads * 4,
        make: { () throws(OperationError) in ByteDepthwiseConvolution(context, quantized) }))
  }
  if ByteChannelConvolution.suits(context, quantized)
    && (quantized.stored == s.filters * s.patch || !context.options.excludesDense)
  {
    let quads = Double(s.kernelHeight * ((s.kernelWidth + 3) / 4))
    let results = Double(s.outputCount) * images
    list.append(
      ConvolutionCandidate(
        name: ByteChannelConvolution.candidateName,
        isDense: quantized.stored < s.filters * s.patch,
        seconds: 8 * (quads + finish(channelsFinish)) * results / roof.peak
          + traffic / copyRate,
        flops: 2 * Double(s.filters * s.patch * s.pixels) * images,
        bytes: traffic + quads * 4 * Double(s.filters),
        make: { () throws(OperationError) in ByteChannelConvolution(context, quantized) }))
  }
  if PointwiseConvolution.suits(context) {
    list.append(context.productCandidate(.i8(quantized), besides: list, isDense: false))
  }
  if !context.options.excludesDense {
    try strips(height: KernelTable.stripHeights[0], isDense: true)
  }
  return list
}
