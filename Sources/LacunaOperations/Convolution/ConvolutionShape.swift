// out = ⌊(in + before + after − dilation·(kernel − 1) − 1) / stride⌋ + 1 along each dimension.

import LacunaFormats

/// How images lie in memory.
public enum ImageLayout: String, Hashable, Sendable, Codable, CaseIterable {
  /// [images, channels, height, width]: PyTorch, ONNX.
  case nchw
  /// [images, height, width, channels]: TensorFlow, Keras.
  case nhwc
}

/// The order of the columns of a convolution's weights `[filters, channels/groups · height · width]`.
///
/// A kernel stored OIHW (PyTorch, ONNX) is such a matrix as it is, in the order ``channelsFirst``; one
/// stored OHWI is it in the order ``channelsLast``. HWIO (TensorFlow, Keras) is the transposed matrix of
/// OHWI: transpose it, or hand it over as a view of row stride 1 and column stride `filters`.
public enum KernelOrder: String, Hashable, Sendable, Codable, CaseIterable {
  /// Column `(channel · height + y) · width + x`.
  case channelsFirst
  /// Column `(y · width + x) · channels/groups + channel`.
  case channelsLast
}

/// Everything about a convolution but its numbers: if you hold one, it fits.
public struct ConvolutionShape: Hashable, Sendable {
  /// Of one image, which comes without the zeros around it.
  public let channels: Int, height: Int, width: Int
  /// Output channels.
  public let filters: Int
  /// Taps in each direction.
  public let kernelHeight: Int, kernelWidth: Int
  /// Pixels from one result to the next.
  public let strideY: Int, strideX: Int
  /// Pixels from one tap to the next.
  public let dilationY: Int, dilationX: Int
  /// Rows and columns of zeros around each image.
  public let padTop: Int, padLeft: Int, padBottom: Int, padRight: Int
  /// Filters `g · filters/groups ..<` see channels `g · channels/groups ..<` of as many.
  public let groups: Int
  /// Of one result.
  public let outputHeight: Int, outputWidth: Int

  /// Most positions of a kernel: their numbers have to fit into the 16-bit indices of packed weights.
  public static let mostPositions = 1 << 16

