// out = ⌈in / stride⌉ (same) or ⌊(in − kernel) / stride⌋ + 1 (valid), for convolutions and pooling.

/// What happens at the border of an image.
public enum Padding: String, Hashable, Codable, Sendable {
  /// The output has `⌈in / stride⌉` positions; what the window misses counts as absent (zero for a
  /// convolution). An odd total puts the extra row below and to the right, as TensorFlow does.
  case same
  /// Only windows that lie wholly inside the image.
  case valid
}

/// A window that slides over an image.
public struct Window2D: Hashable, Codable, Sendable {
  /// Pixels from top to bottom, 1 or more.
  public let height: Int
  /// Pixels from left to right, 1 or more.
  public let width: Int
  /// Pixels down from one row of positions to the next.
  public let strideY: Int
  /// Pixels to the right from one position to the next.
  public let strideX: Int
  /// What happens at the border.
  public let padding: Padding

  /// A window that moves by single pixels unless strides say otherwise; building a network checks
  /// it.
  public init(height: Int, width: Int, strideY: Int = 1, strideX: Int = 1, padding: Padding) {
    (self.height, self.width) = (height, width)
    (self.strideY, self.strideX, self.padding) = (strideY, strideX, padding)
  }

  /// Positions of the window along an edge of `size` pixels, 0 when it does not fit.
  static func positions(size: Int, window: Int, stride: Int, padding: Padding) -> Int {
    switch padding {
    case .same: (size + stride - 1) / stride
    case .valid: size < window ? 0 : (size - window) / stride + 1
    }
  }

  static func padBefore(size: Int, window: Int, stride: Int, padding: Padding) -> Int {
    guard padding == .same else { return 0 }
    let positions = (size + stride - 1) / stride
    return max((positions - 1) * stride + window - size, 0) / 2
  }
}

/// A window fixed to an input shape: everything the loops need.
struct WindowGeometry: Hashable, Sendable {
  let input: Shape
  let window: Window2D
  let outHeight: Int
  let outWidth: Int
  let padTop: Int
  let padLeft: Int

  init(_ window: Window2D, over input: Shape) {
    (self.input, self.window) = (input, window)
    let (w, p) = (window, window.padding)
    outHeight = Window2D.positions(
      size: input.height, window: w.height, stride: w.strideY, padding: p)
    outWidth = Window2D.positions(
      size: input.width, window: w.width, stride: w.strideX, padding: p)
    padTop = Window2D.padBefore(
      size: input.height, window: w.height, stride: w.strideY, padding: p)
    padLeft = Window2D.padBefore(
      size: input.width, window: w.width, stride: w.strideX, padding: p)
  }

  /// Window positions per sample.
  var pixels: Int { outHeight * outWidth }
  /// Scalars under one window: `height · width · channels`.
  var patch: Int { window.height * window.width * input.channels }
}
