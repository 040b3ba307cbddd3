// Y ← bound(w ∗ X · scales + b) of bytes where every channel is a group of its own and images are NHWC: a channel in each lane.

import CSIMD
import LacunaFormats

/// Bytes of a ring of quads: one for each tap's row, so that they stay in a first-level cache of 32 kB with what they are made of.
private let ringBytes = 24 << 10
/// Registers of channels that take turns on a row at most: a line of the image holds as many bytes.
private let mostRegisters = 4
/// Bytes of results in f32 that wait to become bytes.
private let mostFloatBytes = 64 << 10

/// A depthwise convolution of bytes, NHWC, one filter for each channel. Taps that are zero are multiplied.
final class ByteChannelConvolution: ConvolutionBody {
  let name = ByteChannelConvolution.candidateName
  private let context: ConvolutionContext
  private let bytes: QuantizedWeights
  private let kernel: Kernel, requantize: Kernel
  private let weights: KeptArray<Int32>, corrections: KeptArray<Int32>, scales: KeptArray<Float>
  private let zero: UInt8
  private let ring: ByteChannelRing

  static let candidateName = "channels"

  /// Whether the shape is one, rows of quads stay in the caches, and no scale or bias could make a result that is no number.
  static func suits(_ context: ConvolutionContext, _ bytes: QuantizedWeights) -> Bool {
    let s = context.shape
    let ring = ByteChannelRing(s, lanes: lanes(context))
    return context.layout == .nhwc && s.groups == s.channels && s.filters == s.channels
      && !context.addsResidual && s.channels >= lanes(context)
      && ring.byteCount <= CPUInfo.current.level2Bytes && bytes.hasFiniteScales(context)
  }

  private static func lanes(_ context: ConvolutionContext) -> Int {
    context.table.kernel(.depthwiseByteChannels, types: .quantized(.u8))!.vectorBytes / 4
  }

  init(_ context: ConvolutionContext, _ bytes: QuantizedWeights) {
    (self.context, self.bytes) = (context, bytes)
    let s = context.shape
    // A function of f32 comes between the kernel and the byte.
    let fuses = bytes.output != nil && context.epilogue.function == nil
    kernel = context.table.kernel(
      .depthwiseByteChannels, types: .quantized(.u8, output: fuses ? .u8 : .f32))!
    requantize = context.table.kernel(.requantize, types: .quantized(.f32, output: .u8))!
    ring = ByteChannelRing(s, lanes: Self.lanes(context))
    let parts = ring.parts
    var quads = [Int32](repeating: 0, count: s.kernelHeight * parts * s.channels)
    for channel in 0..<s.channels {
      bytes.source.forEach(row: channel) { tap, weight in
        let (y, x) = tap.quotientAndRemainder(dividingBy: s.kernelWidth)
        quads[(y * parts + x / 4) * s.channels + channel] |=
          Int32(UInt8(bitPattern: weight)) << Int32(8 * (x % 4))
      }
    }
    let side = bytes.imageScale
    zero = UInt8(side.zero)
    weights = KeptArray(quads)
    corrections = KeptArray((0..<s.filters).map { 0 &- bytes.rowSums.pointer[$0] &* side.zero })
    scales = KeptArray((0..<s.filters).map { bytes.rowScales.pointer[$0] * side.scale })
  }

  var packedBytes: Int { (weights.count + 2 * scales.count) * 4 }

  /// The ring; and floats of some rows of results, where they do not become bytes at once.
  var workspaceBytes: Int { ring.byteCount + (floatRows * rowFloats * 4 + 63) / 64 * 64 }
  private var rowFloats: Int { context.shape.outputWidth * context.shape.channels }
  private var floatRows: Int {
    bytes.output == nil || context.epilogue.function == nil
      ? 0 : min(context.shape.outputHeight, max(1, mostFloatBytes / (rowFloats * 4)))
  }

