// The plain twin of the kernels of bytes whose channels lie together: one result at a time.

import CSIMD

@inline(__always)
private func convolve(
  _ pointer: UnsafePointer<lcn_byte_channel_args>, _ write: (_ place: Int, _ y: Float) -> Void
) {
  let a = pointer.pointee
  let (height, width) = (Int(a.height), Int(a.width))
  let (channels, columns) = (Int(a.channels), Int(a.outputWidth))
  let parts = (Int(a.kernelWidth) + 3) / 4
  for i in Int(a.firstRow)..<Int(a.firstRow + a.rows) {
    for j in 0..<columns {
      for c in 0..<channels {
        var sum = a.corrections[c]
        for ky in 0..<Int(a.kernelHeight) {
          for kx in 0..<Int(a.kernelWidth) {
            let y = i * Int(a.strideY) + ky * Int(a.dilationY) - Int(a.top)
            let x = j * Int(a.strideX) + kx * Int(a.dilationX) - Int(a.left)
            let inside = y >= 0 && y < height && x >= 0 && x < width
            let byte = inside ? a.x[(y * width + x) * channels + c] ^ a.flip : a.zero
            let quad = a.weights[(ky * parts + kx / 4) * channels + c]
            let weight = Int8(truncatingIfNeeded: quad >> Int32(8 * (kx % 4)))
            sum &+= Int32(weight) &* Int32(byte)
          }
        }
        let scaled = Float(sum) * a.scales[c]
        write(
          (i * columns + j) * channels + c,
          bounded(scaled + a.bias[c], a.results.lower, a.results.upper))
      }
    }
  }
}

func depthwiseByteChannelsReferenceF32(_ a: UnsafePointer<lcn_byte_channel_args>) {
  let y = a.pointee.y.assumingMemoryBound(to: Float.self)
  convolve(a) { place, value in y[place] = value }
}
func depthwiseByteChannelsReferenceU8(_ a: UnsafePointer<lcn_byte_channel_args>) {
  let y = a.pointee.y.assumingMemoryBound(to: UInt8.self)
  convolve(a) { place, value in y[place] = quantized(value, a.pointee.results) }
}
