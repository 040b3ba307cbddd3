// The rate of multiply-adds that one core sustains from registers: the roof of every kernel.

import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

/// The register-only loop that a kernel's share of the peak is measured against.
public enum MultiplyAddPeak {
  /// Runs the loop on this thread and returns how many floating-point operations it did (a
  /// multiply-add counts as two). The caller times it.
  ///
  /// - Parameter rounds: each is 12 multiply-adds of one register.
  public static func run(_ dtype: DType, isa: ISA = .selected, rounds: Int) -> Int {
    switch dtype {
    case .f32:
      // A product of 1 − 2⁻²⁰ with itself, so that the sums stay far from infinity and subnormals.
      withOperands(Float(1) - 0x1p-20) { multiplyAddF32(isa)(rounds, $0) }
    case .f64: withOperands(1 - 0x1p-20) { multiplyAddF64(isa)(rounds, $0) }
    }
  }

  private static func withOperands<Scalar: SparseScalar>(
    _ value: Scalar, _ body: (UnsafeMutablePointer<Scalar>) -> Int
  ) -> Int {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 4) { operands in
      operands.initialize(repeating: value)
      return body(operands.baseAddress!)
    }
  }

  private static func multiplyAddF32(_ isa: ISA) -> (Int, UnsafeMutablePointer<Float>) -> Int {
    #if arch(x86_64)
      switch isa {
      case .v4: return LacunaKernelsX86V4.multiplyAddPeakF32
      case .v3: return LacunaKernelsX86V3.multiplyAddPeakF32
      case .baseline: break
      }
    #endif
    return LacunaKernels.multiplyAddPeakF32
  }

  private static func multiplyAddF64(_ isa: ISA) -> (Int, UnsafeMutablePointer<Double>) -> Int {
    #if arch(x86_64)
      switch isa {
      case .v4: return LacunaKernelsX86V4.multiplyAddPeakF64
      case .v3: return LacunaKernelsX86V3.multiplyAddPeakF64
      case .baseline: break
      }
    #endif
    return LacunaKernels.multiplyAddPeakF64
  }
}
