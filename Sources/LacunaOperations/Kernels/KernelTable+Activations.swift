// The table's rows for the activations that are no clamp.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  private typealias Function = @Sendable (UnsafePointer<lcn_activation_args>) -> Void

  /// Kernels of `activation`.
  static var activationKernels: [Kernel] {
    var kernels =
      activations(
        .f32, .baseline, { LacunaKernels.hardSwishF32($0) }, { LacunaKernels.siLUF32($0) })
      + activations(
        .f64, .baseline, { LacunaKernels.hardSwishF64($0) }, { LacunaKernels.siLUF64($0) })
    #if arch(x86_64)
      kernels +=
        activations(
          .f32, .v3, { LacunaKernelsX86V3.hardSwishF32($0) },
          { LacunaKernelsX86V3.siLUF32($0) })
        + activations(
          .f64, .v3, { LacunaKernelsX86V3.hardSwishF64($0) },
          { LacunaKernelsX86V3.siLUF64($0) })
        + activations(
          .f32, .v4, { LacunaKernelsX86V4.hardSwishF32($0) },
          { LacunaKernelsX86V4.siLUF32($0) })
        + activations(
          .f64, .v4, { LacunaKernelsX86V4.hardSwishF64($0) },
          { LacunaKernelsX86V4.siLUF64($0) })
    #endif
    return kernels
  }

  private static func activations(
    _ dtype: DType, _ isa: ISA, _ hardSwish: @escaping Function, _ siLU: @escaping Function
  ) -> [Kernel] {
    [(Activation.hardSwish, hardSwish), (.silu, siLU)].map { activation, body in
      Kernel(
        operation: .activation, variant: activation.kernelVariant!, dtype: dtype, isa: isa,
        vectorBytes: isa.vectorBytes, mostVectors: 0
      ) { body($0.assumingMemoryBound(to: lcn_activation_args.self)) }
    }
  }
}
