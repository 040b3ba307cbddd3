// Runs body(0), …, body(n−1) on a fixed set of threads that sleep when there is nothing to do.

import CThreads

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A persistent pool of threads for short, independent tasks.
///
/// Which thread runs a task is not fixed, so a task's result must depend on its index alone: that
/// is what keeps results bitwise equal for any number of threads. Idle threads sleep in the kernel.
/// A call never waits for another; one that finds the pool busy (a nested call, or another
/// thread's) runs its tasks on the calling thread.
///
/// A fork copies the pool's memory but not its threads. The child finds the pool free, whatever the
/// parent was doing, and starts threads of its own at its first call that has work for them.
///
/// A job is one 64-bit word: its number, its task count and the next unclaimed task. Claiming a
/// task is a compare-and-swap on that word, so a thread that wakes too late for a job cannot touch
/// it.
// Sound to share: all mutable state is in `shared`, and changes by the atomic steps described
// there.
public final class ThreadPool: @unchecked Sendable {
  /// The pool of this process: one thread per processor that the process may use, the caller's
  /// included.
  public static let shared = ThreadPool(threads: CPUInfo.current.cores)

  /// Threads that can work at once, the calling one included.
  public let threads: Int

  private let shared: UnsafeMutablePointer<Shared>

  private struct Shared {
    /// job number (24 bits) · task count (20 bits) · next task (20 bits)
    var job: UInt64 = 0
    /// Changes at each new job; idle threads sleep on it.
    var signal: UInt32 = 0
    /// Tasks of this job that are done; the caller sleeps on it.
    var completed: UInt32 = 0
    /// A lock of CThreads, held by the thread whose job this is.
    var busy: UInt32 = 0
    var stopping: UInt32 = 0
    var alive: UInt32 = 0
    /// The process that the threads were started in; changed by the holder of `busy`.
    var startedIn: UInt32 = 0
    /// Valid while a task of the job is claimed and not completed.
    var body: Task?
    var context: UnsafeMutableRawPointer?
  }

  /// A task without a closure's allocations: what the caller passed, and the task's index.
  public typealias Task = @convention(c) (UnsafeMutableRawPointer, Int) -> Void
  private static let taskBits: UInt64 = 20
  private static let taskMask: UInt64 = (1 << taskBits) - 1
  /// Pauses before sleeping while the last tasks of a job run on other threads: about 20 µs.
  private static let spins = 500

  /// - Parameter threads: how many threads work at once, at least 1; `threads − 1` are created, at
  ///   the first call that has more than one task.
  package init(threads: Int) {
    self.threads = max(1, threads)
    shared = .allocate(capacity: 1)
    shared.initialize(to: Shared())
  }

  deinit {
    lcn_store(&shared.pointee.stopping, 1)
    _ = lcn_add(&shared.pointee.signal, 1)
    lcn_wake(&shared.pointee.signal, Int32.max)
    // There is nobody to wait for in a child of the process that started the threads.
    while shared.pointee.startedIn == lcn_process() {
      let alive = lcn_load(&shared.pointee.alive)
      if alive == 0 { break }
      lcn_sleep(&shared.pointee.alive, alive)
    }
    // A thread's last act on `shared` is its decrement of `alive` and the wake-up: a wake-up of
    // freed memory is harmless, a read is not.
    shared.deallocate()
  }

  /// Calls `body` once with every index in `0..<tasks` and returns when all calls have returned.
  ///
  /// - Parameters:
  ///   - tasks: number of calls; 0 does nothing.
  ///   - limit: most threads to use, the calling one included.
  public func run(tasks: Int, limit: Int = .max, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { escaping in
      var closure = Closure(body: escaping)
      withUnsafeMutablePointer(to: &closure) { pointer in
        run(tasks: tasks, limit: limit, context: pointer) { context, index in
          context.assumingMemoryBound(to: Closure.self).pointee.body(index)
        }
      }
    }
  }

  private struct Closure { let body: (Int) -> Void }

  /// The same for a C function and its context; allocates nothing.
  public func run(
    tasks: Int, limit: Int = .max, context: UnsafeMutableRawPointer, _ body: Task
  ) {
    let useful = min(threads, limit, tasks)
    if useful <= 1 || tasks > Int(Self.taskMask) || !lcn_try_lock(&shared.pointee.busy) {
      for i in 0..<max(tasks, 0) { body(context, i) }
      return
    }
    startThreads()
    (shared.pointee.body, shared.pointee.context) = (body, context)
    lcn_store(&shared.pointee.completed, 0)
    let number = (shared.pointee.job >> (2 * Self.taskBits)) &+ 1
    lcn_store64(
      &shared.pointee.job, number << (2 * Self.taskBits) | UInt64(tasks) << Self.taskBits)
    _ = lcn_add(&shared.pointee.signal, 1)
    lcn_wake(&shared.pointee.signal, Int32(useful - 1))
    Self.work(shared)
    waitForCompletion(of: tasks)
    lcn_unlock(&shared.pointee.busy)
  }

  private func waitForCompletion(of tasks: Int) {
    var spins = 0
    while true {
      let done = lcn_load(&shared.pointee.completed)
      if done == UInt32(tasks) { return }
      spins += 1
      if spins < Self.spins { lcn_pause() } else { lcn_sleep(&shared.pointee.completed, done) }
    }
  }

  /// Claims and runs tasks of the current job until none is left.
  private static func work(_ shared: UnsafeMutablePointer<Shared>) {
    while true {
      let job = lcn_load64(&shared.pointee.job)
      let (count, next) = ((job >> taskBits) & taskMask, job & taskMask)
      if next >= count { return }
      if !lcn_exchange64(&shared.pointee.job, job, job + 1) { continue }
      shared.pointee.body!(shared.pointee.context!, Int(next))
      if UInt64(lcn_add(&shared.pointee.completed, 1)) == count {
        lcn_wake(&shared.pointee.completed, 1)
      }
    }
  }

  /// What every created thread does until the pool goes away.
  private static func serve(_ shared: UnsafeMutablePointer<Shared>) {
    while true {
      let signal = lcn_load(&shared.pointee.signal)
      if lcn_load(&shared.pointee.stopping) != 0 { break }
      work(shared)
      lcn_sleep(&shared.pointee.signal, signal)
    }
    let alive = withUnsafeMutablePointer(to: &shared.pointee.alive) { $0 }
    _ = lcn_add(alive, .max)
    lcn_wake(alive, 1)
  }

  /// Creates the threads once in each process. Called by the holder of `busy`.
  private func startThreads() {
    if shared.pointee.startedIn == lcn_process() { return }
    shared.pointee.startedIn = lcn_process()
    lcn_store(&shared.pointee.alive, 0)
    for _ in 1..<threads {
      _ = lcn_add(&shared.pointee.alive, 1)
      if !Self.startThread(shared) { _ = lcn_add(&shared.pointee.alive, .max) }
    }
  }

  private static func startThread(_ shared: UnsafeMutablePointer<Shared>) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    return pthread_create(
      &thread, &attributes,
      { argument in
        #if canImport(Darwin)
          let memory = argument
        #else
          let memory = argument!
        #endif
        lcn_name_thread("lacuna")
        ThreadPool.serve(memory.assumingMemoryBound(to: Shared.self))
        return nil
      }, shared) == 0
  }
}
