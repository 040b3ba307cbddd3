// The Swift recipes of the Cookbook are these functions, line for line: they compile and run.

import Foundation
import Testing

// recipe
import Lacuna

/// Half of the weights, the smaller ones, become zero in place.
func pruneAnArray(_ weights: inout [Float]) throws {
  let mask = try magnitudeMask(weights, shape: [weights.count], sparsity: 0.5).mask
  try mask.apply(to: &weights)
}
// end

// recipe
/// Two of each four inputs of an output stay.
func twoOfFour(_ weights: [Float], out: Int, inputs: Int) throws -> BitMask {
  try magnitudeMask(
    weights, shape: [out, inputs], sparsity: 0.5, granularity: .pattern(keep: 2, of: 4)
  ).mask
}
// end

// recipe
/// Blocks of four outputs by one input that go or stay together, stored as blocks, in 8 bits.
func blocksInEightBits(_ w: DenseMatrix<Float>) throws -> QuantizedBSR {
  let block = try BlockSize(4, 1)
  let mask = try magnitudeMask(
    w.values, shape: [w.rows, w.columns], sparsity: 0.75, granularity: .block(block)
  ).mask
  return try QuantizedBSR(quantizing: BSRMatrix(CSRMatrix(dense: w, mask: mask), block: block))
}
// end

// recipe
/// One threshold over all layers: those with larger weights keep more of them.
func globalBudget() throws -> Pruner {
  try Pruner(
    settings: PruningSettings(
      schedule: PolynomialDecay(final: 0.9, begin: 100, end: 2000), budget: .global,
      rules: [TensorRule("head/*", excluded: true)], plannedSteps: 3000))
}
// end

// recipe
/// A training loop of your own, on memory of your own.
func trainingLoop(_ weights: UnsafeMutableBufferPointer<Float>, steps: Int) throws -> Double {
  let pruner = try Pruner(
    settings: PruningSettings(
      schedule: PolynomialDecay(final: 0.9, begin: 1, end: steps, frequency: 10)))
  let tensors = [try PrunableTensor(name: "w", weights: weights, shape: [64, 48])]
  for _ in 0..<steps {
    try pruner.step(tensors)  // before the forward pass
    for i in weights.indices { weights[i] *= 0.99 }  // your optimiser
    pruner.enforce(tensors)  // masked weights are exactly zero again
  }
  return pruner.strip(tensors).sparsity
}
// end

// recipe
/// New values under the same pattern: nothing is packed again.
func updateValues(_ w: CSRMatrix<Float>, factor: Float) throws -> Plan<Float> {
  let plan = try Plan(w, width: 5, options: PlanOptions(updatable: true))
  try plan.update(values: w.values.map { $0 * factor })
  return plan
}
// end

// recipe
/// A pruned 3×3 kernel [128, 64·3·3] on NHWC images of 56×56, with the same size of result.
func convolve(_ kernel: CSRMatrix<Float>, _ images: [Float]) throws -> [Float] {
  let shape = try ConvolutionShape(
    channels: 64, image: (56, 56), filters: 128, kernel: (3, 3), padding: (1, 1, 1, 1))
  let plan = try Convolution(
    kernel, order: .channelsFirst, shape: shape, layout: .nhwc,
    epilogue: ConvolutionEpilogue(activation: .clamp(0, 6)))
  return try plan(images)
}
// end

// recipe
/// A pruned LSTM on a stream: each call is one step [40] → [128], the state stays.
func stream(_ w: CSRMatrix<Float>, _ r: CSRMatrix<Float>, _ steps: [[Float]]) throws -> [[Float]] {
  let shape = try RecurrentShape(.lstm, inputs: 40, hidden: 128)
  let network = try Recurrent(
    shape, weights: [RecurrentWeights(input: SparseTensor(w), recurrent: SparseTensor(r))],
    order: .torch)
  var states = RecurrentStates(shape)
  return try steps.map { try network($0, states: &states) }
}
// end

// recipe
import Dispatch

/// One product on threads of your own: every slice writes rows of its own.
func onThreadsOfYourOwn(
  _ plan: Plan<Float>, _ x: DenseMatrix<Float>, slices: Int
) throws -> DenseMatrix<Float> {
  var y = try DenseMatrix<Float>(rows: plan.rows, columns: x.columns)
  let (xStride, yStride, width) = (x.rowStride, y.rowStride, x.columns)
  x.withUnsafeElements { from in
    y.withUnsafeMutableElements { into in
      // Sound: slices write different rows, and all are done when this returns.
      nonisolated(unsafe) let from = from.baseAddress!
      nonisolated(unsafe) let into = into.baseAddress!
      DispatchQueue.concurrentPerform(iterations: slices) { slice in
        plan.run(
          slice: slice, of: slices, from, stride: xStride, into: into, stride: yStride,
          width: width)
      }
    }
  }
  return y
}
// end

// recipe
/// A sparse matrix to SciPy and back.
func toSciPyAndBack(_ w: CSRMatrix<Float>, path: String) throws -> CSRMatrix<Float> {
  try SciPySparse.arrays(of: w).write(to: path)
  return try MatrixFile.read(contentsOf: path, as: Float.self).csr
}
// end

