// Seconds of one run by a roofline: arithmetic at a share of the peak, and bytes at a cache's rate.

import LacunaFormats

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
  /// Floating-point operations per second of one core.
  let peak: Double

  /// A core of 3 GHz with two multiply-adds per cycle: what deterministic plans assume. Ratios
  /// between candidates hardly depend on it.
  init(nominal isa: ISA, dtype: DType) {
    let bytes = [ISA.baseline: 16.0, .v3: 32, .v4: 64][isa]!
    peak = 3e9 * 4 * bytes / Double(dtype.size)
  }

  /// The peak of this core, measured once per process and element type.
  init(measured isa: ISA, dtype: DType) {
    let single = isa == .selected ? Self.singlePeak : Self.measure(.f32, isa)
    peak = dtype == .f32 ? single : single / 2
  }

  private static let singlePeak = measure(.f32, .selected)

  private static func measure(_ dtype: DType, _ isa: ISA) -> Double {
    // A core that was idle takes its time to reach its speed.
    let begin = monotonicSeconds()
    var best = 0.0
    while monotonicSeconds() - begin < 3e-3 {
      let start = monotonicSeconds()
      let flops = MultiplyAddPeak.run(dtype, isa: isa, rounds: 4000)
      best = max(best, Double(flops) / max(monotonicSeconds() - start, 1e-9))
    }
    return best
  }

  /// Seconds to read `bytes` again and again: one core's rate from the smallest cache that holds
  /// them (order of magnitude on current servers).
  func seconds(bytes: Double) -> Double {
    let cpu = CPUInfo.current
    let rate =
      bytes <= Double(cpu.level2Bytes) ? 1.2e11 : bytes <= Double(cpu.level3Bytes) ? 4e10 : 1.5e10
    return bytes / rate
  }
}

/// A candidate's figures before anything is packed.
///
/// Products of sizes are floating-point: no width that a caller may name overflows them.
func estimate(_ kernel: String, _ request: PlanRequest, _ roof: Roofline)
  -> PlanExplanation.Candidate
{
  let size = request.dtype.size
  let n = request.width
  let (m, k, width) = (Double(request.rows), Double(request.columns), Double(n))
  let lanes = 64 / size
  let padded = (n + lanes - 1) / lanes * lanes
  let traffic = (k + m) * width * Double(size)
  let density = Double(request.stored) / max(m * k, 1)
  let flops: Double
  let weights: Double
  /// Share of the peak that the kernel reaches on useful work, and work per useful work.
  let share: Double
  let work: Double
  if kernel == "dense" {
    flops = 2 * m * k * width
    weights = m * k * Double(size)
    let narrow = request.table.isa == .v4 && !BLAS.hasWideCore
    share = (n == 1 ? 0.2 : n < 16 ? 0.4 : 0.75) * (narrow ? 0.5 : 1)
    work = 1
  } else if kernel.hasPrefix("window") {
    flops = 2 * Double(request.stored) * width
    // Steps over full ones: of 16 lanes 91 % work at a density of 0.5, 81 % at 0.25, 63 % at 0.1.
    work = kernel == "window-filled" ? 1 : 1 + 0.059 / max(density, 1e-4)
    let compressed = kernel == "window-compressed"
    let bytesPerWeight =
      compressed ? Double(size) + 0.9 * work : (Double(size) + 0.8) * work
    weights = (Double(request.stored) * bytesPerWeight).rounded(.down) * Double((n + 7) / 8)
    share = n > 1 ? 0.28 : compressed ? 0.135 : 0.21
  } else if kernel == BlockVectorProduct.candidateName {
    flops = 2 * Double(request.stored) * width
    weights = Double(request.stored * size + request.stored / 8) * Double((n + 5) / 6)
    share = 0.3
    work = 1
  } else if kernel == "csr" {
    flops = 2 * Double(request.stored) * width
    weights = Double(request.stored * (size + 4))
    share = 0.02
    work = 1
  } else {
    flops = 2 * Double(request.stored) * width
    weights = Double(request.stored * size + request.stored / request.block.rows * 2)
    let strip = [1: 0.45, 2: 0.55, 3: 0.5][request.block.rows] ?? 0.6
    // Below 10 % density sums and panels take as long as weights.
    share = strip * min(1, 0.3 + 7 * density) * (request.layout == .rows ? 0.8 : 1)
    work = Double(padded) / Double(max(n, 1))
  }
  let arithmetic = flops * work / (roof.peak * share)
  let bytes = weights + traffic
  let seconds = max(arithmetic, roof.seconds(bytes: weights)) + roof.seconds(bytes: traffic)
  return PlanExplanation.Candidate(
    kernel: kernel, predictedSeconds: seconds, bytes: whole(bytes), flops: whole(flops),
    peakShare: seconds > 0 ? flops / seconds / roof.peak : 0)
}

private func whole(_ number: Double) -> Int { Int(exactly: number.rounded()) ?? .max }
