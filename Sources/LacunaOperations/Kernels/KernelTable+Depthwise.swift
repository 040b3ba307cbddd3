// The table's rows for depthwise convolutions.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  private typealias Planes = @Sendable (UnsafePointer<lcn_depthwise_args>) -> Void

  /// Kernels of `depthwise`.
  static var depthwiseKernels: [Kernel] {
    var kernels =
      depthwise(
        nil, { LacunaKernels.depthwiseReferenceF32($0) },
        { LacunaKernels.depthwiseReferenceF64($0) })
      + depthwise(
        .baseline, { LacunaKernels.depthwiseF32($0) }, { LacunaKernels.depthwiseF64($0) })
    #if arch(x86_64)
      kernels +=
        depthwise(
          .v3, { LacunaKernelsX86V3.depthwiseF32($0) }, { LacunaKernelsX86V3.depthwiseF64($0) })
        + depthwise(
          .v4, { LacunaKernelsX86V4.depthwiseF32($0) }, { LacunaKernelsX86V4.depthwiseF64($0) })
    #endif
    return kernels
  }

  private static func depthwise(
    _ isa: ISA?, _ f32: @escaping Planes, _ f64: @escaping Planes
  ) -> [Kernel] {
    [(DType.f32, f32), (.f64, f64)].map { dtype, body in
      Kernel(
        operation: .depthwise, variant: "", dtype: dtype, isa: isa,
        vectorBytes: (isa ?? .baseline).vectorBytes, mostVectors: 0
      ) { body($0.assumingMemoryBound(to: lcn_depthwise_args.self)) }
    }
  }
}
