// Threads of a host that make, run, slice and destroy at once: right results or a status, and no
// race. Scripts/test-threads runs these under the thread sanitizer.

import CLacuna
import LacunaABI
import LacunaNN
import Synchronization
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Runs `body(0) … body(count − 1)` on threads of their own, all at once.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Job: Sendable {
    let body: @Sendable (Int) -> Void
    let next = Atomic(0)
    init(_ body: @escaping @Sendable (Int) -> Void) { self.body = body }
  }
  let job = Job(body)
  var threads: [pthread_t] = []
  for _ in 0..<count {
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, nil,
      { context in
        let job = Unmanaged<Job>.fromOpaque(context!).takeUnretainedValue()
        job.body(job.next.add(1, ordering: .relaxed).oldValue)
        return nil
      }, Unmanaged.passUnretained(job).toOpaque())
    #expect(failure == 0)
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
}

/// A handle that threads pass around as a number, as C programs do.
private struct Handle: Sendable {
  let bits: UInt
  init(_ pointer: OpaquePointer?) { bits = UInt(bitPattern: pointer) }
  var pointer: OpaquePointer? { OpaquePointer(bitPattern: bits) }
}

@Suite struct ThreadTests {
  /// Enough work for a plan to use the pool.
  private static let (rows, columns, width) = (384, 512, 96)
  private static let x = randomValues(columns, width, density: 1, seed: 2)

  private static func plan(threads: Int = 1, kernel: String? = nil) -> Handle {
    let matrix = make(
      randomValues(rows, columns, density: 0.3, seed: 1), rows, columns, format: LCN_CSR)
    var options = planOptions(width: width, threads: threads)
    var plan: OpaquePointer?
    if let kernel {
      kernel.withCString {
        options.kernel = $0
        expect(lcn_plan_create(matrix, &options, &plan), "LCN_OK")
      }
    } else {
      expect(lcn_plan_create(matrix, &options, &plan), "LCN_OK")
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    return Handle(plan)
  }

  /// The product, or nil when the plan is gone.
  private static func product(_ plan: Handle) -> [Float]? {
    var y = [Float](repeating: .nan, count: rows * width)
    let status = lcn_plan_run(plan.pointer, x, 96, &y, 96, 96, nil, 0)
    if status != LCN_OK { expect(status, "LCN_INVALID_HANDLE") }
    return status == LCN_OK ? y : nil
  }

  @Test(arguments: [nil, "csr", "dense"] as [String?])
  func `Threads of the host share the slices of one product`(kernel: String?) {
    let plan = Self.plan(kernel: kernel)
    let expected = Self.product(plan)!
    for (threads, slices) in [(2, 2), (4, 7), (8, 64)] {
      let memory = pinned([Float](repeating: .nan, count: expected.count))
      let target = UInt(bitPattern: memory)
      onThreads(threads) { thread in
        for slice in stride(from: thread, to: slices, by: threads) {
          let status = lcn_plan_run_slice(
            plan.pointer, Int64(slice), Int64(slices), Self.x, 96,
            UnsafeMutablePointer<Float>(bitPattern: target), 96, 96, nil, 0)
          expect(status, "LCN_OK")
        }
      }
      let y = Array(UnsafeBufferPointer(start: memory, count: expected.count))
      #expect(y == expected, "\(slices) slices on \(threads) threads")
    }
    expect(lcn_plan_destroy(plan.pointer), "LCN_OK")
  }

  @Test(arguments: [1, 2, 16])
  func `Plans are made, run and destroyed by many threads at once`(threads: Int) {
    let shared = Self.plan(threads: threads)
    let expected = Self.product(shared)!
    let wrong = Counter(), refused = Counter()
    onThreads(6) { thread in
      for round in 0..<20 {
        let own = Self.plan(threads: threads, kernel: round % 3 == 0 ? "dense" : nil)
        if round % 3 != 0, Self.product(own) != expected { wrong.add() }
        if let y = Self.product(shared) {
          if y != expected { wrong.add() }
        } else {
          refused.add()
        }
        expect(lcn_plan_destroy(own.pointer), "LCN_OK")
        expect(lcn_plan_destroy(own.pointer), "LCN_INVALID_HANDLE")
        if thread == 0 && round == 10 { expect(lcn_plan_destroy(shared.pointer), "LCN_OK") }
      }
    }
    #expect(wrong.count == 0)
    #expect(refused.count >= 9, "the thread that destroyed it asked nine times more")
  }

  @Test func `Threads take turns on one model, and one of them destroys it`() throws {
    let model = try SequentialModel(
      Architecture(
        name: "small", input: Shape(features: 12),
        layers: [.dense(name: "logits", units: 4, relu: false)]), threads: 1)
    try model.setWeights([
      "logits/kernel": randomValues(4, 12, density: 0.5, seed: 3),
      "logits/bias": randomValues(1, 4, density: 1, seed: 4),
    ])
    let path = "/tmp/lacuna-abi-\(getpid())-turns.lacuna"
    defer { unlink(path) }
    try CompressedModel(model, form: .sparse).save(to: path)
    var loaded: OpaquePointer?
    expect(lcn_model_load(path, nil, &loaded), "LCN_OK")
    let handle = Handle(loaded)
    let images = randomValues(6, 12, density: 1, seed: 5)
    var expected = [Float](repeating: .nan, count: 24)
    expect(lcn_model_run(loaded, images, &expected, 6), "LCN_OK")
    let wrong = Counter(), refused = Counter()
    onThreads(6) { [expected] thread in
      for round in 0..<40 {
        var output = [Float](repeating: .nan, count: 24)
        switch Int(lcn_model_run(handle.pointer, images, &output, 6)) {
        case LCN_OK: if output != expected { wrong.add() }
        case LCN_INVALID_HANDLE: refused.add()
        default: wrong.add()
        }
        if thread == 0 && round == 20 { expect(lcn_model_destroy(handle.pointer), "LCN_OK") }
      }
    }
    #expect(wrong.count == 0)
    #expect(refused.count >= 19)
  }
}

/// A number that threads count up.
private final class Counter: Sendable {
  private let value = Atomic(0)
  func add() { value.add(1, ordering: .relaxed) }
  var count: Int { value.load(ordering: .relaxed) }
}
