// One way to compute a convolution: packed weights plus the code that runs them.

import LacunaFormats

/// One call's operands: packed images of the plan's shape and layout. Not checked: anything.
package struct ConvolutionCall {
  package var x: UnsafeRawPointer
  package var y: UnsafeMutableRawPointer
  /// Added before the activation; where the plan says so, and nowhere else.
  package var residual: UnsafeRawPointer?
  package var images: Int

  package init(
    x: UnsafeRawPointer, y: UnsafeMutableRawPointer, residual: UnsafeRawPointer?, images: Int
  ) {
    (self.x, self.y, self.residual, self.images) = (x, y, residual, images)
  }
}

/// What a convolution plan chooses among. As ``ProductBody``: stateless, sliceable with the same bits.
package protocol ConvolutionBody: AnyObject, Sendable {
  var name: String { get }
  /// Bytes of weights, indices and tables that one run reads.
  var packedBytes: Int { get }
  /// Bytes that each concurrent slice needs, 64-byte aligned.
  var workspaceBytes: Int { get }
  /// How many slices of a call can work at once without idling.
  func usefulSlices(images: Int) -> Int
  /// Does share number `slice` of the work.
  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer)
}

/// What all bodies of one plan share.
struct ConvolutionContext: Sendable {
  let shape: ConvolutionShape
  let layout: ImageLayout
  /// Of an image's and a result's elements.
  let types: ProductTypes
  /// 8-bit weights, with what bytes stand for; nil for a convolution of floats.
  var bytes: QuantizedWeights?
  let epilogue: EpilogueValues
  let addsResidual: Bool
  let table: KernelTable
  let options: PlanOptions
  let images: Int
  /// Stored weights.
  let stored: Int

  /// What a tile, sums and the epilogue are made of; 32 bits for quads of bytes, too.
  var dtype: DType { types.float }
  /// Bytes of an image's element, and of a result's.
  var inputSize: Int { types.activations.size }
  var outputSize: Int { types.output.size }

  /// Whether a run of that many images is not worth a second thread.
  func isSmall(images: Int) -> Bool {
    stored * shape.pixels < ThreadPool.smallWork / max(images, 1)
  }

  private func bytes(images: Int) -> Int {
    images * (shape.inputCount * inputSize + shape.outputCount * outputSize)
  }

  /// Whether that many images and their results come from behind the second-level cache, so that what comes next is
  /// asked for. Measured: with less, as much as the images of most networks one at a time, it costs more than it brings.
  func isFar(images: Int) -> Bool { bytes(images: images) > 6 * CPUInfo.current.level2Bytes }

  /// Whether they come from memory: results go past the caches then, because their lines would be read only to be
  /// overwritten, and drive out others.
  func isInMemory(images: Int) -> Bool { bytes(images: images) > CPUInfo.current.level3Bytes / 2 }

  /// Elements from the start of `y` to a filter of an output pixel.
  @inline(__always)
  func target(image: Int, filter: Int, pixel: Int) -> Int {
    layout == .nchw
      ? (image * shape.filters + filter) * shape.pixels + pixel
      : (image * shape.pixels + pixel) * shape.filters + filter
  }
}

/// One call, and who works on it: what a pool's task finds behind its context pointer.
private struct SlicedConvolution {
  let call: ConvolutionCall
  let body: any ConvolutionBody
  let workspaces: WorkspacePool
  let slices: Int
}

/// Runs a call in up to `threads` slices on the process's pool.
func execute(
  _ call: ConvolutionCall, body: any ConvolutionBody, threads: Int, workspaces: WorkspacePool,
  isSmall: Bool
) {
  if call.images <= 0 { return }
  let slices =
    threads == 1 || isSmall ? 1 : min(threads, body.usefulSlices(images: call.images))
  if slices <= 1 {
    let workspace = workspaces.borrow()
    body.run(call, slice: 0, of: 1, workspace: workspace)
    workspaces.giveBack(workspace)
    return
  }
  var sliced = SlicedConvolution(
    call: call, body: body, workspaces: workspaces, slices: slices)
  withUnsafeMutablePointer(to: &sliced) { context in
    ThreadPool.shared.run(tasks: slices, limit: threads, context: context) { context, slice in
      let sliced = context.assumingMemoryBound(to: SlicedConvolution.self)
      let workspace = sliced.pointee.workspaces.borrow()
      sliced.pointee.body.run(
        sliced.pointee.call, slice: slice, of: sliced.pointee.slices, workspace: workspace)
      sliced.pointee.workspaces.giveBack(workspace)
    }
  }
}
