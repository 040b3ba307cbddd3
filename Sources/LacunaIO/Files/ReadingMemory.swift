// How much memory reading a file may take: what a header asks for is compared with what is there.
//
// A text of 40 bytes can describe a matrix of 10⁹ rows, whose row offsets alone take 8 GB. That is a
// good matrix where 8 GB are free and an error, not a trap, where they are not. So no reader has a
// limit of its own: each says what it needs before it allocates.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

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
  public static var available: Int {
    [machineMemory, containerMemory, addressSpace].compactMap { $0 }.min() ?? .max
  }

  /// - Throws: ``DataProblem/memory(what:needed:available:)`` unless `count` elements of `size` bytes
  ///   may be allocated for `what`.
  package static func check(
    _ count: Int, times size: Int = 1, _ what: @autoclosure () -> String
  ) throws(DataProblem) {
    let (needed, overflow) = count.multipliedReportingOverflow(by: size)
    if overflow { throw .overflow(what: what()) }
    if needed <= 1 << 20 { return }
    // Reading /proc takes longer than touching some megabytes.
    if limit == nil && needed <= 1 << 26 && addressSpace == nil { return }
    let most = min(limit ?? .max, available)
    if needed > most { throw .memory(what: what(), needed: needed, available: most) }
  }

  /// What the system calls available: free, or free at once.
  private static var machineMemory: Int? {
    #if os(Linux)
      field("MemAvailable:", of: "/proc/meminfo").map { $0 * 1024 }
    #else
      nil
    #endif
  }

  /// What is left under `memory.max` of the control group (version 2) that the process is in.
  private static var containerMemory: Int? {
    #if os(Linux)
      guard let groups = text("/proc/self/cgroup"),
        let line = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::") })
      else { return nil }
      // Inside a container its own group is seen as the root.
      return ["/sys/fs/cgroup" + line.dropFirst(3), "/sys/fs/cgroup"].lazy.compactMap { folder in
        guard let most = number(folder + "/memory.max"),
          let used = number(folder + "/memory.current")
        else { return nil }
        // Cached files count as used and are given back when asked for.
        let cached = field("inactive_file ", of: folder + "/memory.stat") ?? 0
        return max(0, most - used + cached)
      }.first
    #else
      return nil
    #endif
  }

  /// What is left under `ulimit -v`; nil when there is no such limit.
  private static var addressSpace: Int? {
    var bounds = rlimit()
    #if canImport(Darwin)
      let resource = RLIMIT_AS
    #else
      let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #endif
    guard getrlimit(resource, &bounds) == 0, let most = Int(exactly: bounds.rlim_cur) else {
      return nil
    }
    let pages = text("/proc/self/statm")?.split(separator: " ").first.flatMap { Int($0) } ?? 0
    return max(0, most - pages * Int(getpagesize()))
  }

  private static func number(_ path: String) -> Int? {
    text(path)?.split(separator: "\n").first.flatMap { Int($0) }
  }

  /// The number after `name` at the start of a line.
  private static func field(_ name: String, of path: String) -> Int? {
    text(path)?.split(separator: "\n").first { $0.hasPrefix(name) }?
      .dropFirst(name.count).split(separator: " ").first.flatMap { Int($0) }
  }

  /// The first 16 KiB of a file that the system makes up.
  private static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 14) { buffer, filled in
      filled = max(0, read(descriptor, buffer.baseAddress, buffer.count))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
