// Seconds of one run of a convolution on images of zeros, for a plan that is being made.

import LacunaFormats

/// Seconds that timing one candidate may take, besides its first run.
private let timingSeconds = 4e-3
/// Bytes of images and results up to which more than one is timed.
private let mostTimedBytes = 64 << 20

/// Images and results of zeros to time bodies with.
final class ConvolutionOperands {
  private let context: ConvolutionContext
  private let images: Int
  private let x: AlignedBuffer<UInt8>, y: AlignedBuffer<UInt8>, residual: AlignedBuffer<UInt8>

  init(_ context: ConvolutionContext) {
    self.context = context
    let s = context.shape
    let bytes = s.inputCount * context.inputSize + 2 * s.outputCount * context.outputSize
    images = max(1, min(context.images, mostTimedBytes / bytes))
    x = AlignedBuffer(count: images * s.inputCount * context.inputSize)
    y = AlignedBuffer(count: images * s.outputCount * context.outputSize)
    residual = AlignedBuffer(
      count: context.addsResidual ? images * s.outputCount * context.outputSize : 0)
  }

  /// The least seconds of a run after the first, for all images of the plan.
  func seconds(of body: any ConvolutionBody) -> Double {
    let call = ConvolutionCall(
      x: UnsafeRawPointer(x.pointer), y: UnsafeMutableRawPointer(y.pointer),
      residual: context.addsResidual ? UnsafeRawPointer(residual.pointer) : nil, images: images)
    let threads = context.options.threads
    let workspaces = WorkspacePool(bytes: body.workspaceBytes, count: threads)
    var best = Double.infinity
    let begin = monotonicSeconds()
    var runs = 0
    while runs < 2 || (runs < 50 && monotonicSeconds() - begin < timingSeconds) {
      let start = monotonicSeconds()
      execute(
        call, body: body, threads: threads, workspaces: workspaces,
        isSmall: context.isSmall(images: images))
      if runs > 0 { best = min(best, max(monotonicSeconds() - start, 1e-9)) }
      runs += 1
    }
    return best * Double(max(context.images, 1)) / Double(images)
  }
}
