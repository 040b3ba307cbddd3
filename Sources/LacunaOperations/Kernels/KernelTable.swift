// The table of all kernels: what dispatch, tests, benchmarks and `lacuna info` read.

import CSIMD
import LacunaFormats
import LacunaKernels

#if arch(x86_64)
  import LacunaKernelsX86V3
  import LacunaKernelsX86V3VNNI
  import LacunaKernelsX86V4
  import LacunaKernelsX86V4BF16
  import LacunaKernelsX86V4VBMI2
  import LacunaKernelsX86V4VNNI
#endif

/// What a kernel computes, and its argument struct. The sweep over the table has a check for each.
public enum KernelOperation: String, Hashable, Sendable, Codable, CaseIterable {
  /// Y ← W·X for packed strips of weights and a panel of X: `lcn_spmm_args`.
  case spmm
  /// Rows of X copied into a panel: `lcn_pack_args`.
  case packRows
  /// Columns of X copied into a panel, or a panel's rows into columns of Y: `lcn_pack_args`.
  case packTransposed
  /// Every step-th column of rows of an image, copied between zeros: `lcn_image_pack_args`.
  case packImageRows
  /// Lines of a panel copied to rows of an image, without the columns between them: `lcn_image_unpack_args`.
  case unpackImageRows
  /// Multiply-adds that never leave registers, to measure the peak: `lcn_peak_args`.
  case multiplyAddPeak
  /// Magnitudes counted against a bracket, those inside copied out: `lcn_select_args`, written to.
  case selectBracket
  /// Magnitudes counted by one digit of their bits: `lcn_histogram_args`.
  case magnitudeHistogram
  /// Bits of the nonzeros of a dense matrix: `lcn_nonzeros_args`.
  case nonzeros
  /// Elements of a dense matrix under a mask, packed: `lcn_compress_args`.
  case compress
  /// Y ← W·X for few columns of X and weights in the window format: `lcn_window_args`.
  case window
  /// Columns of X cut into the blocks that windows are made of: `lcn_window_pack_args`.
  case packWindows
  /// dW ← G·Xᵀ on a pattern: `lcn_sddmm_args`.
  case sddmm
  /// Y ← W·X straight from CSR: `lcn_csr_args`.
  case csr
  /// Y ← W·X for few columns of X and blocks whose parts fill a register: `lcn_block_args`.
  case blockVector
  /// Bytes of X, or floats made bytes, as a panel of quads: `lcn_quad_pack_args`.
  case packQuads
  /// Rows or columns of X, or one of them alone, rounded to bf16, as a panel of pairs: `lcn_pack_args`.
  case packPairs
  /// The range of each right-hand side: `lcn_range_args`.
  case range
  /// Results in f32 made bytes: `lcn_requantize_args`.
  case requantize
  /// Sums of bytes by weights that are named by the gaps between them: `lcn_gap_args`.
  case gaps
  /// Sums of bytes by weights that bit masks name: `lcn_bitmask_args`.
  case bitmask
  /// Sums of bytes by weights in windows of 64 inputs: `lcn_byte_window_args`.
  case byteWindow
  /// Y ← W·X for few columns of X and weights of bf16 in windows of 64 inputs: `lcn_pair_window_args`.
  case pairWindow
  /// The element-wise part of a step of a recurrent cell: `lcn_cell_args`.
  case recurrentCell
  /// A function of each element: `lcn_pointwise_args`.
  case pointwise
  /// An activation of a rectangle of results: `lcn_activation_args`.
  case activation
  /// Planes of a depthwise convolution: `lcn_depthwise_args`.
  case depthwise
  /// Rows of a depthwise convolution of NHWC images: `lcn_depthwise_channel_args`.
  case depthwiseChannels
  /// Planes of a depthwise convolution of bytes, as floats or bytes: `lcn_byte_plane_args`.
  case depthwiseBytes
  /// Rows of a depthwise convolution of NHWC images of bytes, as floats or bytes: `lcn_byte_channel_args`.
  case depthwiseByteChannels
  /// A residual that is added to a rectangle of results: `lcn_residual_args`.
  case residual
}

