// n ← OpenBLAS's threads, 1 while Lacuna's own threads call it, n again.

import CBLAS
import CThreads

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension BLAS {
  /// Calls `body`, in which OpenBLAS works on the calling thread alone.
  ///
  /// Lacuna cuts dense work itself. OpenBLAS's own threads would come on top of that: they spin
  /// between calls, its threaded driver allocates in each one, and sums in another order would
  /// break the promise of equal bits.
  ///
  /// How many threads OpenBLAS uses is a setting of the process, which belongs to the program. An
  /// OpenBLAS made with OpenMP asks for each thread's own number, so that one is set and put back.
  /// Otherwise the first of several concurrent calls sets the process to one thread and the last
  /// one puts back what was there, unless the program has set another number meanwhile. Nested
  /// calls are fine. A body takes turns with others only for the nanoseconds in which the setting
  /// is looked at.
  @inline(__always)
  package static func onOneThread<R>(_ body: () -> R) -> R {
    switch threading {
    case .none: return body()
    case .openMP(let get, let set):
      let threads = get()
      if threads != 1 { set(1) }
      defer { if threads != 1 { set(threads) } }
      return body()
    case .ownThreads:
      OneThread.enter()
      defer { OneThread.leave() }
      return body()
    }
  }

  /// How the OpenBLAS that is loaded finds its number of threads.
  private enum Threading: Sendable {
    case none
    case ownThreads
    case openMP(get: @convention(c) () -> Int32, set: @convention(c) (Int32) -> Void)
  }

  private static let threading: Threading = {
    switch openblas_get_parallel() {
    case 0: return .none
    case 2:
      // The OpenMP that this OpenBLAS was linked to; its names are in the process then.
      #if os(Linux)
        let everywhere: UnsafeMutableRawPointer? = nil
      #else
        let everywhere = UnsafeMutableRawPointer(bitPattern: -2)
      #endif
      guard let get = dlsym(everywhere, "omp_get_max_threads"),
        let set = dlsym(everywhere, "omp_set_num_threads")
      else { return .ownThreads }
      return .openMP(
        get: unsafeBitCast(get, to: (@convention(c) () -> Int32).self),
        set: unsafeBitCast(set, to: (@convention(c) (Int32) -> Void).self))
    default: return .ownThreads
    }
  }()
}

/// Counts who needs OpenBLAS on one thread.
private enum OneThread {
  private struct State {
    /// The process that `users` were counted in: a forked child has none of them.
    var mark: UInt32 = 0
    var users = 0
    /// The program's setting, valid while there are users.
    var setting: Int32 = 1
  }

  // Sound: read and written under its lock.
  nonisolated(unsafe) private static let state: UnsafeMutablePointer<State> = {
    let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
    state.initialize(to: State())
    return state
  }()

  private static let lock = ForkSafeLock()

  static func enter() { lock.withLock { count(state) } }
  static func leave() { lock.withLock { uncount(state) } }

  private static func count(_ state: UnsafeMutablePointer<State>) {
    if state.pointee.users == 0 || state.pointee.mark != lcn_process() {
      // A child of a process that was in the middle of a product finds 1, and the setting still
      // noted.
      if state.pointee.users == 0 || openblas_get_num_threads() != 1 {
        state.pointee.setting = openblas_get_num_threads()
      }
      (state.pointee.users, state.pointee.mark) = (0, lcn_process())
      if state.pointee.setting != 1 { openblas_set_num_threads(1) }
    }
    state.pointee.users += 1
  }

  private static func uncount(_ state: UnsafeMutablePointer<State>) {
    state.pointee.users -= 1
    if state.pointee.users == 0, state.pointee.setting != 1, openblas_get_num_threads() == 1 {
      openblas_set_num_threads(state.pointee.setting)
    }
  }
}