// recipe
/// What is wrong with data is an error that carries the numbers.
func wrongShape() -> String {
  do {
    _ = try DenseMatrix<Float>(rows: 3, columns: 4, values: [1, 2])
    return "accepted"
  } catch {
    return "\(error)"
  }
}
// end

@Suite struct CookbookTests {
  private static func recipes() throws -> [String] {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    return source.components(separatedBy: "// recipe\n").dropFirst().compactMap {
      $0.components(separatedBy: "// end\n").first
    }
  }

  @Test func `the recipes of the Cookbook are those that are compiled here`() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/Lacuna/Lacuna.docc/Cookbook.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let recipes = try Self.recipes()
    #expect(recipes.count == 11)
    #expect(text.components(separatedBy: "```swift\n").count - 1 == recipes.count)
    for recipe in recipes { #expect(text.contains("```swift\n\(recipe)```"), "\(recipe)") }
  }

  private func weights(_ count: Int) -> [Float] {
    (0..<count).map { Float(($0 * 7919) % 1009) - 504.5 }
  }

  @Test func `masks remove what they say`() throws {
    var array = weights(100)
    try pruneAnArray(&array)
    #expect(array.count { $0 == 0 } == 50)
    let pattern = try twoOfFour(weights(8 * 16), out: 8, inputs: 16)
    #expect(pattern.keptCount == 64)
    let dense = try DenseMatrix(rows: 8, columns: 16, values: weights(8 * 16))
    #expect(try blocksInEightBits(dense).dequantized().dense().values.count { $0 != 0 } == 32)
  }

  @Test func `training ends at the sparsity asked for`() throws {
    #expect(try globalBudget().settings.budget == .global)
    var values = weights(64 * 48)
    let sparsity = try values.withUnsafeMutableBufferPointer { try trainingLoop($0, steps: 50) }
    #expect(abs(sparsity - 0.9) < 0.001)
    #expect(values.count { $0 == 0 } == 64 * 48 - 307)
  }

  @Test func `plans run, take new values and are split`() throws {
    let dense = try DenseMatrix(rows: 64, columns: 48, values: weights(64 * 48))
    let mask = try twoOfFour(dense.values, out: 64, inputs: 48)
    let w = try CSRMatrix(dense: dense, mask: mask)
    let plan = try Plan(w, width: 5)
    let x = try DenseMatrix(rows: 48, columns: 5, values: weights(48 * 5))
    var y = try DenseMatrix<Float>(rows: 64, columns: 5)
    try plan.run(x, into: &y)
    #expect(try onThreadsOfYourOwn(plan, x, slices: 3).values == y.values)
    let before = y.values
    try updateValues(w, factor: 2).run(x, into: &y)
    #expect(y.values == before.map { $0 * 2 })
  }

  @Test func `a stream step by step is what the whole sequence gives`() throws {
    let shape = try RecurrentShape(.lstm, inputs: 40, hidden: 128)
    func matrix(_ columns: Int) throws -> CSRMatrix<Float> {
      let values = weights(512 * columns).map { abs($0) < 400 ? 0 : $0 / 5000 }
      return CSRMatrix(dense: try DenseMatrix(rows: 512, columns: columns, values: values))
    }
    let (w, r) = (try matrix(40), try matrix(128))
    let steps = (0..<5).map { t in weights(40).map { ($0 + Float(t)) / 500 } }
    let options = PlanOptions(kernel: "spmm-1x1")
    let whole = try Recurrent(
      shape, weights: [RecurrentWeights(input: SparseTensor(w), recurrent: SparseTensor(r))],
      order: .torch,
      steps: 5, options: options)
    let wanted = try whole(steps.flatMap { $0 })
    let results = try stream(w, r, steps).flatMap { $0 }
    #expect(results.count == wanted.count)
    // The stream may have chosen kernels that add in another order.
    #expect(zip(results, wanted).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(wanted.contains { abs($0) > 0.01 })
  }

  @Test func `a convolution of a constant image is the sum of its weights`() throws {
    // Only the centre of each kernel, so that the border is like the inside.
    let values: [Float] = (0..<128 * 576).map { i in i % 9 == 4 ? Float(i % 5) : 0 }
    let kernel = try DenseMatrix<Float>(rows: 128, columns: 576, values: values)
    let results = try convolve(CSRMatrix(dense: kernel), [Float](repeating: 1, count: 64 * 56 * 56))
    #expect(results.count == 128 * 56 * 56)
    for f in 0..<128 {
      let sum = values[f * 576..<(f + 1) * 576].reduce(0, +)
      let expected = Array(repeating: min(sum, 6), count: 56 * 56)
      let found = stride(from: f, to: results.count, by: 128).map { results[$0] }
      #expect(found == expected)
    }
  }

  @Test func `files and errors`() throws {
    let dense = try DenseMatrix(rows: 8, columns: 16, values: weights(8 * 16))
    let w = try CSRMatrix(dense: dense, mask: try twoOfFour(dense.values, out: 8, inputs: 16))
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("cookbook-\(UUID().uuidString).npz").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try toSciPyAndBack(w, path: path) == w)
    #expect(wrongShape().contains("12") && wrongShape().contains("2"))
  }
}
