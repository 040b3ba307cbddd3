// Y[f] ← bound(w[f] ∗ X[c] · scales + b[f]) of bytes where every channel is a group of its own: plane by plane.

import CSIMD
import LacunaFormats

/// A depthwise convolution of bytes, NCHW, with the kernel for it. Quads of zeros are skipped.
final class ByteDepthwiseConvolution: ConvolutionBody {
  let name = ByteDepthwiseConvolution.candidateName
  private let context: ConvolutionContext
  private let bytes: QuantizedWeights
  private let kernel: Kernel, requantize: Kernel
  private let band: BytePlaneBand
  private let weights: KeptArray<Int32>, starts: KeptArray<Int32>, places: KeptArray<Int32>
  private let offsets: KeptArray<Int64>
  private let corrections: KeptArray<Int32>, scales: KeptArray<Float>
  private let zero: UInt8

  static let candidateName = "planes"

  /// Whether the shape is one, bands stay in the caches, and no scale or bias could make a result that is no number.
  static func suits(_ context: ConvolutionContext, _ bytes: QuantizedWeights) -> Bool {
    let s = context.shape
    return context.layout == .nchw && s.groups == s.channels && !context.addsResidual
      && BytePlaneBand(s, lanes: lanes(context)).byteCount <= CPUInfo.current.level2Bytes
      && bytes.hasFiniteScales(context)
  }

  private static func lanes(_ context: ConvolutionContext) -> Int {
    context.table.kernel(.depthwiseBytes, types: .quantized(.u8))!.vectorBytes / 4
  }

  init(_ context: ConvolutionContext, _ bytes: QuantizedWeights) {
    (self.context, self.bytes) = (context, bytes)
    let s = context.shape
    // A function of f32 comes between the kernel and the byte.
    let fuses = bytes.output != nil && context.epilogue.function == nil
    kernel = context.table.kernel(
      .depthwiseBytes, types: .quantized(.u8, output: fuses ? .u8 : .f32))!
    requantize = context.table.kernel(.requantize, types: .quantized(.f32, output: .u8))!
    let band = BytePlaneBand(s, lanes: Self.lanes(context))
    var (quads, starts, places, offsets): ([Int32], [Int32], [Int32], [Int64]) = ([], [0], [], [])
    var last: [Int]?
    for filter in 0..<s.filters {
      var row = [Int32](repeating: 0, count: s.kernelHeight * band.parts)
      bytes.source.forEach(row: filter) { tap, weight in
        let (y, x) = tap.quotientAndRemainder(dividingBy: s.kernelWidth)
        row[y * band.parts + x / 4] |= Int32(UInt8(bitPattern: weight)) << Int32(8 * (x % 4))
      }
      let stored = row.indices.filter { row[$0] != 0 }
      quads += stored.map { row[$0] }
      starts.append(Int32(quads.count))
      // Where no quad is zero, all filters have the same offsets.
      if stored != last {
        places.append(Int32(offsets.count))
        offsets += stored.map { Int64(band.offset(quad: $0, of: s) * 4) }
        last = stored
      } else {
        places.append(places[filter - 1])
      }
    }
    let side = bytes.imageScale
    zero = UInt8(side.zero)
    self.band = band
    weights = KeptArray(quads)
    (self.starts, self.places) = (KeptArray(starts), KeptArray(places))
    self.offsets = KeptArray(offsets)
    corrections = KeptArray((0..<s.filters).map { 0 &- bytes.rowSums.pointer[$0] &* side.zero })
    scales = KeptArray((0..<s.filters).map { bytes.rowScales.pointer[$0] * side.scale })
  }

  var packedBytes: Int {
    (weights.count + starts.count + places.count + 2 * scales.count) * 4 + offsets.count * 8
  }

  /// Bands; and floats of a channel's results, where they do not become bytes at once.
  var workspaceBytes: Int { band.byteCount + floatBytes }
  private var floatBytes: Int {
    bytes.output == nil || context.epilogue.function == nil
      ? 0 : (context.shape.groupFilters * context.shape.pixels * 4 + 63) / 64 * 64
  }

  func usefulSlices(images: Int) -> Int { images * context.shape.channels }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    let planes = call.images * s.channels
    var first = planes * slice / slices
    let end = planes * (slice + 1) / slices
    while first < end {
      let (image, channel) = first.quotientAndRemainder(dividingBy: s.channels)
      let count = floatBytes > 0 ? 1 : min(end - first, s.channels - channel)
      let filter = channel * s.groupFilters
      let place = context.target(image: image, filter: filter, pixel: 0) * context.outputSize
      let target = call.y + place
      let results = floatBytes > 0 ? workspace + band.byteCount : target
      convolve(call, image: image, channel: channel, count: count, results, workspace)
      if bytes.output == nil || floatBytes > 0 {
        context.epilogue.activate(
          results, rows: count * s.groupFilters, columns: s.pixels, stride: s.pixels)
      }
      if floatBytes > 0 { makeBytes(results, target) }
      first += count
    }
  }

  /// Some channels of one image.
  private func convolve(
    _ call: ConvolutionCall, image: Int, channel: Int, count: Int,
    _ results: UnsafeMutableRawPointer, _ workspace: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    let filter = channel * s.groupFilters
    let plane = (image * s.channels + channel) * s.height * s.width
    var arguments = lcn_byte_plane_args(
      x: call.x.assumingMemoryBound(to: UInt8.self) + plane, height: Int64(s.height),
      width: Int64(s.width), y: results, outputHeight: Int64(s.outputHeight),
      outputWidth: Int64(s.outputWidth), channels: Int64(count),
      multiplier: Int64(s.groupFilters), strideY: Int64(s.strideY), strideX: Int64(s.strideX),
      dilationX: Int64(s.dilationX), top: Int64(s.padTop), left: Int64(s.padLeft),
      extentY: Int64(band.extentY), starts: starts.pointer + filter, weights: weights.pointer,
      places: places.pointer + filter, offsets: offsets.pointer,
      corrections: corrections.pointer + filter, scales: scales.pointer + filter,
      bias: context.epilogue.bias.assumingMemoryBound(to: Float.self) + filter,
      results: bytes.results(context.epilogue),
      flip: UInt8(truncatingIfNeeded: bytes.activations.flip), zero: zero, band: workspace,
      bandBytes: Int64(band.quadBytes), imageBytes: Int64(band.imageBytes),
      rowBytes: Int64(band.rowBytes), bandRows: Int64(band.rows),
      phaseRows: Int64(band.phaseRows), parts: Int64(band.parts))
    kernel.call(&arguments)
  }

  /// Bytes of a channel's results.
  private func makeBytes(_ results: UnsafeRawPointer, _ target: UnsafeMutableRawPointer) {
    let s = context.shape
    var arguments = lcn_requantize_args(
      source: results.assumingMemoryBound(to: Float.self), sourceStride: Int64(s.pixels),
      target: target.assumingMemoryBound(to: UInt8.self), targetStride: Int64(s.pixels),
      rows: Int64(s.groupFilters), columns: Int64(s.pixels), inverse: bytes.output!.scale.inverse,
      zero: bytes.output!.scale.zero, flip: bytes.output!.flip)
    requantize.call(&arguments)
  }
}
