// Two operations timed in turn: A B A B …, so that a change of clock speed touches both.

import Lacuna

/// Whether operands are in cache when a timed run starts.
enum CacheState: String, CaseIterable, Sendable {
  /// Runs follow each other: what fits in a cache is there.
  case warm
  /// More memory than the last cache level holds is read before each run.
  case cold
}

/// The seconds of one run of an operation.
struct Timing: Sendable {
  var median: Double
  var minimum: Double
  /// Runs that were timed.
  var runs: Int

  /// The median and minimum of samples that each hold `runsPerSample` runs.
  init(_ samples: [Double], runsPerSample: Int) {
    let sorted = samples.sorted()
    median =
      sorted.count % 2 == 1
      ? sorted[sorted.count / 2]
      : (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2]) / 2
    minimum = sorted[0]
    runs = samples.count * runsPerSample
  }
}

/// Times operations in turn until a time budget is spent.
struct Stopwatch {
  /// Seconds for all operations of one case together.
  var budget: Double
  var cache: CacheState
  private let evicted: AlignedBuffer<UInt8>

  /// A sample shorter than this is dominated by the clock and by interrupts.
  private static let shortestSample = 100e-6
  private static let fewestSamples = 5
  private static let mostSamples = 400

  init(budget: Double, cache: CacheState) {
    (self.budget, self.cache) = (budget, cache)
    evicted = AlignedBuffer(count: cache == .warm ? 1 : 2 * CPUInfo.current.level3Bytes)
  }

  /// Seconds of `body`.
  static func seconds(_ body: () -> Void) -> Double {
    let duration = ContinuousClock().measure(body).components
    return Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
  }

  /// Times `operations` in turn: at least five samples of each, then until the budget is spent.
  func time(_ operations: [() -> Void]) -> [Timing] {
    // A first run touches the pages and a second one tells how many runs a sample needs.
    let repeats = operations.map { operation in
      operation()
      let once = Self.seconds(operation)
      return cache == .cold ? 1 : max(1, Int(Self.shortestSample / max(once, 1e-9)))
    }
    var samples = [[Double]](repeating: [], count: operations.count)
    var spent = 0.0
    while samples[0].count < Self.fewestSamples
      || (spent < budget && samples[0].count < Self.mostSamples)
    {
      for (i, operation) in operations.enumerated() {
        // What ran in between has the caches: warm runs begin with one that is not timed.
        if cache == .cold { evict() } else { operation() }
        let seconds = Self.seconds { for _ in 0..<repeats[i] { operation() } }
        samples[i].append(seconds / Double(repeats[i]))
        spent += seconds
      }
    }
    return zip(samples, repeats).map { Timing($0, runsPerSample: $1) }
  }

  /// Writes to every cache line of a buffer twice the size of the last cache level.
  private func evict() {
    for i in stride(from: 0, to: evicted.count, by: 64) { evicted.pointer[i] &+= 1 }
  }
}
