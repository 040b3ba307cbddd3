// The table's rows for the pass over magnitudes that selection makes.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  /// Kernels of `selectBracket`.
  static var selectionKernels: [Kernel] {
    var kernels = rows(
      .baseline, LacunaKernels.vectorBytes(), { LacunaKernels.selectBracketF32($0) },
      { LacunaKernels.selectBracketF64($0) })
    #if arch(x86_64)
      kernels += rows(
        .v3, LacunaKernelsX86V3.vectorBytes(), { LacunaKernelsX86V3.selectBracketF32($0) },
        { LacunaKernelsX86V3.selectBracketF64($0) })
      kernels += rows(
        .v4, LacunaKernelsX86V4.vectorBytes(), { LacunaKernelsX86V4.selectBracketF32($0) },
        { LacunaKernelsX86V4.selectBracketF64($0) })
    #endif
    return kernels
  }

  private typealias Select = @Sendable (UnsafeMutablePointer<lcn_select_args>) -> Void

  private static func rows(
    _ isa: ISA, _ vectorBytes: Int, _ single: @escaping Select, _ double: @escaping Select
  ) -> [Kernel] {
    [(DType.f32, single), (.f64, double)].map { dtype, body in
      Kernel(
        operation: .selectBracket, variant: "", dtype: dtype, isa: isa, vectorBytes: vectorBytes,
        mostVectors: 0
      ) {
        body(
          UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: lcn_select_args.self)))
      }
    }
  }
}
