// The table's rows for 8-bit weights under bit masks.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V4VBMI2
#endif

extension KernelTable {
  static var bitmaskKernels: [Kernel] {
    var kernels = [bitmask(nil) { LacunaKernels.multiplyBitmaskReference($0) }]
    #if arch(x86_64)
      kernels.append(bitmask(.v4VBMI2) { LacunaKernelsX86V4VBMI2.multiplyBitmask($0) })
    #endif
    return kernels
  }

  private static func bitmask(
    _ isa: ISA?, _ body: @escaping @Sendable (UnsafePointer<lcn_bitmask_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .bitmask, variant: "", types: .quantized(.u8), isa: isa,
      vectorBytes: (isa ?? .baseline).vectorBytes, mostVectors: 0
    ) { body($0.assumingMemoryBound(to: lcn_bitmask_args.self)) }
  }
}
