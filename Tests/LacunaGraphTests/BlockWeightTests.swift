// Weights in blocks, and the same graph with every weight dense: the same numbers within rounding.

import LacunaFormats
import LacunaGraph
import LacunaOperations
import TestSupport
import Testing

@Suite struct BlockWeightTests {
  /// A convolution with a normalisation, a product, and a GRU, whose weights are zero in blocks.
  private func graph(_ form: (GraphArray, Int) throws -> GraphConstant) throws -> Graph {
    var generator = SeededGenerator(seed: 11)
    func blocks(_ shape: [Int], rows: Int) throws -> GraphConstant {
      let columns = shape.reduce(1, *) / rows
      var values = numbers(rows * columns, &generator)
      for row in stride(from: 0, to: rows, by: 4) {
        for column in 0..<columns where (row / 4 + column) % 5 != 0 {
          for r in row..<min(row + 4, rows) { values[r * columns + column] = 0 }
        }
      }
      return try form(try GraphArray(shape, values), rows)
    }
    func vector(_ count: Int, _ least: Float = 0) throws -> GraphConstant {
      .array(
        try GraphArray(
          [count], numbers(count, &generator).map { least > 0 ? abs($0) + least : $0 }))
    }
    return try Graph(
      inputs: [GraphInput("x", [2, 3, 6, 5])],
      constants: [
        "k": try blocks([10, 3, 3, 3], rows: 10), "g": try vector(10), "b": try vector(10),
        "m": try vector(10), "v": try vector(10, 0.5),
        "w": try blocks([18, 120], rows: 18), "s": .array(GraphArray([3, 2, 6])),
        "wx": try blocks([1, 24, 6], rows: 24), "wh": try blocks([1, 24, 8], rows: 24),
      ],
      nodes: [
        GraphNode("c", .convolution(), ["x", "k"]),
        GraphNode("n", .batchNormalization(), ["c", "g", "b", "m", "v"]),
        GraphNode("f", .flatten(), ["n"]), GraphNode("p", .gemm(transposesB: true), ["f", "w"]),
        GraphNode("t", .reshape(), ["p", "s"]),
        GraphNode(
          name: "r", .recurrent(.gru(resetsAfter: true)), ["t", "wx", "wh"], ["", "y"]),
      ], outputs: ["y"])
  }

  private func result(_ graph: Graph, _ options: GraphOptions) throws -> [Float] {
    var generator = SeededGenerator(seed: 12)
    let x = try array([2, 3, 6, 5], &generator)
    return try #require(try GraphPlan(graph, options: options).run(["x": x])["y"]?.floats)
  }

  @Test func `blocks, elements and dense weights give the same within rounding`() throws {
    let dense = try graph { array, _ in .array(array) }
    let blocks = try graph { array, rows in
      let matrix = try DenseMatrix<Float>(
        rows: rows, columns: array.values.count / rows, values: try #require(array.floats))
      let blocks = BSRMatrix(dense: matrix, block: try BlockSize(4, 1))
      return .weights(try SparseTensor(blocks).shaped(array.shape))
    }
    let expected = try result(dense, GraphOptions(deterministic: true, skipsZeros: false))
    for (graph, options) in [
      (dense, GraphOptions(deterministic: true, excludesDense: true)),
      (blocks, GraphOptions(deterministic: true, excludesDense: true)),
      (blocks, GraphOptions(deterministic: true, fuses: false)),
      (blocks, GraphOptions(deterministic: true, skipsZeros: false)),
    ] {
      // Sums of at most 120 terms below 10, in three layers.
      for (a, b) in zip(try result(graph, options), expected) { #expect(abs(a - b) <= 1e-4) }
    }
    let kernels = try GraphPlan(
      dense, options: GraphOptions(deterministic: true, skipsZeros: false)
    )
    .steps.map(\.kernel)
    #expect(kernels.contains("im2col") || kernels.contains("dense"), "\(kernels)")
    #expect(!kernels.contains { $0.contains("csr") || $0.contains("block") }, "\(kernels)")
  }

  @Test(arguments: ["bf16", "f16", "i8", "few values"])
  func `weights of any type count as what they are in f32`(type: String) throws {
    func graph(widened: Bool) throws -> Graph {
      try self.graph { array, rows in
        let matrix = try DenseMatrix<Float>(
          rows: rows, columns: array.values.count / rows, values: try #require(array.floats))
        let blocks = BSRMatrix(dense: matrix, block: try BlockSize(4, 1))
        let sixteenths = CSRMatrix(
          dense: try DenseMatrix<Float>(
            rows: rows, columns: matrix.columns,
            values: matrix.values.map { ($0 * 16).rounded() / 16 }))
        let tensor =
          switch type {
          case "bf16": SparseTensor(blocks).converted(to: BFloat16.self)
          case "f16": SparseTensor(blocks).converted(to: Float16.self)
          case "i8": SparseTensor(try QuantizedBSR(quantizing: blocks))
          default: SparseTensor(try #require(CodebookCSR(exactly: sixteenths)))
          }
        return .weights(
          try (widened ? tensor.converted(to: Float.self) : tensor).shaped(array.shape))
      }
    }
    let options = GraphOptions(deterministic: true)
    #expect(try result(graph(widened: false), options) == result(graph(widened: true), options))
  }

  @Test func `blocks of another matrix are refused with the numbers`() throws {
    let matrix = BSRMatrix(
      dense: try DenseMatrix<Float>(rows: 2, columns: 6, values: (1...12).map { Float($0) }),
      block: try BlockSize(1, 1))
    func refused(_ shape: [Int]) throws -> GraphError? {
      let tensor = try SparseTensor(matrix).shaped(shape)
      do throws(GraphError) {
        _ = try Graph(
          inputs: [], constants: ["w": .weights(tensor)], nodes: [], outputs: ["w"])
        return nil
      } catch { return error }
    }
    for shape in [[2, 6], [1, 2, 6], [2, 3, 1, 2]] { #expect(try refused(shape) == nil) }
    #expect(
      try refused([3, 4])
        == .constant(
          name: "w", .count(what: "rows of the sparse constant", expected: 3, actual: 2)))
    #expect(
      try refused([1, 12])
        == .constant(
          name: "w", .count(what: "rows of the sparse constant", expected: 12, actual: 2)))
  }
}
