// Where activation (channel, y, x, sample) lies: samples are innermost, so a pixel is a run of samples.

/// The place of activations in memory during inference.
///
/// Samples of a mini-batch are neighbours ("CHWN"). A pixel of a channel is a contiguous run of
/// `samples` floats, a whole feature map is a matrix `[features, samples]`, and every layer with weights
/// is `Y = W · X` without a transpose.
///
///     element (c, y, x, s)  at  offset + c · channelStride + y · rowStride + x · pixelStride + s
struct ActivationLayout: Sendable {
  let shape: Shape
  let offset: Int
  let channelStride: Int
  let rowStride: Int
  let pixelStride: Int
  /// Floats that hold all activations, border included.
  let extent: Int

  /// Channel by channel, without gaps: `[channels, height, width, samples]`.
  init(_ shape: Shape, samples: Int) {
    self.shape = shape
    (offset, pixelStride) = (0, samples)
    rowStride = shape.width * samples
    channelStride = shape.pixels * samples
    extent = shape.count * samples
  }

  /// Feature by feature in the order of a flattened image (rows, then columns, then channels):
  /// `[height · width · channels, stride]`, of which columns from `first` on are written.
  init(flattened shape: Shape, stride: Int, first: Int) {
    self.shape = shape
    (offset, channelStride) = (first, stride)
    pixelStride = shape.channels * stride
    rowStride = shape.width * pixelStride
    extent = shape.count * stride
  }

  /// As ``init(_:samples:)`` with a border of `top` rows and `left` columns before each image,
  /// `bottom` and `right` after it.
  init(_ shape: Shape, samples: Int, top: Int, left: Int, bottom: Int, right: Int) {
    self.shape = shape
    pixelStride = samples
    rowStride = (left + shape.width + right) * samples
    channelStride = (top + shape.height + bottom) * rowStride
    offset = top * rowStride + left * pixelStride
    extent = shape.channels * channelStride
  }

  /// Where the run of a pixel starts.
  @inline(__always)
  func index(_ channel: Int, _ y: Int, _ x: Int) -> Int {
    offset + channel * channelStride + y * rowStride + x * pixelStride
  }
}
