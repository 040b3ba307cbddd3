// What Lacuna does to the process it lives in: one pool of threads, a fork that works, OpenBLAS as
// it was. Each test has a process of its own, in which nothing else runs.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A product that is large enough for several threads, and what it should be.
private struct Product {
  let weights: DenseMatrix<Float> = randomDense(
    rows: 512, columns: 512, density: 0.3, seed: 1)
  let x: DenseMatrix<Float> = randomDense(rows: 512, columns: 128, seed: 2)

  func plan(threads: Int, kernel: String? = nil) throws -> Plan<Float> {
    try Plan(
      CSRMatrix(dense: weights), width: 128,
      options: PlanOptions(threads: threads, deterministic: true, kernel: kernel))
  }

  func run(_ plan: Plan<Float>) throws -> [Float] {
    var y = try DenseMatrix<Float>(rows: 512, columns: 128)
    try plan.run(x, into: &y)
    return y.withUnsafeElements { Array($0) }
  }
}

/// Threads of this process that carry the pool's name.
private func poolThreads() -> Int {
  guard let folder = opendir("/proc/self/task") else { return 0 }
  defer { closedir(folder) }
  var count = 0
  while let entry = readdir(folder) {
    let id = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    guard let file = fopen("/proc/self/task/\(id)/comm", "r") else { continue }
    var name = [CChar](repeating: 0, count: 32)
    if fgets(&name, 31, file) != nil, strncmp(name, "lacuna\n", 8) == 0 { count += 1 }
    fclose(file)
  }
  return count
}

@Suite struct ProcessTests {
  #if os(Linux)
    @Test func `Plans share one pool, whatever number of threads they ask for`() async {
      await #expect(processExitsWith: .success) {
        let product = Product()
        let expected = try product.run(product.plan(threads: 1))
        #expect(poolThreads() == 0)
        let cores = CPUInfo.current.cores
        var plans: [Plan<Float>] = []
        for threads in [2, cores, cores + 2, 3, 16, 100] {
          for kernel in [nil, "csr"] {
            let plan = try product.plan(threads: threads, kernel: kernel)
            #expect(plan.threads == threads)
            if kernel == nil { #expect(try product.run(plan) == expected, "\(threads) threads") }
            let y = try product.run(plan)
            #expect(y.allSatisfy { $0.isFinite })
            plans.append(plan)
          }
        }
        // They take their name a moment after they start.
        for _ in 0..<1000 where poolThreads() < cores - 1 { usleep(1000) }
        #expect(poolThreads() == cores - 1)
      }
    }

    @Test func `A forked child runs and destroys plans, and makes new ones`() async {
      await #expect(processExitsWith: .success) {
        // Swift hides it: what follows in the child has to be careful, and is.
        let fork = unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> Int32).self)
        let product = Product()
        let threads = CPUInfo.current.cores + 2
        var plan: Plan<Float>? = try product.plan(threads: threads)
        let expected = try product.run(plan!)
        let child = fork()
        if child == 0 {
          var status: Int32 = 1
          if let old = plan, let same = try? product.run(old), same == expected {
            plan = nil
            if let new = try? product.plan(threads: threads), let again = try? product.run(new) {
              status = again == expected ? 0 : 2
            }
          }
          _exit(status)
        }
        var status: Int32 = -1
        for _ in 0..<60_000 where waitpid(child, &status, WNOHANG) == 0 { usleep(1000) }
        if status != 0 { kill(child, SIGKILL) }
        #expect(status == 0)
        #expect(try product.run(plan!) == expected, "the parent goes on")
      }
    }

    @Test func `A child that is forked in the middle of a job leaves that job to the parent`() async
    {
      await #expect(processExitsWith: .success) {
        let fork = unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> Int32).self)
        let product = Product()
        let plan = try product.plan(threads: CPUInfo.current.cores + 2)
        let expected = try product.run(plan)
        let parent = getpid()
        // Tasks that the child runs; a copy of it in each process.
        let strays = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        strays.initialize(to: 0)
        var child: Int32 = -1
        ThreadPool.shared.run(tasks: 64) { task in
          if getpid() != parent { strays.pointee += 1 }
          if task > 0 {
            usleep(1000)
            return
          }
          child = fork()
          if child == 0 {
            var status: Int32 = 1
            for _ in 0..<20 where status < 2 {
              guard let same = try? product.run(plan) else { break }
              status = same != expected ? 2 : strays.pointee != 0 ? 3 : 0
            }
            _exit(status)
          }
        }
        var status: Int32 = -1
        for _ in 0..<60_000 where waitpid(child, &status, WNOHANG) == 0 { usleep(1000) }
        if status != 0 { kill(child, SIGKILL) }
        #expect(status == 0)
      }
    }
  #endif

  @Test func `OpenBLAS keeps the number of threads that the program gave it`() async {
    await #expect(processExitsWith: .success) {
      let product = Product()
      for setting in [2, 1, 3] {
        BLAS.threads = setting
        let plan = try product.plan(threads: 4, kernel: "dense")
        #expect(BLAS.threads == setting, "making a plan")
        let y = try product.run(plan)
        #expect(BLAS.threads == setting, "running it")
        BLAS.onOneThread {
          #expect(BLAS.threads == 1)
          BLAS.onOneThread { #expect(BLAS.threads == 1) }
          #expect(BLAS.threads == 1, "a call inside another")
        }
        #expect(BLAS.threads == setting)
        // A number that the program sets meanwhile is kept.
        BLAS.onOneThread { BLAS.threads = 2 }
        #expect(BLAS.threads == 2)
        BLAS.threads = 1
        #expect(try product.run(plan) == y, "the same bits whatever the setting")
      }
    }
  }
}
