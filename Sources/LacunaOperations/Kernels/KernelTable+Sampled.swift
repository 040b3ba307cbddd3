// The table's rows for sampled products and for CSR times few columns.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  /// Kernels of `sddmm` and `csr`.
  static var sampledKernels: [Kernel] {
    let baseline = LacunaKernels.vectorBytes()
    var kernels = [
      sddmm(.f32, nil, baseline) { LacunaKernels.sddmmReferenceF32($0) },
      sddmm(.f64, nil, baseline) { LacunaKernels.sddmmReferenceF64($0) },
      sddmm(.f32, .baseline, baseline) { LacunaKernels.sddmmF32($0) },
      sddmm(.f64, .baseline, baseline) { LacunaKernels.sddmmF64($0) },
      csr(.f32, .baseline) { LacunaKernels.csrF32($0) },
      csr(.f64, .baseline) { LacunaKernels.csrF64($0) },
      csr(.bf16, .baseline) { LacunaKernels.csrBF16($0) },
      csr(.f16, .baseline) { LacunaKernels.csrF16($0) },
    ]
    #if arch(x86_64)
      let (v3, v4) = (LacunaKernelsX86V3.vectorBytes(), LacunaKernelsX86V4.vectorBytes())
      kernels += [
        sddmm(.f32, .v3, v3) { LacunaKernelsX86V3.sddmmF32($0) },
        sddmm(.f64, .v3, v3) { LacunaKernelsX86V3.sddmmF64($0) },
        csr(.f32, .v3) { LacunaKernelsX86V3.csrF32($0) },
        csr(.f64, .v3) { LacunaKernelsX86V3.csrF64($0) },
        csr(.bf16, .v3) { LacunaKernelsX86V3.csrBF16($0) },
        csr(.f16, .v3) { LacunaKernelsX86V3.csrF16($0) },
        sddmm(.f32, .v4, v4) { LacunaKernelsX86V4.sddmmF32($0) },
        sddmm(.f64, .v4, v4) { LacunaKernelsX86V4.sddmmF64($0) },
        csr(.f32, .v4) { LacunaKernelsX86V4.csrF32($0) },
        csr(.f64, .v4) { LacunaKernelsX86V4.csrF64($0) },
        csr(.bf16, .v4) { LacunaKernelsX86V4.csrBF16($0) },
        csr(.f16, .v4) { LacunaKernelsX86V4.csrF16($0) },
      ]
    #endif
    return kernels
  }

  private static func sddmm(
    _ dtype: DType, _ isa: ISA?, _ vectorBytes: Int,
    _ body: @escaping @Sendable (UnsafePointer<lcn_sddmm_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .sddmm, variant: "", dtype: dtype, isa: isa, vectorBytes: vectorBytes,
      mostVectors: 4, call: { body($0.assumingMemoryBound(to: lcn_sddmm_args.self)) })
  }

  private static func csr(
    _ weights: NumberType, _ isa: ISA?,
    _ body: @escaping @Sendable (UnsafePointer<lcn_csr_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .csr, variant: "", types: ProductTypes(floats: weights), isa: isa, vectorBytes: 0,
      mostVectors: 0,
      call: { body($0.assumingMemoryBound(to: lcn_csr_args.self)) })
  }
}
