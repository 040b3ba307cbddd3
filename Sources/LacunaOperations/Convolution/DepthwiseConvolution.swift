// Y[f] ← bound(w[f] ∗ X[c] + b[f]) where every channel is a group of its own: plane by plane.

import CSIMD
import LacunaFormats

/// Bytes of a band: two of them and results fit into a first-level cache of 32 kB.
private let bandBytes = 12 << 10

/// A depthwise convolution of NCHW images with the kernel for it. Zeros among the taps are skipped.
final class DepthwiseConvolution<Scalar: SparseScalar>: ConvolutionBody {
  let name = DepthwiseConvolution.candidateName
  private let context: ConvolutionContext
  private let kernel: Kernel
  private let band: DepthwiseBand
  private let weights: KeptArray<Scalar>
  private let starts: KeptArray<Int32>, places: KeptArray<Int32>
  private let offsets: KeptArray<Int64>

  static var candidateName: String { "planes" }

  static func suits(_ context: ConvolutionContext) -> Bool {
    let s = context.shape
    return context.layout == .nchw && s.groups == s.channels && !context.addsResidual
  }

  init(_ context: ConvolutionContext, _ weights: ConvolutionWeights<Scalar>) {
    self.context = context
    kernel = context.table.kernel(.depthwise, dtype: context.dtype)!
    let band = DepthwiseBand(
      context.shape, context.dtype, lanes: kernel.vectorBytes / context.dtype.size)
    var (values, starts, places, offsets): ([Scalar], [Int32], [Int32], [Int64]) = ([], [0], [], [])
    var last: [Int]?
    let rows = weights.taps
    for filter in 0..<context.shape.filters {
      let row = rows(filter)
      values += row.map(\.value)
      starts.append(Int32(values.count))
      // Where nothing is zero, all filters have the same offsets.
      let taps = row.map(\.tap)
      if taps != last {
        places.append(Int32(offsets.count))
        offsets += taps.map { Int64(band.offset(tap: $0, of: context.shape) * context.dtype.size) }
        last = taps
      } else {
        places.append(places[filter - 1])
      }
    }
    self.band = band
    self.weights = KeptArray(values)
    (self.starts, self.places) = (KeptArray(starts), KeptArray(places))
    self.offsets = KeptArray(offsets)
  }

  var packedBytes: Int {
    weights.count * context.dtype.size + (starts.count + places.count) * 4 + offsets.count * 8
  }

  var workspaceBytes: Int { (2 * band.elements * context.dtype.size + 63) / 64 * 64 }

  func usefulSlices(images: Int) -> Int { images * context.shape.channels }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let (s, size) = (context.shape, context.dtype.size)
    let planes = call.images * s.channels
    let isFar = context.isInMemory(images: call.images)
    var first = planes * slice / slices
    let end = planes * (slice + 1) / slices
    while first < end {
      let (image, channel) = first.quotientAndRemainder(dividingBy: s.channels)
      let count = min(end - first, s.channels - channel)
      let filter = channel * s.groupFilters
      let y =
        call.y + context.target(image: image, filter: filter, pixel: 0) * size
      var arguments = lcn_depthwise_args(
        x: call.x + (image * s.channels + channel) * s.height * s.width * size,
        height: Int64(s.height), width: Int64(s.width), y: y,
        outputHeight: Int64(s.outputHeight), outputWidth: Int64(s.outputWidth),
        channels: Int64(count), multiplier: Int64(s.groupFilters), strideY: Int64(s.strideY),
        strideX: Int64(s.strideX), top: Int64(s.padTop), left: Int64(s.padLeft),
        extentY: Int64(band.extentY), starts: starts.pointer + filter, weights: weights.pointer,
        places: places.pointer + filter, offsets: offsets.pointer,
        bias: context.epilogue.bias + filter * size, lower: context.epilogue.lower,
        upper: context.epilogue.upper, band: workspace, bandElements: Int64(band.elements),
        bandRows: Int64(band.rows), square: Int64(s.squareKernel),
        rowStride: Int64(band.rowStride),
        phaseStride: Int64(band.phaseStride), isFar: isFar ? 1 : 0)
      kernel.call(&arguments)
      context.epilogue.activate(
        y, rows: count * s.groupFilters, columns: s.pixels, stride: s.pixels)
      first += count
    }
  }
}

/// How rows of one plane lie where the kernel reads them: padded, columns by phases of the stride.
package struct DepthwiseBand: Sendable {
  /// Rows of results that one band is for.
  package let rows: Int
  /// Elements from a row of the image to the next, and from one phase of a row to the next.
  package let rowStride: Int, phaseStride: Int
  /// All elements, with what registers read beyond the last result.
  package let elements: Int
  /// Rows of the image between a kernel's first and its last, both included.
  package let extentY: Int

  package init(_ s: ConvolutionShape, _ dtype: DType, lanes: Int) {
    func whole(_ count: Int, _ unit: Int) -> Int { (count + unit - 1) / unit * unit }
    extentY = (s.kernelHeight - 1) * s.dilationY + 1
    // A row is copied by whole registers, and has zeros where it is padded.
    let copied = s.padLeft + whole(s.width, lanes)
    let padded = s.padLeft + s.width + s.padRight
    phaseStride = whole((max(copied, padded) + s.strideX - 1) / s.strideX + 1, 16)
    rowStride = phaseStride * s.strideX
    let rowBytes = rowStride * dtype.size
    let fitting = (bandBytes / rowBytes - extentY) / s.strideY + 1
    // Blocks are up to eight rows.
    rows = min(s.outputHeight, max(8, fitting / 8 * 8))
    elements =
      (((rows - 1) * s.strideY + extentY) * rowStride + whole(s.outputWidth, lanes)
        + s.kernelWidth * s.dilationX + lanes + 15) / 16 * 16
  }

  /// Where a tap reads, in elements from a result's own place on.
  package func offset(tap: Int, of s: ConvolutionShape) -> Int {
    let (y, x) = tap.quotientAndRemainder(dividingBy: s.kernelWidth)
    let column = x * s.dilationX
    return y * s.dilationY * rowStride + column % s.strideX * phaseStride + column / s.strideX
  }
}

extension ConvolutionShape {
  /// Rows and columns of a kernel whose neighbouring results share most of what they read: 3 or 5, with the same stride both
  /// ways, 1 or 2, and no dilation; 0 for others.
  package var squareKernel: Int {
    kernelHeight == kernelWidth && [3, 5].contains(kernelHeight) && strideY == strideX
      && strideX <= 2 && dilationY == 1 && dilationX == 1 ? kernelHeight : 0
  }
}

extension ConvolutionWeights {
  /// The stored taps of a filter that sees one channel, in rising order.
  var taps: (_ filter: Int) -> [(tap: Int, value: Scalar)] {
    let csr: CSRMatrix<Scalar>
    switch source {
    case .dense(let w): return { filter in (0..<w.columns).map { ($0, w[filter, $0]) } }
    case .csr(let w): csr = w
    case .bsr(let w): csr = CSRMatrix(w)
    }
    let (offsets, columns, values) = (
      csr.pattern.rowOffsets, csr.pattern.columnIndices, csr.values
    )
    return { filter in
      (offsets[filter]..<offsets[filter + 1]).map { (columns[$0], values[$0]) }
    }
  }
}
