// Workspaces that concurrent runs of one plan borrow without a lock.

import CThreads
import LacunaFormats

/// A fixed number of equal pieces of memory, each free or borrowed.
///
/// A borrower takes the first free piece by a compare-and-swap. When all are taken it gets memory
/// of its own, which is freed again: that happens only when more threads run the plan at once than
/// it was made for. Large pieces take address space at first, and memory when they are first used: a
/// plan made for 1000 threads on a machine with two costs what two need. A forked child finds free what its parent's other threads were using.
// Sound to share: `taken` changes by compare-and-swap, and a piece belongs to whoever took it.
package final class WorkspacePool: @unchecked Sendable {
  private let bytes: Int
  private let count: Int
  private let size: Int
  private let memory: UnsafeMutableRawPointer
  private let taken: UnsafeMutablePointer<UInt32>

  /// - Throws: ``OperationError/outOfMemory(bytes:)`` when all pieces together are more than there is.
  package convenience init(checked bytes: Int, count: Int) throws(OperationError) {
    let (total, overflow) = count.multipliedReportingOverflow(by: bytes + 128)
    // Asking costs microseconds: only for what may well be too much.
    if overflow || total > 1 << 20 && !AvailableMemory.has(total) {
      throw .outOfMemory(bytes: overflow ? .max : total)
    }
    self.init(bytes: bytes, count: count)
  }

  init(bytes: Int, count: Int) {
    self.bytes = (max(bytes, 1) + 63) / 64 * 64
    self.count = max(count, 1)
    // Pieces start on different sets of the cache: a multiple of a page apart they would collide.
    size = self.count * (self.bytes + 64)
    memory = allocateUntouched(size)
    taken = .allocate(capacity: self.count)
    taken.initialize(repeating: 0, count: self.count)
  }

  deinit {
    deallocateUntouched(memory, size)
    taken.deallocate()
  }

  /// Takes a piece; give it back with ``giveBack(_:)``.
  package func borrow() -> UnsafeMutableRawPointer {
    for i in 0..<count where lcn_try_lock(taken + i) { return memory + i * (bytes + 64) }
    return .allocate(byteCount: bytes, alignment: 64)
  }

  /// Ends the use of a piece that ``borrow()`` returned.
  package func giveBack(_ piece: UnsafeMutableRawPointer) {
    let offset = piece - memory
    if offset >= 0 && offset < count * (bytes + 64) {
      lcn_unlock(taken + offset / (bytes + 64))
    } else {
      piece.deallocate()
    }
  }
}