  /// - Parameters:
  ///   - image: height and width, 1 or more.
  ///   - kernel, stride, dilation: along height and width, 1 or more.
  ///   - padding: top, left, bottom and right, each smaller than the dilated kernel.
  /// - Throws: ``OperationError/outOfRange(name:value:minimum:maximum:)`` and
  ///   ``OperationError/convolution(_:)`` with the numbers that disagree.
  public init(
    channels: Int, image: (height: Int, width: Int), filters: Int,
    kernel: (height: Int, width: Int), stride: (y: Int, x: Int) = (1, 1),
    dilation: (y: Int, x: Int) = (1, 1),
    padding: (top: Int, left: Int, bottom: Int, right: Int) = (0, 0, 0, 0), groups: Int = 1
  ) throws(OperationError) {
    let most = Int(Int32.max)
    for (name, value) in [
      ("channels", channels), ("image height", image.height), ("image width", image.width),
      ("filters", filters), ("kernel height", kernel.height), ("kernel width", kernel.width),
      ("stride in y", stride.y), ("stride in x", stride.x), ("dilation in y", dilation.y),
      ("dilation in x", dilation.x), ("groups", groups),
    ] where value < 1 || value > most {
      throw .outOfRange(name: name, value: value, minimum: 1, maximum: most)
    }
    for (name, count) in [("channels", channels), ("filters", filters)] where count % groups != 0 {
      throw .convolution(.groupsDoNotDivide(groups: groups, name: name, count: count))
    }
    if kernel.height * kernel.width > Self.mostPositions {
      throw .convolution(
        .kernelTooLarge(
          height: kernel.height, width: kernel.width, maximum: Self.mostPositions))
    }
    // Factors are below 2³¹: no sum and no product of two overflows.
    let extent = (
      y: (kernel.height - 1) * dilation.y + 1, x: (kernel.width - 1) * dilation.x + 1
    )
    for (edge, value, extent) in [
      ("top", padding.top, extent.y), ("left", padding.left, extent.x),
      ("bottom", padding.bottom, extent.y), ("right", padding.right, extent.x),
    ] {
      if value < 0 {
        throw .outOfRange(name: "padding at the \(edge)", value: value, minimum: 0, maximum: most)
      }
      if value >= extent {
        throw .convolution(.paddingTooLarge(edge: edge, padding: value, extent: extent))
      }
    }
    let paddedHeight = image.height + padding.top + padding.bottom
    let paddedWidth = image.width + padding.left + padding.right
    for (name, extent, padded) in [
      ("height", extent.y, paddedHeight), ("width", extent.x, paddedWidth),
    ] where extent > padded {
      throw .convolution(.kernelOutsideImage(dimension: name, extent: extent, padded: padded))
    }
    outputHeight = (paddedHeight - extent.y) / stride.y + 1
    outputWidth = (paddedWidth - extent.x) / stride.x + 1
    try Self.check("the padded image", [channels, paddedHeight, paddedWidth])
    try Self.check("the result", [filters, outputHeight, outputWidth])
    try Self.check("the kernel", [filters, channels / groups, kernel.height, kernel.width])
    (self.channels, height, width) = (channels, image.height, image.width)
    (self.filters, self.groups) = (filters, groups)
    (kernelHeight, kernelWidth) = (kernel.height, kernel.width)
    (strideY, strideX, dilationY, dilationX) = (stride.y, stride.x, dilation.y, dilation.x)
    (padTop, padLeft, padBottom, padRight) =
      (padding.top, padding.left, padding.bottom, padding.right)
  }

  /// Refuses counts that cannot be addressed in eight-byte elements.
  static func check(_ name: String, _ factors: [Int]) throws(OperationError) {
    var count = 1
    for factor in factors {
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      if overflow || product > 1 << 44 {
        throw .convolution(.tooManyElements(name: name, factors: factors))
      }
      count = product
    }
  }
}

extension ConvolutionShape {
  /// Refuses what no plan of this shape can be made for.
  func check(
    images: Int, kernel: (rows: Int, columns: Int), _ options: PlanOptions
  ) throws(OperationError) {
    if images < 1 { throw .outOfRange(name: "images", value: images, minimum: 1, maximum: .max) }
    try options.validate()
    if options.decision != nil {
      throw .invalidDecision(reason: "it was made for a product, not for a convolution")
    }
    try expect("the kernel", "rows", filters, kernel.rows)
    try expect("the kernel", "columns", patch, kernel.columns)
    try Self.check("the images", [images, inputCount])
    try Self.check("the results", [images, outputCount])
  }

  /// Kernel positions.
  public var taps: Int { kernelHeight * kernelWidth }
  /// Output pixels of one image.
  public var pixels: Int { outputHeight * outputWidth }
  /// Channels and filters of one group.
  var groupChannels: Int { channels / groups }
  var groupFilters: Int { filters / groups }
  /// Elements of one image.
  public var inputCount: Int { channels * height * width }
  /// Elements of one result.
  public var outputCount: Int { filters * pixels }
  /// Columns of the weights.
  public var patch: Int { groupChannels * taps }
  /// Whether an output pixel sees exactly the input pixel at its own place.
  var isPointwise: Bool {
    taps == 1 && strideY == 1 && strideX == 1
  }

  /// Channel and tap of each column of the weights.
  func columnPlaces(_ order: KernelOrder) -> [(channel: Int, tap: Int)] {
    (0..<patch).map {
      order == .channelsFirst
        ? ($0 / taps, $0 % taps) : ($0 % groupChannels, $0 / groupChannels)
    }
  }
}
