// The table's rows for weights named by the gaps between them.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  static var gapKernels: [Kernel] {
    var kernels = [
      gaps(nil) { LacunaKernels.multiplyGapsReference($0) },
      gaps(.baseline) { LacunaKernels.multiplyGaps($0) },
    ]
    #if arch(x86_64)
      kernels += [
        gaps(.v3) { LacunaKernelsX86V3.multiplyGaps($0) },
        gaps(.v4) { LacunaKernelsX86V4.multiplyGaps($0) },
      ]
    #endif
    return kernels
  }

  private static func gaps(
    _ isa: ISA?, _ body: @escaping @Sendable (UnsafePointer<lcn_gap_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .gaps, variant: "", types: .quantized(.u8), isa: isa,
      vectorBytes: (isa ?? .baseline).vectorBytes, mostVectors: 0
    ) { body($0.assumingMemoryBound(to: lcn_gap_args.self)) }
  }
}
