// The plain twin of the kernels of planes of bytes: the same sums, straight from the image.

import CSIMD

/// Offsets say where a quad reads the band; here they are turned back into rows and columns of the image.
@inline(__always)
private func convolve(
  _ pointer: UnsafePointer<lcn_byte_plane_args>, _ write: (_ place: Int, _ y: Float) -> Void
) {
  let a = pointer.pointee
  let (height, width) = (Int(a.height), Int(a.width))
  let (rows, columns) = (Int(a.outputHeight), Int(a.outputWidth))
  for f in 0..<Int(a.channels * a.multiplier) {
    let plane = a.x + f / Int(a.multiplier) * height * width
    for i in 0..<rows {
      for j in 0..<columns {
        var sum = a.corrections[f]
        let first = Int(a.starts[f])
        for k in first..<Int(a.starts[f + 1]) {
          let place = Int(a.offsets[Int(a.places[f]) + k - first]) / 4 / columns
          let phaseRows = Int(a.phaseRows)
          let (phases, row) = (place / phaseRows, place % phaseRows)
          let dy = row * Int(a.strideY) + phases % Int(a.strideY)
          let y = i * Int(a.strideY) + dy - Int(a.top)
          for b in 0..<4 {
            let tap = 4 * (phases / Int(a.strideY)) + b
            let x = j * Int(a.strideX) + tap * Int(a.dilationX) - Int(a.left)
            let inside = y >= 0 && y < height && x >= 0 && x < width
            let byte = inside ? plane[y * width + x] ^ a.flip : a.zero
            let weight = Int8(truncatingIfNeeded: a.weights[k] >> Int32(8 * b))
            sum &+= Int32(weight) &* Int32(byte)
          }
        }
        let scaled = Float(sum) * a.scales[f]
        write(
          (f * rows + i) * columns + j,
          bounded(scaled + a.bias[f], a.results.lower, a.results.upper))
      }
    }
  }
}

/// The byte of a number, as `lcn_quantize` makes it.
func quantized(_ y: Float, _ r: lcn_byte_results) -> UInt8 {
  let scaled = bounded(y * r.inverse, Float(-r.zero), Float(255 - r.zero))
  // The integer is in the low bits.
  let bits = Int32(truncatingIfNeeded: (scaled + 12_582_912).bitPattern) &+ r.zero
  return UInt8(truncatingIfNeeded: bits) ^ r.flip
}

func depthwiseBytesReferenceF32(_ a: UnsafePointer<lcn_byte_plane_args>) {
  let y = a.pointee.y.assumingMemoryBound(to: Float.self)
  convolve(a) { place, value in y[place] = value }
}
func depthwiseBytesReferenceU8(_ a: UnsafePointer<lcn_byte_plane_args>) {
  let y = a.pointee.y.assumingMemoryBound(to: UInt8.self)
  convolve(a) { place, value in y[place] = quantized(value, a.pointee.results) }
}
