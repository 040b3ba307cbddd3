// Y ← A·B of the last two axes: a sparse or dense plan where one factor is known, OpenBLAS where none is.

import LacunaFormats
import LacunaOperations

/// The product of the last two axes; axes before them are broadcast.
struct MatMulRule: OperatorRule {
  var inputs: ClosedRange<Int> { 2...2 }
  var folds: Bool { false }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let a = try x.numbers(0, "the first factor").shape
    let b = try x.numbers(1, "the second factor").shape
    if a.isEmpty || b.isEmpty { throw .shapes(what: "a factor has no dimension", [a, b]) }
    let (left, right) = (a.count == 1 ? [1] + a : a, b.count == 1 ? b + [1] : b)
    let (m, k, n) = (left[left.count - 2], left[left.count - 1], right[right.count - 1])
    guard k == right[right.count - 2],
      let batch = Broadcast.shape([left.dropLast(2), right.dropLast(2)].map { Array($0) })
    else { throw .shapes(what: "factors do not fit", [a, b]) }
    return [
      try GraphType(.f32, batch + (a.count == 1 ? [] : [m]) + (b.count == 1 ? [] : [n]))
    ]
  }

  func weighted(_ x: Operands) throws(GraphProblem) -> WeightedNode? {
    guard let a = x[0], let b = x[1] else { return nil }
    if let weights = b.constant, b.rank == 2, a.rank >= 1, a.constant == nil {
      let width = a.type.count / max(a.shape.last!, 1)
      return WeightedNode(
        form: .rows(width: width), weights: StoredMatrix(transposing: weights), input: 0,
        shape: try results(x)[0].shape)
    }
    if let weights = a.constant, a.rank == 2, b.rank >= 2, b.constant == nil {
      let width = b.shape.last!
      return WeightedNode(
        form: .columns(width: width, batches: b.shape.dropLast(2).reduce(1, *)),
        weights: StoredMatrix(weights), input: 1, shape: try results(x)[0].shape)
    }
    return nil
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (a, b) = (request.inputs[0]!.shape, request.inputs[1]!.shape)
    let (left, right) = (a.count == 1 ? [1] + a : a, b.count == 1 ? b + [1] : b)
    let outer = [left.dropLast(2), right.dropLast(2)].map { Array($0) }
    let batch = Broadcast.shape(outer)!
    return BatchedProduct(
      m: left[left.count - 2], n: right[right.count - 1], k: left[left.count - 1],
      walk: Broadcast(outer, to: batch), split: request.split)
  }
}

/// Y ← α·op(A)·op(B) + β·C for matrices.
struct GemmRule: OperatorRule {
  let alpha: Float, beta: Float
  let transposesA: Bool, transposesB: Bool

  var inputs: ClosedRange<Int> { 2...3 }
  var folds: Bool { false }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let a = try x.numbers(0, "the first factor").shape
    let b = try x.numbers(1, "the second factor").shape
    if a.count != 2 || b.count != 2 { throw .shapes(what: "factors that are no matrices", [a, b]) }
    let (m, k) = transposesA ? (a[1], a[0]) : (a[0], a[1])
    let (rows, n) = transposesB ? (b[1], b[0]) : (b[0], b[1])
    if k != rows { throw .shapes(what: "factors do not fit", [a, b]) }
    if x.optional(2) != nil {
      let c = try x.numbers(2, "the summand").shape
      if Broadcast.shape([c, [m, n]]) != [m, n] {
        throw .shapes(what: "a summand that cannot be broadcast", [c, [m, n]])
      }
    }
    return [try GraphType(.f32, [m, n])]
  }

  func weighted(_ x: Operands) throws(GraphProblem) -> WeightedNode? {
    guard let a = x[0], let b = x[1], let weights = b.constant, a.constant == nil, !transposesA
    else { return nil }
    let shape = try results(x)[0].shape
    var node = WeightedNode(
      form: .rows(width: shape[0]),
      weights: transposesB ? StoredMatrix(weights) : StoredMatrix(transposing: weights), input: 0,
      shape: shape)
    if alpha != 1 { node.scale([Float](repeating: alpha, count: shape[1])) }
    guard let c = x.optional(2) else { return node }
    // A summand for each column is a bias; any other is left to the general product.
    guard let values = c.floats, c.shape.last ?? 1 == c.type.count,
      c.type.count == 1 || c.type.count == shape[1]
    else { return nil }
    node.add((0..<shape[1]).map { beta * values[values.count == 1 ? 0 : $0] })
    return node
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (a, b, y) = (request.inputs[0]!.shape, request.inputs[1]!.shape, request.outputs[0].shape)
    let walk = request.inputs.optional(2).map { Broadcast([$0.shape], to: y) }
    return GemmBody(
      m: y[0], n: y[1], k: transposesA ? a[0] : a[1], lda: a[1], ldb: b[1], alpha: alpha,
      beta: beta, transposesA: transposesA, transposesB: transposesB, summand: walk)
  }
}

/// Many products of two activations.
private struct BatchedProduct: GraphBody {
  let m: Int, n: Int, k: Int
  /// Where the factors of each product lie, counted in matrices.
  let walk: Broadcast
  let split: WorkSplit

  var kernel: String { "OpenBLAS" }

  func run(_ call: StepCall) {
    let (a, b, y) = (call.floats(0), call.floats(1), call.result)
    if m * n == 0 { return }
    if k == 0 { return y.update(repeating: 0, count: walk.rows * walk.count * m * n) }
    split(walk.rows * walk.count, weight: m * n * min(k, 256)) { range, _ in
      BLAS.onOneThread {
        for product in range {
          let (row, place) = product.quotientAndRemainder(dividingBy: walk.count)
          BLAS.gemm(
            m: m, n: n, k: k, a: a + (walk.offset(0, row: row) + place * walk.steps[0]) * m * k,
            lda: k, b: b + (walk.offset(1, row: row) + place * walk.steps[1]) * k * n, ldb: n,
            c: y + product * m * n, ldc: n)
        }
      }
    }
  }
}

private struct GemmBody: GraphBody {
  let m: Int, n: Int, k: Int, lda: Int, ldb: Int
  let alpha: Float, beta: Float
  let transposesA: Bool, transposesB: Bool
  let summand: Broadcast?

  var kernel: String { "OpenBLAS" }

  func run(_ call: StepCall) {
    let y = call.result
    if m * n == 0 { return }
    if let summand {
      let c = call.floats(2)
      for row in 0..<summand.rows {
        let from = c + summand.offset(0, row: row)
        let to = y + row * summand.count
        for i in 0..<summand.count { to[i] = beta * from[i * summand.steps[0]] }
      }
    } else {
      y.update(repeating: 0, count: m * n)
    }
    if k == 0 { return }
    BLAS.onOneThread {
      BLAS.gemm(
        m: m, n: n, k: k, alpha: alpha, a: call.floats(0), lda: lda, transposeA: transposesA,
        b: call.floats(1), ldb: ldb, transposeB: transposesB, beta: 1, c: y, ldc: n)
    }
  }
}

extension GraphOperator {
  /// The product of the last two axes, with axes before them broadcast, as NumPy's `matmul`.
  public static let matMul = GraphOperator("matmul", MatMulRule())

  /// α·op(A)·op(B) + β·C for matrices; C, operand 2, may be left out.
  public static func gemm(
    alpha: Float = 1, beta: Float = 1, transposesA: Bool = false, transposesB: Bool = false
  ) -> GraphOperator {
    GraphOperator(
      "gemm",
      GemmRule(alpha: alpha, beta: beta, transposesA: transposesA, transposesB: transposesB))
  }
}
