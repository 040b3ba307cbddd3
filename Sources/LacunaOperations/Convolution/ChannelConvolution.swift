// Y ← bound(w ∗ X + b) where every channel is a group of its own and images are NHWC: a channel in each lane.

import CSIMD
import LacunaFormats

/// A depthwise convolution of NHWC images, one filter for each channel. Taps that are zero are multiplied.
final class ChannelConvolution<Scalar: SparseScalar>: ConvolutionBody {
  let name = ChannelConvolution.candidateName
  private let context: ConvolutionContext
  private let kernel: Kernel
  private let weights: KeptArray<Scalar>

  static var candidateName: String { "channels" }

  static func suits(_ context: ConvolutionContext) -> Bool {
    let s = context.shape
    let kernel = context.table.kernel(.depthwiseChannels, dtype: context.dtype)!
    return context.layout == .nhwc && s.groups == s.channels && s.filters == s.channels
      && !context.addsResidual && s.channels >= kernel.vectorBytes / context.dtype.size
  }

  init(_ context: ConvolutionContext, _ weights: ConvolutionWeights<Scalar>) {
    self.context = context
    kernel = context.table.kernel(.depthwiseChannels, dtype: context.dtype)!
    let s = context.shape
    var values = [Scalar](repeating: 0, count: s.taps * s.channels)
    let rows = weights.taps
    for channel in 0..<s.channels {
      for (tap, value) in rows(channel) { values[tap * s.channels + channel] = value }
    }
    self.weights = KeptArray(values)
  }

  var packedBytes: Int { weights.count * context.dtype.size }
  var workspaceBytes: Int { 0 }
  func usefulSlices(images: Int) -> Int { images * context.shape.outputHeight }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let (s, size) = (context.shape, context.dtype.size)
    forEachRun(of: s, call.images, slice: slice, of: slices) { image, rows in
      let y = call.y + image * s.outputCount * size
      var arguments = lcn_depthwise_channel_args(
        x: call.x + image * s.inputCount * size, height: Int64(s.height), width: Int64(s.width),
        y: y, outputWidth: Int64(s.outputWidth), firstRow: Int64(rows.lowerBound),
        rows: Int64(rows.count), channels: Int64(s.channels),
        kernelHeight: Int64(s.kernelHeight), kernelWidth: Int64(s.kernelWidth),
        strideY: Int64(s.strideY), strideX: Int64(s.strideX), dilationY: Int64(s.dilationY),
        dilationX: Int64(s.dilationX), top: Int64(s.padTop), left: Int64(s.padLeft),
        weights: weights.pointer, bias: context.epilogue.bias, lower: context.epilogue.lower,
        upper: context.epilogue.upper)
      kernel.call(&arguments)
      let columns = s.outputWidth * s.channels
      context.epilogue.activate(
        y + rows.lowerBound * columns * size, rows: rows.count, columns: columns, stride: columns)
    }
  }
}

/// The rows of results that are a slice's, image by image.
@inline(__always)
func forEachRun(
  of shape: ConvolutionShape, _ images: Int, slice: Int, of slices: Int,
  _ body: (_ image: Int, _ rows: Range<Int>) -> Void
) {
  let rows = images * shape.outputHeight
  var first = rows * slice / slices
  let end = rows * (slice + 1) / slices
  while first < end {
    let (image, row) = first.quotientAndRemainder(dividingBy: shape.outputHeight)
    let count = min(end - first, shape.outputHeight - row)
    body(image, row..<row + count)
    first += count
  }
}
