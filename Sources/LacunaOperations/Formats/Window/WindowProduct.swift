// Y ← bound(W·X + bias + β·Y) for few columns of X, with weights in the window format.

import CSIMD
import LacunaFormats

/// A product for one to about fifteen right-hand sides: weights are read once for up to eight of them,
/// and no instruction gathers.
final class WindowProduct: ProductBody {
  let weights: WindowWeights
  let layout: ProductLayout
  let epilogue: EpilogueValues
  private let kernel: Kernel
  private let pack: Kernel

  let name: String

  init(
    _ weights: WindowWeights, name: String, layout: ProductLayout, epilogue: EpilogueValues,
    table: KernelTable
  ) {
    (self.weights, self.name, self.layout, self.epilogue) = (weights, name, layout, epilogue)
    kernel = table.kernel(.window, variant: weights.geometry.variant, types: weights.types)!
    pack = table.kernel(.packWindows, dtype: weights.types.float)!
  }

  var packedBytes: Int { weights.byteCount }

  func valueSlots(_ numbers: StoredMatrix<Double>) -> ValueSlots? {
    // The geometry fitted the weights, so it fits their numbers.
    let numbered = numbers.windowWeights(weights.geometry)!
    return ValueSlots(
      memory: weights.values, weights.types.weights, packed: numbered.values,
      count: numbered.valueStarts[numbered.groups])
  }

  /// The window behind the last input is all zeros: idle steps stand there.
  private var packedBlocks: Int { weights.blocks + 2 }
  private var mostColumns: Int { kernel.mostVectors }

  var workspaceBytes: Int {
    64 + packedBlocks * weights.geometry.lanes * mostColumns * weights.types.activations.size
  }

  func usefulSlices(width: Int) -> Int { max(1, weights.groups) }

  func run(_ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer) {
    let first = weights.firstGroup(slice: slice, of: slices)
    let end = weights.firstGroup(slice: slice + 1, of: slices)
    if first == end { return }
    let passes = (call.width + mostColumns - 1) / mostColumns
    for pass in 0..<passes {
      let from = call.width * pass / passes
      multiply(
        call, column: from, count: call.width * (pass + 1) / passes - from, groups: first..<end,
        workspace: workspace)
    }
    if end - first == weights.groups {
      epilogue.activate(call, layout, rows: 0..<weights.rows, sides: 0..<call.width)
    } else {
      let lanes = weights.geometry.lanes
      weights.rowMap.withUnsafeBufferPointer {
        epilogue.activate(
          call, layout, rows: UnsafeBufferPointer(rebasing: $0[first * lanes..<end * lanes]))
      }
    }
  }

  private func multiply(
    _ call: ProductCall, column: Int, count: Int, groups: Range<Int>,
    workspace: UnsafeMutableRawPointer
  ) {
    let size = weights.types.activations.size
    let lanes = weights.geometry.lanes
    let x = workspace + 64
    let columns = layout == .columns
    var packing = lcn_window_pack_args(
      source: call.x + column * (columns ? 1 : call.xStride) * size,
      inputStride: Int64(columns ? call.xStride : 1),
      columnStride: Int64(columns ? 1 : call.xStride), target: x, inputs: Int64(weights.columns),
      blocks: Int64(packedBlocks), columns: Int32(count), lanes: Int32(lanes))
    pack.call(&packing)
    let bundle = weights.bundleStarts[groups.lowerBound]
    let step = bundle * weights.geometry.stepsPerBundle
    weights.bundles.withUnsafeBufferPointer { bundles in
      weights.rowMap.withUnsafeBufferPointer { rows in
        var arguments = lcn_window_args(
          x: UnsafeRawPointer(x),
          values: weights.values + weights.valueStarts[groups.lowerBound]
            * weights.types.weights.size,
          places: weights.places + bundle * lanes, bases: weights.bases + step,
          masks: weights.geometry.compressed ? weights.masks + step : weights.masks,
          bundles: bundles.baseAddress! + groups.lowerBound,
          rows: rows.baseAddress! + groups.lowerBound * lanes, groups: Int64(groups.count),
          y: call.y + column * (columns ? 1 : call.yStride) * size,
          yRow: Int64(columns ? call.yStride : 1), yColumn: Int64(columns ? 1 : call.yStride),
          bias: epilogue.bias, lower: epilogue.lower, upper: epilogue.upper, beta: call.beta,
          scratch: workspace, columns: Int32(count))
        kernel.call(&arguments)
      }
    }
  }
}
