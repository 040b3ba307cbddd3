// Quads of the rows that a kernel reaches over, of some registers of channels: row r of the padded image in place r % extent.

import CSIMD

struct QuadRing {
  private let a: lcn_byte_channel_args
  /// Rows from a kernel's first to its last.
  let extent: Int
  /// Quads of a kernel's row.
  let parts: Int

  @inline(__always) init(_ a: lcn_byte_channel_args) {
    self.a = a
    extent = (Int(a.kernelHeight) &- 1) &* Int(a.dilationY) &+ 1
    parts = (Int(a.kernelWidth) &+ 3) / 4
  }

  /// Where a row of the padded image lies.
  @inline(__always) func place(row: Int) -> Int {
    Int(UInt32(truncatingIfNeeded: row) % UInt32(truncatingIfNeeded: extent))
  }

  /// What lies there: a register for each result of a row, part by part.
  @inline(__always) func quads(place: Int, register: Int) -> UnsafeMutableRawPointer {
    a.ring + (register &* extent &+ place) &* parts &* Int(a.outputWidth)
      &* MemoryLayout<VectorI8>.size
  }

  @inline(__always) func make(row: Int, register: Int, channel: Int) {
    let target = quads(place: place(row: row), register: register)
    let y = row &- Int(a.top)
    if y < 0 || y >= Int(a.height) {
      let zeros = VectorI8(repeating: Int32(a.zero) &* 0x0101_0101)
      for j in 0..<parts &* Int(a.outputWidth) { zeros.store(target, j) }
      return
    }
    let source = a.x + (y &* Int(a.width) &* Int(a.channels) &+ channel)
    if a.kernelWidth == 3 {
      makePart(0, taps: 3, source, target)
      return
    }
    for part in 0..<parts {
      makePart(
        part, taps: min(4, Int(a.kernelWidth) &- 4 &* part), source,
        target + part &* Int(a.outputWidth) &* MemoryLayout<VectorI8>.size)
    }
  }

  @inline(__always)
  private func makePart(
    _ part: Int, taps: Int, _ source: UnsafePointer<UInt8>, _ target: UnsafeMutableRawPointer
  ) {
    let (stride, width, outputWidth) = (Int(a.strideX), Int(a.width), Int(a.outputWidth))
    let (pixel, dilation) = (Int(a.channels), Int(a.dilationX))
    // Where the first tap of result 0 reads, and how far behind it the last one does.
    let (first, reach) = (4 &* part &* dilation &- Int(a.left), (taps &- 1) &* dilation)
    let flips = VectorI8(repeating: Int32(a.flip) &* 0x0101_0101).lanes
    var (j, column) = (0, first)
    while j < outputWidth {
      if column >= 0 && column &+ reach < width {
        let quads = lcn_quads_of_pixels(
          source + column &* pixel, Int64(dilation &* pixel), Int64(taps))
        VectorI8(quads ^ flips).store(target, j)
      } else {
        var (begin, end) = (0, taps)
        while begin < end && column &+ begin &* dilation < 0 { begin &+= 1 }
        while end > begin && column &+ (end &- 1) &* dilation >= width { end &-= 1 }
        let quads = lcn_quads_of_some_pixels(
          source + column &* pixel, Int64(dilation &* pixel), Int64(begin), Int64(end),
          a.zero ^ a.flip)
        VectorI8(quads ^ flips).store(target, j)
      }
      j &+= 1
      column &+= stride
    }
  }
}
