// Every row of the kernel table keeps to its specification, at every edge, between guard pages.
//
// Sums are compared with sums in double precision, within the error that rounding explains, and
// with the plain kernel of the table; everything else exactly. An operation without a check does
// not compile, a row whose check does not call it fails, and a row that this processor cannot
// execute is reported as skipped.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

extension Kernel: CustomTestStringConvertible {
  public var testDescription: String { name }
}

@Suite struct KernelConformanceTests {
  @Test("at every edge, between guard pages", arguments: KernelTable.all)
  func everyRowKeepsToItsSpecification(kernel: Kernel) throws {
    if let isa = kernel.isa { try require(isa) }
    let row = KernelRow(kernel)
    switch kernel.types.accumulator {
    case .f32: check(row, Float.self)
    case .f64: check(row, Double.self)
    case .i32, .i8, .u8: checkBytes(row)
    case .bf16, .f16: Issue.record("no check has sums of 16 bits")
    }
    #expect(row.calls > 0, "the check of \(kernel.operation) does not call the kernel")
  }

  private func check<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
    switch row.kernel.operation {
    case .spmm where row.kernel.types == .pairs: sweepPairStrips(row)
    case .spmm: sweepStrips(row, Scalar.self)
    case .packPairs where row.kernel.variant == "line": sweepPairLines(row)
    case .packPairs: sweepPairPanels(row)
    case .pairWindow: sweepPairWindows(row)
    case .packRows: sweepPanels(row, transposed: false, Scalar.self)
    case .packTransposed: sweepPanels(row, transposed: true, Scalar.self)
    case .packImageRows: sweepImageRows(row, Scalar.self)
    case .unpackImageRows: sweepUnpackedRows(row, Scalar.self)
    case .multiplyAddPeak: sweepPeak(row, Scalar.self)
    case .selectBracket: sweepBracket(row, Scalar.self)
    case .magnitudeHistogram: sweepHistogram(row, Scalar.self)
    case .nonzeros: sweepNonzeros(row, Scalar.self)
    case .compress: sweepCompress(row, Scalar.self)
    case .window: sweepWindows(row, Scalar.self)
    case .packWindows: sweepWindowPanels(row, Scalar.self)
    case .sddmm: sweepSampled(row, Scalar.self)
    case .csr: sweepCSR(row, Scalar.self)
    case .blockVector: sweepBlocks(row, Scalar.self)
    case .range: sweepRange(row)
    case .recurrentCell: sweepCells(row)
    case .pointwise: sweepPointwise(row)
    case .activation: sweepActivations(row, Scalar.self)
    case .depthwise: sweepDepthwise(row, Scalar.self)
    case .residual: sweepResiduals(row, Scalar.self)
    case .depthwiseChannels: sweepChannels(row, Scalar.self)
    case .packQuads, .requantize, .gaps, .bitmask, .byteWindow, .depthwiseBytes,
      .depthwiseByteChannels:
      Issue.record("\(row.kernel.name) is for bytes")
    }
  }

  private func checkBytes(_ row: KernelRow) {
    switch row.kernel.operation {
    case .spmm: sweepQuadStrips(row)
    case .packQuads: sweepQuadPanels(row)
    case .requantize: sweepRequantize(row)
    case .gaps: sweepGaps(row)
    case .bitmask: sweepBitmask(row)
    case .byteWindow: sweepByteWindows(row)
    case .depthwiseBytes: sweepBytePlanes(row)
    case .depthwiseByteChannels: sweepByteChannels(row)
    case .packRows, .packTransposed, .packImageRows, .unpackImageRows, .multiplyAddPeak,
      .selectBracket, .magnitudeHistogram,
      .nonzeros, .compress, .window, .packWindows, .sddmm, .csr, .blockVector, .packPairs,
      .pairWindow, .range, .recurrentCell, .pointwise, .activation, .depthwise,
      .depthwiseChannels, .residual:
      Issue.record("\(row.kernel.name) has no check for bytes")
    }
  }

  @Test func namesAreUnique() {
    let names = KernelTable.all.map(\.name)
    #expect(Set(names).count == names.count)
  }

  /// A fast kernel that may add in another order, or was written for one instruction set, has a
  /// plain twin.
  @Test func everyRearrangedKernelHasAPlainTwin() {
    let twinned: Set<KernelOperation> = [
      .spmm, .packRows, .packTransposed, .packPairs, .window, .sddmm, .blockVector, .gaps,
      .bitmask, .byteWindow, .pairWindow, .depthwise, .depthwiseChannels, .depthwiseBytes,
      .depthwiseByteChannels,
    ]
    for row in KernelTable.all where row.isa != nil {
      #expect((KernelRow(row).twin != nil) == twinned.contains(row.operation), "\(row.name)")
    }
  }

  /// What dispatch may ask for is there on every instruction set.
  @Test(arguments: ISA.allCases)
  func everyInstructionSetHasEveryOperation(isa: ISA) {
    let table = KernelTable.of(isa)
    for types in Set(KernelTable.all.map(\.types)) {
      for operation in KernelOperation.allCases {
        let rows = KernelTable.all.filter { $0.operation == operation && $0.types == types }
        for variant in Set(rows.map(\.variant)) {
          let kernel = table.kernel(operation, variant: variant, types: types)
          // The best that the instruction set executes, never one beyond it.
          let best = rows.filter {
            $0.variant == variant && ($0.isa.map(isa.includes) ?? true)
          }.last
          #expect(kernel?.name == best?.name && kernel != nil, "\(operation) \(variant) \(isa)")
        }
      }
    }
  }

  @Test(arguments: DType.allCases)
  func floatsHaveEveryOperation(dtype: DType) {
    let found = Set(KernelTable.all.filter { $0.types == ProductTypes(dtype) }.map(\.operation))
    let missing = Set(KernelOperation.allCases).subtracting(found)
    #expect(
      missing
        == (dtype == .f32
          ? [
            .packQuads, .packPairs, .requantize, .gaps, .bitmask, .byteWindow, .pairWindow,
            .depthwiseBytes, .depthwiseByteChannels,
          ]
          : [
            .packQuads, .packPairs, .requantize, .gaps, .bitmask, .byteWindow, .pairWindow,
            .depthwiseBytes, .depthwiseByteChannels, .range, .blockVector, .recurrentCell,
            .pointwise,
          ]))
  }

  /// Weights of 16 bits have what multiplies weights, and nothing else: the rest is that of f32.
  @Test(arguments: [NumberType.bf16, .f16])
  func narrowWeightsHaveEveryProduct(type: NumberType) {
    func rows(_ types: ProductTypes) -> [String] {
      KernelTable.all.filter { $0.types == types }.map {
        "\($0.operation) \($0.variant) \($0.isa?.rawValue ?? "reference")"
      }
    }
    let products: [KernelOperation] = [.spmm, .window, .csr, .blockVector]
    let ofFloats = rows(ProductTypes(.f32)).filter { row in
      products.contains { row.hasPrefix("\($0) ") }
    }
    #expect(Set(rows(.widening(type))) == Set(ofFloats) && !ofFloats.isEmpty)
  }

  /// Instruction sets form no ladder: each has what it includes, in rising rank.
  @Test func instructionSetsIncludeWhatTheyAreMadeOf() {
    #expect(ISA.allCases.map(\.rank) == Array(0..<ISA.allCases.count))
    #expect(ISA.v4BF16.includes(.v4VBMI2) && !ISA.v4VBMI2.includes(.v4BF16))
    #expect(ISA.v4VBMI2.includes(.v4VNNI) && !ISA.v4VNNI.includes(.v4VBMI2))
    #expect(ISA.v4VNNI.includes(.v4) && ISA.v4VNNI.includes(.v3) && ISA.v3VNNI.includes(.v3))
    #expect(!ISA.v4.includes(.v3VNNI) && !ISA.v4VNNI.includes(.v3VNNI) && !ISA.v3.includes(.v4))
    #expect(ISA.allCases.allSatisfy { $0.includes(.baseline) && $0.includes($0) })
    for isa in ISA.allCases { #expect(ISA(rawValue: isa.rawValue) == isa) }
    // A choice among kernels for floats holds wherever the same ones run.
    #expect(
      ISA.allCases.map(\.withoutByteProducts) == [.baseline, .v3, .v3, .v4, .v4, .v4, .v4])
  }

  /// `lacuna info --kernels` shows exactly the table.
  @Test(arguments: ISA.allCases) func theListingIsTheTable(isa: ISA) {
    let listing = KernelTable.of(isa).listing
    #expect(listing.map(\.name) == KernelTable.all.map(\.name))
    let chosen = listing.filter(\.isChosen)
    // One for each operation, variant and type.
    let keys = Set(KernelTable.all.map { [$0.operation.rawValue, $0.variant, $0.types.name] })
    #expect(Set(chosen.map { [$0.operation, $0.variant, $0.dtype] }) == keys)
    #expect(chosen.count == keys.count)
    #expect(
      listing.allSatisfy { row in
        row.isAvailable || ISA(rawValue: row.isa).map { !ISA.detected.includes($0) } ?? false
      }
    )
  }
}

/// An element type of the sweep.
protocol SweepScalar: SparseScalar, ComparedNumber {
  associatedtype Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable
  /// The bits of its magnitude, which order as magnitudes do.
  var magnitudeBits: Bits { get }
}

extension Float: SweepScalar { var magnitudeBits: UInt32 { magnitude.bitPattern } }
extension Double: SweepScalar { var magnitudeBits: UInt64 { magnitude.bitPattern } }
