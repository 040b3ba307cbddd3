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
    switch kernel.dtype {
    case .f32: check(row, Float.self)
    case .f64: check(row, Double.self)
    }
    #expect(row.calls > 0, "the check of \(kernel.operation) does not call the kernel")
  }

  private func check<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
    switch row.kernel.operation {
    case .spmm: sweepStrips(row, Scalar.self)
    case .packRows: sweepPanels(row, transposed: false, Scalar.self)
    case .packTransposed: sweepPanels(row, transposed: true, Scalar.self)
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
      .spmm, .packRows, .packTransposed, .window, .sddmm, .blockVector,
    ]
    for row in KernelTable.all where row.isa != nil {
      #expect((KernelRow(row).twin != nil) == twinned.contains(row.operation), "\(row.name)")
    }
  }

  /// What dispatch may ask for is there on every instruction set.
  @Test(arguments: ISA.allCases, DType.allCases)
  func everyInstructionSetHasEveryOperation(isa: ISA, dtype: DType) {
    let table = KernelTable.of(isa)
    for operation in KernelOperation.allCases {
      let rows = KernelTable.all.filter { $0.operation == operation && $0.dtype == dtype }
      #expect(!rows.isEmpty || operation == .blockVector, "\(operation) \(dtype)")
      for variant in Set(rows.map(\.variant)) {
        let kernel = table.kernel(operation, variant: variant, dtype: dtype)
        // The best that the instruction set executes, never one beyond it.
        let best = rows.filter { $0.variant == variant && ($0.isa ?? .baseline) <= isa }.last
        #expect(kernel?.name == best?.name && kernel != nil, "\(operation) \(variant) \(isa)")
      }
    }
  }

  /// `lacuna info --kernels` shows exactly the table.
  @Test(arguments: ISA.allCases) func theListingIsTheTable(isa: ISA) {
    let listing = KernelTable.of(isa).listing
    #expect(listing.map(\.name) == KernelTable.all.map(\.name))
    let chosen = listing.filter(\.isChosen)
    // One for each operation, variant and type.
    let keys = Set(KernelTable.all.map { [$0.operation.rawValue, $0.variant, $0.dtype.rawValue] })
    #expect(Set(chosen.map { [$0.operation, $0.variant, $0.dtype] }) == keys)
    #expect(chosen.count == keys.count)
    #expect(
      listing.allSatisfy { $0.isAvailable || ISA(rawValue: $0.isa).map { $0 > .detected } ?? false }
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
