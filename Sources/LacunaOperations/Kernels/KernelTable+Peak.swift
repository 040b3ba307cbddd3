// The table's rows for the loop that measures the multiply-add peak.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  /// Kernels of `multiplyAddPeak`.
  static var peakKernels: [Kernel] {
    var kernels = rows(
      .baseline, LacunaKernels.vectorBytes(), { LacunaKernels.multiplyAddPeakF32($0) },
      { LacunaKernels.multiplyAddPeakF64($0) })
    #if arch(x86_64)
      kernels += rows(
        .v3, LacunaKernelsX86V3.vectorBytes(), { LacunaKernelsX86V3.multiplyAddPeakF32($0) },
        { LacunaKernelsX86V3.multiplyAddPeakF64($0) })
      kernels += rows(
        .v4, LacunaKernelsX86V4.vectorBytes(), { LacunaKernelsX86V4.multiplyAddPeakF32($0) },
        { LacunaKernelsX86V4.multiplyAddPeakF64($0) })
    #endif
    return kernels
  }

  private typealias Peak = @Sendable (UnsafePointer<lcn_peak_args>) -> Void

  private static func rows(
    _ isa: ISA, _ vectorBytes: Int, _ single: @escaping Peak, _ double: @escaping Peak
  ) -> [Kernel] {
    [(DType.f32, single), (.f64, double)].map { dtype, body in
      Kernel(
        operation: .multiplyAddPeak, variant: "", dtype: dtype, isa: isa,
        vectorBytes: vectorBytes, mostVectors: 0
      ) { body($0.assumingMemoryBound(to: lcn_peak_args.self)) }
    }
  }
}
