// The table's rows for the passes over magnitudes that selection makes.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  /// Kernels of `selectBracket` and `magnitudeHistogram`.
  static var selectionKernels: [Kernel] {
    var kernels = rows(
      .baseline, LacunaKernels.vectorBytes(),
      ({ LacunaKernels.selectBracketF32($0) }, { LacunaKernels.selectBracketF64($0) }),
      ({ LacunaKernels.magnitudeHistogramF32($0) }, { LacunaKernels.magnitudeHistogramF64($0) }))
    #if arch(x86_64)
      kernels += rows(
        .v3, LacunaKernelsX86V3.vectorBytes(),
        ({ LacunaKernelsX86V3.selectBracketF32($0) }, { LacunaKernelsX86V3.selectBracketF64($0) }),
        (
          { LacunaKernelsX86V3.magnitudeHistogramF32($0) },
          { LacunaKernelsX86V3.magnitudeHistogramF64($0) }
        ))
      kernels += rows(
        .v4, LacunaKernelsX86V4.vectorBytes(),
        ({ LacunaKernelsX86V4.selectBracketF32($0) }, { LacunaKernelsX86V4.selectBracketF64($0) }),
        (
          { LacunaKernelsX86V4.magnitudeHistogramF32($0) },
          { LacunaKernelsX86V4.magnitudeHistogramF64($0) }
        ))
    #endif
    return kernels
  }

  private typealias Select = @Sendable (UnsafeMutablePointer<lcn_select_args>) -> Void
  private typealias Histogram = @Sendable (UnsafePointer<lcn_histogram_args>) -> Void

  private static func rows(
    _ isa: ISA, _ vectorBytes: Int, _ select: (Select, Select),
    _ histogram: (Histogram, Histogram)
  ) -> [Kernel] {
    DType.allCases.flatMap { dtype in
      let (bracket, count) =
        switch dtype {
        case .f32: (select.0, histogram.0)
        case .f64: (select.1, histogram.1)
        }
      return [
        Kernel(
          operation: .selectBracket, variant: "", dtype: dtype, isa: isa, vectorBytes: vectorBytes,
          mostVectors: 0
        ) {
          bracket(
            UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: lcn_select_args.self)))
        },
        Kernel(
          operation: .magnitudeHistogram, variant: "", dtype: dtype, isa: isa,
          vectorBytes: vectorBytes, mostVectors: 0
        ) { count($0.assumingMemoryBound(to: lcn_histogram_args.self)) },
      ]
    }
  }
}
