// Depthwise convolutions of NHWC images of bytes: the cases of floats, and rings of one and of some registers, exactly.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepByteChannels(_ row: KernelRow) {
  var seed: UInt64 = 1200
  for test in ChannelCase.all(lanes: row.lanes) {
    for side in GuardedMemory.Side.allCases {
      seed += 1
      check(row, test, side, seed: seed)
    }
  }
}

private func check(
  _ row: KernelRow, _ test: ChannelCase, _ side: GuardedMemory.Side, seed: UInt64
) {
  guard let shape = test.shape else { return }
  let channels = test.channels
  var generator = SeededGenerator(seed: seed)
  let bytes = ByteResultCase(row, seed: seed, filters: channels, &generator)
  let ring = ByteChannelRing(shape, lanes: row.lanes)
  let x = (0..<shape.inputCount).map { _ in
    bytes.isExtreme ? 255 : UInt8.random(in: 0...255, using: &generator)
  }
  let taps = (0..<shape.taps * channels).map { _ in
    bytes.isExtreme
      ? -128 : generator.chance(0.2) ? 0 : Int8.random(in: -128...127, using: &generator)
  }
  var quads = [Int32](repeating: 0, count: test.kernel.y * ring.parts * channels)
  var corrections = [Int32](repeating: 0, count: channels)
  for tap in 0..<shape.taps {
    let (y, z) = tap.quotientAndRemainder(dividingBy: test.kernel.x)
    for c in 0..<channels {
      let weight = taps[tap * channels + c]
      quads[(y * ring.parts + z / 4) * channels + c] |=
        Int32(UInt8(bitPattern: weight)) << Int32(8 * (z % 4))
      corrections[c] -= Int32(weight) * Int32(bytes.zero)
    }
  }
  let initial = [Float](repeating: 7, count: shape.outputCount)
  var expected = initial.map { Expected(exactly: $0) }
  let rows = test.before..<max(test.before, shape.outputHeight - test.after)
  for i in rows {
    for j in 0..<shape.outputWidth {
      for c in 0..<channels {
        var sum = 0
        for tap in 0..<shape.taps {
          let y = i * test.stride.y + tap / test.kernel.x * test.dilation.y - test.padding.top
          let z = j * test.stride.x + tap % test.kernel.x * test.dilation.x - test.padding.left
          if y < 0 || y >= test.height || z < 0 || z >= test.width { continue }
          let byte = x[(y * test.width + z) * channels + c] ^ bytes.flip
          sum += Int(taps[tap * channels + c]) * (Int(byte) - Int(bytes.zero))
        }
        expected[(i * shape.outputWidth + j) * channels + c] = bytes.expected(sum, filter: c)
      }
    }
  }
  GuardedMemory.with(side) { memory in
    let (image, quads) = (memory.copy(x), memory.copy(quads))
    let corrections = memory.copy(corrections)
    let (scales, bias) = (memory.copy(bytes.scales), memory.copy(bytes.bias))
    // Whatever was there before.
    let scratch = memory.copy([UInt8](repeating: 0xff, count: ring.byteCount))
    row.conform(to: expected, from: initial, side, "\(test), \(bytes), seed \(seed)") {
      kernel, output in
      let made = memory.copy([UInt8](repeating: 7, count: initial.count))
      var arguments = lcn_byte_channel_args(
        x: image, height: Int64(test.height), width: Int64(test.width),
        y: bytes.isFloat ? UnsafeMutableRawPointer(output) : UnsafeMutableRawPointer(made),
        outputWidth: Int64(shape.outputWidth), firstRow: Int64(rows.lowerBound),
        rows: Int64(rows.count), channels: Int64(channels), kernelHeight: Int64(test.kernel.y),
        kernelWidth: Int64(test.kernel.x), strideY: Int64(test.stride.y),
        strideX: Int64(test.stride.x), dilationY: Int64(test.dilation.y),
        dilationX: Int64(test.dilation.x), top: Int64(test.padding.top),
        left: Int64(test.padding.left), weights: quads, corrections: corrections, scales: scales,
        bias: bias, results: bytes.results, flip: bytes.flip, zero: bytes.zero, ring: scratch,
        ringRegisters: Int64(seed % 3 == 0 ? 1 : ring.registers))
      kernel.call(&arguments)
      if !bytes.isFloat { for i in initial.indices { output[i] = Float(made[i]) } }
    }
  }
}

/// What sums of bytes become in one case of a sweep.
struct ByteResultCase: CustomStringConvertible {
  /// The largest products.
  let isExtreme: Bool
  let isFloat: Bool
  let bounds: Bounds
  let flip: UInt8, zero: UInt8
  let scales: [Float], bias: [Float]
  let results: lcn_byte_results

  init(_ row: KernelRow, seed: UInt64, filters: Int, _ generator: inout SeededGenerator) {
    isExtreme = seed % 4 == 0
    isFloat = row.kernel.types.output == .f32
    bounds = Bounds.all[Int(seed) % Bounds.all.count]
    flip = generator.chance(0.5) ? 0x80 : 0
    zero = UInt8.random(in: 0...255, using: &generator)
    scales = (0..<filters).map { _ in Float.random(in: 1e-5...1e-3, using: &generator) }
    bias = generator.values(filters)
    // Results of bytes reach over both ends of the range.
    results = lcn_byte_results(
      lower: Float(bounds.lower), upper: Float(bounds.upper),
      inverse: Float.random(in: 10...400, using: &generator),
      zero: Int32.random(in: 0...255, using: &generator), flip: generator.chance(0.5) ? 0x80 : 0)
  }

  func expected(_ sum: Int, filter: Int) -> Expected {
    let scaled = Float(sum) * scales[filter]
    let y = min(max(scaled + bias[filter], results.lower), results.upper)
    if isFloat { return Expected(exactly: y) }
    let step = Int((y * results.inverse).rounded(.toNearestOrEven)) + Int(results.zero)
    return Expected(exactly: Float(UInt8(min(max(step, 0), 255)) ^ results.flip))
  }

  var description: String { "\(bounds), flip \(flip), zero \(zero)" }
}
