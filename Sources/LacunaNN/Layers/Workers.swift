// Tasks over threads: each task runs once, on some thread; what it computes never depends on which.

import LacunaOperations
import Synchronization

/// The threads of a model, each with an index for its scratch memory.
///
/// They come from the one pool of the process. Tasks call OpenBLAS from several of them at once;
/// its own threads would fight with these for the processors, so that while tasks run it works on
/// one (`BLAS.onOneThread`).
package final class Workers: Sendable {
  /// Number of threads.
  package let count: Int

  /// - Parameter count: threads to use, at least 1; by default one per processor.
  package init(count: Int? = nil) {
    self.count = max(1, count ?? ThreadPool.shared.threads)
  }

  /// Calls `body(task, worker)` for each task, `worker` below ``count``. Free threads take the next
  /// task.
  func run(tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    let useful = min(count, tasks)
    if useful <= 1 {
      BLAS.onOneThread { for task in 0..<tasks { body(task, 0) } }
      return
    }
    let next = Atomic<Int>(0)
    ThreadPool.shared.run(tasks: useful, limit: count) { worker in
      BLAS.onOneThread {
        while true {
          let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
          if task >= tasks { return }
          body(task, worker)
        }
      }
    }
  }

  /// Calls `body` with `parts` nearly equal ranges that cover `0..<count`.
  func split(_ count: Int, parts: Int, _ body: (Range<Int>) -> Void) {
    let parts = max(1, min(parts, count))
    run(tasks: parts) { task, _ in body(count * task / parts..<count * (task + 1) / parts) }
  }
}

/// g ← Σ over slices of partials[slice · stride ..< slice · stride + count], in order of the
/// slices.
func sumPartials(
  _ partials: UnsafeMutablePointer<Float>, stride: Int, slices: Int,
  into g: UnsafeMutablePointer<Float>, count: Int, _ threads: Workers
) {
  threads.split(count, parts: count / 4096) { range in
    let n = range.count
    let y = g + range.lowerBound
    y.update(from: partials + range.lowerBound, count: n)
    for s in 1..<max(slices, 1) {
      accumulate(y, partials + s * stride + range.lowerBound, n)
    }
  }
}