/// One compiled leaf kernel.
public struct Kernel: Sendable {
  /// The row that a kernel target says; nil as its instruction set for the plain reference.
  init(_ row: lcn_kernel_row, isa: ISA?) {
    operation = KernelOperation(rawValue: String(cString: row.operation))!
    variant = String(cString: row.variant)
    types = ProductTypes(name: String(cString: row.types))!
    self.isa = isa
    vectorBytes = row.vectorBytes > 0 ? Int(row.vectorBytes) : (isa ?? .baseline).vectorBytes
    mostVectors = Int(row.mostVectors)
    call = row.call
  }

  /// What it computes.
  public let operation: KernelOperation
  /// The shape it is for, such as "4x1"; empty when there is only one.
  public let variant: String
  /// The types of its operands.
  public let types: ProductTypes
  /// The instruction set it was compiled for; nil for the plain reference.
  public let isa: ISA?
  /// Bytes in a register of its instruction set.
  package let vectorBytes: Int
  /// Most registers per panel row, for operations on panels.
  package let mostVectors: Int
  /// The kernel itself: takes a pointer to the operation's argument struct.
  package let call: @Sendable (UnsafeRawPointer) -> Void

  /// Such as "spmm-4x1-f32-v4".
  public var name: String {
    ([operation.rawValue] + (variant.isEmpty ? [] : [variant])
      + [types.name, isa?.rawValue ?? "reference"]).joined(separator: "-")
  }
}

/// The kernels that one instruction set uses: the reference ones, each replaced by the best compiled
/// copy that the instruction set can run.
public struct KernelTable: Sendable {
  private typealias Rows = (@escaping (lcn_kernel_row) -> Void) -> Void

  /// What lists the kernels of each target, in rising rank.
  private static var targets: [(ISA?, Rows)] {
    var targets: [(ISA?, Rows)] = [
      (nil, LacunaKernels.referenceRows), (.baseline, LacunaKernels.kernelRows),
    ]
    #if arch(x86_64)
      targets += [
        (.v3, LacunaKernelsX86V3.kernelRows), (.v3VNNI, LacunaKernelsX86V3VNNI.kernelRows),
        (.v4, LacunaKernelsX86V4.kernelRows), (.v4VNNI, LacunaKernelsX86V4VNNI.kernelRows),
        (.v4VBMI2, LacunaKernelsX86V4VBMI2.kernelRows),
        (.v4BF16, LacunaKernelsX86V4BF16.kernelRows),
      ]
    #endif
    return targets
  }

  /// Heights of the strips that have a kernel, tallest first.
  package static let stripHeights = [4, 2, 1]

  /// The instruction set.
  public let isa: ISA
  private let chosen: [Key: Kernel]

  private struct Key: Hashable {
    let operation: KernelOperation
    let variant: String
    let types: ProductTypes
  }

  private init(_ isa: ISA) {
    self.isa = isa
    var chosen: [Key: Kernel] = [:]
    for kernel in Self.all where kernel.isa.map(isa.includes) ?? true {
      chosen[Key(operation: kernel.operation, variant: kernel.variant, types: kernel.types)] =
        kernel
    }
    self.chosen = chosen
  }

  /// The table of an instruction set. What this processor cannot execute must not be called.
  public static func of(_ isa: ISA) -> KernelTable { tables[isa]! }

  /// The table of ``ISA/selected``.
  public static let selected = of(.selected)

  /// Made once: a plan that is made for an instruction set by name does not sort all kernels again.
  private static let tables = Dictionary(
    uniqueKeysWithValues: ISA.allCases.map { ($0, KernelTable($0)) })

  /// Every kernel of this build: the reference, then each instruction set in rising rank.
  public static let all: [Kernel] = {
    // Kernels bring weak symbols that only csimd.c's strong ones make safe.
    precondition(lcn_strong_copies() > 0)
    var kernels: [Kernel] = []
    for (isa, rows) in targets { rows { kernels.append(Kernel($0, isa: isa)) } }
    return kernels
  }()

  /// The kernel for an operation, nil when the instruction set has none of that variant.
  public func kernel(
    _ operation: KernelOperation, variant: String = "", types: ProductTypes
  ) -> Kernel? {
    chosen[Key(operation: operation, variant: variant, types: types)]
  }

  /// The same where all operands are of one type.
  public func kernel(
    _ operation: KernelOperation, variant: String = "", dtype: DType
  ) -> Kernel? {
    kernel(operation, variant: variant, types: ProductTypes(dtype))
  }
}
