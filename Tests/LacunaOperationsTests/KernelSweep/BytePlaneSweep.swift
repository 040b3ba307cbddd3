// Planes of depthwise convolutions of bytes: every edge of the image, of a register, of a quad and of a band, exactly.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

private func cases(lanes: Int) -> [DepthwiseCase] {
  var list: [DepthwiseCase] = []
  // Widths around the copies of words, of 16 bytes and of a register; results around one and four registers.
  for width in [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, lanes - 1, lanes + 1, 63, 64, 65, 4 * lanes + 3] {
    for height in [1, 2, 3, 7, 8, 11] {
      list.append(DepthwiseCase(height: height, width: width))
    }
  }
  // Strides and dilations that are shuffled, and those that are not.
  for stride in [1, 2, 3, 4, 5] {
    for (dilation, padding) in [
      (1, (0, 0, 0, 0)), (1, (2, 1, 0, 2)), (2, (1, 2, 2, 0)), (3, (0, 1, 1, 2)),
      (5, (3, 0, 0, 4)),
    ] {
      list.append(
        DepthwiseCase(
          height: 15, width: 2 * lanes + 11, kernel: (y: 3, x: 3), stride: (y: stride, x: stride),
          dilation: (y: (dilation + 1) / 2, x: dilation), padding: padding))
    }
  }
  // Rows of a kernel of one to three quads, whole and not.
  for taps in [1, 2, 4, 5, 8, 9] {
    for stride in [1, 2] {
      list.append(
        DepthwiseCase(
          height: 9, width: lanes + 9, kernel: (y: 2, x: taps), stride: (y: 1, x: stride),
          padding: (1, taps - 1, 0, taps / 2)))
    }
  }
  for bandRows in [1, 2, 8] {
    list.append(DepthwiseCase(height: 21, width: 10, bandRows: bandRows))
    list.append(DepthwiseCase(height: 21, width: 10, stride: (y: 2, x: 1), bandRows: bandRows))
    list.append(
      DepthwiseCase(
        height: 21, width: 10, kernel: (y: 1, x: 1), stride: (y: 3, x: 3), padding: (0, 0, 0, 0),
        bandRows: bandRows))
  }
  list.append(DepthwiseCase(height: 9, width: 12, multiplier: 3))
  list.append(DepthwiseCase(height: 6, width: 7, kernel: (y: 1, x: 1), padding: (0, 0, 0, 0)))
  return list
}

func sweepBytePlanes(_ row: KernelRow) {
  var seed: UInt64 = 1000
  for test in cases(lanes: row.lanes) {
    for side in GuardedMemory.Side.allCases {
      seed += 1
      check(row, test, side, seed: seed)
    }
  }
}

/// The weights of some filters as quads of taps, zeros left out, and how sums start.
private struct BytePlaneWeights {
  let taps: [[Int8]]
  var starts: [Int32] = [0], places: [Int32] = []
  var quads: [Int32] = [], offsets: [Int64] = []

  init(
    _ shape: ConvolutionShape, _ band: BytePlaneBand, isExtreme: Bool,
    _ generator: inout SeededGenerator
  ) {
    // The first filter has all taps, the others have some; the last has none.
    taps = (0..<shape.filters).map { f in
      (0..<shape.taps).map { _ in
        if f > 0 && (f == shape.filters - 1 || generator.chance(0.5)) { return 0 }
        return isExtreme ? -128 : Int8.random(in: -128...127, using: &generator)
      }
    }
    for row in taps {
      places.append(Int32(offsets.count))
      for y in 0..<shape.kernelHeight {
        for part in 0..<band.parts {
          var quad: UInt32 = 0
          for x in 4 * part..<min(4 * part + 4, shape.kernelWidth) {
            quad |= UInt32(UInt8(bitPattern: row[y * shape.kernelWidth + x])) << UInt32(8 * (x % 4))
          }
          if quad == 0 { continue }
          quads.append(Int32(bitPattern: quad))
          offsets.append(Int64(4 * band.offset(quad: y * band.parts + part, of: shape)))
        }
      }
      starts.append(Int32(quads.count))
    }
  }
}

