// Depthwise convolutions of NHWC images: every edge of the image, of a register, of four pixels and of a run of rows.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

/// What one case convolves.
struct ChannelCase {
  var channels: Int
  var height = 5, width = 9
  var kernel = (y: 3, x: 3)
  var stride = (y: 1, x: 1)
  var dilation = (y: 1, x: 1)
  var padding = (top: 1, left: 1, bottom: 1, right: 1)
  /// Results of the first rows, and of the last, are another slice's.
  var before = 0, after = 0

  /// nil where the kernel does not fit.
  var shape: ConvolutionShape? {
    try? ConvolutionShape(
      channels: channels, image: (height, width), filters: channels, kernel: (kernel.y, kernel.x),
      stride: stride, dilation: dilation, padding: padding, groups: channels)
  }

  static func all(lanes: Int) -> [ChannelCase] {
    var list: [ChannelCase] = []
    for channels in [
      lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 3, 3 * lanes, 5 * lanes + 1,
    ] {
      for width in [1, 2, 3, 6, 9] { list.append(ChannelCase(channels: channels, width: width)) }
    }
    for stride in [1, 2, 3] {
      for (dilation, padding) in [
        (1, (0, 0, 0, 0)), (1, (2, 1, 0, 2)), (2, (1, 3, 2, 0)), (3, (0, 5, 4, 3)),
      ] {
        list.append(
          ChannelCase(
            channels: lanes + 2, height: 11, width: 14, stride: (y: stride, x: stride),
            dilation: (y: dilation, x: dilation), padding: padding))
      }
    }
    // Rows of one to three quads of bytes, whole and not.
    for taps in [1, 2, 4, 5, 8, 9] {
      list.append(
        ChannelCase(
          channels: lanes, height: 4, width: 12, kernel: (y: 2, x: taps),
          padding: (1, taps - 1, 0, taps / 2)))
    }
    for (before, after) in [(1, 0), (0, 2), (3, 4)] {
      for stride in [1, 2] {
        list.append(
          ChannelCase(
            channels: lanes + 1, height: 15, width: 5, stride: (y: stride, x: 1), before: before,
            after: after))
      }
    }
    return list
  }
}

func sweepChannels<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var seed: UInt64 = 1100
  for test in ChannelCase.all(lanes: row.lanes) {
    for side in GuardedMemory.Side.allCases {
      seed += 1
      check(row, test, side, seed: seed, Scalar.self)
    }
  }
}

private func check<Scalar: SweepScalar>(
  _ row: KernelRow, _ test: ChannelCase, _ side: GuardedMemory.Side, seed: UInt64, _: Scalar.Type
) {
  guard let shape = test.shape else { return }
  var generator = SeededGenerator(seed: seed)
  let bounds = Bounds.all[Int(seed) % Bounds.all.count]
  var x: [Scalar] = generator.values(shape.inputCount)
  if hasNaN(seed) { x[x.count / 2] = .nan }
  let bias: [Scalar] = generator.values(test.channels)
  let weights: [Scalar] = generator.values(shape.taps * test.channels)
  let target = [Scalar](repeating: Scalar(untouched), count: shape.outputCount)
  var expected = target.map { Expected(exactly: $0) }
  let rows = test.before..<max(test.before, shape.outputHeight - test.after)
  for i in rows {
    for j in 0..<shape.outputWidth {
      for c in 0..<test.channels {
        var sum = ExactSum<Scalar>()
        sum.add(bias[c])
        for tap in 0..<shape.taps {
          let y = i * test.stride.y + tap / test.kernel.x * test.dilation.y - test.padding.top
          let z = j * test.stride.x + tap % test.kernel.x * test.dilation.x - test.padding.left
          if y < 0 || y >= test.height || z < 0 || z >= test.width { continue }
          sum.add(
            weights[tap * test.channels + c],
            times: x[(y * test.width + z) * test.channels + c])
        }
        expected[(i * shape.outputWidth + j) * test.channels + c] = sum.expected(bounds)
      }
    }
  }
  GuardedMemory.with(side) { memory in
    let (image, start, values) = (memory.copy(x), memory.copy(bias), memory.copy(weights))
    row.conform(to: expected, from: target, side, "\(test), \(bounds), seed \(seed)") {
      kernel, output in
      var arguments = lcn_depthwise_channel_args(
        x: image, height: Int64(test.height), width: Int64(test.width), y: output,
        outputWidth: Int64(shape.outputWidth), firstRow: Int64(rows.lowerBound),
        rows: Int64(rows.count), channels: Int64(test.channels),
        kernelHeight: Int64(test.kernel.y), kernelWidth: Int64(test.kernel.x),
        strideY: Int64(test.stride.y), strideX: Int64(test.stride.x),
        dilationY: Int64(test.dilation.y), dilationX: Int64(test.dilation.x),
        top: Int64(test.padding.top), left: Int64(test.padding.left), weights: values,
        bias: start, lower: bounds.lower, upper: bounds.upper)
      kernel.call(&arguments)
    }
  }
}
