// Rows of images on their way into tiles and out of panels, exactly: nothing beside them is written.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepImageRows<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  let lanes = row.lanes
  var generator = SeededGenerator(seed: 210)
  for columns in [0, 1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 3, 4 * lanes + 1] {
    for step in [1, 2, 3] {
      for (leading, behind) in [(0, 0), (1, 0), (0, 1), (2, lanes), (lanes + 1, 3)] {
        let least = leading + columns + behind
        for width in Set([least, (least + lanes - 1) / lanes * lanes]).sorted() {
          for (channels, rows) in [(1, 1), (3, 1), (2, 3)] {
            let length = columns == 0 ? 0 : (columns - 1) * step + 1
            let (sourceRow, targetRow) = (length + 5, width + 2)
            let (sourceStride, targetStride) = (rows * sourceRow + 1, rows * targetRow + 3)
            let source: [Scalar] = generator.matrix(
              rows: 1, columns: (channels - 1) * sourceStride + (rows - 1) * sourceRow + length,
              stride: channels * sourceStride)
            let target = [Scalar](
              repeating: Scalar(untouched),
              count: (channels - 1) * targetStride + (rows - 1) * targetRow + width)
            var expected = target.map { Expected(exactly: $0) }
            for channel in 0..<channels {
              for i in 0..<rows {
                for c in 0..<width {
                  let from = channel * sourceStride + i * sourceRow + (c - leading) * step
                  expected[channel * targetStride + i * targetRow + c] = Expected(
                    exactly: (leading..<leading + columns).contains(c) ? source[from] : 0)
                }
              }
            }
            for side in GuardedMemory.Side.allCases {
              GuardedMemory.with(side) { memory in
                let from = memory.copy(source)
                row.conform(
                  to: expected, from: target, side,
                  "\(leading), \(columns) of step \(step), \(width) in all, \(channels)×\(rows) rows"
                ) { kernel, output in
                  var arguments = lcn_image_pack_args(
                    source: from, sourceStride: Int64(sourceStride), sourceRow: Int64(sourceRow),
                    step: Int64(step), target: output, targetStride: Int64(targetStride),
                    targetRow: Int64(targetRow), channels: Int64(channels), rows: Int64(rows),
                    leading: Int64(leading), columns: Int64(columns), width: Int64(width))
                  kernel.call(&arguments)
                }
              }
            }
          }
        }
      }
    }
  }
}

func sweepUnpackedRows<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  let lanes = row.lanes
  var generator = SeededGenerator(seed: 211)
  for kept in [1, 3, lanes - 1, lanes, lanes + 1, 3 * lanes + 1] {
    for gap in [0, 2, lanes] {
      let line = kept + gap
      for first in Set([0, 1, kept - 1, kept, line - 1]) where (0..<line).contains(first) {
        for columns in [1, kept, line + 1, 3 * line] {
          let (rows, targetLine) = (3, kept + 4)
          let lines = (first + columns + line - 1) / line
          let (sourceStride, targetStride) = (columns + 1, lines * targetLine)
          let source: [Scalar] = generator.matrix(
            rows: rows, columns: columns, stride: sourceStride)
          let target = [Scalar](repeating: Scalar(untouched), count: rows * targetStride)
          var expected = target.map { Expected(exactly: $0) }
          for j in 0..<rows {
            for c in 0..<columns {
              let (l, p) = (first + c).quotientAndRemainder(dividingBy: line)
              if p < kept {
                expected[j * targetStride + l * targetLine + p] = Expected(
                  exactly: source[j * sourceStride + c])
              }
            }
          }
          for side in GuardedMemory.Side.allCases {
            GuardedMemory.with(side) { memory in
              let from = memory.copy(source)
              row.conform(
                to: expected, from: target, side,
                "\(columns) from \(first) on in lines of \(kept) of \(line)"
              ) { kernel, output in
                var arguments = lcn_image_unpack_args(
                  source: from, sourceStride: Int64(sourceStride), target: output,
                  targetStride: Int64(targetStride), targetLine: Int64(targetLine),
                  rows: Int64(rows), columns: Int64(columns), first: Int64(first),
                  kept: Int64(kept), line: Int64(line))
                kernel.call(&arguments)
              }
            }
          }
        }
      }
    }
  }
}