private func check(
  _ row: KernelRow, _ test: DepthwiseCase, _ side: GuardedMemory.Side, seed: UInt64
) {
  let channels = 2
  guard let shape = test.shape(channels: channels) else { return }
  var generator = SeededGenerator(seed: seed)
  let bytes = ByteResultCase(row, seed: seed, filters: shape.filters, &generator)
  let band = BytePlaneBand(shape, lanes: row.lanes, rows: test.bandRows)
  let x = (0..<channels * test.height * test.width).map { _ in
    bytes.isExtreme ? 255 : UInt8.random(in: 0...255, using: &generator)
  }
  let weights = BytePlaneWeights(shape, band, isExtreme: bytes.isExtreme, &generator)
  let corrections = weights.taps.map { row in
    0 - row.reduce(Int32(0)) { $0 + Int32($1) } * Int32(bytes.zero)
  }
  var expected: [Expected] = []
  for f in 0..<shape.filters {
    for i in 0..<shape.outputHeight {
      for j in 0..<shape.outputWidth {
        var sum = 0
        for (tap, weight) in weights.taps[f].enumerated() {
          let y = i * test.stride.y + tap / test.kernel.x * test.dilation.y - test.padding.top
          let z = j * test.stride.x + tap % test.kernel.x * test.dilation.x - test.padding.left
          if y < 0 || y >= test.height || z < 0 || z >= test.width { continue }
          let byte = x[(f / test.multiplier * test.height + y) * test.width + z] ^ bytes.flip
          sum += Int(weight) * (Int(byte) - Int(bytes.zero))
        }
        expected.append(bytes.expected(sum, filter: f))
      }
    }
  }
  let initial = [Float](repeating: Float(untouched), count: expected.count)
  GuardedMemory.with(side) { memory in
    let image = memory.copy(x)
    let (begins, quads) = (memory.copy(weights.starts), memory.copy(weights.quads))
    let (places, offsets) = (memory.copy(weights.places), memory.copy(weights.offsets))
    let corrections = memory.copy(corrections)
    let (scales, bias) = (memory.copy(bytes.scales), memory.copy(bytes.bias))
    // Whatever was there before.
    let scratch = memory.copy([UInt8](repeating: 0xff, count: band.byteCount))
    row.conform(
      to: expected, from: initial, side, "\(test), \(bytes), seed \(seed)"
    ) { kernel, output in
      let made = memory.copy([UInt8](repeating: 7, count: initial.count))
      var arguments = lcn_byte_plane_args(
        x: image, height: Int64(test.height), width: Int64(test.width),
        y: bytes.isFloat ? UnsafeMutableRawPointer(output) : UnsafeMutableRawPointer(made),
        outputHeight: Int64(shape.outputHeight), outputWidth: Int64(shape.outputWidth),
        channels: Int64(channels), multiplier: Int64(test.multiplier),
        strideY: Int64(test.stride.y), strideX: Int64(test.stride.x),
        dilationX: Int64(test.dilation.x), top: Int64(test.padding.top),
        left: Int64(test.padding.left), extentY: Int64(band.extentY), starts: begins,
        weights: quads, places: places, offsets: offsets, corrections: corrections,
        scales: scales, bias: bias, results: bytes.results, flip: bytes.flip, zero: bytes.zero,
        band: scratch, bandBytes: Int64(band.quadBytes), imageBytes: Int64(band.imageBytes),
        rowBytes: Int64(band.rowBytes), bandRows: Int64(band.rows),
        phaseRows: Int64(band.phaseRows), parts: Int64(band.parts))
      kernel.call(&arguments)
      if !bytes.isFloat { for i in initial.indices { output[i] = Float(made[i]) } }
    }
  }
}
