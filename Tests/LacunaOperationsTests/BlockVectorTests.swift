// Blocks whose parts fill a register, for few columns of X, against the oracle.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct BlockVectorTests {
  static let blocks = [(4, 4), (8, 4), (16, 1), (8, 2), (2, 8), (1, 16), (2, 16), (32, 1)]
  static let shapes = [(1, 1), (4, 4), (15, 17), (33, 64), (70, 129), (0, 8), (8, 0)]

  @Test(arguments: [1, 2, 3, 5, 6, 7, 13], [ISA.v3, .v4])
  func agreesWithTheOracle(width: Int, isa: ISA) throws {
    try require(isa)
    let seed: UInt64 = 31
    var generator = SeededGenerator(seed: seed)
    for (r, c) in Self.blocks {
      let block = try BlockSize(r, c)
      for (rows, columns) in Self.shapes {
        for sparsity in [0, 0.6, 1] {
          for layout in ProductLayout.allCases {
            let w: [Float] = randomWeights(
              rows, columns, sparsity: sparsity, block: block, &generator)
            let x: DenseMatrix<Float> =
              layout == .columns
              ? try randomDense(columns, width, stride: width + 3, &generator)
              : try randomDense(width, columns, stride: columns + 1, &generator)
            let epilogue = Epilogue<Float>(
              bias: randomWeights(rows, 1, sparsity: 0, &generator), activation: .clamp(-1, 0.75))
            let oracle = Oracle(
              w, rows: rows, columns: columns, x: x, layout: layout, epilogue: epilogue)
            let matrix = try bsr(w, rows, columns, block)
            var first: DenseMatrix<Float>?
            for threads in [1, 3] {
              let plan = try Plan(
                matrix, layout: layout, width: width, epilogue: epilogue,
                options: PlanOptions(
                  threads: threads, deterministic: true, kernel: "block-vector", isa: isa))
              var y =
                layout == .columns
                ? try DenseMatrix<Float>(rows: rows, columns: width, rowStride: width + 1)
                : try DenseMatrix<Float>(rows: width, columns: rows, rowStride: rows + 2)
              let name = "\(block) \(rows)×\(columns)×\(width) \(layout) seed \(seed)"
              if threads == 1 {
                try plan.run(x, into: &y)
                #expect(oracle.firstError(y, layout: layout) == nil, "\(name)")
                first = y
              } else {
                let (xStride, yStride) = (x.rowStride, y.rowStride)
                x.withUnsafeElements { from in
                  y.withUnsafeMutableElements { into in
                    for slice in 0..<3 {
                      plan.run(
                        slice: slice, of: 3, from.baseAddress!, stride: xStride,
                        into: into.baseAddress!, stride: yStride, width: width)
                    }
                  }
                }
                #expect(y == first!, "\(name) in three slices")
              }
            }
          }
        }
      }
    }
  }

  @Test(arguments: [ISA.v3, .v4])
  func refusesBlocksThatDoNotFillARegister(isa: ISA) throws {
    try require(isa)
    let matrix = try bsr([Float](repeating: 1, count: 36), 6, 6, BlockSize(3, 2))
    #expect(throws: OperationError.self) {
      try Plan(matrix, width: 1, options: PlanOptions(kernel: "block-vector", isa: isa))
    }
  }
}
