// Y ← bound(W·X + bias) with dense weights: OpenBLAS, then bias and bounds while the tile is in
// cache.

import LacunaFormats

/// A product whose weights are dense: the candidate that every sparse kernel has to beat.
// Sound to share: nothing changes after the initialiser.
package final class DenseProduct: ProductBody, @unchecked Sendable {
  private let weights: UnsafeMutableRawPointer
  private let dtype: DType
  private let rows: Int, columns: Int
  private let layout: ProductLayout
  private let epilogue: EpilogueValues

  package var name: String { "dense" }

  /// `fill` receives zeroed memory for `rows`×`columns` weights without padding between rows.
  init(
    rows: Int, columns: Int, dtype: DType, layout: ProductLayout, epilogue: EpilogueValues,
    fill: (UnsafeMutableRawPointer) -> Void
  ) {
    (self.rows, self.columns, self.dtype) = (rows, columns, dtype)
    (self.layout, self.epilogue) = (layout, epilogue)
    let bytes = max(rows * columns * dtype.size, 64)
    weights = .allocate(byteCount: bytes, alignment: 64)
    weights.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    fill(weights)
  }

  deinit { weights.deallocate() }

  package var packedBytes: Int { rows * columns * dtype.size }
  package var workspaceBytes: Int { 0 }

  package func valueSlots(_ numbers: StoredMatrix<Double>) -> ValueSlots? {
    let dense = AlignedBuffer<Double>(count: rows * columns)
    numbers.writeDense(to: UnsafeMutableRawPointer(dense.pointer))
    return ValueSlots(memory: weights, NumberType(dtype), packed: dense.pointer, count: dense.count)
  }

  /// Output rows of one call of OpenBLAS: a function of the shape alone, because OpenBLAS may round
  /// an element differently when the call has another shape. Four cuts at most of 384 rows at
  /// least: calls of 256 rows cost up to 8 % when there are few right-hand sides.
  private var rowsPerCall: Int {
    let calls = max(1, min(4, rows / 384))
    return max(64, ((rows + calls - 1) / calls + 63) / 64 * 64)
  }

  package func usefulSlices(width: Int) -> Int { (rows + rowsPerCall - 1) / rowsPerCall }

  package func run(
    _ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    if call.width == 0 { return }
    BLAS.onOneThread { runOnThisThread(call, slice: slice, of: slices) }
  }

  private func runOnThisThread(_ call: ProductCall, slice: Int, of slices: Int) {
    let calls = usefulSlices(width: call.width)
    for number in (calls * slice / slices)..<(calls * (slice + 1) / slices) {
      let first = number * rowsPerCall
      let m = min(rowsPerCall, rows - first)
      // Without columns there is nothing to sum: only beta · Y and the epilogue remain.
      if columns > 0 {
        switch dtype {
        case .f32: multiply(call, first: first, m: m, as: Float.self)
        case .f64: multiply(call, first: first, m: m, as: Double.self)
        }
      }
      if epilogue.hasBias || epilogue.bounds || columns == 0 {
        finish(call, first: first, count: m, clearing: columns == 0)
      }
      epilogue.activate(call, layout, rows: first..<(first + m), sides: 0..<call.width)
    }
  }

  @inline(__always)
  private func multiply<T: LinearScalar>(_ call: ProductCall, first: Int, m: Int, as _: T.Type) {
    let w = UnsafePointer(weights.assumingMemoryBound(to: T.self) + first * columns)
    let x = call.x.assumingMemoryBound(to: T.self)
    let y = call.y.assumingMemoryBound(to: T.self)
    switch layout {
    case .columns where call.width == 1 && call.xStride == 1 && call.yStride == 1:
      T.product(m: m, n: columns, a: w, lda: columns, x: x, beta: T(call.beta), y: y + first)
    case .columns:
      T.product(
        m: m, n: call.width, k: columns, alpha: 1, a: w, lda: columns, transposeA: false, b: x,
        ldb: call.xStride, transposeB: false, beta: T(call.beta), c: y + first * call.yStride,
        ldc: call.yStride)
    case .rows where call.width == 1:
      T.product(m: m, n: columns, a: w, lda: columns, x: x, beta: T(call.beta), y: y + first)
    case .rows:
      T.product(
        m: call.width, n: m, k: columns, alpha: 1, a: x, lda: call.xStride, transposeA: false,
        b: w, ldb: columns, transposeB: true, beta: T(call.beta), c: y + first,
        ldc: call.yStride)
    }
  }

  /// Adds the bias and bounds the results of `count` output rows.
  private func finish(_ call: ProductCall, first: Int, count: Int, clearing: Bool) {
    switch dtype {
    case .f32: finishRows(call, first: first, count: count, clearing: clearing, as: Float.self)
    case .f64: finishRows(call, first: first, count: count, clearing: clearing, as: Double.self)
    }
  }

  private func finishRows<T: SparseScalar>(
    _ call: ProductCall, first: Int, count: Int, clearing: Bool, as _: T.Type
  ) {
    let y = call.y.assumingMemoryBound(to: T.self)
    let bias = epilogue.bias.assumingMemoryBound(to: T.self) + first
    let (lower, upper, beta) = (T(epilogue.lower), T(epilogue.upper), T(call.beta))
    func result(_ old: T, _ bias: T) -> T {
      let sum = (clearing ? (beta == 0 ? 0 : beta * old) : old) + bias
      // As the kernels' `bounded`: NaN passes.
      let raised = lower > sum ? lower : sum
      return upper < raised ? upper : raised
    }
    if layout == .columns {
      for i in 0..<count {
        let row = y + (first + i) * call.yStride
        for c in 0..<call.width { row[c] = result(row[c], bias[i]) }
      }
    } else {
      for c in 0..<call.width {
        let row = y + c * call.yStride + first
        for i in 0..<count { row[i] = result(row[i], bias[i]) }
      }
    }
  }
}
