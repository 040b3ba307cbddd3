// The table's rows for 8-bit weights in windows.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V4VBMI2
#endif

extension KernelTable {
  static var byteWindowKernels: [Kernel] {
    var kernels = [byteWindow(nil) { LacunaKernels.multiplyByteWindowsReference($0) }]
    #if arch(x86_64)
      kernels.append(byteWindow(.v4VBMI2) { LacunaKernelsX86V4VBMI2.multiplyByteWindows($0) })
    #endif
    return kernels
  }

  private static func byteWindow(
    _ isa: ISA?, _ body: @escaping @Sendable (UnsafePointer<lcn_byte_window_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .byteWindow, variant: "", types: .quantized(.u8), isa: isa,
      vectorBytes: (isa ?? .baseline).vectorBytes, mostVectors: 0
    ) { body($0.assumingMemoryBound(to: lcn_byte_window_args.self)) }
  }
}
