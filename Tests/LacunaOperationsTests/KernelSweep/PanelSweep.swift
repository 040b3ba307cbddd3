// Panels: rows or columns of X copied to padded rows, and columns of X cut into the windows'
// blocks.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepPanels<Scalar: SweepScalar>(_ row: KernelRow, transposed: Bool, _: Scalar.Type) {
  let lanes = row.lanes
  var generator = SeededGenerator(seed: 200)
  // Four registers are copied at a time; transposing begins another visit after 256 columns.
  let widths =
    [0, 1, lanes - 1, lanes, lanes + 1, 4 * lanes, 5 * lanes + 1] + (transposed ? [259] : [])
  // Three rows that lie together are separated.
  for rows in Set([0, 1, 3, lanes - 1, lanes, lanes + 1, 30]).sorted() {
    for columns in Set(widths).sorted() {
      let whole = (columns + lanes - 1) / lanes * lanes
      let paddings =
        transposed ? [columns, columns + 1, whole + lanes] : [whole, whole + 2 * lanes]
      for padded in paddings {
        // Transposed rows a multiple of 4 KB apart share a set of the cache and have a walk of their own.
        let colliding = transposed ? [(0, 4096 / MemoryLayout<Scalar>.size - padded)] : []
        for (sourceSlack, targetSlack) in [(0, 0), (1, 3), (0, 300)] + colliding {
          let (length, count) = transposed ? (rows, columns) : (columns, rows)
          let (sourceStride, targetStride) = (length + sourceSlack, padded + targetSlack)
          let source: [Scalar] = generator.matrix(
            rows: count, columns: length, stride: sourceStride)
          let target = [Scalar](
            repeating: Scalar(untouched), count: max((rows - 1) * targetStride + padded, 0))
          var expected = target.map { Expected(exactly: $0) }
          for j in 0..<rows {
            for c in 0..<padded {
              let from = transposed ? c * sourceStride + j : j * sourceStride + c
              expected[j * targetStride + c] = Expected(exactly: c < columns ? source[from] : 0)
            }
          }
          for side in GuardedMemory.Side.allCases {
            let name =
              "\(rows) rows of \(columns) padded to \(padded), "
              + "strides \(sourceStride), \(targetStride)"
            GuardedMemory.with(side) { memory in
              let from = memory.copy(source)
              row.conform(to: expected, from: target, side, name) { kernel, output in
                var arguments = lcn_pack_args(
                  source: from, sourceStride: Int64(sourceStride), target: output,
                  targetStride: Int64(targetStride), rows: Int64(rows), columns: Int64(columns),
                  paddedColumns: Int64(padded))
                kernel.call(&arguments)
              }
            }
          }
        }
      }
    }
  }
}

func sweepWindowPanels<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var generator = SeededGenerator(seed: 201)
  for lanes in [8, 16] {
    for inputs in [0, 1, lanes - 1, lanes, lanes + 1, 3 * lanes + 5] {
      for columns in [1, 2, 5, 8] {
        // As rows of X, one per input, or as rows of X, one per column.
        for (inputStride, columnStride) in [(columns + 3, 1), (1, inputs + 1)] {
          let count =
            inputs == 0 ? 0 : (inputs - 1) * inputStride + (columns - 1) * columnStride + 1
          let source: [Scalar] = generator.values(count)
          let blocks = (inputs + lanes - 1) / lanes + 2
          let target = [Scalar](repeating: Scalar(untouched), count: blocks * columns * lanes)
          var expected = target.map { Expected(exactly: $0) }
          for b in 0..<blocks {
            for c in 0..<columns {
              for l in 0..<lanes {
                let j = b * lanes + l
                expected[(b * columns + c) * lanes + l] = Expected(
                  exactly: j < inputs ? source[j * inputStride + c * columnStride] : 0)
              }
            }
          }
          for side in GuardedMemory.Side.allCases {
            let name = "\(inputs) inputs, \(columns) columns, \(lanes) lanes, stride \(inputStride)"
            GuardedMemory.with(side) { memory in
              let from = memory.copy(source)
              row.conform(to: expected, from: target, side, name) { kernel, output in
                var arguments = lcn_window_pack_args(
                  source: from, inputStride: Int64(inputStride), columnStride: Int64(columnStride),
                  target: output, inputs: Int64(inputs), blocks: Int64(blocks),
                  columns: Int32(columns), lanes: Int32(lanes))
                kernel.call(&arguments)
              }
            }
          }
        }
      }
    }
  }
}
