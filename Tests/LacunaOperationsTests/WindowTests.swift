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

  static let kernels = ["window", "window-compressed", "window-filled", "csr"]

  /// The product by the named kernel, nil when the instruction set or the weights do not suit it.
  func product<Scalar: SparseScalar>(
    _ kernel: String, _ isa: ISA, _ w: CSRMatrix<Scalar>, _ x: DenseMatrix<Scalar>,
    layout: ProductLayout, epilogue: Epilogue<Scalar> = .init()
  ) throws -> DenseMatrix<Scalar>? {
    let width = layout == .columns ? x.columns : x.rows
    let options = PlanOptions(deterministic: true, kernel: kernel, isa: isa)
    let plan: Plan<Scalar>
    do {
      plan = try Plan(w, layout: layout, width: width, epilogue: epilogue, options: options)
    } catch OperationError.unknownKernel {
      return nil
    } catch OperationError.unsuitableKernel {
      return nil
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
  ) throws -> Int {
    var generator = SeededGenerator(seed: seed)
    var checked = 0
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
        for kernel in Self.kernels {
          guard
            let y = try product(kernel, isa, matrix, x, layout: layout, epilogue: epilogue)
          else { continue }
          checked += 1
          #expect(
            oracle.firstError(y, layout: layout) == nil,
            """
            \(kernel) \(pattern) \(rows)×\(columns)×\(width) \(Scalar.dtype) \(isa) \(layout) \
            seed \(seed)
            """)
        }
      }
    }
    return checked
  }

  @Test(arguments: ISA.available, Pattern.allCases)
  func agreesWithTheOracle(isa: ISA, pattern: Pattern) throws {
    let single = try sweep(Float.self, isa, pattern, seed: 11)
    let double = try sweep(Double.self, isa, pattern, seed: 12)
    #expect(isa < .v3 || single > 0, "no window kernel for f32 \(isa)")
    #expect(isa < .v4 || double > 0, "no window kernel for f64 \(isa)")
  }

  @Test(arguments: ISA.available)
  func moreThan65536Columns(isa: ISA) throws {
    var generator = SeededGenerator(seed: 13)
    let (rows, columns) = (19, 70_001)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.99, &generator)
    let matrix = try csr(w, rows, columns)
    let x: DenseMatrix<Float> = try randomDense(columns, 2, &generator)
    let oracle = Oracle(w, rows: rows, columns: columns, x: x, layout: .columns)
    for kernel in Self.kernels {
      guard let y = try product(kernel, isa, matrix, x, layout: .columns) else { continue }
      #expect(oracle.firstError(y, layout: .columns) == nil, "\(kernel) \(isa)")
    }
  }

  /// A lane that waits must not read X: its neighbour's infinities and NaN stay out of its sum.
  @Test(arguments: ISA.available)
  func weightsThatAreNotStoredContributeNothing(isa: ISA) throws {
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
      for kernel in Self.kernels {
        guard
          let y = try product(kernel, isa, matrix, x, layout: .rows),
          let expected = try product(kernel, isa, matrix, clean, layout: .rows)
        else { continue }
        for i in stride(from: 0, to: rows, by: 2) {
          for n in 0..<width {
            #expect(y[n, i] == expected[n, i], "\(kernel) \(isa) row \(i) column \(n)")
          }
        }
      }
    }
  }

  @Test(arguments: ISA.available)
  func resultsDoNotDependOnWidthThreadsOrSlices(isa: ISA) throws {
    var generator = SeededGenerator(seed: 15)
    let (rows, columns, width) = (333, 400, 11)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.8, &generator)
    let matrix = try csr(w, rows, columns)
    let x: DenseMatrix<Float> = try randomDense(width, columns, &generator)
    for kernel in Self.kernels {
      guard let all = try product(kernel, isa, matrix, x, layout: .rows) else { continue }
      for n in 0..<width {
        let one = try DenseMatrix<Float>(
          rows: 1, columns: columns, values: (0..<columns).map { x[n, $0] })
        let y = try product(kernel, isa, matrix, one, layout: .rows)!
        #expect((0..<rows).allSatisfy { y[0, $0] == all[n, $0] }, "\(kernel) \(isa) column \(n)")
      }
      for slices in [2, 5, 64] {
        let plan = try Plan(
          matrix, layout: .rows, width: width,
          options: PlanOptions(threads: 2, deterministic: true, kernel: kernel, isa: isa))
        var y = try DenseMatrix<Float>(rows: width, columns: rows)
        x.withUnsafeElements { from in
          y.withUnsafeMutableElements { into in
            for slice in 0..<slices {
              plan.run(
                slice: slice, of: slices, from.baseAddress!, stride: columns,
                into: into.baseAddress!, stride: rows, width: width)
            }
          }
        }
        #expect(
          (0..<width).allSatisfy { n in (0..<rows).allSatisfy { y[n, $0] == all[n, $0] } },
          "\(kernel) \(isa) in \(slices) slices")
      }
    }
  }

  @Test(arguments: ISA.available)
  func blocksAndUnalignedPointers(isa: ISA) throws {
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
