// GF/s of register-only multiply-adds, the best of several short runs, once per scalar type.

import Lacuna
import Synchronization

/// The machine's multiply-add peak, measured once per run of the program.
enum Peak {
  private static let measured = Mutex<[DType: Double]>([:])

  /// GF/s of one core.
  static func gflops(_ dtype: DType) -> Double {
    measured.withLock { known in
      if let value = known[dtype] { return value }
      let loop = MultiplyAddPeak(dtype)
      var best = 0.0
      for _ in 0..<20 {
        var operations = 0
        // About 2 ms: long enough for the clock, short enough that one of twenty is undisturbed.
        let seconds = Stopwatch.seconds {
          operations = loop.run(rounds: 500_000)
        }
        best = max(best, Double(operations) / seconds / 1e9)
      }
      known[dtype] = best
      return best
    }
  }
}
