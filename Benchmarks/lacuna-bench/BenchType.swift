// The types that products are measured in.

import Lacuna

/// A type of `--dtype` for products: matrices of floats, weights of 16 bits, or weights and activations of 8.
enum BenchType: String, CaseIterable, ListElement {
  case f32, f64, bf16, f16, i8

  init(_ dtype: DType) {
    switch dtype {
    case .f32: self = .f32
    case .f64: self = .f64
    }
  }

  init?(listElement: String) { self.init(rawValue: listElement) }
  var listElement: String { rawValue }

  /// Operations per second of one core's registers, in GF/s.
  var peakGflops: Double {
    switch self {
    // Weights of 16 bits widen to f32.
    case .f32, .bf16, .f16: return Peak.gflops(.f32)
    case .f64: return Peak.gflops(.f64)
    case .i8:
      // Four products of bytes to a lane with VNNI, else two of 16 bits.
      let cpu = CPUInfo.current
      return Peak.gflops(.f32) * (cpu.hasVNNI || cpu.hasAVXVNNI ? 4 : 2)
    }
  }
}
