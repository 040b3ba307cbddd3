// A band of a plane of bytes: a quad for each result of a row, made of the image or of its rows between their padding.

import CSIMD

/// A band of a channel: results from row `first` on.
struct PlaneStep {
  let channel: Int, first: Int, rows: Int
  /// Which of the two places it takes.
  let place: Int

  /// The one behind it; there may be no such channel.
  @inline(__always) func next(_ a: lcn_byte_plane_args) -> PlaneStep {
    let end = first &+ rows
    let (bandRows, height) = (Int(a.bandRows), Int(a.outputHeight))
    if end == height {
      return PlaneStep(
        channel: channel &+ 1, first: 0, rows: min(bandRows, height), place: 1 &- place)
    }
    return PlaneStep(
      channel: channel, first: end, rows: min(bandRows, height &- end), place: 1 &- place)
  }
}

/// Brings bands.
struct QuadMaker {
  private let a: lcn_byte_plane_args
  private let words: VectorI8, bytes: VectorI8

  @inline(__always) init(_ a: lcn_byte_plane_args) {
    self.a = a
    words = VectorI8(lcn_quad_words(a.strideX))
    bytes = VectorI8(lcn_quad_bytes(a.strideX, a.dilationX))
  }

  @inline(__always) func quads(_ step: PlaneStep) -> UnsafeMutableRawPointer {
    a.band + step.place &* Int(a.bandBytes)
  }
  @inline(__always) private func image(_ place: Int) -> UnsafeMutableRawPointer {
    a.band + (2 &* Int(a.bandBytes) &+ place &* Int(a.imageBytes))
  }

  private var zeros: VectorI8 { VectorI8(repeating: Int32(a.zero) &* 0x0101_0101) }

  /// Whether quads are made of the image as it lies: bytes that are outside of it are masked, where a load can be.
  @inline(__always) private var readsImage: Bool {
    #if LACUNA_V4
      return lcn_shuffles_quads(a.strideX, a.dilationX) != 0
    #else
      return false
    #endif
  }

  /// The byte that stands for 0 wherever no byte of an image comes to lie.
  @inline(__always) func clear() {
    if readsImage { return }
    let full = Int(a.imageBytes) / (4 &* VectorI8.count)
    let tail = Int(a.imageBytes) / 4 &- full &* VectorI8.count
    for place in 0..<2 {
      let p = image(place)
      for t in 0..<full { zeros.store(p, t) }
      zeros.storeFirst(tail, p + full &* 4 &* VectorI8.count)
    }
  }

  /// The rows of the image that a band sees, counted from its first: those before `above` and from `end` on are padding.
  @inline(__always)
  private func rows(_ step: PlaneStep) -> (top: Int, above: Int, end: Int, count: Int) {
    let count = (step.rows &- 1) &* Int(a.strideY) &+ Int(a.extentY)
    let top = step.first &* Int(a.strideY) &- Int(a.top)
    let above = min(max(0, 0 &- top), count)
    return (top, above, max(above, min(count, Int(a.height) &- top)), count)
  }

  /// The image's rows of a step, between their padding.
  @inline(__always) func bringBytes(_ step: PlaneStep) {
    if readsImage { return }
    let (top, above, end, _) = rows(step)
    let (width, rowBytes, flip) = (Int(a.width), Int(a.rowBytes), a.flip)
    var source = a.x + (step.channel &* Int(a.height) &+ top &+ above) &* width
    var target =
      (image(step.place) + (above &* rowBytes &+ Int(a.left))).assumingMemoryBound(to: UInt8.self)
    for _ in above..<end {
      lcn_copy_bytes(target, source, Int64(width), flip)
      source += width
      target += rowBytes
    }
  }

  /// The quads of a step, from its bytes.
  @inline(__always) func makeQuads(_ step: PlaneStep) {
    let (words, bytes) = (words.lanes, bytes.lanes)
    let (stride, dilation) = (a.strideX, a.dilationX)
    #if LACUNA_V4
      if readsImage {
        makeRowsOfImage(step)
        return
      }
    #endif
    if lcn_shuffles_quads(stride, dilation) != 0 {
      makeRows(step) { VectorI8(lcn_shuffle_quads($0, words, bytes)) }
    } else {
      makeRows(step) {
        VectorI8(lcn_gather_quads($0.assumingMemoryBound(to: UInt8.self), stride, dilation))
      }
    }
  }

  /// Registers write past the end of a row, where the next one comes to lie.
  @inline(__always)
  private func makeRows(_ step: PlaneStep, _ quads: (UnsafeRawPointer) -> VectorI8) {
    let (_, above, end, count) = rows(step)
    let (width, strideY) = (Int(a.outputWidth), Int(a.strideY))
    let (rowBytes, registerStep) = (Int(a.rowBytes), VectorI8.count &* Int(a.strideX))
    let zeros = zeros
    var phases = self.quads(step)
    for part in 0..<Int(a.parts) {
      let image = image(step.place) + 4 &* part &* Int(a.dilationX)
      for phase in 0..<strideY {
        var (target, row) = (phases, phase)
        while row < count {
          var (from, j) = (UnsafeRawPointer(image + row &* rowBytes), 0)
          let isInside = row >= above && row < end
          while j < width {
            (isInside ? quads(from) : zeros).store(target + 4 &* j, 0)
            from += registerStep
            j &+= VectorI8.count
          }
          target += 4 &* width
          row &+= strideY
        }
        phases += 4 &* Int(a.phaseRows) &* width
      }
    }
  }

  #if LACUNA_V4
    /// The same from the image itself. The last registers of all rows come first: what they write past the end of a row, the
    /// first ones of the next row replace.
    @inline(__always)
    private func makeRowsOfImage(_ step: PlaneStep) {
      let (top, above, end, count) = rows(step)
      let (words, bytes, zeros) = (words.lanes, bytes.lanes, zeros.lanes)
      let flips = VectorI8(repeating: Int32(a.flip) &* 0x0101_0101).lanes
      let (outputWidth, strideY, width) = (Int(a.outputWidth), Int(a.strideY), Int(a.width))
      let rowBytes = strideY &* width
      let plane = UnsafeRawPointer(a.x + (step.channel &* Int(a.height) &+ top) &* width)
      var phases = quads(step)
      for part in 0..<Int(a.parts) {
        var j = (outputWidth &- 1) & ~(VectorI8.count &- 1)
        while j >= 0 {
          let column = j &* Int(a.strideX) &+ 4 &* part &* Int(a.dilationX) &- Int(a.left)
          let mask = lcn_byte_mask(Int64(0 &- column), Int64(width &- column))
          var register = phases + 4 &* j
          for phase in 0..<strideY {
            var (target, row) = (register, phase)
            var from = plane + (phase &* width &+ column)
            while row < above {
              VectorI8(zeros).store(target, 0)
              target += 4 &* outputWidth
              from += rowBytes
              row &+= strideY
            }
            while row < end {
              VectorI8(
                lcn_shuffle_some_quads(from, mask, zeros ^ flips, flips, words, bytes)
              ).store(target, 0)
              target += 4 &* outputWidth
              from += rowBytes
              row &+= strideY
            }
            while row < count {
              VectorI8(zeros).store(target, 0)
              target += 4 &* outputWidth
              row &+= strideY
            }
            register += 4 &* Int(a.phaseRows) &* outputWidth
          }
          j &-= VectorI8.count
        }
        phases += 4 &* strideY &* Int(a.phaseRows) &* outputWidth
      }
    }
  #endif
}
