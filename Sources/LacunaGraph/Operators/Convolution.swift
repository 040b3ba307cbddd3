// Y ← W ∗ X + bias with weights that are known, and the transposed convolution.

import LacunaFormats
import LacunaOperations

/// A convolution over one or two spatial dimensions.
struct ConvolutionRule: OperatorRule {
  let settings: WindowSettings
  let groups: Int

  var inputs: ClosedRange<Int> { 2...3 }
  var folds: Bool { false }

  private func window(_ x: Operands) throws(GraphProblem) -> (window: Window, filters: Int) {
    let image = try x.numbers(0, "the image").shape
    let weights = try x.numbers(1, "the kernel").shape
    if image.count != weights.count || image.count < 3 {
      throw .shapes(what: "image and kernel do not fit", [image, weights])
    }
    var settings = settings
    let sizes = Array(weights.dropFirst(2))
    if !settings.kernel.isEmpty && settings.kernel != sizes {
      throw .shapes(
        what: "the sizes of the kernel are not those of the weights", [settings.kernel, weights])
    }
    settings.kernel = sizes
    if groups < 1 { throw .outOfRange(what: "groups", value: groups, lowest: 1, highest: .max) }
    let (channels, overflow) = weights[1].multipliedReportingOverflow(by: groups)
    if overflow || channels != image[1] {
      throw .count(
        what: "channels of the kernel in all groups", expected: image[1], actual: channels)
    }
    return (try Window(settings, of: image), weights[0])
  }

  private func shape(_ w: Window, _ filters: Int) throws(GraphProblem) -> ConvolutionShape {
    do throws(OperationError) {
      return try ConvolutionShape(
        channels: w.channels, image: (w.height, w.width), filters: filters,
        kernel: (w.kernel.y, w.kernel.x), stride: w.stride, dilation: w.dilation,
        padding: w.padding, groups: groups)
    } catch { throw .operation(error) }
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let (window, filters) = try window(x)
    let shape = try shape(window, filters)
    if x.optional(2) != nil {
      let bias = try x.numbers(2, "the bias").type
      if bias.count != filters {
        throw .operation(.biasCount(expected: filters, actual: bias.count))
      }
    }
    return [
      GraphType(
        unchecked: .f32,
        try window.shape(channels: filters, (shape.outputHeight, shape.outputWidth)))
    ]
  }

  func weighted(_ x: Operands) throws(GraphProblem) -> WeightedNode? {
    guard let weights = x[1]?.constant else { return nil }
    let (window, filters) = try window(x)
    var node = WeightedNode(
      form: .convolution(try shape(window, filters), images: window.images),
      weights: StoredMatrix(weights), input: 0, shape: try results(x)[0].shape)
    if let bias = x.optional(2) {
      guard let values = bias.floats else { return nil }
      node.add(values)
    }
    return node
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    throw .notConstant(what: request.inputs[1]?.constant == nil ? "the kernel" : "the bias")
  }
}

/// The transposed convolution: each pixel of the image adds a kernel of its own to the result.
struct TransposedConvolutionRule: OperatorRule {
  let settings: WindowSettings
  let groups: Int
  /// Rows and columns that the result has more at its end.
  let outputPadding: [Int]

  var inputs: ClosedRange<Int> { 2...3 }
  var folds: Bool { false }

