// The two roofs of a run: multiply-adds of one core, and bytes from the cache that holds them.

import LacunaFormats
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Seconds on a clock that only goes forward.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The roofs that estimates are made of.
struct Roofline {
  /// Floating-point operations per second of one core with the instruction set of the kernels.
  let peak: Double
  /// The same with the best instruction set of this processor: what shares of the peak refer to.
  let machinePeak: Double
  private let isa: ISA, dtype: DType

  /// A core of 3 GHz with two multiply-adds per cycle: what deterministic plans assume. Ratios
  /// between candidates hardly depend on it.
  init(nominal isa: ISA, dtype: DType) {
    self.init(isa, dtype) { 3e9 * 4 * Double($0.vectorBytes / DType.f32.size) }
  }

  /// The peaks of this core, measured once per process.
  init(measured isa: ISA, dtype: DType) {
    self.init(isa, dtype) { isa in
      Self.singlePeaks.withLock { known in
        let peak = known[isa] ?? Self.measure(isa)
        known[isa] = peak
        return peak
      }
    }
  }

  /// The better of these peaks and ones that are measured now: for when a kernel was faster than a
  /// peak that was measured while something else had the core.
  func measuredAgain() -> Roofline {
    Roofline(isa, dtype) { isa in
      let now = Self.measure(isa)
      return Self.singlePeaks.withLock { known in
        let best = max(known[isa] ?? 0, now)
        known[isa] = best
        return best
      }
    }
  }

  private init(_ isa: ISA, _ dtype: DType, singlePeak: (ISA) -> Double) {
    (self.isa, self.dtype) = (isa, dtype)
    let perElement = Double(DType.f32.size) / Double(dtype.size)
    peak = singlePeak(isa) * perElement
    machinePeak = isa == .detected ? peak : singlePeak(.detected) * perElement
  }

  /// The peak of OpenBLAS's kernels, which may be set to half of this processor's width.
  var densePeak: Double {
    ISA.detected == .v4 && !BLAS.hasWideCore ? machinePeak / 2 : machinePeak
  }

  /// Peaks for f32, by instruction set; f64 has half as many lanes.
  private static let singlePeaks = Mutex<[ISA: Double]>([:])

  private static func measure(_ isa: ISA) -> Double {
    let loop = MultiplyAddPeak(.f32, isa: isa)
    // A core that was idle takes its time to reach its speed.
    let begin = monotonicSeconds()
    var best = 0.0
    while monotonicSeconds() - begin < 3e-3 {
      let start = monotonicSeconds()
      let operations = loop.run(rounds: 4000)
      best = max(best, Double(operations) / max(monotonicSeconds() - start, 1e-9))
    }
    return best
  }

  /// Seconds to read `bytes` again and again: one core's rate from the smallest cache that holds
  /// them.
  func seconds(bytes: Double) -> Double {
    let cpu = CPUInfo.current
    let rate =
      bytes <= Double(cpu.level2Bytes)
      ? Self.level2Rate : bytes <= Double(cpu.level3Bytes) ? Self.level3Rate : Self.memoryRate
    return bytes / rate
  }
}
