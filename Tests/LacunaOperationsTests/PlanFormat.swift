// Every format that a plan computes with, the instruction sets that have it, and weights that suit
// it.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// `csr(_:_:_:)` under a name that is no case below.
private func compressed<Scalar: SparseScalar>(
  _ w: [Scalar], _ rows: Int, _ columns: Int
) throws -> CSRMatrix<Scalar> { try csr(w, rows, columns) }

/// A candidate of a plan, by its name.
enum PlanFormat: String, CaseIterable, Sendable {
  case strips = "spmm-1x1"
  case blockStrips = "spmm-4x4"
  case csr
  case window
  case windowCompressed = "window-compressed"
  case windowFilled = "window-filled"
  case blockVector = "block-vector"
  case dense

  /// Whether an instruction set has kernels for it.
  func exists(on isa: ISA, _ dtype: DType) -> Bool {
    switch self {
    case .strips, .blockStrips, .csr, .dense: true
    case .window: isa.includes(.v4) || isa.includes(.v3) && dtype == .f32
    case .windowCompressed, .windowFilled: isa.includes(.v4) && dtype == .f32
    case .blockVector: isa.includes(.v3) && dtype == .f32
    }
  }

  /// What can exist: every format with each instruction set that has it.
  static let everywhere: [(ISA, PlanFormat)] = ISA.allCases.flatMap { isa in
    allCases.filter { format in DType.allCases.contains { format.exists(on: isa, $0) } }
      .map { (isa, $0) }
  }

  /// Random weights that the format can hold, about half of them zero.
  func weights<Scalar: SparseScalar>(
    _ rows: Int, _ columns: Int, _ generator: inout SeededGenerator
  ) throws -> [Scalar] {
    switch self {
    case .blockStrips, .blockVector:
      return randomWeights(rows, columns, sparsity: 0.45, block: try BlockSize(4, 4), &generator)
    case .windowFilled:
      // Each row keeps equally many of every sixteen inputs.
      return (0..<rows * columns).map {
        ($0 / columns + $0 % columns) % 2 == 0 ? generator.nonzero() : 0
      }
    default: return randomWeights(rows, columns, sparsity: 0.45, &generator)
    }
  }

  /// A plan that uses the format, or the error that says why not.
  func plan<Scalar: SparseScalar>(
    _ w: [Scalar], _ rows: Int, _ columns: Int, layout: ProductLayout, width: Int,
    epilogue: Epilogue<Scalar> = .init(), threads: Int = 1, isa: ISA
  ) throws -> Plan<Scalar> {
    let options = PlanOptions(
      threads: threads, deterministic: true, kernel: rawValue, isa: isa)
    let plan =
      switch self {
      case .blockStrips, .blockVector:
        try Plan(
          bsr(w, rows, columns, BlockSize(4, 4)), layout: layout, width: width, epilogue: epilogue,
          options: options)
      default:
        try Plan(
          compressed(w, rows, columns), layout: layout, width: width, epilogue: epilogue,
          options: options)
      }
    #expect(plan.kernelName == rawValue)
    return plan
  }
}

@Suite struct PlanFormatTests {
  /// What the plans themselves say can be asked for: a format that is added is missing from the
  /// list above.
  @Test(arguments: ISA.allCases, DType.allCases)
  func theListIsComplete(isa: ISA, dtype: DType) throws {
    try require(isa)
    func candidates<Scalar: SparseScalar>(_: Scalar.Type) throws -> Set<String> {
      let w = [Scalar](repeating: 1, count: 64)
      let sources: [(PlanOptions) throws -> Plan<Scalar>] = [
        { try Plan(csr(w, 8, 8), width: 1, options: $0) },
        { try Plan(bsr(w, 8, 8, BlockSize(4, 4)), width: 1, options: $0) },
        { try Plan(dense: DenseMatrix(rows: 8, columns: 8, values: w), width: 1, options: $0) },
      ]
      var names: Set<String> = []
      for make in sources {
        do {
          _ = try make(PlanOptions(kernel: "none", isa: isa))
          Issue.record("a kernel called none exists")
        } catch OperationError.unknownKernel(_, let available) {
          names.formUnion(available)
        }
      }
      return names
    }
    let names = dtype == .f32 ? try candidates(Float.self) : try candidates(Double.self)
    let listed = PlanFormat.allCases.filter { $0.exists(on: isa, dtype) }.map(\.rawValue)
    #expect(names == Set(listed))
  }
}
