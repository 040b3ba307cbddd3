// The table's rows for blocks times few columns.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  /// Kernels of `blockVector`.
  static var blockVectorKernels: [Kernel] {
    func block(
      _ isa: ISA?, _ body: @escaping @Sendable (UnsafePointer<lcn_block_args>) -> Void
    ) -> Kernel {
      Kernel(
        operation: .blockVector, variant: "", dtype: .f32, isa: isa, vectorBytes: 64,
        mostVectors: 6, call: { body($0.assumingMemoryBound(to: lcn_block_args.self)) })
    }
    var kernels = [block(nil) { LacunaKernels.blocksReferenceF32($0) }]
    #if arch(x86_64)
      kernels.append(block(.v3) { LacunaKernelsX86V3.blocksF32($0) })
      kernels.append(block(.v4) { LacunaKernelsX86V4.blocksF32($0) })
    #endif
    return kernels
  }
}
