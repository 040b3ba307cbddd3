// How much memory there is to be had, and memory that costs nothing before it is touched.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Memory that this process can still get.
///
/// An allocation that fails inside Swift ends the process, so large ones are asked for before anything
/// is done.
package enum AvailableMemory {
  /// Free memory and caches of the machine, what is left under the limit of its container, and under
  /// `ulimit -v`, whichever is least.
  package static var bytes: Int {
    [machineMemory, containerMemory, addressSpace].compactMap { $0 }.min() ?? .max
  }

  /// Whether `ulimit -v` bounds the process.
  package static var isLimited: Bool { addressSpace != nil }

  /// Whether `count` bytes more can be had now: there are as many, and the system gives them.
  package static func has(_ count: Int) -> Bool {
    // Reading /proc takes longer than touching some megabytes.
    if count > 1 << 26 && count > bytes { return false }
    guard let memory = map(count) else { return false }
    munmap(memory, max(count, 1))
    return true
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

/// Bytes from which untouched memory is worth a mapping of its own.
private let mappedBytes = 1 << 20

/// Uninitialised memory of at least a cache line's alignment; large pieces take no memory until they
/// are touched. Ends the process when there is no room, as any allocation of Swift.
package func allocateUntouched(_ byteCount: Int) -> UnsafeMutableRawPointer {
  if byteCount < mappedBytes { return .allocate(byteCount: byteCount, alignment: 64) }
  guard let memory = map(byteCount) else { fatalError("no room for \(byteCount) bytes") }
  return memory
}

/// Ends the life of memory that ``allocateUntouched(_:)`` gave.
package func deallocateUntouched(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
  if byteCount < mappedBytes { memory.deallocate() } else { munmap(memory, byteCount) }
}

/// Pages of zeros from the system. By `mmap`: the compiler removes a `malloc` whose memory is only freed
/// again.
private func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
  #if os(Linux)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
  #else
    let flags = MAP_PRIVATE | MAP_ANON
  #endif
  let memory = mmap(nil, max(byteCount, 1), PROT_READ | PROT_WRITE, flags, -1, 0)
  return memory == MAP_FAILED ? nil : memory
}
