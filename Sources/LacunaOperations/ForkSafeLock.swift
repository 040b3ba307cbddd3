// A lock that a forked child finds free, whoever held it in the parent.

import CThreads

/// Lets one thread at a time run what it protects.
///
/// A child that is forked while another thread holds the lock may take it at once: what it protects
/// must be memory that each holder writes before it reads.
// Sound to share: the word changes by the atomic steps of CThreads alone.
package final class ForkSafeLock: @unchecked Sendable {
  private let word: UnsafeMutablePointer<UInt32>

  package init() {
    word = .allocate(capacity: 1)
    word.initialize(to: 0)
  }

  deinit { word.deallocate() }

  /// Runs `body` while no other thread does.
  @inline(__always)
  package func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    lcn_lock(word)
    defer { lcn_unlock(word) }
    return try body()
  }
}
