// Seconds of one run of a body, on an X and a Y of its own.

import LacunaFormats

/// Seconds that timing one candidate may take, besides its first runs.
private let timingSeconds = 1e-3

/// An X and a Y to time bodies with.
final class TimingOperands {
  let request: PlanRequest
  let x: UnsafeMutableRawPointer, y: UnsafeMutableRawPointer

  init(_ request: PlanRequest) {
    self.request = request
    func zeros(_ count: Int, _ type: NumberType) -> UnsafeMutableRawPointer {
      let size = type.size
      let memory = UnsafeMutableRawPointer.allocate(byteCount: count * size + 64, alignment: 64)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: count * size + 64)
      return memory
    }
    x = zeros(request.columns * request.width, request.types.activations)
    y = zeros(request.rows * request.width, request.types.output)
  }

  deinit {
    x.deallocate()
    y.deallocate()
  }

  /// The least seconds of a run: two runs at least, more while they fit the time.
  func seconds(of body: any ProductBody) -> Double {
    let columns = request.layout == .columns
    let call = ProductCall(
      x: UnsafeRawPointer(x), xStride: columns ? request.width : request.columns, y: y,
      yStride: columns ? request.width : request.rows, width: request.width)
    let workspaces = WorkspacePool(bytes: body.workspaceBytes, count: request.options.threads)
    var best = Double.infinity
    let begin = monotonicSeconds()
    var runs = 0
    while runs < 3 || (runs < 100 && monotonicSeconds() - begin < timingSeconds) {
      let start = monotonicSeconds()
      execute(
        call, body: body, threads: request.options.threads, workspaces: workspaces)
      let seconds = monotonicSeconds() - start
      // The first run brings the operands into the caches.
      if runs > 0 { best = min(best, max(seconds, 1e-9)) }
      runs += 1
      if runs >= 2 && monotonicSeconds() - begin > 20 * timingSeconds { break }
    }
    return best
  }
}
