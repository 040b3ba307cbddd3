// Kernels that move over images: sizes, strides, dilations and padding, for one and two spatial dimensions.

/// Zeros around an image.
public enum GraphPadding: Hashable, Sendable {
  /// Before every spatial axis, then behind them; none where it is empty.
  case explicit([Int])
  /// So many that there are ⌈size / stride⌉ results, the odd one behind or before.
  case sameUpper, sameLower
}

/// The settings of a convolution or pooling, as files have them: empty lists stand for ones.
struct WindowSettings: Sendable {
  var kernel: [Int]
  var strides: [Int] = []
  var dilations: [Int] = []
  var padding = GraphPadding.explicit([])
}

/// The same for one operand: always two spatial dimensions, the first of which may be made up.
struct Window: Sendable {
  var images: Int, channels: Int
  /// Of the images.
  var height: Int, width: Int
  var kernel: (y: Int, x: Int)
  var stride: (y: Int, x: Int)
  var dilation: (y: Int, x: Int)
  var padding: (top: Int, left: Int, bottom: Int, right: Int)
  /// One or two.
  let rank: Int

  /// - Throws: ``GraphProblem`` when lists do not fit the operand's dimensions, or numbers are out of range.
  init(_ settings: WindowSettings, of shape: [Int]) throws(GraphProblem) {
    rank = shape.count - 2
    if rank != 1 && rank != 2 {
      throw .unsupported(what: "a window over", found: "\(max(rank, 0)) spatial dimensions")
    }
    let rank = rank
    func pair(_ list: [Int], _ what: String) throws(GraphProblem) -> (y: Int, x: Int) {
      if list.isEmpty { return (1, 1) }
      if list.count != rank { throw .count(what: what, expected: rank, actual: list.count) }
      for value in list where value < 1 || value > Int(Int32.max) {
        throw .outOfRange(what: what, value: value, lowest: 1, highest: Int(Int32.max))
      }
      return rank == 1 ? (1, list[0]) : (list[0], list[1])
    }
    (images, channels) = (shape[0], shape[1])
    (height, width) = rank == 1 ? (1, shape[2]) : (shape[2], shape[3])
    for (what, size) in [("the image height", height), ("the image width", width)]
    where size < 1 || size > Int(Int32.max) {
      throw .outOfRange(what: what, value: size, lowest: 1, highest: Int(Int32.max))
    }
    kernel = try pair(settings.kernel, "sizes of the kernel")
    stride = try pair(settings.strides, "strides")
    dilation = try pair(settings.dilations, "dilations")
    switch settings.padding {
    case .explicit(let pads):
      if !pads.isEmpty && pads.count != 2 * rank {
        throw .count(what: "paddings", expected: 2 * rank, actual: pads.count)
      }
      for pad in pads where pad < 0 || pad > Int(Int32.max) {
        throw .outOfRange(what: "a padding", value: pad, lowest: 0, highest: Int(Int32.max))
      }
      padding =
        pads.isEmpty
        ? (0, 0, 0, 0) : rank == 1 ? (0, pads[0], 0, pads[1]) : (pads[0], pads[1], pads[2], pads[3])
    case .sameUpper, .sameLower:
      func both(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> (Int, Int) {
        let results = (size + stride - 1) / stride
        let all = max(0, (results - 1) * stride + (kernel - 1) * dilation + 1 - size)
        let less = all / 2
        return settings.padding == .sameUpper ? (less, all - less) : (all - less, less)
      }
      let y = both(height, kernel.y, stride.y, dilation.y)
      let x = both(width, kernel.x, stride.x, dilation.x)
      padding = (y.0, x.0, y.1, x.1)
    }
  }

  /// Pixels between the first and the last tap, both included. Factors are below 2³¹.
  var extent: (y: Int, x: Int) {
    ((kernel.y - 1) * dilation.y + 1, (kernel.x - 1) * dilation.x + 1)
  }

  /// Results along both axes.
  ///
  /// - Parameter roundsUp: Whether a last window that hangs over the padded image counts, unless it begins outside
  ///   of it.
  /// - Throws: ``GraphProblem`` when the kernel is larger than the padded image.
  func results(roundsUp: Bool = false) throws(GraphProblem) -> (height: Int, width: Int) {
    func count(
      _ what: String, _ size: Int, _ before: Int, _ after: Int, _ extent: Int, _ stride: Int
    ) throws(GraphProblem) -> Int {
      let free = size + before + after - extent
      if free < 0 {
        throw .outOfRange(
          what: "the \(what) of the dilated kernel", value: extent, lowest: 1,
          highest: size + before + after)
      }
      var result = (free + (roundsUp ? stride - 1 : 0)) / stride + 1
      if roundsUp && (result - 1) * stride >= size + before { result -= 1 }
      return result
    }
    return (
      try count("height", height, padding.top, padding.bottom, extent.y, stride.y),
      try count("width", width, padding.left, padding.right, extent.x, stride.x)
    )
  }

  /// The shape of results of that many channels.
  func shape(channels: Int, _ size: (height: Int, width: Int)) throws(GraphProblem) -> [Int] {
    let shape =
      rank == 1 ? [images, channels, size.width] : [images, channels, size.height, size.width]
    return try GraphType(.f32, shape).shape
  }
}
