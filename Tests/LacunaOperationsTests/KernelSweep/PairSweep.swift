// Strips of pairs of bf16 and the panels that they read: every strip height and panel width, both layouts of X.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

/// Steps of each strip, those of equal count next to each other.
private let stepLists = [[], [0, 0], [1], [3, 3, 4], [0, 1, 2, 3, 4, 5, 7, 8, 9, 12]]

func sweepPairStrips(_ row: KernelRow) {
  var seed: UInt64 = 900
  for vectors in 1...row.kernel.mostVectors {
    let full = (vectors - 1) * row.lanes
    for columns in Set([full + 1, full + row.lanes - 1, full + row.lanes]).sorted() {
      for steps in stepLists {
        for (starts, finishes) in [(true, true), (true, false), (false, true), (false, false)] {
          for side in GuardedMemory.Side.allCases {
            seed += 1
            PairCase(row, vectors, columns, steps, starts, finishes, seed).check(row, side)
          }
        }
      }
    }
  }
}

extension SeededGenerator {
  /// Numbers of bf16 in (−1, 1), none of them zero.
  fileprivate mutating func narrow(_ count: Int) -> [BFloat16] {
    values(count, Float.self).map { BFloat16(nearest: $0 as Float) }
  }
}

/// One region of pairs, and what comes out of it.
private struct PairCase {
  let vectors: Int, columns: Int, steps: [Int], starts: Bool, finishes: Bool, seed: UInt64
  let height: Int, padded: Int, xStride: Int, partialStride: Int, yStride: Int
  let bounds: Bounds, streams: Bool
  let x: [BFloat16], weights: [BFloat16], indices: [UInt16], rows: [UInt32], groups: [UInt32]
  let bias: [Float], partial: [Float], y: [Float]
  let expected: [Expected]

  private static var inputs: Int { 9 }

  init(
    _ row: KernelRow, _ vectors: Int, _ columns: Int, _ steps: [Int], _ starts: Bool,
    _ finishes: Bool, _ seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    (self.vectors, self.columns, self.steps, self.seed) = (vectors, columns, steps, seed)
    (self.starts, self.finishes) = (starts, finishes)
    let height = Int(row.kernel.variant.dropLast(2))!
    self.height = height
    bounds = Bounds.all[Int(seed / 8) % Bounds.all.count]
    padded = vectors * row.lanes
    // In pairs.
    streams = finishes && columns == padded && seed % 7 < 3
    (xStride, partialStride) = (padded + 1, padded + 3)
    yStride = streams ? padded + row.lanes : columns + 5
    var x = generator.narrow(2 * Self.inputs * xStride)
    if hasNaN(seed) { x[2 * (columns - 1) + Int(seed / 5 % 2)] = BFloat16(nearest: Float.nan) }
    var (weights, indices): ([BFloat16], [UInt16]) = ([], [])
    for count in steps {
      let quads = (count + 3) / 4 * 4
      weights += generator.narrow(2 * count * height)
      indices += (0..<count).map { _ in UInt16.random(in: 0..<9, using: &generator) }
      // Padding of a strip is not executed.
      weights += [BFloat16](
        repeating: BFloat16(nearest: Float.nan), count: 2 * (quads - count) * height)
      indices += [UInt16](repeating: .max, count: quads - count)
    }
    let order = Array(0..<steps.count).shuffled(using: &generator)
    rows = order.map { UInt32($0 * height) }
    groups = stripGroups(steps)
    let outputs = steps.count * height
    bias = generator.values(outputs)
    let old: [Float] = generator.values(max((outputs - 1) * partialStride + padded, 0))
    partial = old
    y = [Float](repeating: Float(untouched), count: max((outputs - 1) * yStride + columns, 0))
    var expected = (finishes ? y : partial).map { Expected(exactly: $0) }
    var step = 0
    for (s, count) in steps.enumerated() {
      for r in 0..<height {
        let i = Int(rows[s]) + r
        for c in 0..<(finishes ? columns : padded) {
          var sum = ExactSum<Float>()
          sum.add(starts ? bias[i] : old[i * partialStride + c])
          for k in step..<(step + count) {
            for j in 0..<2 {
              sum.add(
                weights[2 * (k * height + r) + j].widened,
                times: x[2 * (Int(indices[k]) * xStride + c) + j].widened)
            }
          }
          expected[i * (finishes ? yStride : partialStride) + c] = sum.expected(
            finishes ? bounds : .none)
        }
      }
      step += (count + 3) / 4 * 4
    }
    (self.x, self.weights, self.indices, self.expected) = (x, weights, indices, expected)
  }

