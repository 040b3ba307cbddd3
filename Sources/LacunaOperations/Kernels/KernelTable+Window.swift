// The table's rows for the window kernels.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  private typealias Window = @Sendable (UnsafePointer<lcn_window_args>) -> Void

  /// Kernels of `window` and `packWindows`.
  static var windowKernels: [Kernel] {
    // A reference has no registers to run out of.
    var kernels = [
      window("16x32", .f32, nil, 8) { LacunaKernels.window16x32ReferenceF32($0) },
      window("16x32", .bf16, nil, 8) { LacunaKernels.window16x32ReferenceBF16($0) },
      window("16x32", .f16, nil, 8) { LacunaKernels.window16x32ReferenceF16($0) },
      window("16x32c", .f32, nil, 8) { LacunaKernels.window16x32CompressedReferenceF32($0) },
      window("16x32c", .bf16, nil, 8) { LacunaKernels.window16x32CompressedReferenceBF16($0) },
      window("16x32c", .f16, nil, 8) { LacunaKernels.window16x32CompressedReferenceF16($0) },
      window("16x16", .f32, nil, 8) { LacunaKernels.window16x16ReferenceF32($0) },
      window("16x16", .bf16, nil, 8) { LacunaKernels.window16x16ReferenceBF16($0) },
      window("16x16", .f16, nil, 8) { LacunaKernels.window16x16ReferenceF16($0) },
      window("8x16", .f32, nil, 8) { LacunaKernels.window8x16ReferenceF32($0) },
      window("8x16", .bf16, nil, 8) { LacunaKernels.window8x16ReferenceBF16($0) },
      window("8x16", .f16, nil, 8) { LacunaKernels.window8x16ReferenceF16($0) },
      window("8x16", .f64, nil, 8) { LacunaKernels.window8x16ReferenceF64($0) },
      pack(.f32, .baseline) { LacunaKernels.packWindowsF32($0) },
      pack(.f64, .baseline) { LacunaKernels.packWindowsF64($0) },
    ]
    #if arch(x86_64)
      kernels += [
        window("8x16", .f32, .v3, 4) { LacunaKernelsX86V3.window8x16F32($0) },
        window("8x16", .bf16, .v3, 4) { LacunaKernelsX86V3.window8x16BF16($0) },
        window("8x16", .f16, .v3, 4) { LacunaKernelsX86V3.window8x16F16($0) },
        pack(.f32, .v3) { LacunaKernelsX86V3.packWindowsF32($0) },
        pack(.f64, .v3) { LacunaKernelsX86V3.packWindowsF64($0) },
        window("16x32", .f32, .v4, 8) { LacunaKernelsX86V4.window16x32F32($0) },
        window("16x32", .bf16, .v4, 8) { LacunaKernelsX86V4.window16x32BF16($0) },
        window("16x32", .f16, .v4, 8) { LacunaKernelsX86V4.window16x32F16($0) },
        window("16x32c", .f32, .v4, 8) { LacunaKernelsX86V4.window16x32CompressedF32($0) },
        window("16x32c", .bf16, .v4, 8) { LacunaKernelsX86V4.window16x32CompressedBF16($0) },
        window("16x32c", .f16, .v4, 8) { LacunaKernelsX86V4.window16x32CompressedF16($0) },
        window("16x16", .f32, .v4, 6) { LacunaKernelsX86V4.window16x16F32($0) },
        window("16x16", .bf16, .v4, 6) { LacunaKernelsX86V4.window16x16BF16($0) },
        window("16x16", .f16, .v4, 6) { LacunaKernelsX86V4.window16x16F16($0) },
        window("8x16", .f64, .v4, 8) { LacunaKernelsX86V4.window8x16F64($0) },
        pack(.f32, .v4) { LacunaKernelsX86V4.packWindowsF32($0) },
        pack(.f64, .v4) { LacunaKernelsX86V4.packWindowsF64($0) },
      ]
    #endif
    return kernels
  }

  private static func window(
    _ variant: String, _ weights: NumberType, _ isa: ISA?, _ mostColumns: Int,
    _ body: @escaping Window
  ) -> Kernel {
    let types = ProductTypes(floats: weights)
    return Kernel(
      operation: .window, variant: variant, types: types, isa: isa,
      vectorBytes: (variant.hasPrefix("16") ? 16 : 8) * types.accumulator.size,
      mostVectors: mostColumns,
      call: { body($0.assumingMemoryBound(to: lcn_window_args.self)) })
  }

  private static func pack(
    _ dtype: DType, _ isa: ISA?,
    _ body: @escaping @Sendable (UnsafePointer<lcn_window_pack_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .packWindows, variant: "", dtype: dtype, isa: isa, vectorBytes: 0, mostVectors: 0,
      call: { body($0.assumingMemoryBound(to: lcn_window_pack_args.self)) })
  }
}
