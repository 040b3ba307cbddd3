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
/// is what keeps results bitwise equal for any number of threads. Idle threads sleep in the kernel, but for those that wait awake
/// for the next step of a graph.
/// A call never waits for another; one that finds the pool busy (a nested call, or another
/// thread's) runs its tasks on the calling thread.
///
/// A fork copies the pool's memory but not its threads. The child finds the pool free, whatever the
/// parent was doing, and starts threads of its own at its first call that has work for them.
///
/// A job is one 64-bit word: its number, its task count and the next unclaimed task. Claiming a
/// task is a compare-and-swap on that word, so a thread that wakes too late for a job cannot touch
/// it.
public final class ThreadPool: @unchecked Sendable {
  // Sound to share: all mutable state is in `shared`, and changes by the atomic steps described
  // there.

  /// The pool of this process: one thread per processor that the process may use, the caller's
  /// included.
  public static let shared = ThreadPool(threads: CPUInfo.current.cores)

  /// Threads that can work at once, the calling one included.
  public let threads: Int

  private let shared: Shared

  /// What the threads share: words in one piece of memory, each reached by its own pointer. An `inout`
  /// of one would be an exclusive access to a variable, which several threads must not have at once.
  private struct Shared {
    let memory: UnsafeMutableRawPointer

    /// job number (24 bits) · task count (20 bits) · next task (20 bits)
    var job: UnsafeMutablePointer<UInt64> { memory.assumingMemoryBound(to: UInt64.self) }
    /// Changes at each new job; idle threads sleep on it.
    var signal: UnsafeMutablePointer<UInt32> { word(0) }
    /// Tasks of this job that are done; the caller sleeps on it.
    var completed: UnsafeMutablePointer<UInt32> { word(1) }
    /// A lock of CThreads, held by the thread whose job this is.
    var busy: UnsafeMutablePointer<UInt32> { word(2) }
    var stopping: UnsafeMutablePointer<UInt32> { word(3) }
    var alive: UnsafeMutablePointer<UInt32> { word(4) }
    /// The process that the threads were started in; changed by the holder of `busy`.
    var startedIn: UnsafeMutablePointer<UInt32> { word(5) }
    /// Calls of ``whileAwake(limit:_:)`` under way, and threads that wait for work without sleeping.
    var awake: UnsafeMutablePointer<UInt32> { word(10) }
    var waiting: UnsafeMutablePointer<UInt32> { word(11) }
    /// Valid while a task of the job is claimed and not completed.
    var work: UnsafeMutablePointer<Work> { (memory + 32).assumingMemoryBound(to: Work.self) }

    private func word(_ number: Int) -> UnsafeMutablePointer<UInt32> {
      (memory + 8 + 4 * number).assumingMemoryBound(to: UInt32.self)
    }

    static func allocate() -> Shared {
      let shared = Shared(memory: .allocate(byteCount: 64, alignment: 64))
      shared.memory.bindMemory(to: UInt64.self, capacity: 1).initialize(to: 0)
      (shared.memory + 8).bindMemory(to: UInt32.self, capacity: 6).initialize(
        repeating: 0, count: 6)
      (shared.memory + 48).bindMemory(to: UInt32.self, capacity: 2).initialize(
        repeating: 0, count: 2)
      (shared.memory + 32).bindMemory(to: Work.self, capacity: 1).initialize(to: Work())
      return shared
    }
  }

  private struct Work {
    var body: Task?
    var context: UnsafeMutableRawPointer?
  }

  /// A task without a closure's allocations: what the caller passed, and the task's index.
  public typealias Task = @convention(c) (UnsafeMutableRawPointer, Int) -> Void
  private static let taskBits: UInt64 = 20
  private static let taskMask: UInt64 = (1 << taskBits) - 1
  /// Pauses before sleeping while the last tasks of a job run on other threads: about 20 µs.
  private static let spins = 500
  /// Pauses before an idle thread sleeps although more jobs are to come: about 1 ms.
  private static let idleSpins = 25_000

  /// - Parameter threads: how many threads work at once, at least 1; `threads − 1` are created, at
  ///   the first call that has more than one task.
  package init(threads: Int) {
    self.threads = max(1, threads)
    shared = .allocate()
  }

  deinit {
    lcn_store(shared.stopping, 1)
    _ = lcn_add(shared.signal, 1)
    lcn_wake(shared.signal, Int32.max)
    // There is nobody to wait for in a child of the process that started the threads.
    while shared.startedIn.pointee == lcn_process() {
      let alive = lcn_load(shared.alive)
      if alive == 0 { break }
      lcn_sleep(shared.alive, alive)
    }
    // A thread's last act on `shared` is its decrement of `alive` and the wake-up: a wake-up of
    // freed memory is harmless, a read is not.
    shared.memory.deallocate()
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
    let runner = lcn_current_runner()
    if let run = runner.run, min(limit, tasks) > 1 {
      run(runner.context, body, context, tasks)
      return
    }
    let useful = min(threads, limit, tasks)
    if useful <= 1 || tasks > Int(Self.taskMask) || !lcn_try_lock(shared.busy) {
      for i in 0..<max(tasks, 0) { body(context, i) }
      return
    }
    startThreads()
    shared.work.pointee = Work(body: body, context: context)
    lcn_store(shared.completed, 0)
    let number = (lcn_load64(shared.job) >> (2 * Self.taskBits)) &+ 1
    lcn_store64(
      shared.job, number << (2 * Self.taskBits) | UInt64(tasks) << Self.taskBits)
    signal(useful - 1)
    Self.work(shared)
    waitForCompletion(of: tasks)
    lcn_unlock(shared.busy)
  }

