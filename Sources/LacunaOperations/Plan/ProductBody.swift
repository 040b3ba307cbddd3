// One way to compute a product: packed weights plus the code that runs them.

import LacunaFormats

/// One call's operands. Strides in elements. Not checked: anything.
package struct ProductCall {
  package var x: UnsafeRawPointer
  package var xStride: Int
  package var y: UnsafeMutableRawPointer
  package var yStride: Int
  /// Right-hand sides: columns of X, or rows of it in the layout `.rows`.
  package var width: Int
  /// What the result starts from besides the bias: beta · Y. 0 does not read Y.
  package var beta: Double = 0
  /// Where the rows of X lie when they are not evenly spaced.
  package var taps: RowTaps?
  /// Whether X and Y come from behind the second-level cache, for other reasons than their own size.
  package var isFar: Bool
  /// Whether results go past the caches.
  package var streams = false
  /// The X of the product that comes next, whose rows are as far apart.
  package var following: UnsafeRawPointer?

  package init(
    x: UnsafeRawPointer, xStride: Int, y: UnsafeMutableRawPointer, yStride: Int, width: Int,
    beta: Double = 0, taps: RowTaps? = nil, isFar: Bool = false
  ) {
    (self.x, self.xStride, self.y, self.yStride) = (x, xStride, y, yStride)
    (self.width, self.beta, self.taps, self.isFar) = (width, beta, taps, isFar)
  }
}

/// Rows of X in groups, each with as many: row `r` starts at element `offsets[r / rows] + (r % rows) · xStride`.
///
/// The patches of a stride-1 convolution are such a matrix: one group per kernel position, one row
/// per channel, each a shifted view of the same image. Rows may overlap, so nothing has to be
/// copied.
package struct RowTaps {
  package let offsets: UnsafePointer<Int>
  package let rows: Int

  package init(offsets: UnsafePointer<Int>, rows: Int) {
    (self.offsets, self.rows) = (offsets, rows)
  }
}

/// Packed weights and the code for them: what a plan chooses among.
///
/// A body holds no state of a call, so any number of threads may run it at once, each with its own
/// workspace. Splitting a call into more slices must not change a bit of the result.
package protocol ProductBody: AnyObject, Sendable {
  /// What the plan's description calls it, such as "spmm-4x1".
  var name: String { get }
  /// Bytes of weights, indices and tables that one run reads.
  var packedBytes: Int { get }
  /// Bytes that each concurrent slice needs as workspace, 64-byte aligned.
  var workspaceBytes: Int { get }
  /// Whether calls may have ``ProductCall/taps``.
  var readsTaps: Bool { get }
  /// Where the weights lie, found by packing `numbers` as the weights were packed: the same pattern,
  /// each value its number in the source. Nil for weights whose values stay.
  func valueSlots(_ numbers: StoredMatrix<Double>) -> ValueSlots?
  /// How many slices of a call this wide can work at once without idling.
  func usefulSlices(width: Int) -> Int
  /// Does share number `slice` of the work.
  func run(
    _ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer)
}

extension ProductBody {
  package var readsTaps: Bool { false }
  package func valueSlots(_ numbers: StoredMatrix<Double>) -> ValueSlots? { nil }
}

/// Bias and bounds as raw values of the element type, for kernels.
// Sound to share: nothing changes after the initialiser.
package final class EpilogueValues: @unchecked Sendable {
  /// `rows` values, zeros when there is no bias.
  package let bias: UnsafeMutableRawPointer
  /// What the kernels of products clamp to.
  package let lower: Double, upper: Double
  package let hasBias: Bool
  /// The activation that is no clamp: see ``activate(_:rows:columns:stride:)``.
  let function: Kernel?
  let dtype: DType

  package init<Scalar: SparseScalar>(
    _ epilogue: Epilogue<Scalar>, rows: Int, table: KernelTable
  ) {
    let values = UnsafeMutablePointer<Scalar>.allocate(capacity: max(rows, 1))
    values.initialize(repeating: 0, count: max(rows, 1))
    if let bias = epilogue.bias { for i in 0..<rows { values[i] = bias[i] } }
    self.bias = UnsafeMutableRawPointer(values)
    (lower, upper) = epilogue.activation.bounds
    hasBias = epilogue.bias != nil
    function = epilogue.activation.kernelVariant.map {
      table.kernel(.activation, variant: $0, dtype: Scalar.dtype)!
    }
    dtype = Scalar.dtype
  }

  deinit { bias.deallocate() }

  package var bounds: Bool { lower > -.infinity || upper < .infinity }
}
