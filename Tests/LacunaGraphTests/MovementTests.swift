// Transposing by tiles and doubling planes: the bits of the plain loops, for every size around a tile.

import LacunaGraph
import TestSupport
import Testing

@Suite struct MovementTests {
  // The last ones are more than one part of the work.
  @Test(arguments: [1, 5, 6, 7, 16, 17, 63, 64, 65, 5000], [1, 3, 6, 15, 48, 130])
  func `a transposed matrix has every element in its place`(rows: Int, columns: Int) throws {
    var generator = SeededGenerator(seed: UInt64(rows * 1000 + columns))
    // Two planes, transposed together and each for itself.
    let x = try array([2, rows, columns], &generator)
    let numbers = x.floats!
    for order in [[0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
      let found = try result(
        [GraphNode("y", .transpose(order), ["x"])], ["x": x],
        options: GraphOptions(threads: 2, deterministic: true))
      let shape = order.map { x.shape[$0] }
      var expected: [Float] = []
      for i in 0..<shape[0] {
        for j in 0..<shape[1] {
          for k in 0..<shape[2] {
            var index = [0, 0, 0]
            for (axis, place) in zip(order, [i, j, k]) { index[axis] = place }
            expected.append(numbers[(index[0] * rows + index[1]) * columns + index[2]])
          }
        }
      }
      #expect(found.shape == shape && found.floats == expected, "\(order)")
    }
  }

  @Test(arguments: [2, 4, 5, 6, 13, 17, 33], [4, 5, 6, 8, 11, 24])
  func `a plane of twice the size has the bits of the plain formula`(height: Int, width: Int) throws
  {
    var generator = SeededGenerator(seed: UInt64(height * 100 + width))
    let planes = 100
    let x = try array([1, planes, height, width], &generator)
    let numbers = x.floats!
    func tap(_ i: Int, _ size: Int) -> (first: Int, second: Int, share: Float) {
      let place = max(0, min((Double(i) + 0.5) / 2 - 0.5, Double(size - 1)))
      let share = Float(place - place.rounded(.down))
      return (Int(place), share == 0 ? Int(place) : Int(place) + 1, share)
    }
    func mean(_ a: Float, _ b: Float, _ share: Float) -> Float { a + (b - a) * share }
    var expected: [Float] = []
    for plane in 0..<planes {
      for i in 0..<2 * height {
        let row = tap(i, height)
        for j in 0..<2 * width {
          let column = tap(j, width)
          let sums = [row.first, row.second].map { i in
            let start = (plane * height + i) * width
            return mean(numbers[start + column.first], numbers[start + column.second], column.share)
          }
          expected.append(mean(sums[0], sums[1], row.share))
        }
      }
    }
    let factors = try GraphArray([4], [1, 1, 2, 2])
    for threads in [1, 2] {
      let found = try result(
        [GraphNode("y", .resize(.linear), ["x", "factors"])], ["x": x],
        constants: ["factors": .array(factors)],
        options: GraphOptions(threads: threads, deterministic: true))
      #expect(found.floats == expected)
    }
  }
}
