// Plans of bf16 and f16 weights give, bit for bit, what plans of the widened weights give.

import Foundation
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct NarrowPlanTests {
  /// (out, in): edges of strips, lanes, windows and blocks; ragged for every block size below.
  static let shapes = [(1, 1), (3, 5), (17, 33), (64, 48), (50, 700)]

  @Test(arguments: ISA.available, ProductLayout.allCases)
  func equalThoseOfTheWidenedWeights(isa: ISA, layout: ProductLayout) throws {
    var kernels: Set<String> = []
    for (rows, columns) in Self.shapes {
      for width in [1, 4, 15, 65] {
        try check(BFloat16.self, rows, columns, width, isa, layout, seed: 71, &kernels)
        try check(Float16.self, rows, columns, width, isa, layout, seed: 72, &kernels)
      }
    }
    #expect(
      kernels.isSuperset(of: ["spmm-1x1", "spmm-4x4", "spmm-8x2", "spmm-2x1", "csr", "dense"]))
    if isa.includes(.v3) { #expect(kernels.isSuperset(of: ["window", "block-vector"])) }
    if isa.includes(.v4) {
      #expect(kernels.isSuperset(of: ["window-compressed", "window-filled"]))
    }
  }

  private func check<Weight: NarrowScalar>(
    _: Weight.Type, _ rows: Int, _ columns: Int, _ width: Int, _ isa: ISA,
    _ layout: ProductLayout, seed: UInt64, _ kernels: inout Set<String>
  ) throws {
    var generator = SeededGenerator(seed: seed)
    let floats: [Float] = randomWeights(rows, columns, sparsity: 0.6, &generator)
    let dense = try DenseMatrix(rows: rows, columns: columns, values: floats)
      .converted(to: Weight.self)
    let csr = CSRMatrix(dense: dense)
    let epilogue = Epilogue<Float>(
      bias: randomWeights(rows, 1, sparsity: 0, &generator), activation: .clamp(-1, 2))
    let x: DenseMatrix<Float> =
      layout == .columns
      ? try randomDense(columns, width, stride: width, &generator)
      : try randomDense(width, columns, stride: columns, &generator)
    // Blocks may have cells outside the matrix.
    let other: [Float] = randomWeights(1, (rows + 16) * (columns + 16), sparsity: 0, &generator)

    func compare(
      stored: Int, _ wide: (PlanOptions) throws -> Plan<Float>,
      _ narrow: (PlanOptions) throws -> Plan<Float>,
      _ updated: ([Weight], PlanOptions) throws -> Plan<Float>
    ) throws {
      for kernel in try candidates(isa, narrow) {
        let options = PlanOptions(deterministic: true, kernel: kernel, isa: isa, updatable: true)
        let name = "\(kernel) \(Weight.numberType) \(rows)×\(columns)×\(width) \(isa) \(layout)"
        let plan: Plan<Float>
        do { plan = try narrow(options) } catch OperationError.unsuitableKernel { continue }
        kernels.insert(kernel)
        #expect(plan.weightType == Weight.numberType)
        #expect(try bits(plan(x)) == bits(wide(options)(x)), "\(name), seed \(seed)")
        // Values in f32 are rounded, those of the plan's own type taken as they are.
        let values = Array(other[..<stored])
        let rounded = values.map { Weight(nearest: $0) }
        let fresh = try bits(updated(rounded, options)(x))
        try plan.update(values: values)
        #expect(try bits(plan(x)) == fresh, "\(name), updated with f32")
        try plan.update(values: [Weight](repeating: Weight.zero, count: stored))
        try plan.update(values: rounded)
        #expect(try bits(plan(x)) == fresh, "\(name), updated")
      }
    }
    func plan(_ weights: CSRMatrix<Weight>, _ options: PlanOptions) throws -> Plan<Float> {
      try Plan(weights, layout: layout, width: width, epilogue: epilogue, options: options)
    }
    try compare(
      stored: csr.nnz,
      {
        try Plan(
          csr.converted(to: Float.self), layout: layout, width: width, epilogue: epilogue,
          options: $0)
      },
      { try plan(csr, $0) },
      { try plan(CSRMatrix(pattern: csr.pattern, values: $0), $1) })
    try compare(
      stored: rows * columns,
      {
        try Plan(
          dense: dense.converted(to: Float.self), layout: layout, width: width,
          epilogue: epilogue, options: $0)
      },
      {
        try Plan(dense: dense, layout: layout, width: width, epilogue: epilogue, options: $0)
      },
      {
        try Plan(
          dense: DenseMatrix(rows: rows, columns: columns, values: $0), layout: layout,
          width: width, epilogue: epilogue, options: $1)
      })
    for (r, c) in [(2, 1), (8, 2), (4, 4), (16, 1), (3, 2)] where columns < 100 {
      let bsr = BSRMatrix(dense: dense, block: try BlockSize(r, c))
      try compare(
        stored: bsr.values.count,
        {
          try Plan(
            bsr.converted(to: Float.self), layout: layout, width: width, epilogue: epilogue,
            options: $0)
        },
        { try Plan(bsr, layout: layout, width: width, epilogue: epilogue, options: $0) },
        {
          try Plan(
            try BSRMatrix(
              rows: rows, columns: columns, block: bsr.block, blockPattern: bsr.blockPattern,
              values: $0), layout: layout, width: width, epilogue: epilogue, options: $1)
        })
    }
  }

  private func bits(_ y: DenseMatrix<Float>) -> [UInt32] { y.values.map(\.bitPattern) }

  /// Every kernel that can be asked for.
  private func candidates(
    _ isa: ISA, _ make: (PlanOptions) throws -> Plan<Float>
  ) throws -> [String] {
    do {
      _ = try make(PlanOptions(kernel: "none", isa: isa))
    } catch OperationError.unknownKernel(_, let available) {
      return available
    }
    Issue.record("a kernel called none exists")
    return []
  }

  /// A plan; nil where the kernel does not suit the weights.
  private func suitable(_ make: () throws -> Plan<Float>) throws -> Plan<Float>? {
    do { return try make() } catch OperationError.unsuitableKernel { return nil }
  }

  /// Patterns of bits at the edges: what a conversion of weights could lose.
  @Test(arguments: ISA.available) func everyKindOfNumberWidens(isa: ISA) throws {
    func check<Weight: NarrowScalar>(_: Weight.Type) throws {
      let patterns: [UInt16] = [
        0x0000, 0x8000, 0x0001, 0x8001, 0x007F, 0x0080, 0x03FF, 0x0400, 0x3C00, 0x3F80, 0x7BFF,
        0x7C00, 0xFC00, 0x7C01, 0x7E55, 0x7F7F, 0x7F80, 0xFF80, 0x7F81, 0x7FC5, 0xFFFF,
      ]
      let weights = try CSRMatrix(
        pattern: CSRPattern(
          rows: patterns.count, columns: patterns.count, rowOffsets: Array(0...patterns.count),
          columnIndices: Array(0..<patterns.count)),
        values: patterns.map { Weight(bitPattern: $0) })
      for width in [1, 16] {
        var tried = 0
        for kernel in try candidates(isa, { try Plan(weights, width: width, options: $0) })
        where kernel != "dense" {
          let options = PlanOptions(deterministic: true, kernel: kernel, isa: isa)
          let x = try DenseMatrix<Float>(
            rows: patterns.count, columns: width,
            values: .init(repeating: 1, count: patterns.count * width))
          guard let plan = try suitable({ try Plan(weights, width: width, options: options) })
          else { continue }
          tried += 1
          let y = try plan(x)
          for (i, bits) in patterns.enumerated() {
            let expected = Weight(bitPattern: bits).widened
            for c in 0..<width {
              #expect(
                y[i, c] == expected || y[i, c].isNaN && expected.isNaN,
                "\(Weight.numberType) \(bits) by \(kernel) on \(isa)")
            }
          }
        }
        #expect(tried > 1)
      }
    }
    try check(BFloat16.self)
    try check(Float16.self)
  }

  @Test func weightsTakeHalfTheBytes() throws {
    var generator = SeededGenerator(seed: 73)
    let floats: [Float] = randomWeights(256, 256, sparsity: 0.5, &generator)
    let wide = try csr(floats, 256, 256)
    let narrow = wide.converted(to: BFloat16.self)
    let options = PlanOptions(deterministic: true, kernel: "spmm-1x1")
    let bytes = (
      try Plan(wide, width: 64, options: options).packedBytes,
      try Plan(narrow, width: 64, options: options).packedBytes
    )
    #expect(bytes.0 - bytes.1 >= 2 * wide.nnz)
  }

  @Test func typesThatDoNotFitAreNamed() throws {
    let weights = try csr([1, 0, 2, 3] as [Float], 2, 2)
    let options = PlanOptions(updatable: true)
    let plan = try Plan(weights.converted(to: BFloat16.self), width: 1, options: options)
    #expect(
      throws: OperationError.elementType(operand: "values", expected: .bf16, actual: .f16)
    ) { try plan.update(values: [Float16](repeating: 1, count: 3)) }
    let wide = try Plan(weights, width: 1, options: options)
    #expect(
      throws: OperationError.elementType(operand: "values", expected: .f32, actual: .bf16)
    ) { try wide.update(values: [BFloat16](repeating: 1, count: 3)) }
    #expect(
      "\(OperationError.elementType(operand: "values", expected: .bf16, actual: .f16))"
        == "values are f16, expected bf16")
    #expect(throws: OperationError.format(.wrongCount(name: "values", expected: 3, actual: 2))) {
      try plan.update(values: [1, 2] as [BFloat16])
    }
  }

  /// A choice holds for the type that it was made with.
  @Test func decisionsNameTheType() throws {
    let weights = try csr([1, 0, 2, 3] as [Float], 2, 2)
    let narrow = weights.converted(to: BFloat16.self)
    let decision = try Plan(narrow, width: 4).decision
    #expect(decision.types.description == "bf16·f32→f32→f32")
    let again = try JSONDecoder().decode(
      PlanDecision.self, from: JSONEncoder().encode(decision))
    #expect(again == decision)
    #expect(
      try Plan(narrow, width: 4, options: PlanOptions(decision: again)).kernelName
        == decision.kernel)
    for make in [
      { try Plan(weights, width: 4, options: $0) },
      { try Plan(weights.converted(to: Float16.self), width: 4, options: $0) },
    ] as [(PlanOptions) throws -> Plan<Float>] {
      #expect {
        _ = try make(PlanOptions(decision: decision))
      } throws: { "\($0)".contains("bf16·f32→f32→f32") }
    }
  }
}
