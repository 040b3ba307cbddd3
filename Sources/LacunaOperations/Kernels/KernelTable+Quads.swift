// The table's rows for products of bytes: strips of quads, and the panels that they read.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V3VNNI
  import LacunaKernelsX86V4
  import LacunaKernelsX86V4VNNI
#endif

extension KernelTable {
  private typealias Strips = @Sendable (UnsafePointer<lcn_spmm_args>) -> Void

  /// Kernels of `spmm` for bytes, of `packQuads`, `range` and `requantize`.
  static var quadKernels: [Kernel] {
    var kernels =
      strips(
        nil, LacunaKernels.mostQuadVectors, { LacunaKernels.spmmReferenceI8($0) },
        { LacunaKernels.spmmReferenceI8($0) }, { LacunaKernels.spmmReferenceI8($0) })
      + strips(
        .baseline, LacunaKernels.mostQuadVectors, { LacunaKernels.spmm1x4I8($0) },
        { LacunaKernels.spmm2x4I8($0) }, { LacunaKernels.spmm4x4I8($0) })
      + [
        pack("columns", .u8, .baseline) { LacunaKernels.packQuadColumnsU8($0) },
        pack("rows", .u8, .baseline) { LacunaKernels.packQuadRowsU8($0) },
        pack("columns", .f32, .baseline) { LacunaKernels.packQuadColumnsF32($0) },
        pack("rows", .f32, .baseline) { LacunaKernels.packQuadRowsF32($0) },
        range("columns", .baseline) { LacunaKernels.rangeColumnsF32($0) },
        range("rows", .baseline) { LacunaKernels.rangeRowsF32($0) },
        requantize(.baseline) { LacunaKernels.requantizeU8($0) },
      ]
    #if arch(x86_64)
      kernels +=
        strips(
          .v3, LacunaKernelsX86V3.mostQuadVectors, { LacunaKernelsX86V3.spmm1x4I8($0) },
          { LacunaKernelsX86V3.spmm2x4I8($0) }, { LacunaKernelsX86V3.spmm4x4I8($0) })
        + [
          pack("columns", .u8, .v3) { LacunaKernelsX86V3.packQuadColumnsU8($0) },
          pack("rows", .u8, .v3) { LacunaKernelsX86V3.packQuadRowsU8($0) },
          pack("columns", .f32, .v3) { LacunaKernelsX86V3.packQuadColumnsF32($0) },
          pack("rows", .f32, .v3) { LacunaKernelsX86V3.packQuadRowsF32($0) },
          range("columns", .v3) { LacunaKernelsX86V3.rangeColumnsF32($0) },
          range("rows", .v3) { LacunaKernelsX86V3.rangeRowsF32($0) },
          requantize(.v3) { LacunaKernelsX86V3.requantizeU8($0) },
        ]
        + strips(
          .v3VNNI, LacunaKernelsX86V3VNNI.mostQuadVectors,
          { LacunaKernelsX86V3VNNI.spmm1x4I8($0) }, { LacunaKernelsX86V3VNNI.spmm2x4I8($0) },
          { LacunaKernelsX86V3VNNI.spmm4x4I8($0) })
        + strips(
          .v4, LacunaKernelsX86V4.mostQuadVectors, { LacunaKernelsX86V4.spmm1x4I8($0) },
          { LacunaKernelsX86V4.spmm2x4I8($0) }, { LacunaKernelsX86V4.spmm4x4I8($0) })
        + [
          pack("columns", .u8, .v4) { LacunaKernelsX86V4.packQuadColumnsU8($0) },
          pack("rows", .u8, .v4) { LacunaKernelsX86V4.packQuadRowsU8($0) },
          pack("columns", .f32, .v4) { LacunaKernelsX86V4.packQuadColumnsF32($0) },
          pack("rows", .f32, .v4) { LacunaKernelsX86V4.packQuadRowsF32($0) },
          range("columns", .v4) { LacunaKernelsX86V4.rangeColumnsF32($0) },
          range("rows", .v4) { LacunaKernelsX86V4.rangeRowsF32($0) },
          requantize(.v4) { LacunaKernelsX86V4.requantizeU8($0) },
        ]
        + strips(
          .v4VNNI, LacunaKernelsX86V4VNNI.mostQuadVectors,
          { LacunaKernelsX86V4VNNI.spmm1x4I8($0) }, { LacunaKernelsX86V4VNNI.spmm2x4I8($0) },
          { LacunaKernelsX86V4VNNI.spmm4x4I8($0) })
    #endif
    return kernels
  }

  /// Kernels for strips of one row, of two and of four.
  private static func strips(
    _ isa: ISA?, _ mostVectors: (Int) -> Int, _ one: @escaping Strips, _ two: @escaping Strips,
    _ four: @escaping Strips
  ) -> [Kernel] {
    [(1, one), (2, two), (4, four)].map { height, body in
      Kernel(
        operation: .spmm, variant: "\(height)x4", types: .quantized(.u8), isa: isa,
        vectorBytes: (isa ?? .baseline).vectorBytes, mostVectors: mostVectors(height)
      ) { body($0.assumingMemoryBound(to: lcn_spmm_args.self)) }
    }
  }

  private static func pack(
    _ variant: String, _ activations: NumberType, _ isa: ISA,
    _ body: @escaping @Sendable (UnsafePointer<lcn_quad_pack_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .packQuads, variant: variant, types: .quantized(activations), isa: isa,
      vectorBytes: isa.vectorBytes, mostVectors: 0
    ) { body($0.assumingMemoryBound(to: lcn_quad_pack_args.self)) }
  }

  private static func range(
    _ variant: String, _ isa: ISA,
    _ body: @escaping @Sendable (UnsafePointer<lcn_range_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .range, variant: variant, dtype: .f32, isa: isa, vectorBytes: isa.vectorBytes,
      mostVectors: 0
    ) { body($0.assumingMemoryBound(to: lcn_range_args.self)) }
  }

  private static func requantize(
    _ isa: ISA, _ body: @escaping @Sendable (UnsafePointer<lcn_requantize_args>) -> Void
  ) -> Kernel {
    Kernel(
      operation: .requantize, variant: "", types: .quantized(.f32, output: .u8), isa: isa,
      vectorBytes: isa.vectorBytes, mostVectors: 0
    ) { body($0.assumingMemoryBound(to: lcn_requantize_args.self)) }
  }
}