  private func shape(_ x: Operands) throws(GraphProblem) -> TransposedShape {
    let image = try x.numbers(0, "the image").shape
    let weights = try x.numbers(1, "the kernel").shape
    if image.count != weights.count || image.count < 3 || weights[0] != image[1] {
      throw .shapes(what: "image and kernel do not fit", [image, weights])
    }
    if groups != 1 {
      throw .unsupported(what: "a transposed convolution in", found: "\(groups) groups")
    }
    guard case .explicit = settings.padding else {
      throw .unsupported(what: "padding of a transposed convolution", found: "by the result's size")
    }
    var settings = settings
    settings.kernel = Array(weights.dropFirst(2))
    let window = try Window(settings, of: image)
    if !outputPadding.isEmpty && outputPadding.count != window.rank {
      throw .count(what: "output paddings", expected: window.rank, actual: outputPadding.count)
    }
    let extra =
      outputPadding.isEmpty ? [0, 0] : window.rank == 1 ? [0] + outputPadding : outputPadding
    for (size, stride) in zip(extra, [window.stride.y, window.stride.x])
    where size < 0 || size >= stride {
      throw .outOfRange(what: "output padding", value: size, lowest: 0, highest: stride - 1)
    }
    func size(_ image: Int, _ stride: Int, _ extent: Int, _ cut: Int, _ extra: Int) -> Int {
      (image - 1) * stride + extent + extra - cut
    }
    let p = window.padding
    let height = size(window.height, window.stride.y, window.extent.y, p.top + p.bottom, extra[0])
    let width = size(window.width, window.stride.x, window.extent.x, p.left + p.right, extra[1])
    if height < 1 || width < 1 {
      throw .outOfRange(
        what: "the size of the result", value: min(height, width), lowest: 1, highest: .max)
    }
    // Sums before they are brought to their places.
    _ = try GraphType(
      .f32, [weights[1], window.kernel.y, window.kernel.x, window.height, window.width])
    return TransposedShape(window: window, filters: weights[1], height: height, width: width)
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let shape = try shape(x)
    if x.optional(2) != nil {
      let bias = try x.numbers(2, "the bias").type
      if bias.count != shape.filters {
        throw .operation(.biasCount(expected: shape.filters, actual: bias.count))
      }
    }
    return [
      try GraphType(
        .f32, shape.window.shape(channels: shape.filters, (shape.height, shape.width)))
    ]
  }

  func weighted(_ x: Operands) throws(GraphProblem) -> WeightedNode? {
    guard let weights = x[1]?.constant else { return nil }
    let shape = try shape(x)
    // [channels, filters · taps]ᵀ: sums of a filter's taps at each pixel of the image.
    var node = WeightedNode(
      form: .transposed(shape), weights: StoredMatrix(transposing: weights), input: 0,
      shape: try results(x)[0].shape)
    if let bias = x.optional(2) {
      guard let values = bias.floats else { return nil }
      node.add(values)
    }
    return node
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    throw .notConstant(what: request.inputs[1]?.constant == nil ? "the kernel" : "the bias")
  }
}

/// Sizes of a transposed convolution.
struct TransposedShape: Sendable {
  /// Of the image.
  var window: Window
  var filters: Int
  /// Of the result.
  var height: Int, width: Int

  var taps: Int { window.kernel.y * window.kernel.x }
}

extension GraphOperator {
  /// A convolution over one or two spatial dimensions: operand 1 is the kernel [filters, channels/groups, …], operand
  /// 2 a bias for each filter; both are known when a plan is made.
  public static func convolution(
    strides: [Int] = [], dilations: [Int] = [], padding: GraphPadding = .explicit([]),
    groups: Int = 1, kernel: [Int] = []
  ) -> GraphOperator {
    GraphOperator(
      "convolution",
      ConvolutionRule(
        settings: WindowSettings(
          kernel: kernel, strides: strides, dilations: dilations, padding: padding),
        groups: groups))
  }

  /// The transposed convolution: operand 1 is the kernel [channels, filters, …], operand 2 a bias for each filter.
  public static func transposedConvolution(
    strides: [Int] = [], dilations: [Int] = [], padding: GraphPadding = .explicit([]),
    groups: Int = 1, outputPadding: [Int] = []
  ) -> GraphOperator {
    GraphOperator(
      "transposed convolution",
      TransposedConvolutionRule(
        settings: WindowSettings(
          kernel: [], strides: strides, dilations: dilations, padding: padding),
        groups: groups, outputPadding: outputPadding))
  }
}
