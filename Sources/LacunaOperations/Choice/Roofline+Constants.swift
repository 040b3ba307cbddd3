// What estimates assume about a core and about each kernel, and the measurements that say so.
//
// Shares are of the multiply-add peak, on useful work. Those of strips and of OpenBLAS on AVX-512 were measured on one Zen 5
// core (277 GF/s in f32, 1100 GOP/s in bytes): over 608 products of 64×256 to 4096×4096 by 1 to 3136 columns, in f32, bf16
// and bytes, what the estimate alone chooses takes as long as what timing chooses in the geometric mean (0.995 to 1.000), and
// 1.41 times as long at worst. Its window kernels' were set by hand, against a peak that was measured too low. Those of AVX2,
// which SSE2 borrows, were measured on an AMD EPYC with Zen 3 cores (98 GF/s in f32, OpenBLAS's Haswell kernels), one thread,
// a loaded machine, 476 cases: 64×64 to 2048×2048, 2 to 80 % kept, 1 to 512 columns, both layouts, f32 and 1×1 only. Fitted
// to these cases, they choose what takes 1.0 % longer than the fastest candidate in the geometric mean and 1.5 times as long
// at worst (worked out from the measured times, not run again); by the shares of AVX-512 it was 7.7 % and 3.3 times. f64,
// blocks and SSE2 were not fitted.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Roofline {
  // Bytes per second of one core: orders of magnitude on current servers.
  static let level2Rate = 1.2e11
  static let level3Rate = 4e10
  static let memoryRate = 1.5e10

  /// OpenBLAS, of the peak of the kernels that it has: gemv at one column, gemm at more.
  static func denseShare(columns: Int, isa: ISA) -> Double {
    if isa.includes(.v4) {
      // Zen 5, OpenBLAS 0.3.21 with its Cooperlake core: 64×256 to 3072×768, W·X.
      return switch columns {
      case ...1: 0.2
      case ..<4: 0.08
      case ..<8: 0.19
      case ..<16: 0.3
      case ..<32: 0.55
      case ..<128: 0.67
      default: 0.83
      }
    }
    return switch columns {
    case ...1: 0.2
    case ..<8: 0.17
    case ..<16: 0.31
    case ..<32: 0.43
    case ..<128: 0.53
    default: 0.68
    }
  }
}

/// The shares that one instruction set's kernels reach.
struct KernelShares {
  /// Window kernels at one column, and at more.
  let windowVector: Double, windowColumns: Double
  /// The compressed window kernel at one column.
  let windowCompressedVector: Double
  /// Blocks whose parts fill a register.
  let blockVector: Double
  /// Straight from CSR.
  let csr: Double
  /// Strips of one row, of two, of three, of more, whose sums fill the multiply-add units.
  let strips: (one: Double, two: Double, three: Double, more: Double)
  /// What activations whose rows are right-hand sides leave of it: they are transposed on the way.
  let transposed: Double
  /// Strips of quads, of one row, of two, of four, of the peak of products of bytes. Those with
  /// VNNI are a C prototype's on Zen 4; the others are 107, 107 and 112 GOP/s of the strip kernels alone on
  /// Zen 3, on a loaded machine.
  let quads: (one: Double, two: Double, four: Double)
  /// What a strip keeps of its share at a density of the weights: `base + slope · density`, 1 at most.
  let busyStrips: (base: Double, slope: Double), busyQuads: (base: Double, slope: Double)
  /// Pairs of bf16, of what a strip in f32 reaches: two products to a lane, at the rate of one on Zen 4 and 5.
  let pairs = 1.6
  /// Gaps between weights, of the peak of products of bytes: 6.3 GOP/s on Zen 3, on a loaded machine, 3.4 on a Xeon
  /// with AVX-512, VNNI and 657 GOP/s.
  let gaps: Double
  /// Bit masks, one right-hand side, of all places: 113 GOP/s on the same Xeon.
  let bitmask = 0.17
  /// Windows of bytes, one right-hand side, of all slots: 123 GOP/s on Zen 5, whose peak is 1100.
  let byteWindow = 0.11
  /// Windows of bf16, one right-hand side, of all slots: 40 GFLOP/s on Zen 5 from the second-level cache, whose peak is 256.
  let pairWindow = 0.15
  /// What sums that a strip kernel works on at a time contribute at most, `first · number ^ power`: a multiply-add waits
  /// four cycles for the one before it, and two start in each; of few sums those of the next strip come in between.
  let chains: (first: Double, power: Double)

  init(_ isa: ISA) {
    quads = isa.hasByteProducts ? (0.7, 0.82, 0.9) : (0.54, 0.55, 0.57)
    busyQuads = isa.includes(.v4) ? (0.3, 4) : (1, 0)
    // No part of it becomes faster with wider registers or with VNNI.
    gaps = (isa.includes(.v4) ? 0.01 : 0.033) * (isa.hasByteProducts ? 0.5 : 1)
    if isa.includes(.v4) {
      (windowVector, windowColumns, windowCompressedVector) = (0.21, 0.28, 0.135)
      (blockVector, csr) = (0.3, 0.02)
      (strips, transposed, chains) = ((0.55, 0.78, 0.75, 0.85), 0.8, (0.19, 0.75))
      busyStrips = (0.6, 3)
    } else {
      (windowVector, windowColumns, windowCompressedVector) = (0.088, 0.112, 0.112)
      (blockVector, csr) = (0.3, 0.033)
      (strips, transposed, chains) = ((0.46, 0.55, 0.5, 0.6), 1, (0.125, 1))
      busyStrips = (0.3, 7)
    }
  }

  /// Strips of quads of `rows` rows and panels of `vectors` registers, at a density of the weights.
  func quads(rows: Int, vectors: Int, density: Double) -> Double {
    let full =
      switch rows {
      case ...1: quads.one
      case 2...3: quads.two
      default: quads.four
      }
    return min(
      full * min(1, busyQuads.base + busyQuads.slope * density), atATime(rows, vectors))
  }

  /// What the sums that are worked on at a time allow.
  private func atATime(_ rows: Int, _ vectors: Int) -> Double {
    let sums = Double(min(rows, KernelTable.stripHeights[0]) * max(vectors, 1))
    return chains.first * pow(sums, chains.power)
  }

  /// Strips of `rows` rows and panels of `vectors` registers, at a density of the weights.
  func strip(rows: Int, vectors: Int, density: Double) -> Double {
    let full =
      switch rows {
      case ...1: strips.one
      case 2: strips.two
      case 3: strips.three
      default: strips.more
      }
    // Of sparse weights sums and panels take as long as weights.
    let busy = full * min(1, busyStrips.base + busyStrips.slope * density)
    return min(busy, atATime(rows, vectors))
  }

  /// Steps of a window kernel over steps in which every lane works. Of 16 lanes 91 % work at a
  /// density of 0.5, 81 % at 0.25, 63 % at 0.1.
  static func windowWork(density: Double) -> Double { 1 + 0.059 / max(density, 1e-4) }
}
