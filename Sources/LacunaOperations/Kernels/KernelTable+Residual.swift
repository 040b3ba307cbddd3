// The table's rows for residuals that are added to results.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  private typealias Sum = @Sendable (UnsafePointer<lcn_residual_args>) -> Void

  /// Kernels of `residual`.
  static var residualKernels: [Kernel] {
    var kernels = residuals(
      .baseline, { LacunaKernels.residualF32($0) }, { LacunaKernels.residualF64($0) })
    #if arch(x86_64)
      kernels +=
        residuals(
          .v3, { LacunaKernelsX86V3.residualF32($0) }, { LacunaKernelsX86V3.residualF64($0) })
        + residuals(
          .v4, { LacunaKernelsX86V4.residualF32($0) }, { LacunaKernelsX86V4.residualF64($0) })
    #endif
    return kernels
  }

  private static func residuals(_ isa: ISA, _ f32: @escaping Sum, _ f64: @escaping Sum) -> [Kernel]
  {
    [(DType.f32, f32), (.f64, f64)].map { dtype, body in
      Kernel(
        operation: .residual, variant: "", dtype: dtype, isa: isa, vectorBytes: isa.vectorBytes,
        mostVectors: 0
      ) { body($0.assumingMemoryBound(to: lcn_residual_args.self)) }
    }
  }
}
