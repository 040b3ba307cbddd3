// A chosen body with its workspaces: what a convolution is, whatever its type.

import LacunaFormats

/// The part of a convolution that knows nothing of Swift types: ``Convolution`` is its typed face.
package final class ConvolutionCore: Sendable {
  package let shape: ConvolutionShape
  package let layout: ImageLayout
  package let types: ProductTypes
  package let images: Int, threads: Int
  package let addsResidual: Bool
  /// Stored weights.
  package let stored: Int
  package let explanation: PlanExplanation
  /// Kept, not asked for: every run from C checks against it.
  package let workspaceBytes: Int
  package let body: any ConvolutionBody
  private let context: ConvolutionContext
  private let workspaces: WorkspacePool

  /// Chooses. Not checked: that shape and options fit the weights.
  convenience init<Scalar: SparseScalar>(
    _ context: ConvolutionContext, _ weights: ConvolutionWeights<Scalar>
  ) throws(OperationError) {
    let roof = context.roof
    try self.init(
      context, convolutionCandidates(context, weights, roof),
      product: .floats(weights.source.withNarrowBlocks), roof)
  }

  /// Chooses among candidates.
  init(
    _ context: ConvolutionContext, _ candidates: [ConvolutionCandidate], product: PlanWeights,
    _ roof: Roofline
  ) throws(OperationError) {
    (body, explanation) = try chooseConvolution(context, candidates, product: product, roof)
    self.context = context
    (shape, layout, types) = (context.shape, context.layout, context.types)
    (images, threads) = (context.images, context.options.threads)
    (addsResidual, stored) = (context.addsResidual, context.stored)
    workspaceBytes = body.workspaceBytes
    workspaces = try WorkspacePool(checked: workspaceBytes, count: threads)
  }

  /// Bias and bounds.
  var epilogue: EpilogueValues { context.epilogue }

  /// One line: shape, kernel, bytes.
  package var summary: String {
    "\(shape) \(types) \(layout.rawValue): \(body.name), \(body.packedBytes) bytes"
  }

  /// The whole call, on as many threads as the convolution may use.
  package func run(_ call: ConvolutionCall) {
    execute(
      call, body: body, threads: threads, workspaces: workspaces,
      isSmall: context.isSmall(images: call.images))
  }

  /// Share number `slice` of `slices`, on this thread, in the caller's workspace if there is one.
  package func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer? = nil
  ) {
    if call.images <= 0 { return }
    if let workspace {
      body.run(call, slice: slice, of: slices, workspace: workspace)
    } else {
      let borrowed = workspaces.borrow()
      body.run(call, slice: slice, of: slices, workspace: borrowed)
      workspaces.giveBack(borrowed)
    }
  }
}
