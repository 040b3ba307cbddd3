// Operators with loops of their own beside plain double-precision ones, over shapes around their tiles.

import Foundation
import LacunaGraph
import TestSupport
import Testing

@Suite struct OracleTests {
  private func check(_ found: GraphArray, _ expected: [Double], terms: Int, _ what: String) {
    let values = found.floats ?? []
    #expect(values.count == expected.count, "\(what)")
    let largest = expected.map { abs($0) }.max() ?? 0
    for (a, b) in zip(values, expected)
    where abs(Double(a) - b) > Double(terms + 2) * 0x1p-24 * max(largest, 1) {
      Issue.record("\(what): \(a), not \(b)")
      return
    }
  }

  @Test(arguments: [1, 7, 8, 9, 16, 33, 1000])
  func `a mean over the last axis, and over one before it`(count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    let x = try array([3, count, 5], &generator)
    let numbers = x.floats!.map { Double($0) }
    let middle = (0..<15).map { place in
      (0..<count).reduce(0) { $0 + numbers[(place / 5 * count + $1) * 5 + place % 5] }
        / Double(count)
    }
    check(
      try result([GraphNode("y", .reduce(.mean, axes: [1]), ["x"])], ["x": x]), middle,
      terms: count, "middle of \(count)")
    let last = (0..<15).map { row in
      (0..<count).reduce(0) { $0 + numbers[row * count + $1] } / Double(count)
    }
    check(
      try result(
        [GraphNode("y", .reduce(.mean, axes: [-1]), ["x"])],
        ["x": GraphArray([3, 5, count], x.floats!)]),
      last, terms: count, "last of \(count)")
  }

  @Test(arguments: [1, 5, 8, 31], [false, true])
  func `softmax along the last axis and another`(count: Int, isLast: Bool) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    let x = try array(isLast ? [2, 3, count] : [2, count, 3], &generator)
    let numbers = x.floats!.map { Double($0) * 20 }
    let scaled = try GraphArray(x.shape, x.floats!.map { $0 * 20 })
    var expected = numbers
    for row in 0..<6 {
      let places = (0..<count).map {
        isLast ? row * count + $0 : (row / 3 * count + $0) * 3 + row % 3
      }
      let largest = places.map { numbers[$0] }.max()!
      let powers = places.map { exp(numbers[$0] - largest) }
      for (place, power) in zip(places, powers) { expected[place] = power / powers.reduce(0, +) }
    }
    check(
      try result([GraphNode("y", .softmax(axis: isLast ? -1 : 1), ["x"])], ["x": scaled]), expected,
      terms: count + 20, "\(count)")
  }

  @Test(arguments: [(3, 1, 1, 0), (2, 2, 1, 1), (3, 2, 2, 2), (5, 3, 1, 2)], [false, true])
  func `pooling`(settings: (kernel: Int, stride: Int, dilation: Int, pad: Int), takesMean: Bool)
    throws
  {
    var generator = SeededGenerator(seed: 9)
    let (height, width) = (11, 19)
    let x = try array([2, 3, height, width], &generator)
    let (kernel, stride, dilation, pad) = settings
    func size(_ size: Int) -> Int { (size + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1 }
    var expected: [Double] = []
    for plane in 0..<6 {
      for i in 0..<size(height) {
        for j in 0..<size(width) {
          var inside: [Double] = []
          for k in 0..<kernel {
            for l in 0..<kernel {
              let (y, z) = (i * stride + k * dilation - pad, j * stride + l * dilation - pad)
              if (0..<height).contains(y) && (0..<width).contains(z) {
                inside.append(Double(x.floats![(plane * height + y) * width + z]))
              }
            }
          }
          expected.append(
            takesMean ? inside.reduce(0, +) / Double(inside.count) : inside.max()!)
        }
      }
    }
    let windows = ([kernel, kernel], [stride, stride], [dilation, dilation])
    let padding = GraphPadding.explicit([pad, pad, pad, pad])
    let operation: GraphOperator =
      takesMean
      ? .averagePool(
        kernel: windows.0, strides: windows.1, dilations: windows.2, padding: padding)
      : .maxPool(kernel: windows.0, strides: windows.1, dilations: windows.2, padding: padding)
    check(
      try result([GraphNode("y", operation, ["x"])], ["x": x]), expected, terms: 25, "\(settings)")
  }

  @Test(arguments: [0, 0.5, 0.95], [true, false])
  func `a product with known weights on either side`(zeros: Double, isRight: Bool) throws {
    var generator = SeededGenerator(seed: 10)
    let (m, k, n) = (13, 37, 21)
    let a = try array([m, k], zeros: isRight ? 0 : zeros, &generator)
    let b = try array([k, n], zeros: isRight ? zeros : 0, &generator)
    var expected = [Double](repeating: 0, count: m * n)
    for i in 0..<m {
      for p in 0..<k {
        for j in 0..<n {
          expected[i * n + j] += Double(a.floats![i * k + p]) * Double(b.floats![p * n + j])
        }
      }
    }
    let y = try result(
      [GraphNode("y", .matMul, ["a", "b"])], isRight ? ["a": a] : ["b": b],
      constants: isRight ? ["b": .array(b)] : ["a": .array(a)])
    check(y, expected, terms: k, "\(zeros)")
  }

  @Test func `transposing, slicing and joining move every element to its place`() throws {
    let x = try GraphArray([2, 3, 4], (0..<24).map { Float($0) })
    let y = try result(
      [
        GraphNode("t", .transpose([2, 0, 1]), ["x"]),
        GraphNode("s", .slice(starts: [1], ends: [4]), ["t"]),
        GraphNode("y", .concat(axis: 1), ["s", "s"]),
      ], ["x": x])
    #expect(y.shape == [3, 4, 3])
    var expected: [Float] = []
    for k in 1..<4 {
      for i in [0, 1, 0, 1] {
        for j in 0..<3 { expected.append(Float(i * 12 + j * 4 + k)) }
      }
    }
    #expect(y.floats == expected)
  }
}
