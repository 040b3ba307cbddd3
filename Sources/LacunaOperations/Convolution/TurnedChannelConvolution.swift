// Y ← bound(w ∗ X + b) where every channel is a group of its own, for planes of few pixels: some channels turned to lie
// together, convolved, and turned back.

import CSIMD
import LacunaFormats

/// Registers of channels that are turned together: what the kernel keeps in registers.
private let blockRegisters = 2
/// Bytes of pixels and results of a block, which stay in a first-level cache of 48 kB. With 384 channels of 14×14, 50 kB, turning took
/// 23 µs and planes 18; with 576 at stride 2, 31 kB, 16.6 and 21.8; with 960 of 7×7 19.2 and 26.6 (AMD Zen 5, AVX-512).
private let mostBlockBytes = 32 << 10

/// A depthwise convolution of NCHW images by the kernel over channels. Taps that are zero are multiplied.
final class TurnedChannelConvolution<Scalar: SparseScalar>: ConvolutionBody {
  let name = TurnedChannelConvolution.candidateName
  private let context: ConvolutionContext
  private let kernel: Kernel, turn: Kernel
  /// Of each block: taps by channels, and biases, zeros behind the last channel.
  private let weights: KeptArray<Scalar>, bias: KeptArray<Scalar>
  private let block: Int

  static var candidateName: String { "turned-channels" }

  static func suits(_ context: ConvolutionContext) -> Bool {
    let s = context.shape
    let bytes = (s.height * s.width + s.pixels) * blockChannels(context) * context.dtype.size
    return context.layout == .nchw && s.groups == s.channels && s.filters == s.channels
      && !context.addsResidual && bytes <= mostBlockBytes
  }

  private static func blockChannels(_ context: ConvolutionContext) -> Int {
    let kernel = context.table.kernel(.depthwiseChannels, dtype: context.dtype)!
    return blockRegisters * kernel.vectorBytes / context.dtype.size
  }

  init(_ context: ConvolutionContext, _ weights: ConvolutionWeights<Scalar>) {
    self.context = context
    kernel = context.table.kernel(.depthwiseChannels, dtype: context.dtype)!
    turn = context.table.kernel(.packTransposed, dtype: context.dtype)!
    let s = context.shape
    let block = Self.blockChannels(context)
    let blocks = (s.channels + block - 1) / block
    var values = [Scalar](repeating: 0, count: blocks * s.taps * block)
    var biases = [Scalar](repeating: 0, count: blocks * block)
    let rows = weights.taps
    for channel in 0..<s.channels {
      let (number, place) = channel.quotientAndRemainder(dividingBy: block)
      for (tap, value) in rows(channel) {
        values[(number * s.taps + tap) * block + place] = value
      }
      biases[channel] = context.epilogue.bias.assumingMemoryBound(to: Scalar.self)[channel]
    }
    (self.weights, bias, self.block) = (KeptArray(values), KeptArray(biases), block)
  }

  var packedBytes: Int { (weights.count + bias.count) * context.dtype.size }
  /// A block's pixels and its results.
  var workspaceBytes: Int { pixelBytes + (context.shape.pixels * rowBytes + 63) / 64 * 64 }
  private var rowBytes: Int { block * context.dtype.size }
  private var pixelBytes: Int {
    (context.shape.height * context.shape.width * rowBytes + 63) / 64 * 64
  }
  private var blocks: Int { (context.shape.channels + block - 1) / block }
  func usefulSlices(images: Int) -> Int { images * blocks }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let tasks = call.images * blocks
    for task in (tasks * slice / slices)..<(tasks * (slice + 1) / slices) {
      let (image, number) = task.quotientAndRemainder(dividingBy: blocks)
      convolve(call, image: image, block: number, workspace)
    }
  }

  /// The channels of one block of one image.
  private func convolve(
    _ call: ConvolutionCall, image: Int, block number: Int, _ workspace: UnsafeMutableRawPointer
  ) {
    let (s, size) = (context.shape, context.dtype.size)
    let plane = s.height * s.width
    let channel = number * block
    let count = min(block, s.channels - channel)
    let results = workspace + pixelBytes
    var pixels = lcn_pack_args(
      source: call.x + (image * s.channels + channel) * plane * size, sourceStride: Int64(plane),
      target: workspace, targetStride: Int64(block), rows: Int64(plane), columns: Int64(count),
      paddedColumns: Int64(block))
    turn.call(&pixels)
    var arguments = lcn_depthwise_channel_args(
      x: workspace, height: Int64(s.height), width: Int64(s.width), y: results,
      outputWidth: Int64(s.outputWidth), firstRow: 0, rows: Int64(s.outputHeight),
      channels: Int64(block), kernelHeight: Int64(s.kernelHeight),
      kernelWidth: Int64(s.kernelWidth), strideY: Int64(s.strideY), strideX: Int64(s.strideX),
      dilationY: Int64(s.dilationY), dilationX: Int64(s.dilationX), top: Int64(s.padTop),
      left: Int64(s.padLeft), weights: weights.pointer + channel * s.taps,
      bias: bias.pointer + channel, lower: context.epilogue.lower, upper: context.epilogue.upper)
    kernel.call(&arguments)
    let y = call.y + context.target(image: image, filter: channel, pixel: 0) * size
    var planes = lcn_pack_args(
      source: results, sourceStride: Int64(block), target: y, targetStride: Int64(s.pixels),
      rows: Int64(count), columns: Int64(s.pixels), paddedColumns: Int64(s.pixels))
    turn.call(&planes)
    context.epilogue.activate(y, rows: count, columns: s.pixels, stride: s.pixels)
  }
}
