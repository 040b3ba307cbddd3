// The plain twin of the depthwise kernel: the same sums, straight from the image.

import CSIMD

/// Offsets say where a tap reads the band; here they are turned back into rows and columns of the image.
@inline(__always)
private func convolve<Scalar: BinaryFloatingPoint>(
  _ pointer: UnsafePointer<lcn_depthwise_args>, _: Scalar.Type
) {
  let a = pointer.pointee
  let (height, width) = (Int(a.height), Int(a.width))
  let x = a.x.assumingMemoryBound(to: Scalar.self)
  let y = a.y.assumingMemoryBound(to: Scalar.self)
  let weights = a.weights.assumingMemoryBound(to: Scalar.self)
  let bias = a.bias.assumingMemoryBound(to: Scalar.self)
  let (lower, upper) = (Scalar(a.lower), Scalar(a.upper))
  for f in 0..<Int(a.channels * a.multiplier) {
    let plane = x + f / Int(a.multiplier) * height * width
    for i in 0..<Int(a.outputHeight) {
      for j in 0..<Int(a.outputWidth) {
        var sum = bias[f]
        let first = Int(a.starts[f])
        for k in first..<Int(a.starts[f + 1]) {
          let place = Int(a.offsets[Int(a.places[f]) + k - first]) / MemoryLayout<Scalar>.size
          let (dy, rest) = (place / Int(a.rowStride), place % Int(a.rowStride))
          let dx = rest % Int(a.phaseStride) * Int(a.strideX) + rest / Int(a.phaseStride)
          let row = i * Int(a.strideY) + dy - Int(a.top)
          let column = j * Int(a.strideX) + dx - Int(a.left)
          // Padding is made of zeros, which are multiplied.
          let inside = row >= 0 && row < height && column >= 0 && column < width
          sum += weights[k] * (inside ? plane[row * width + column] : 0)
        }
        y[(f * Int(a.outputHeight) + i) * Int(a.outputWidth) + j] = bounded(sum, lower, upper)
      }
    }
  }
}

func depthwiseReferenceF32(_ a: UnsafePointer<lcn_depthwise_args>) {
  convolve(a, Float.self)
}
func depthwiseReferenceF64(_ a: UnsafePointer<lcn_depthwise_args>) {
  convolve(a, Double.self)
}
