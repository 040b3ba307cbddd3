// Arrays with a page next to them that nobody may touch: reading or writing outside ends the test
// program.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory for the operands of one call, freed together.
public final class GuardedMemory {
  /// Where an array touches its guard: a read behind the end, or before the start, is found out.
  public enum Side: CaseIterable, Sendable { case behind, before }

  private let side: Side
  private var mappings: [(UnsafeMutableRawPointer, Int)] = []

  private init(_ side: Side) { self.side = side }

  /// Calls `body` with memory that is freed when it returns.
  public static func with<R>(_ side: Side, _ body: (GuardedMemory) throws -> R) rethrows -> R {
    let memory = GuardedMemory(side)
    defer { memory.release() }
    return try body(memory)
  }

  /// A copy of `elements` with a guard page at both ends of its pages, one of them adjacent.
  ///
  /// Adjacent behind, the copy is aligned to no more than its size has factors of two; adjacent
  /// before, to a page. The rest of its pages holds bytes of 1: NaN to whoever reads them as
  /// floating-point numbers.
  public func copy<T: BitwiseCopyable>(_ elements: [T]) -> UnsafeMutablePointer<T> {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let bytes = elements.count * MemoryLayout<T>.stride
    let inside = max((bytes + page - 1) / page, 1) * page
    guard
      let base = mmap(nil, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0),
      base != MAP_FAILED, mprotect(base + page, inside, PROT_READ | PROT_WRITE) == 0
    else { fatalError("no \(inside) bytes between guard pages, errno \(errno)") }
    mappings.append((base, inside + 2 * page))
    memset(base + page, 0xff, inside)
    let start = side == .before ? base + page : base + page + (inside - bytes)
    elements.withUnsafeBytes { if let from = $0.baseAddress { memcpy(start, from, bytes) } }
    return start.assumingMemoryBound(to: T.self)
  }

  private func release() {
    for (base, bytes) in mappings { munmap(base, bytes) }
    mappings = []
  }
}
