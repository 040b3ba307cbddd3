// The plain twin of the depthwise kernel over channels: one result at a time.

import CSIMD

@inline(__always)
private func convolve<Scalar: BinaryFloatingPoint>(
  _ pointer: UnsafePointer<lcn_depthwise_channel_args>, _: Scalar.Type
) {
  let a = pointer.pointee
  let (height, width) = (Int(a.height), Int(a.width))
  let (channels, columns) = (Int(a.channels), Int(a.outputWidth))
  let pixels = a.x.assumingMemoryBound(to: Scalar.self)
  let results = a.y.assumingMemoryBound(to: Scalar.self)
  let weights = a.weights.assumingMemoryBound(to: Scalar.self)
  let bias = a.bias.assumingMemoryBound(to: Scalar.self)
  for i in Int(a.firstRow)..<Int(a.firstRow + a.rows) {
    for j in 0..<columns {
      for c in 0..<channels {
        var sum = bias[c]
        for ky in 0..<Int(a.kernelHeight) {
          for kx in 0..<Int(a.kernelWidth) {
            let y = i * Int(a.strideY) + ky * Int(a.dilationY) - Int(a.top)
            let x = j * Int(a.strideX) + kx * Int(a.dilationX) - Int(a.left)
            if y < 0 || y >= height || x < 0 || x >= width { continue }
            sum +=
              weights[(ky * Int(a.kernelWidth) + kx) * channels + c]
              * pixels[(y * width + x) * channels + c]
          }
        }
        results[(i * columns + j) * channels + c] = bounded(
          sum, Scalar(a.lower), Scalar(a.upper))
      }
    }
  }
}

func depthwiseChannelsReferenceF32(_ a: UnsafePointer<lcn_depthwise_channel_args>) {
  convolve(a, Float.self)
}
func depthwiseChannelsReferenceF64(_ a: UnsafePointer<lcn_depthwise_channel_args>) {
  convolve(a, Double.self)
}
