// The table's rows for products with packed strips, and for packing panels.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V4
#endif

extension KernelTable {
  /// Heights of the strips that have a kernel, tallest first.
  package static let stripHeights = [4, 2, 1]

  /// Kernels of `spmm`, `packRows` and `packTransposed`.
  static var spmmKernels: [Kernel] {
    var kernels = rows(
      isa: nil, vectorBytes: LacunaKernels.vectorBytes(), mostVectors: LacunaKernels.mostVectors,
      spmm: [
        (
          1, { LacunaKernels.spmmReferenceF32($0) }, { LacunaKernels.spmmReferenceF64($0) },
          { LacunaKernels.spmmReferenceBF16($0) }, { LacunaKernels.spmmReferenceF16($0) }
        ),
        (
          2, { LacunaKernels.spmmReferenceF32($0) }, { LacunaKernels.spmmReferenceF64($0) },
          { LacunaKernels.spmmReferenceBF16($0) }, { LacunaKernels.spmmReferenceF16($0) }
        ),
        (
          4, { LacunaKernels.spmmReferenceF32($0) }, { LacunaKernels.spmmReferenceF64($0) },
          { LacunaKernels.spmmReferenceBF16($0) }, { LacunaKernels.spmmReferenceF16($0) }
        ),
      ],
      pack: (
        { LacunaKernels.packRowsReferenceF32($0) }, { LacunaKernels.packRowsReferenceF64($0) }
      ),
      transpose: (
        { LacunaKernels.packTransposedReferenceF32($0) },
        { LacunaKernels.packTransposedReferenceF64($0) }
      ))
    kernels += rows(
      isa: .baseline, vectorBytes: LacunaKernels.vectorBytes(),
      mostVectors: LacunaKernels.mostVectors,
      spmm: [
        (
          1, { LacunaKernels.spmm1x1F32($0) }, { LacunaKernels.spmm1x1F64($0) },
          { LacunaKernels.spmm1x1BF16($0) }, { LacunaKernels.spmm1x1F16($0) }
        ),
        (
          2, { LacunaKernels.spmm2x1F32($0) }, { LacunaKernels.spmm2x1F64($0) },
          { LacunaKernels.spmm2x1BF16($0) }, { LacunaKernels.spmm2x1F16($0) }
        ),
        (
          4, { LacunaKernels.spmm4x1F32($0) }, { LacunaKernels.spmm4x1F64($0) },
          { LacunaKernels.spmm4x1BF16($0) }, { LacunaKernels.spmm4x1F16($0) }
        ),
      ],
      pack: ({ LacunaKernels.packRowsF32($0) }, { LacunaKernels.packRowsF64($0) }),
      transpose: ({ LacunaKernels.packTransposedF32($0) }, { LacunaKernels.packTransposedF64($0) }))
    #if arch(x86_64)
      kernels += rows(
        isa: .v3, vectorBytes: LacunaKernelsX86V3.vectorBytes(),
        mostVectors: LacunaKernelsX86V3.mostVectors,
        spmm: [
          (
            1, { LacunaKernelsX86V3.spmm1x1F32($0) }, { LacunaKernelsX86V3.spmm1x1F64($0) },
            { LacunaKernelsX86V3.spmm1x1BF16($0) }, { LacunaKernelsX86V3.spmm1x1F16($0) }
          ),
          (
            2, { LacunaKernelsX86V3.spmm2x1F32($0) }, { LacunaKernelsX86V3.spmm2x1F64($0) },
            { LacunaKernelsX86V3.spmm2x1BF16($0) }, { LacunaKernelsX86V3.spmm2x1F16($0) }
          ),
          (
            4, { LacunaKernelsX86V3.spmm4x1F32($0) }, { LacunaKernelsX86V3.spmm4x1F64($0) },
            { LacunaKernelsX86V3.spmm4x1BF16($0) }, { LacunaKernelsX86V3.spmm4x1F16($0) }
          ),
        ],
        pack: ({ LacunaKernelsX86V3.packRowsF32($0) }, { LacunaKernelsX86V3.packRowsF64($0) }),
        transpose: (
          { LacunaKernelsX86V3.packTransposedF32($0) }, { LacunaKernelsX86V3.packTransposedF64($0) }
        ))
      kernels += rows(
        isa: .v4, vectorBytes: LacunaKernelsX86V4.vectorBytes(),
        mostVectors: LacunaKernelsX86V4.mostVectors,
        spmm: [
          (
            1, { LacunaKernelsX86V4.spmm1x1F32($0) }, { LacunaKernelsX86V4.spmm1x1F64($0) },
            { LacunaKernelsX86V4.spmm1x1BF16($0) }, { LacunaKernelsX86V4.spmm1x1F16($0) }
          ),
          (
            2, { LacunaKernelsX86V4.spmm2x1F32($0) }, { LacunaKernelsX86V4.spmm2x1F64($0) },
            { LacunaKernelsX86V4.spmm2x1BF16($0) }, { LacunaKernelsX86V4.spmm2x1F16($0) }
          ),
          (
            4, { LacunaKernelsX86V4.spmm4x1F32($0) }, { LacunaKernelsX86V4.spmm4x1F64($0) },
            { LacunaKernelsX86V4.spmm4x1BF16($0) }, { LacunaKernelsX86V4.spmm4x1F16($0) }
          ),
        ],
        pack: ({ LacunaKernelsX86V4.packRowsF32($0) }, { LacunaKernelsX86V4.packRowsF64($0) }),
        transpose: (
          { LacunaKernelsX86V4.packTransposedF32($0) }, { LacunaKernelsX86V4.packTransposedF64($0) }
        ))
    #endif
    return kernels
  }

  private typealias SpMM = @Sendable (UnsafePointer<lcn_spmm_args>) -> Void
  private typealias Pack = @Sendable (UnsafePointer<lcn_pack_args>) -> Void

  private static func rows(
    isa: ISA?, vectorBytes: Int, mostVectors: (Int) -> Int, spmm: [(Int, SpMM, SpMM, SpMM, SpMM)],
    pack: (Pack, Pack), transpose: (Pack, Pack)
  ) -> [Kernel] {
    var kernels: [Kernel] = []
    func add(
      _ operation: KernelOperation, _ variant: String, _ types: ProductTypes, _ vectors: Int,
      _ call: @escaping @Sendable (UnsafeRawPointer) -> Void
    ) {
      kernels.append(
        Kernel(
          operation: operation, variant: variant, types: types, isa: isa, vectorBytes: vectorBytes,
          mostVectors: vectors, call: call))
    }
    for (height, f32, f64, bf16, f16) in spmm {
      for (types, body) in [
        (ProductTypes(.f32), f32), (ProductTypes(.f64), f64), (.widening(.bf16), bf16),
        (.widening(.f16), f16),
      ] {
        add(.spmm, "\(height)x1", types, mostVectors(height)) {
          body($0.assumingMemoryBound(to: lcn_spmm_args.self))
        }
      }
    }
    for (dtype, copy, turn) in [(DType.f32, pack.0, transpose.0), (.f64, pack.1, transpose.1)] {
      add(.packRows, "", ProductTypes(dtype), 0) {
        copy($0.assumingMemoryBound(to: lcn_pack_args.self))
      }
      add(.packTransposed, "", ProductTypes(dtype), 0) {
        turn($0.assumingMemoryBound(to: lcn_pack_args.self))
      }
    }
    return kernels
  }
}
