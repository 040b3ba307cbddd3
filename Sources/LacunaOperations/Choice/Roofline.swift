// The two roofs of a run: multiply-adds of one core, and bytes from the cache that holds them.

import LacunaFormats
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Seconds on a clock that only goes forward.
package func monotonicSeconds() -> Double {
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
  private let isa: ISA, types: ProductTypes

  /// A core of 3 GHz with two multiply-adds per cycle: what deterministic plans assume. Ratios
  /// between candidates hardly depend on it.
  init(nominal isa: ISA, _ types: ProductTypes) {
    self.init(isa, types) { 3e9 * 4 * Double($0.vectorBytes / DType.f32.size) }
  }

  /// The peaks of this core, measured once per process.
  init(measured isa: ISA, _ types: ProductTypes) {
    self.init(isa, types) { isa in
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
    Roofline(isa, types) { isa in
      let now = Self.measure(isa)
      return Self.singlePeaks.withLock { known in
        let best = max(known[isa] ?? 0, now)
        known[isa] = best
        return best
      }
    }
  }

  private init(_ isa: ISA, _ types: ProductTypes, singlePeak: (ISA) -> Double) {
    (self.isa, self.types) = (isa, types)
    peak = singlePeak(isa) * Self.perSingle(types, isa)
    machinePeak =
      isa == .detected ? peak : singlePeak(.detected) * Self.perSingle(types, .detected)
  }

  /// Operations of these types in the time of one in f32: f64 has half as many lanes; a lane of a product
  /// of bytes is four with VNNI, else two that are widened to 16 bits.
  private static func perSingle(_ types: ProductTypes, _ isa: ISA) -> Double {
    switch types.accumulator {
    case .f32, .bf16, .f16: 1
    case .f64: 0.5
    case .i32, .i8, .u8: isa.hasByteProducts ? 4 : 2
    }
  }

  /// The peak of OpenBLAS's kernels, which may be set to half of this processor's width.
  var densePeak: Double {
    ISA.detected.includes(.v4) && !BLAS.hasWideCore ? machinePeak / 2 : machinePeak
  }

  /// Peaks for f32, by instruction set.
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

  /// Layers of a network that share the last-level cache with one that is timed alone.
  private static let layersTogether = 8

  /// What a run takes at least in a network, whose weights of `bytes` were timed in a loop over them alone.
  ///
  /// Those that the second-level cache does not hold came from the third, at whatever rate that has; but of a network of
  /// such layers the last-level cache holds no more than its share.
  func leastSeconds(toStream bytes: Int) -> Double {
    let cpu = CPUInfo.current
    if bytes <= cpu.level2Bytes { return seconds(bytes: Double(bytes)) }
    return bytes <= cpu.level3Bytes / Self.layersTogether ? 0 : Double(bytes) / Self.memoryRate
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