  func check(_ row: KernelRow, _ side: GuardedMemory.Side) {
    let name =
      "\(vectors) registers, \(columns) columns, steps \(steps), bias \(starts), "
      + "finishes \(finishes), streams \(streams), \(bounds), seed \(seed)"
    GuardedMemory.with(side) { memory in
      let (x, weights, bias) = (memory.copy(x), memory.copy(weights), memory.copy(bias))
      // One quad of indices and eight rows more may be read.
      let indices = memory.copy(self.indices + [UInt16](repeating: .max, count: 4))
      let rows = memory.copy(self.rows + [UInt32](repeating: .max, count: 8))
      let groups = memory.copy(self.groups)
      row.conform(to: expected, from: finishes ? y : partial, side, name) { kernel, output in
        // The output that this region does not write is only read.
        let other = memory.copy(finishes ? partial : y)
        var arguments = lcn_spmm_args(
          x: x, xStride: Int64(4 * xStride), weights: weights, indices: indices, groups: groups,
          groupCount: Int64(self.groups.count / 2), rows: rows,
          partial: finishes ? other : output, partialStride: Int64(4 * partialStride),
          y: finishes ? output : other, yStride: Int64(4 * yStride), residual: nil, bias: bias,
          lower: bounds.lower, upper: bounds.upper, columns: Int64(columns),
          vectors: Int32(vectors * row.kernel.vectorBytes / kernel.vectorBytes),
          strip: Int32(height), startsFromBias: starts ? 1 : 0, finishes: finishes ? 1 : 0,
          fetchesTarget: finishes && seed % 5 < 3 ? 1 : 0, fetchesResidual: 0,
          streams: streams ? 1 : 0,
          next: lcn_next_rows(),
          quads: lcn_quad_scales())
        kernel.call(&arguments)
      }
    }
  }
}

/// Every bit of a panel: rounding is to the nearest, ties to even.
func sweepPairPanels(_ row: KernelRow) {
  let isColumns = row.kernel.variant == "columns"
  var generator = SeededGenerator(seed: 901)
  for inputs in [0, 1, 2, 15, 16, 17, 31, 32, 33, 67] {
    for columns in [0, 1, row.lanes - 1, row.lanes, 2 * row.lanes + 1] {
      let padded = (columns + row.lanes - 1) / row.lanes * row.lanes
      for (sourceSlack, targetSlack) in [(0, 0), (1, 3)] {
        let (length, count) = isColumns ? (columns, inputs) : (inputs, columns)
        let (sourceStride, targetStride) = (length + sourceSlack, padded + targetSlack)
        var source: [Float] = generator.matrix(rows: count, columns: length, stride: sourceStride)
        // Halves of an ulp of bf16, and what no bf16 holds.
        for (i, value) in [1.00390625, 1.01171875, Float.infinity, -1e38, 3.4e38].enumerated()
        where length * count > 10 * (i + 1) {
          let place = 7 * i + 3
          source[place / length * sourceStride + place % length] = value
        }
        let pairs = (inputs + 1) / 2
        let target = [Word](
          repeating: Word(0xDEAD_BEEF), count: max((pairs - 1) * targetStride + padded, 0))
        var expected = target.map { Expected(exactly: $0) }
        for p in 0..<pairs {
          for c in 0..<padded {
            var bits: UInt32 = 0
            for j in 0..<2 where 2 * p + j < inputs && c < columns {
              let input = 2 * p + j
              let value = source[
                isColumns ? input * sourceStride + c : c * sourceStride + input]
              bits |= UInt32(BFloat16(nearest: value).bitPattern) << UInt32(16 * j)
            }
            expected[p * targetStride + c] = Expected(exactly: Word(bits))
          }
        }
        for side in GuardedMemory.Side.allCases {
          let name =
            "\(inputs) inputs, \(columns) columns, strides \(sourceStride), \(targetStride)"
          GuardedMemory.with(side) { memory in
            let from = memory.copy(source)
            row.conform(to: expected, from: target, side, name) { kernel, output in
              var arguments = lcn_pack_args(
                source: from, sourceStride: Int64(sourceStride), target: output,
                targetStride: Int64(targetStride), rows: Int64(inputs), columns: Int64(columns),
                paddedColumns: Int64(padded))
              kernel.call(&arguments)
            }
          }
        }
      }
    }
  }
}

/// The bits of a pair, compared exactly.
private struct Word: BitwiseCopyable, ComparedNumber {
  let bits: UInt32
  init(_ bits: UInt32) { self.bits = bits }
  var double: Double { Double(bits) }
}
