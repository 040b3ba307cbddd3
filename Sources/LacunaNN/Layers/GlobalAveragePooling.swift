// y[c] = mean of x[p, c] over all pixels p.

/// The mean of each channel over the image, or of each feature over the steps of a sequence.
final class GlobalAveragePooling: Layer {
  let name: String
  let inputShape: Shape
  var outputShape: Shape { Shape(features: inputShape.channels) }

  init(_ name: String, input: Shape) { (self.name, inputShape) = (name, input) }

  func forward(_ a: Activations, _ pass: Pass) {
    let (c, pixels) = (inputShape.channels, inputShape.pixels)
    let share = 1 / Float(pixels)
    for s in pass.samples {
      let y = a.y + s * c
      zero(y, c)
      accumulateRows(y, a.x + s * inputShape.count, rows: pixels, c, stride: c)
      for j in 0..<c { y[j] *= share }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    guard let dx = a.dx else { return }
    let (c, pixels) = (inputShape.channels, inputShape.pixels)
    let share = 1 / Float(pixels)
    for s in pass.samples {
      let dy = a.dy + s * c
      for pixel in 0..<pixels {
        let to = dx + s * inputShape.count + pixel * c
        for j in 0..<c { to[j] = dy[j] * share }
      }
    }
  }
}
