// body(0 ..< a), body(a ..< b), … over the process's threads; what is computed never depends on the cuts.

import LacunaOperations

/// How the loops that are no products share their work.
struct WorkSplit: Sendable {
  let threads: Int

  /// Elements from which a second thread is worth waking: about 20 µs of a simple loop.
  static let grain = 1 << 16

  /// Calls `body` with ranges that together are `0 ..< count`, each on some thread, and its number, which is below
  /// ``threads``.
  ///
  /// - Parameter weight: elements that one of `count` stands for.
  @inline(__always)
  func callAsFunction(
    _ count: Int, weight: Int = 1, _ body: (_ range: Range<Int>, _ part: Int) -> Void
  ) {
    let parts = min(threads, count, count * max(weight, 1) / Self.grain)
    if parts <= 1 {
      if count > 0 { body(0..<count, 0) }
      return
    }
    ThreadPool.shared.run(tasks: parts, limit: threads) { part in
      body(count * part / parts..<count * (part + 1) / parts, part)
    }
  }
}