  /// Threads that wait see it, and as many others wake as are missing. One that is about to sleep looks first.
  private func signal(_ threads: Int) {
    _ = lcn_add(shared.signal, 1)
    let missing = threads - Int(lcn_load(shared.waiting))
    if missing > 0 { lcn_wake(shared.signal, Int32(missing)) }
  }

  /// Calls `body`, whose jobs follow each other closely: up to `limit` threads, the calling one included, wait for the next one
  /// without sleeping, which takes a core each but saves the microseconds that waking takes.
  package func whileAwake<R>(limit: Int, _ body: () -> R) -> R {
    let useful = min(threads, limit)
    if useful <= 1 || lcn_current_runner().run != nil { return body() }
    // Here and not in a job of somebody else's that is only worth it because threads are awake.
    if lcn_try_lock(shared.busy) {
      startThreads()
      lcn_unlock(shared.busy)
    }
    _ = lcn_add(shared.awake, 1)
    signal(useful - 1)
    defer { _ = lcn_add(shared.awake, .max) }
    return body()
  }

  /// Whether threads are at hand: those of a program that computes on its own, or ones that wait.
  package static var isAwake: Bool {
    lcn_current_runner().run != nil || lcn_load(shared.shared.awake) != 0
  }

  /// Multiply-adds below which a second thread does not pay: about 50 µs of work where the pool's threads have to be woken, and
  /// some microseconds where threads are at hand.
  package static var smallWork: Int { isAwake ? 500_000 : 4_000_000 }

  /// Who runs tasks instead of the pool, for as long as `body` runs on this thread.
  ///
  /// - Parameters:
  ///   - run: calls the task with every index below their number, from threads of its choice, and returns when all calls
  ///     have returned.
  package static func withRunner<R>(
    _ run: @escaping Runner, context: UnsafeMutableRawPointer?, _ body: () -> R
  ) -> R {
    let before = lcn_current_runner()
    lcn_set_runner(lcn_runner(run: run, context: context))
    defer { lcn_set_runner(before) }
    return body()
  }

  /// A program's own way to run tasks.
  package typealias Runner =
    @convention(c) (UnsafeMutableRawPointer?, Task, UnsafeMutableRawPointer, Int) -> Void

  private func waitForCompletion(of tasks: Int) {
    var spins = 0
    while true {
      let done = lcn_load(shared.completed)
      if done == UInt32(tasks) { return }
      spins += 1
      if spins < Self.spins { lcn_pause() } else { lcn_sleep(shared.completed, done) }
    }
  }

  /// Claims and runs tasks of the current job until none is left.
  private static func work(_ shared: Shared) {
    while true {
      let job = lcn_load64(shared.job)
      let (count, next) = ((job >> taskBits) & taskMask, job & taskMask)
      if next >= count { return }
      if !lcn_exchange64(shared.job, job, job + 1) { continue }
      let task = shared.work.pointee
      task.body!(task.context!, Int(next))
      if UInt64(lcn_add(shared.completed, 1)) == count {
        lcn_wake(shared.completed, 1)
      }
    }
  }

  /// What every created thread does until the pool goes away.
  private static func serve(_ shared: Shared) {
    while true {
      let signal = lcn_load(shared.signal)
      if lcn_load(shared.stopping) != 0 { break }
      work(shared)
      if lcn_load(shared.awake) != 0 {
        _ = lcn_add(shared.waiting, 1)
        var spins = 0
        while spins < idleSpins && lcn_load(shared.signal) == signal
          && lcn_load(shared.awake) != 0
        {
          lcn_pause()
          spins += 1
        }
        _ = lcn_add(shared.waiting, .max)
      }
      lcn_sleep(shared.signal, signal)
    }
    let alive = shared.alive
    _ = lcn_add(alive, .max)
    lcn_wake(alive, 1)
  }

  /// Creates the threads once in each process. Called by the holder of `busy`.
  private func startThreads() {
    if shared.startedIn.pointee == lcn_process() { return }
    shared.startedIn.pointee = lcn_process()
    // A job that the parent had not finished when it forked is the parent's: a new thread that found its tasks would
    // run them, and count them among those of the child's first job.
    lcn_store64(shared.job, 0)
    lcn_store(shared.alive, 0)
    // Nor do the parent's threads wait here, or its calls of `whileAwake` end here.
    lcn_store(shared.waiting, 0)
    lcn_store(shared.awake, 0)
    for _ in 1..<threads {
      _ = lcn_add(shared.alive, 1)
      if !Self.startThread(shared) { _ = lcn_add(shared.alive, .max) }
    }
  }

  private static func startThread(_ shared: Shared) -> Bool {
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
        ThreadPool.serve(Shared(memory: memory))
        return nil
      }, shared.memory) == 0
  }
}
