// The table's rows for products of bf16 by bf16: strips of pairs, and the panels that they read.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V4BF16
#endif

extension KernelTable {
  private typealias Strips = @Sendable (UnsafePointer<lcn_spmm_args>) -> Void
  private typealias Pack = @Sendable (UnsafePointer<lcn_pack_args>) -> Void

  /// Kernels of `spmm` and `packPairs` for bf16 by bf16.
  static var pairKernels: [Kernel] {
    var kernels =
      [1, 2, 4].map { height in
        strip(height, nil, LacunaKernels.mostVectors(strip: height)) {
          LacunaKernels.spmmReferencePairs($0)
        }
      }
      + [
        pack("columns", nil) { LacunaKernels.packPairColumnsReference($0) },
        pack("rows", nil) { LacunaKernels.packPairRowsReference($0) },
      ]
    #if arch(x86_64)
      let bodies: [(Int, Strips)] = [
        (1, { LacunaKernelsX86V4BF16.spmm1x2Pairs($0) }),
        (2, { LacunaKernelsX86V4BF16.spmm2x2Pairs($0) }),
        (4, { LacunaKernelsX86V4BF16.spmm4x2Pairs($0) }),
      ]
      kernels += bodies.map { height, body in
        strip(height, .v4BF16, LacunaKernelsX86V4BF16.mostPairVectors(strip: height), body)
      }
      kernels += [
        pack("columns", .v4BF16) { LacunaKernelsX86V4BF16.packPairColumns($0) },
        pack("rows", .v4BF16) { LacunaKernelsX86V4BF16.packPairRows($0) },
      ]
    #endif
    return kernels
  }

  private static func strip(
    _ height: Int, _ isa: ISA?, _ mostVectors: Int, _ body: @escaping Strips
  ) -> Kernel {
    Kernel(
      operation: .spmm, variant: "\(height)x2", types: .pairs, isa: isa,
      vectorBytes: isa?.vectorBytes ?? LacunaKernels.vectorBytes(), mostVectors: mostVectors
    ) { body($0.assumingMemoryBound(to: lcn_spmm_args.self)) }
  }

  private static func pack(_ variant: String, _ isa: ISA?, _ body: @escaping Pack) -> Kernel {
    Kernel(
      operation: .packPairs, variant: variant, types: .pairs, isa: isa,
      vectorBytes: isa?.vectorBytes ?? LacunaKernels.vectorBytes(), mostVectors: 0
    ) { body($0.assumingMemoryBound(to: lcn_pack_args.self)) }
  }
}