  func usefulSlices(images: Int) -> Int { images * context.shape.outputHeight }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    forEachRun(of: s, call.images, slice: slice, of: slices) { image, rows in
      let x = call.x + image * s.inputCount
      let y = call.y + image * s.outputCount * context.outputSize
      if floatRows == 0 {
        convolve(x, y, rows, workspace)
        if bytes.output == nil {
          context.epilogue.activate(
            y + rows.lowerBound * rowFloats * 4, rows: rows.count, columns: rowFloats,
            stride: rowFloats)
        }
        return
      }
      var first = rows.lowerBound
      while first < rows.upperBound {
        let some = first..<min(first + floatRows, rows.upperBound)
        let floats = workspace + ring.byteCount
        convolve(x, floats - first * rowFloats * 4, some, workspace)
        context.epilogue.activate(
          floats, rows: some.count, columns: rowFloats, stride: rowFloats)
        makeBytes(floats, y + first * rowFloats, count: some.count * rowFloats)
        first = some.upperBound
      }
    }
  }

  /// Some rows of one image.
  private func convolve(
    _ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ rows: Range<Int>,
    _ workspace: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    var arguments = lcn_byte_channel_args(
      x: x.assumingMemoryBound(to: UInt8.self), height: Int64(s.height), width: Int64(s.width),
      y: y, outputWidth: Int64(s.outputWidth), firstRow: Int64(rows.lowerBound),
      rows: Int64(rows.count), channels: Int64(s.channels), kernelHeight: Int64(s.kernelHeight),
      kernelWidth: Int64(s.kernelWidth), strideY: Int64(s.strideY), strideX: Int64(s.strideX),
      dilationY: Int64(s.dilationY), dilationX: Int64(s.dilationX), top: Int64(s.padTop),
      left: Int64(s.padLeft), weights: weights.pointer, corrections: corrections.pointer,
      scales: scales.pointer, bias: context.epilogue.bias.assumingMemoryBound(to: Float.self),
      results: bytes.results(context.epilogue),
      flip: UInt8(truncatingIfNeeded: bytes.activations.flip), zero: zero, ring: workspace,
      ringRegisters: Int64(ring.registers))
    kernel.call(&arguments)
  }

  private func makeBytes(
    _ results: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, count: Int
  ) {
    var arguments = lcn_requantize_args(
      source: results.assumingMemoryBound(to: Float.self), sourceStride: Int64(count),
      target: target.assumingMemoryBound(to: UInt8.self), targetStride: Int64(count), rows: 1,
      columns: Int64(count), inverse: bytes.output!.scale.inverse, zero: bytes.output!.scale.zero,
      flip: bytes.output!.flip)
    requantize.call(&arguments)
  }
}

/// Quads of the rows that a kernel reaches over.
package struct ByteChannelRing: Sendable {
  /// Quads of a kernel's row.
  package let parts: Int
  /// Registers of channels that take turns on a row.
  package let registers: Int
  package let byteCount: Int

  package init(_ s: ConvolutionShape, lanes: Int) {
    parts = (s.kernelWidth + 3) / 4
    let extent = (s.kernelHeight - 1) * s.dilationY + 1
    let one = extent * parts * s.outputWidth * lanes * 4
    registers = max(1, min(mostRegisters, ringBytes / one))
    byteCount = (registers * one + 63) / 64 * 64
  }
}

extension QuantizedWeights {
  /// Whether no bias and no scale of a filter's sums could make a result that is no number.
  func hasFiniteScales(_ context: ConvolutionContext) -> Bool {
    let bias = context.epilogue.bias.assumingMemoryBound(to: Float.self)
    let scale = imageScale.scale
    return (0..<rows).allSatisfy {
      bias[$0].isFinite && (rowScales.pointer[$0] * scale).isFinite
    }
  }

  /// What sums become.
  func results(_ epilogue: EpilogueValues) -> lcn_byte_results {
    lcn_byte_results(
      lower: Float(epilogue.lower), upper: Float(epilogue.upper),
      inverse: output?.scale.inverse ?? 0, zero: output?.scale.zero ?? 0, flip: output?.flip ?? 0)
  }
}
