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
      _ weights: NumberType, _ isa: ISA?,
      _ body: @escaping @Sendable (UnsafePointer<lcn_block_args>) -> Void
    ) -> Kernel {
      Kernel(
        operation: .blockVector, variant: "", types: ProductTypes(floats: weights), isa: isa,
        vectorBytes: 64,
        mostVectors: 6, call: { body($0.assumingMemoryBound(to: lcn_block_args.self)) })
    }
    var kernels = [
      block(.f32, nil) { LacunaKernels.blocksReferenceF32($0) },
      block(.bf16, nil) { LacunaKernels.blocksReferenceBF16($0) },
      block(.f16, nil) { LacunaKernels.blocksReferenceF16($0) },
    ]
    #if arch(x86_64)
      kernels += [
        block(.f32, .v3) { LacunaKernelsX86V3.blocksF32($0) },
        block(.bf16, .v3) { LacunaKernelsX86V3.blocksBF16($0) },
        block(.f16, .v3) { LacunaKernelsX86V3.blocksF16($0) },
        block(.f32, .v4) { LacunaKernelsX86V4.blocksF32($0) },
        block(.bf16, .v4) { LacunaKernelsX86V4.blocksBF16($0) },
        block(.f16, .v4) { LacunaKernelsX86V4.blocksF16($0) },
      ]
    #endif
    return kernels
  }
}
