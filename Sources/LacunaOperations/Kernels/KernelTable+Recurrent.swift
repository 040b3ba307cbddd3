// The table's rows for the element-wise part of recurrent cells, and the functions that it is made of.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  private typealias Cells = @Sendable (UnsafePointer<lcn_cell_args>) -> Void
  private typealias Function = @Sendable (UnsafePointer<lcn_pointwise_args>) -> Void

  /// Kernels of `recurrentCell` and `pointwise`.
  static var recurrentKernels: [Kernel] {
    var kernels =
      cells(
        .baseline, lstm: { LacunaKernels.lstmCellF32($0) }, gru: { LacunaKernels.gruCellF32($0) },
        reset: { LacunaKernels.gruResetF32($0) }, update: { LacunaKernels.gruUpdateF32($0) })
      + functions(
        .baseline, tanh: { LacunaKernels.tanhF32($0) }, sigmoid: { LacunaKernels.sigmoidF32($0) })
    #if arch(x86_64)
      kernels +=
        cells(
          .v3, lstm: { LacunaKernelsX86V3.lstmCellF32($0) },
          gru: { LacunaKernelsX86V3.gruCellF32($0) },
          reset: { LacunaKernelsX86V3.gruResetF32($0) },
          update: { LacunaKernelsX86V3.gruUpdateF32($0) })
        + functions(
          .v3, tanh: { LacunaKernelsX86V3.tanhF32($0) },
          sigmoid: { LacunaKernelsX86V3.sigmoidF32($0) })
        + cells(
          .v4, lstm: { LacunaKernelsX86V4.lstmCellF32($0) },
          gru: { LacunaKernelsX86V4.gruCellF32($0) },
          reset: { LacunaKernelsX86V4.gruResetF32($0) },
          update: { LacunaKernelsX86V4.gruUpdateF32($0) })
        + functions(
          .v4, tanh: { LacunaKernelsX86V4.tanhF32($0) },
          sigmoid: { LacunaKernelsX86V4.sigmoidF32($0) })
    #endif
    return kernels
  }

  private static func cells(
    _ isa: ISA, lstm: @escaping Cells, gru: @escaping Cells, reset: @escaping Cells,
    update: @escaping Cells
  ) -> [Kernel] {
    [("lstm", lstm), ("gru", gru), ("gru-reset", reset), ("gru-update", update)].map {
      variant, body in
      Kernel(
        operation: .recurrentCell, variant: variant, dtype: .f32, isa: isa,
        vectorBytes: isa.vectorBytes, mostVectors: 0
      ) { body($0.assumingMemoryBound(to: lcn_cell_args.self)) }
    }
  }

  private static func functions(
    _ isa: ISA, tanh: @escaping Function, sigmoid: @escaping Function
  ) -> [Kernel] {
    [("tanh", tanh), ("sigmoid", sigmoid)].map { variant, body in
      Kernel(
        operation: .pointwise, variant: variant, dtype: .f32, isa: isa,
        vectorBytes: isa.vectorBytes, mostVectors: 0
      ) { body($0.assumingMemoryBound(to: lcn_pointwise_args.self)) }
    }
  }
}
