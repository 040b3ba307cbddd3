// How much memory reading a file may take: what a header asks for is compared with what is there.
//
// A text of 40 bytes can describe a matrix of 10⁹ rows, whose row offsets alone take 8 GB. That is a
// good matrix where 8 GB are free and an error, not a trap, where they are not. So no reader has a
// limit of its own: each says what it needs before it allocates.

import LacunaFormats

/// The memory that readers may use for one array or matrix.
public enum ReadingMemory {
  @TaskLocal static var limit: Int?

  /// Readers called by `body` refuse everything that needs more than `bytes` at once, whatever the
  /// machine has. Without it the limit is ``available``.
  ///
  /// Small needs, up to 1 MiB, are not counted.
  public static func limited<R, E: Error>(
    to bytes: Int, _ body: () throws(E) -> R
  ) throws(E) -> R {
    let result: Result<R, E> = $limit.withValue(bytes) {
      do throws(E) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Bytes that this process can still allocate: free memory and caches of the machine, what is left
  /// under the limit of its container, and under `ulimit -v`, whichever is least.
  public static var available: Int { AvailableMemory.bytes }

  /// - Throws: ``DataProblem/memory(what:needed:available:)`` unless `count` elements of `size` bytes
  ///   may be allocated for `what`.
  package static func check(
    _ count: Int, times size: Int = 1, _ what: @autoclosure () -> String
  ) throws(DataProblem) {
    let (needed, overflow) = count.multipliedReportingOverflow(by: size)
    if overflow { throw .overflow(what: what()) }
    if needed <= 1 << 20 { return }
    // Reading /proc takes longer than touching some megabytes.
    if limit == nil && needed <= 1 << 26 && !AvailableMemory.isLimited { return }
    let most = min(limit ?? .max, available)
    if needed > most { throw .memory(what: what(), needed: needed, available: most) }
  }
}
