// Bits of nonzeros, and elements under a mask packed with their columns: exactly what a plain loop
// gives.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

private let shapes: [(rows: Int, columns: Int)] = [
  (0, 5), (5, 0), (1, 1), (3, 7), (4, 15), (4, 16), (4, 17), (3, 31), (3, 63), (3, 64), (3, 65),
  (5, 128), (2, 131),
]

/// A matrix in rows of `stride`: zeros of both signs, NaN, infinities and subnormals among its
/// elements, and NaN behind its rows.
private func matrix<Scalar: SweepScalar>(
  _ shape: (rows: Int, columns: Int), stride: Int, density: Double,
  _ generator: inout SeededGenerator
) -> [Scalar] {
  let special: [Scalar] = [.nan, .infinity, -.infinity, .leastNonzeroMagnitude]
  return (0..<max((shape.rows - 1) * stride + shape.columns, 0)).map {
    if $0 % stride >= shape.columns { return .nan }
    if !generator.chance(density) { return generator.chance(0.5) ? 0 : -0.0 }
    return generator.chance(0.1)
      ? special.randomElement(using: &generator)! : generator.nonzero()
  }
}

/// The bits of a mask as halves of its words, bit j of a row in word j / 64.
private func words(
  _ shape: (rows: Int, columns: Int), _ isOne: (_ i: Int, _ j: Int) -> Bool
) -> [UInt64] {
  let perRow = (shape.columns + 63) / 64
  var words = [UInt64](repeating: 0, count: shape.rows * perRow)
  for i in 0..<shape.rows {
    for j in 0..<shape.columns where isOne(i, j) {
      words[i * perRow + j / 64] |= 1 << UInt64(j % 64)
    }
  }
  return words
}

private func halves(_ words: [UInt64]) -> [UInt32] {
  words.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)] }
}

func sweepNonzeros<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var generator = SeededGenerator(seed: 800)
  for shape in shapes {
    for density in [0, 0.1, 0.5, 1] {
      let stride = max(shape.columns, 1) + (density == 0.5 ? 3 : 0)
      let x: [Scalar] = matrix(shape, stride: stride, density: density, &generator)
      let expected = halves(words(shape) { x[$0 * stride + $1] != 0 })
      for side in GuardedMemory.Side.allCases {
        GuardedMemory.with(side) { memory in
          let from = memory.copy(x)
          row.conform(
            to: expected.map { Expected(exactly: $0) },
            from: [UInt32](repeating: 77, count: expected.count), side,
            "\(shape) stride \(stride), density \(density)"
          ) { kernel, output in
            // Words of 64 bits, aligned as they are everywhere.
            output.withMemoryRebound(to: UInt64.self, capacity: expected.count / 2) { output in
              var arguments = lcn_nonzeros_args(
                x: from, stride: Int64(stride * MemoryLayout<Scalar>.size), rows: Int64(shape.rows),
                columns: Int64(shape.columns), words: output)
              kernel.call(&arguments)
            }
          }
        }
      }
    }
  }
}

func sweepCompress<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  /// What may be written behind the last value and index.
  let slack = 16
  var generator = SeededGenerator(seed: 801)
  for shape in shapes + [(1, 70_000)] {
    for density in [0, 0.1, 0.5, 1] {
      for isWide in shape.columns > 1 << 16 ? [true] : [false, true] {
        let stride = max(shape.columns, 1) + (density == 0.5 ? 3 : 0)
        // Zeros under the mask are kept too.
        let x: [Scalar] = matrix(shape, stride: stride, density: 0.7, &generator)
        let mask = words(shape) { _, _ in generator.chance(density) }
        let perRow = (shape.columns + 63) / 64
        var (values, indices): ([Scalar], [UInt32]) = ([], [])
        for i in 0..<shape.rows {
          for j in 0..<shape.columns where mask[i * perRow + j / 64] >> UInt64(j % 64) & 1 == 1 {
            values.append(x[i * stride + j])
            indices.append(UInt32(j))
          }
        }
        let kept = values.count
        // Values and indices one behind the other; -0 is told from 0 by its sign.
        let expected =
          values.map { Expected(exactly: $0) }
          + values.map { Expected(exactly: $0.sign == .minus ? Scalar(1) : 0) }
          + indices.map { Expected(exactly: $0) }
        for side in GuardedMemory.Side.allCases {
          GuardedMemory.with(side) { memory in
            let (from, bits) = (memory.copy(x), memory.copy(mask))
            row.conform(
              to: expected, from: [Scalar](repeating: Scalar(untouched), count: expected.count),
              side, "\(shape) stride \(stride), mask density \(density), wide \(isWide)"
            ) { kernel, output in
              let packed = memory.copy([Scalar](repeating: .nan, count: kept + slack))
              let narrow = memory.copy([UInt16](repeating: 0, count: kept + slack))
              let wide = memory.copy([UInt32](repeating: 0, count: kept + slack))
              var arguments = lcn_compress_args(
                x: from, stride: Int64(stride * MemoryLayout<Scalar>.size), rows: Int64(shape.rows),
                columns: Int64(shape.columns), words: bits, values: packed,
                indices: isWide ? UnsafeMutableRawPointer(wide) : UnsafeMutableRawPointer(narrow),
                wide: isWide ? 1 : 0)
              kernel.call(&arguments)
              for p in 0..<kept {
                output[p] = packed[p]
                output[kept + p] = packed[p].sign == .minus ? 1 : 0
                output[2 * kept + p] = isWide ? Scalar(wide[p]) : Scalar(narrow[p])
              }
            }
          }
        }
      }
    }
  }
}
