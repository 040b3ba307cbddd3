// Every task runs exactly once, from any thread, however calls nest.

import Foundation
import LacunaOperations
import Testing

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func everyTaskRunsOnce(threads: Int, tasks: Int) {
    let pool = ThreadPool(threads: threads)
    let hits = UnsafeMutablePointer<Int>.allocate(capacity: max(tasks, 1))
    hits.initialize(repeating: 0, count: max(tasks, 1))
    defer { hits.deallocate() }
    nonisolated(unsafe) let memory = hits  // each task writes its own element
    for _ in 0..<50 { pool.run(tasks: tasks) { memory[$0] += 1 } }
    for i in 0..<tasks { #expect(hits[i] == 50, "task \(i) of \(tasks) on \(threads) threads") }
  }

  @Test func nestedCallsRunOnTheCallingThread() {
    let pool = ThreadPool(threads: 2)
    let sums = UnsafeMutablePointer<Int>.allocate(capacity: 4)
    sums.initialize(repeating: 0, count: 4)
    defer { sums.deallocate() }
    nonisolated(unsafe) let memory = sums
    pool.run(tasks: 4) { outer in pool.run(tasks: 10) { memory[outer] += $0 } }
    for i in 0..<4 { #expect(sums[i] == 45) }
  }

  @Test("jobs of threads that are kept awake run every task once, also when they come late")
  func awake() {
    let pool = ThreadPool(threads: 4)
    let hits = UnsafeMutablePointer<Int>.allocate(capacity: 7)
    hits.initialize(repeating: 0, count: 7)
    defer { hits.deallocate() }
    nonisolated(unsafe) let memory = hits  // each task writes its own element
    for limit in [4, 4, 2] {
      pool.whileAwake(limit: limit) {
        for job in 0..<200 {
          pool.run(tasks: 7, limit: 3) { memory[$0] += 1 }
          // Longer than threads wait for: they sleep, and are woken.
          if job % 100 == 50 { usleep(20_000) }
        }
        // One inside another.
        pool.whileAwake(limit: 4) { pool.run(tasks: 7) { memory[$0] += 1 } }
      }
      pool.run(tasks: 7) { memory[$0] += 1 }
    }
    for i in 0..<7 { #expect(hits[i] == 3 * 202, "task \(i)") }
  }
}
