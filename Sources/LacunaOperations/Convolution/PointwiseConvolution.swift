// Y ← bound(W·X + b) for 1×1 kernels at stride 1: a product per image, or one for all.

import LacunaFormats

/// A convolution that is a product of matrices as the images lie: with its own choice of a product's kernels.
final class PointwiseConvolution: ConvolutionBody {
  private let context: ConvolutionContext
  private let plan: PlanCore
  let name: String

  static let candidateName = "product"

  /// Whether the shape and the epilogue are a product's.
  static func suits(_ context: ConvolutionContext) -> Bool {
    let s = context.shape
    return s.isPointwise && s.groups == 1 && !context.addsResidual
      && s.padTop + s.padLeft + s.padBottom + s.padRight == 0
  }

  /// - Parameter kernel: the product's, or nil for a choice.
  init(
    _ context: ConvolutionContext, _ weights: PlanWeights, kernel: String?
  ) throws(OperationError) {
    self.context = context
    var options = context.options
    options.kernel = kernel
    options.isa = context.table.isa
    let pixels = context.shape.pixels
    plan = try PlanCore(
      weights, epilogue: context.epilogue, layout: context.layout == .nchw ? .columns : .rows,
      width: context.layout == .nchw ? pixels : pixels * max(context.images, 1), options: options)
    name = "\(Self.candidateName)-\(plan.body.name)"
  }

  var packedBytes: Int { plan.body.packedBytes }
  var workspaceBytes: Int { plan.body.workspaceBytes }

  func usefulSlices(images: Int) -> Int {
    plan.body.usefulSlices(
      width: context.layout == .nchw ? context.shape.pixels : context.shape.pixels * images)
  }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    let columns = context.layout == .nchw
    let (isFar, streams) = (
      context.isFar(images: call.images), context.isInMemory(images: call.images)
    )
    for image in 0..<(columns ? call.images : 1) {
      var product = ProductCall(
        x: call.x + image * s.inputCount * context.inputSize,
        xStride: columns ? s.pixels : s.channels,
        y: call.y + image * s.outputCount * context.outputSize,
        yStride: columns ? s.pixels : s.filters,
        width: columns ? s.pixels : s.pixels * call.images,
        isFar: isFar)
      product.streams = streams
      if image + 1 < call.images {
        product.following = product.x + s.inputCount * context.inputSize
      }
      plan.body.run(product, slice: slice, of: slices, workspace: workspace)
    }
  }
}
