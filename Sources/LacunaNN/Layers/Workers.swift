// Tasks over threads: each task runs once, on some thread; what it computes never depends on which.

import CBLAS
import Dispatch
import LacunaOperations
import Synchronization

/// The threads of a model. BLAS calls inside a task are single-threaded.
public final class Workers: Sendable {
  /// Number of threads.
  public let count: Int

  public init(count: Int) {
    self.count = max(1, count)
    openblas_set_num_threads(1)
  }

  /// Calls `body(task, worker)` for each task, `worker` below ``count``. Free threads take the next task.
  func run(tasks: Int, _ body: @Sendable (_ task: Int, _ worker: Int) -> Void) {
    if tasks <= 1 || count == 1 {
      for task in 0..<tasks { body(task, 0) }
      return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: min(count, tasks)) { worker in
      while true {
        let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if task >= tasks { return }
        body(task, worker)
      }
    }
  }

  /// Calls `body` with `parts` nearly equal ranges that cover `0..<count`.
  func split(_ count: Int, parts: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let parts = max(1, min(parts, count))
    run(tasks: parts) { task, _ in body(count * task / parts..<count * (task + 1) / parts) }
  }
}

/// C ← alpha · op(A) · op(B) + beta · C on one thread; row-major.
@inline(__always)
func gemm(
  _ transA: Bool, _ transB: Bool, _ m: Int, _ n: Int, _ k: Int, _ alpha: Float,
  _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
  _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ ldc: Int
) {
  cblas_sgemm(
    CblasRowMajor, transA ? CblasTrans : CblasNoTrans, transB ? CblasTrans : CblasNoTrans,
    Int32(m), Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
}

/// A pointer that a task may use: each task touches elements of its own.
struct Shared<T>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<T>
  init(_ pointer: UnsafeMutablePointer<T>) { self.pointer = pointer }
}

/// g ← Σ over slices of partials[slice · stride ..< slice · stride + count], in order of the slices.
func sumPartials(
  _ partials: UnsafeMutablePointer<Float>, stride: Int, slices: Int,
  into g: UnsafeMutablePointer<Float>, count: Int, _ threads: Workers
) {
  let (source, sum) = (Shared(partials), Shared(g))
  threads.split(count, parts: count / 4096) { range in
    let n = range.count
    let y = sum.pointer + range.lowerBound
    y.update(from: source.pointer + range.lowerBound, count: n)
    for s in 1..<max(slices, 1) {
      accumulate(y, source.pointer + s * stride + range.lowerBound, n)
    }
  }
}
