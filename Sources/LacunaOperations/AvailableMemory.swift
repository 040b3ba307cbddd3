// Whether there is memory to be had.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes that the machine has.
private let physicalMemory: Int = {
  let (bytes, overflow) = sysconf(Int32(_SC_PHYS_PAGES)).multipliedReportingOverflow(
    by: sysconf(Int32(_SC_PAGESIZE)))
  return overflow ? .max : bytes
}()

/// Whether `bytes` more can be had now: asked of the system, and given back untouched.
///
/// An allocation that fails inside Swift ends the process, so large ones are asked for before anything is
/// done. By `mmap`: the compiler removes a `malloc` whose memory is only freed again.
package func canAllocate(_ bytes: Int) -> Bool {
  if bytes > physicalMemory { return false }
  #if os(Linux)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
  #else
    let flags = MAP_PRIVATE | MAP_ANON
  #endif
  let memory = mmap(nil, max(bytes, 1), PROT_READ | PROT_WRITE, flags, -1, 0)
  guard let memory, memory != MAP_FAILED else { return false }
  munmap(memory, max(bytes, 1))
  return true
}
