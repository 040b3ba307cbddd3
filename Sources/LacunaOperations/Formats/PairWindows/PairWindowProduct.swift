// Y ← bound(W·X + bias) for few columns of X, which is rounded to bf16, and weights of bf16 in windows.

import CSIMD
import LacunaFormats

/// A product of bf16 by bf16 for few right-hand sides: ``PairWindowWeights`` by rows of bf16 that the first-level cache holds.
final class PairWindowProduct: ProductBody {
  let name: String
  private let weights: PairWindowWeights
  private let inputs: Int
  private let layout: ProductLayout
  private let epilogue: EpilogueValues
  private let kernel: Kernel, round: Kernel

  init(
    _ weights: PairWindowWeights, name: String, inputs: Int, layout: ProductLayout,
    epilogue: EpilogueValues, table: KernelTable
  ) {
    (self.weights, self.name, self.inputs) = (weights, name, inputs)
    (self.layout, self.epilogue) = (layout, epilogue)
    kernel = table.kernel(.pairWindow, types: .pairs)!
    round = table.kernel(.packPairs, variant: "line", types: .pairs)!
  }

  var packedBytes: Int { weights.byteCount }

  private static let mostSides = Int(LCN_PAIR_WINDOW_SIDES)
  /// Numbers from one right-hand side to the next.
  private var sideStride: Int { 64 * weights.windows }
  private var sumsOffset: Int { Self.mostSides * sideStride * 2 }
  private var lineOffset: Int { sumsOffset + Self.mostSides * resultStride * 4 }
  private var resultStride: Int { (weights.rows + 15) / 16 * 16 }

  /// Right-hand sides in bf16, results, and one side where it lies scattered.
  var workspaceBytes: Int { lineOffset + (inputs * 4 + 63) / 64 * 64 }

  func usefulSlices(width: Int) -> Int { max(1, weights.blocks) }

  func run(_ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer) {
    let first = weights.firstBlock(slice: slice, of: slices)
    let end = weights.firstBlock(slice: slice + 1, of: slices)
    if first == end { return }
    let rows = weights.rows(from: first, to: end)
    let x = workspace.assumingMemoryBound(to: UInt16.self)
    let results = (workspace + sumsOffset).assumingMemoryBound(to: Float.self)
    for start in stride(from: 0, to: call.width, by: Self.mostSides) {
      let count = min(Self.mostSides, call.width - start)
      for side in 0..<count {
        var arguments = lcn_pack_args(
          source: line(call, start + side, workspace), sourceStride: 0,
          target: UnsafeMutableRawPointer(x + side * sideStride), targetStride: 0, rows: 1,
          columns: Int64(inputs), paddedColumns: Int64(sideStride))
        round.call(&arguments)
      }
      var arguments = weights.arguments(
        block: first, x: UnsafePointer(x), xStride: sideStride, sides: count, epilogue: epilogue,
        y: results, yStride: resultStride, rows: rows)
      kernel.call(&arguments)
      for side in 0..<count {
        deliver(call, start + side, rows, results + side * resultStride)
      }
    }
  }

  /// A right-hand side in consecutive memory: where it lies, or copied.
  private func line(
    _ call: ProductCall, _ side: Int, _ workspace: UnsafeMutableRawPointer
  ) -> UnsafeRawPointer {
    if layout == .rows { return call.x + side * call.xStride * 4 }
    if call.xStride == 1 { return call.x }
    let from = call.x.assumingMemoryBound(to: Float.self) + side
    let copy = (workspace + lineOffset).assumingMemoryBound(to: Float.self)
    for j in 0..<inputs { copy[j] = from[j * call.xStride] }
    return UnsafeRawPointer(copy)
  }

  /// Results of one side go to their places in Y.
  private func deliver(
    _ call: ProductCall, _ side: Int, _ rows: Range<Int>, _ results: UnsafeMutablePointer<Float>
  ) {
    let step = layout == .columns ? call.yStride : 1
    let y =
      call.y.assumingMemoryBound(to: Float.self)
      + (layout == .columns
        ? rows.lowerBound * step + side : side * call.yStride + rows.lowerBound)
    epilogue.activate(
      UnsafeMutableRawPointer(results), rows: 1, columns: rows.count, stride: rows.count)
    if step == 1 {
      y.update(from: results, count: rows.count)
    } else {
      for i in 0..<rows.count { y[i * step] = results[i] }
    }
  }
}
