// Planes of depthwise convolutions: every edge of the image, of a register, of a block and of a band.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

/// What one case convolves, as floats or as bytes: sizes of the image and the kernel, strides, and the padding at each edge.
struct DepthwiseCase {
  var height: Int, width: Int
  var kernel = (y: 3, x: 3)
  var stride = (y: 1, x: 1)
  var dilation = (y: 1, x: 1)
  var padding = (top: 1, left: 1, bottom: 1, right: 1)
  var multiplier = 1
  /// Rows of results in one band; nil for as many as plans take.
  var bandRows: Int?
  /// Whether no filter lacks a tap.
  var isFull = false

  /// nil where the kernel does not fit.
  func shape(channels: Int) -> ConvolutionShape? {
    try? ConvolutionShape(
      channels: channels, image: (height, width), filters: channels * multiplier,
      kernel: (kernel.y, kernel.x), stride: stride, dilation: dilation, padding: padding,
      groups: channels)
  }
}

private func cases(lanes: Int) -> [DepthwiseCase] {
  var list: [DepthwiseCase] = []
  // Results' widths around a register and two to five of them; heights around the blocks of 1, 2, 4, 7 and 8 rows.
  for width in [
    1, 2, 7, 8, lanes - 1, lanes, lanes + 1, 2 * lanes, 3 * lanes - 1, 4 * lanes, 5 * lanes + 3,
  ] {
    for height in [1, 2, 3, 5, 7, 8, 11] {
      list.append(DepthwiseCase(height: height, width: width))
    }
  }
  for stride in [1, 2, 3] {
    for padding in [(0, 0, 0, 0), (2, 1, 0, 2), (1, 2, 2, 0)] {
      for width in [5, 2 * lanes, 2 * lanes + 1, 4 * lanes + 5] {
        list.append(
          DepthwiseCase(
            height: 13, width: width, kernel: (y: 5, x: 3), stride: (y: stride, x: stride),
            padding: padding))
      }
    }
  }
  for bandRows in [1, 2, 8] {
    list.append(DepthwiseCase(height: 21, width: 10, bandRows: bandRows))
    list.append(
      DepthwiseCase(height: 21, width: 10, stride: (y: 2, x: 1), bandRows: bandRows))
  }
  // Square kernels without zeros: rows of results around blocks of 4, 7 and 8, columns around registers of them.
  for (size, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
    for rows in [3, 4, 5, 7, 8, 14, 16, 18] {
      for columns in [1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes + 3] {
        // Padded on all sides, on the last ones, or nowhere.
        let side = size / 2
        for padding in [(side, side, side, side), (0, 0, side, side), (0, 0, 0, 0), (2, 1, 0, 2)] {
          let (height, width) = ((rows - 1) * stride + size, (columns - 1) * stride + size)
          list.append(
            DepthwiseCase(
              height: height - padding.0 - padding.2, width: width - padding.1 - padding.3,
              kernel: (y: size, x: size), stride: (y: stride, x: stride), padding: padding,
              multiplier: rows == 5 ? 2 : 1, isFull: true))
        }
      }
    }
  }
  list.append(DepthwiseCase(height: 9, width: 12, dilation: (y: 2, x: 3)))
  list.append(DepthwiseCase(height: 9, width: 12, stride: (y: 1, x: 2), dilation: (y: 1, x: 3)))
  list.append(DepthwiseCase(height: 9, width: 12, multiplier: 3))
  list.append(
    DepthwiseCase(height: 6, width: 7, kernel: (y: 1, x: 1), padding: (0, 0, 0, 0)))
  return list
}

func sweepDepthwise<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var seed: UInt64 = 900
  for test in cases(lanes: row.lanes) {
    for side in GuardedMemory.Side.allCases {
      seed += 1
      check(row, test, side, seed: seed, Scalar.self)
    }
  }
}

private func check<Scalar: SweepScalar>(
  _ row: KernelRow, _ test: DepthwiseCase, _ side: GuardedMemory.Side, seed: UInt64, _: Scalar.Type
) {
  let channels = 2
  guard let shape = test.shape(channels: channels) else { return }
  var generator = SeededGenerator(seed: seed)
  let bounds = Bounds.all[Int(seed) % Bounds.all.count]
  let size = MemoryLayout<Scalar>.size
  let band = DepthwiseBand(shape, Scalar.dtype, lanes: row.lanes)
  let bandRows = test.bandRows ?? band.rows
  var x: [Scalar] = generator.values(channels * test.height * test.width)
  if hasNaN(seed) { x[x.count / 2] = .nan }
  let bias: [Scalar] = generator.values(shape.filters)
  // The first filter has all taps, the others have some, the last has none; or all have all.
  let all = Array(0..<test.kernel.y * test.kernel.x)
  let taps = (0..<shape.filters).map { f in
    f == 0 || test.isFull
      ? all : f == shape.filters - 1 ? [] : all.filter { _ in Bool.random(using: &generator) }
  }
  let starts = taps.reduce(into: [Int32(0)]) { $0.append($0.last! + Int32($1.count)) }
  let weights: [Scalar] = generator.values(Int(starts.last!))
  let offsets = taps.flatMap { $0.map { Int64(band.offset(tap: $0, of: shape) * size) } }
  var expected: [Expected] = []
  for f in 0..<shape.filters {
    for i in 0..<shape.outputHeight {
      for j in 0..<shape.outputWidth {
        var sum = ExactSum<Scalar>()
        sum.add(bias[f])
        for (number, tap) in taps[f].enumerated() {
          let y = i * test.stride.y + tap / test.kernel.x * test.dilation.y - test.padding.top
          let z = j * test.stride.x + tap % test.kernel.x * test.dilation.x - test.padding.left
          let inside = y >= 0 && y < test.height && z >= 0 && z < test.width
          let plane = f / test.multiplier * test.height * test.width
          sum.add(
            weights[Int(starts[f]) + number], times: inside ? x[plane + y * test.width + z] : 0)
        }
        expected.append(sum.expected(bounds))
      }
    }
  }
  let target = [Scalar](repeating: Scalar(untouched), count: expected.count)
  GuardedMemory.with(side) { memory in
    let (image, start) = (memory.copy(x), memory.copy(bias))
    let (values, begins) = (memory.copy(weights), memory.copy(starts))
    let (places, reads) = (memory.copy(Array(starts.dropLast())), memory.copy(offsets))
    // Whatever was there before.
    let scratch = memory.copy([Scalar](repeating: .nan, count: 2 * band.elements))
    row.conform(to: expected, from: target, side, "\(test), \(bounds), seed \(seed)") {
      kernel, output in
      var arguments = lcn_depthwise_args(
        x: image, height: Int64(test.height), width: Int64(test.width), y: output,
        outputHeight: Int64(shape.outputHeight), outputWidth: Int64(shape.outputWidth),
        channels: Int64(channels), multiplier: Int64(test.multiplier),
        strideY: Int64(test.stride.y), strideX: Int64(test.stride.x), top: Int64(test.padding.top),
        left: Int64(test.padding.left), extentY: Int64(band.extentY), starts: begins,
        weights: values, places: places, offsets: reads, bias: start, lower: bounds.lower,
        upper: bounds.upper, band: scratch, bandElements: Int64(band.elements),
        bandRows: Int64(min(bandRows, shape.outputHeight)),
        square: Int64(shape.squareKernel), rowStride: Int64(band.rowStride),
        phaseStride: Int64(band.phaseStride), isFar: Int64(seed & 1))
      kernel.call(&arguments)
    }
  }
}
