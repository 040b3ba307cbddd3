// The table's rows for the conversions from dense.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  /// Kernels of `nonzeros` and `compress`.
  static var conversionKernels: [Kernel] {
    var kernels = rows(
      .baseline, LacunaKernels.vectorBytes(),
      ({ LacunaKernels.nonzerosF32($0) }, { LacunaKernels.nonzerosF64($0) }),
      ({ LacunaKernels.compressF32($0) }, { LacunaKernels.compressF64($0) }))
    #if arch(x86_64)
      kernels += rows(
        .v3, LacunaKernelsX86V3.vectorBytes(),
        ({ LacunaKernelsX86V3.nonzerosF32($0) }, { LacunaKernelsX86V3.nonzerosF64($0) }),
        ({ LacunaKernelsX86V3.compressF32($0) }, { LacunaKernelsX86V3.compressF64($0) }))
      kernels += rows(
        .v4, LacunaKernelsX86V4.vectorBytes(),
        ({ LacunaKernelsX86V4.nonzerosF32($0) }, { LacunaKernelsX86V4.nonzerosF64($0) }),
        ({ LacunaKernelsX86V4.compressF32($0) }, { LacunaKernelsX86V4.compressF64($0) }))
    #endif
    return kernels
  }

  private typealias Nonzeros = @Sendable (UnsafePointer<lcn_nonzeros_args>) -> Void
  private typealias Compress = @Sendable (UnsafePointer<lcn_compress_args>) -> Void

  private static func rows(
    _ isa: ISA, _ vectorBytes: Int, _ nonzeros: (Nonzeros, Nonzeros),
    _ compress: (Compress, Compress)
  ) -> [Kernel] {
    DType.allCases.flatMap { dtype in
      let (count, pack) =
        switch dtype {
        case .f32: (nonzeros.0, compress.0)
        case .f64: (nonzeros.1, compress.1)
        }
      return [
        Kernel(
          operation: .nonzeros, variant: "", dtype: dtype, isa: isa, vectorBytes: vectorBytes,
          mostVectors: 0
        ) { count($0.assumingMemoryBound(to: lcn_nonzeros_args.self)) },
        Kernel(
          operation: .compress, variant: "", dtype: dtype, isa: isa, vectorBytes: vectorBytes,
          mostVectors: 0
        ) { pack($0.assumingMemoryBound(to: lcn_compress_args.self)) },
      ]
    }
  }
}
