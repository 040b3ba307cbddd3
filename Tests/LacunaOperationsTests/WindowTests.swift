// The window formats against the oracle on every instruction set, and at every edge of their schedule.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct WindowTests {
  static let widths = [1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 17]
  static let shapes = [
    (1, 1), (15, 15), (16, 16), (17, 31), (16, 32), (33, 33), (7, 63), (64, 129),
  ]

  /// Weights that stress one part of the format each.
  enum Pattern: String, CaseIterable {
    case scattered, half, empty, full, oneDenseRow, emptyRows, filled, lastColumn, skewed

    func weights<Scalar: SparseScalar>(
      _ rows: Int, _ columns: Int, _ generator: inout SeededGenerator
    ) -> [Scalar] {
      var w = [Scalar](repeating: 0, count: rows * columns)
      for i in 0..<rows {
        for j in 0..<columns {
          let keep: Bool =
            switch self {
            case .scattered: generator.chance(0.1)
            case .half: generator.chance(0.5)
            case .empty: false
            case .full: true
            case .oneDenseRow: i == rows / 2
            case .emptyRows: i % 3 == 1 && generator.chance(0.3)
            case .filled: (j + i) % 4 == 1
            case .lastColumn: j == columns - 1
            case .skewed: generator.chance(i % 17 == 0 ? 0.9 : 0.02)
            }
          if keep { w[i * columns + j] = generator.nonzero() }
        }
      }
      return w
    }
  }

  /// The formats of few columns that an instruction set has.
  static func formats(_ isa: ISA, _ dtype: DType) -> [PlanFormat] {
    [.csr, .window, .windowCompressed, .windowFilled].filter { $0.exists(on: isa, dtype) }
  }

  /// The product in a format; nil when the weights do not suit it, which only one format may say.
  func product<Scalar: SparseScalar>(
    _ format: PlanFormat, _ isa: ISA, _ w: CSRMatrix<Scalar>, _ x: DenseMatrix<Scalar>,
    layout: ProductLayout, epilogue: Epilogue<Scalar> = .init()
  ) throws -> DenseMatrix<Scalar>? {
    let width = layout == .columns ? x.columns : x.rows
    let options = PlanOptions(deterministic: true, kernel: format.rawValue, isa: isa)
    let plan: Plan<Scalar>
    do {
      plan = try Plan(w, layout: layout, width: width, epilogue: epilogue, options: options)
    } catch {
      if case .unsuitableKernel = error, format == .windowFilled { return nil }
      throw error
    }
    var y =
      layout == .columns
      ? try DenseMatrix<Scalar>(rows: w.rows, columns: width, rowStride: width + 2)
      : try DenseMatrix<Scalar>(rows: width, columns: w.rows, rowStride: w.rows + 3)
    try plan.run(x, into: &y)
    return y
  }

  func sweep<Scalar: SparseScalar>(
    _: Scalar.Type, _ isa: ISA, _ pattern: Pattern, seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed)
    for (rows, columns) in Self.shapes {
      let w: [Scalar] = pattern.weights(rows, columns, &generator)
      let matrix = try csr(w, rows, columns)
      for (number, width) in Self.widths.enumerated() {
        let layout: ProductLayout = (number + rows) % 2 == 0 ? .columns : .rows
        let x: DenseMatrix<Scalar> =
          layout == .columns
          ? try randomDense(columns, width, stride: width + 3, &generator)
          : try randomDense(width, columns, stride: columns + 1, &generator)
        let bias: [Scalar] = randomWeights(rows, 1, sparsity: 0, &generator)
        let epilogue = Epilogue(
          bias: number % 3 == 0 ? nil : bias,
          activation: number % 2 == 0 ? .clamp(-0.5, 0.75) : .none)
        let oracle = Oracle(
          w, rows: rows, columns: columns, x: x, layout: layout, epilogue: epilogue)
        for format in Self.formats(isa, Scalar.dtype) {
          let name: Comment =
            """
            \(format.rawValue) \(pattern) \(rows)×\(columns)×\(width) \(Scalar.dtype) \(isa) \
            \(layout) seed \(seed)
            """
          let y = try product(format, isa, matrix, x, layout: layout, epilogue: epilogue)
          // Every row of the full pattern keeps equally many of each sixteen inputs; no row of the
          // empty one keeps any.
          if format != .windowFilled || pattern == .full { #expect(y != nil, name) }
          if format == .windowFilled && pattern == .empty { #expect(y == nil, name) }
          if let y { #expect(oracle.firstError(y, layout: layout) == nil, name) }
        }
      }
    }
  }

  @Test(arguments: ISA.allCases, Pattern.allCases)
  func agreesWithTheOracle(isa: ISA, pattern: Pattern) throws {
    try require(isa)
    try sweep(Float.self, isa, pattern, seed: 11)
    try sweep(Double.self, isa, pattern, seed: 12)
  }

  @Test(arguments: ISA.allCases)
  func moreThan65536Columns(isa: ISA) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 13)
    let (rows, columns) = (19, 70_001)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.99, &generator)
    let matrix = try csr(w, rows, columns)
    let x: DenseMatrix<Float> = try randomDense(columns, 2, &generator)
    let oracle = Oracle(w, rows: rows, columns: columns, x: x, layout: .columns)
    for format in Self.formats(isa, .f32) where format != .windowFilled {
      let y = try #require(try product(format, isa, matrix, x, layout: .columns))
      #expect(oracle.firstError(y, layout: .columns) == nil, "\(format.rawValue) \(isa)")
    }
  }

  /// A lane that waits must not read X: its neighbour's infinities and NaN stay out of its sum.
  @Test(arguments: ISA.allCases)
  func weightsThatAreNotStoredContributeNothing(isa: ISA) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 14)
    let (rows, columns) = (40, 100)
    var w: [Float] = randomWeights(rows, columns, sparsity: 0.8, &generator)
    // Rows that skip every third input: these inputs are poisoned.
    for i in 0..<rows where i % 2 == 0 {
      for j in stride(from: 0, to: columns, by: 3) { w[i * columns + j] = 0 }
    }
    let matrix = try csr(w, rows, columns)
    for width in [1, 3, 8] {
      var x: DenseMatrix<Float> = try randomDense(width, columns, &generator)
      let clean = x
      for n in 0..<width {
        for j in stride(from: 0, to: columns, by: 3) { x[n, j] = j % 2 == 0 ? .nan : .infinity }
      }
      for format in Self.formats(isa, .f32) where format != .windowFilled {
        let y = try #require(try product(format, isa, matrix, x, layout: .rows))
        let expected = try #require(try product(format, isa, matrix, clean, layout: .rows))
        for i in stride(from: 0, to: rows, by: 2) {
          for n in 0..<width {
            #expect(y[n, i] == expected[n, i], "\(format.rawValue) \(isa) row \(i) column \(n)")
          }
        }
      }
    }
  }

  @Test(arguments: ISA.allCases)
  func resultsDoNotDependOnWidth(isa: ISA) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 15)
    let (rows, columns, width) = (333, 400, 11)
    for format in Self.formats(isa, .f32) {
      let w: [Float] = try format.weights(rows, columns, &generator)
      let matrix = try csr(w, rows, columns)
      let x: DenseMatrix<Float> = try randomDense(width, columns, &generator)
      let all = try #require(try product(format, isa, matrix, x, layout: .rows))
      for n in 0..<width {
        let one = try DenseMatrix<Float>(
          rows: 1, columns: columns, values: (0..<columns).map { x[n, $0] })
        let y = try #require(try product(format, isa, matrix, one, layout: .rows))
        #expect(
          (0..<rows).allSatisfy { y[0, $0] == all[n, $0] },
          "\(format.rawValue) \(isa) column \(n)")
      }
    }
  }

  @Test(arguments: ISA.allCases)
  func blocksAndUnalignedPointers(isa: ISA) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 16)
    let (rows, columns, width) = (50, 61, 3)
    let block = try BlockSize(4, 4)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.7, block: block, &generator)
    let x: DenseMatrix<Float> = try randomDense(width, columns, &generator)
    let oracle = Oracle(w, rows: rows, columns: columns, x: x, layout: .rows)
    let options = PlanOptions(deterministic: true, isa: isa)
    let plan = try Plan(bsr(w, rows, columns, block), layout: .rows, width: width, options: options)
    // Four bytes off: no register-sized load or store is aligned.
    var shifted = [Float](repeating: 0, count: width * columns + 1)
    for n in 0..<width { for j in 0..<columns { shifted[n * columns + j + 1] = x[n, j] } }
    var result = [Float](repeating: 7, count: width * rows + 2)
    shifted.withUnsafeBufferPointer { from in
      result.withUnsafeMutableBufferPointer { into in
        plan.run(
          from.baseAddress! + 1, stride: columns, into: into.baseAddress! + 1, stride: rows,
          width: width)
      }
    }
    let y = try DenseMatrix<Float>(
      rows: width, columns: rows, values: Array(result[1..<(1 + width * rows)]))
    #expect(oracle.firstError(y, layout: .rows) == nil, "\(plan.kernelName) \(isa)")
    #expect(result.first == 7 && result.last == 7, "\(plan.kernelName) wrote outside Y")
  }

  @Test func emptyMatrices() throws {
    for (rows, columns) in [(0, 5), (5, 0), (0, 0)] {
      let w = try csr([Float](), rows, columns)
      let plan = try Plan(w, layout: .rows, width: 1, epilogue: .init(activation: .relu))
      var y = try DenseMatrix<Float>(rows: 1, columns: rows)
      try plan.run(DenseMatrix(rows: 1, columns: columns), into: &y)
      #expect((0..<rows).allSatisfy { y[0, $0] == 0 })
    }
  }
}
