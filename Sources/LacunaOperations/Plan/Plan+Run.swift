// Running a plan: checked with matrices, unchecked with pointers, or slice by slice.

import LacunaFormats

extension Plan {
  /// Y ← activation(W·X + bias).
  ///
  /// - Parameters:
  ///   - x: [columns, n] in the layout `.columns`, [n, columns] in the layout `.rows`.
  ///   - y: [rows, n] or [n, rows]. Must not be the same matrix as `x`.
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  /// - Complexity: O(nnz · n) for a sparse kernel.
  public func run(
    _ x: DenseMatrix<Scalar>, into y: inout DenseMatrix<Scalar>
  ) throws(OperationError) {
    try run(x, into: &y, beta: 0)
  }

  /// Y ← activation(W·X + bias + beta·Y).
  func run(
    _ x: DenseMatrix<Scalar>, into y: inout DenseMatrix<Scalar>, beta: Double
  ) throws(OperationError) {
    let width = try core.checkShapes(x: (x.rows, x.columns), y: (y.rows, y.columns))
    let (xStride, yStride) = (x.rowStride, y.rowStride)
    x.withUnsafeElements { from in
      y.withUnsafeMutableElements { into in
        let call = ProductCall(
          x: UnsafeRawPointer(from.baseAddress!), xStride: xStride,
          y: UnsafeMutableRawPointer(into.baseAddress!), yStride: yStride, width: width,
          beta: beta)
        core.run(call)
      }
    }
  }

  /// The same on raw memory. Allocates nothing. Not checked: anything.
  ///
  /// - Parameters:
  ///   - stride: elements from one row of X to the next; the second `stride` is Y's.
  ///   - width: number of right-hand sides.
  public func run(
    _ x: UnsafePointer<Scalar>, stride xStride: Int, into y: UnsafeMutablePointer<Scalar>,
    stride yStride: Int, width: Int
  ) {
    let call = ProductCall(
      x: UnsafeRawPointer(x), xStride: xStride, y: UnsafeMutableRawPointer(y), yStride: yStride,
      width: width)
    core.run(call)
  }

  /// Share number `slice` of `slices` of the same work, for callers with threads of their own. All
  /// shares together compute Y, each a part of it that no other touches. Not checked: anything.
  public func run(
    slice: Int, of slices: Int, _ x: UnsafePointer<Scalar>, stride xStride: Int,
    into y: UnsafeMutablePointer<Scalar>, stride yStride: Int, width: Int
  ) {
    let call = ProductCall(
      x: UnsafeRawPointer(x), xStride: xStride, y: UnsafeMutableRawPointer(y), yStride: yStride,
      width: width)
    core.run(call, slice: slice, of: slices)
  }

  /// How many slices of a call this wide can work at once without idling.
  public func usefulSlices(width: Int) -> Int { body.usefulSlices(width: width) }
}

/// One call, and who works on it: what a pool's task finds behind its context pointer.
private struct SlicedCall {
  let call: ProductCall
  let body: any ProductBody
  let workspaces: WorkspacePool
  let slices: Int
}

/// Runs a call in up to `threads` slices, on as many threads of the process's pool. When that has
/// fewer, a thread takes one slice after the other: who asks for more threads than there are
/// processors gets the same bits, and no threads of his own.
func execute(
  _ call: ProductCall, body: any ProductBody, threads: Int, workspaces: WorkspacePool
) {
  if call.width <= 0 { return }
  let work = body.packedBytes / 6 * call.width
  let slices =
    threads == 1 || work < ThreadPool.smallWork
    ? 1 : min(threads, body.usefulSlices(width: call.width))
  if slices <= 1 {
    let workspace = workspaces.borrow()
    body.run(call, slice: 0, of: 1, workspace: workspace)
    workspaces.giveBack(workspace)
    return
  }
  var sliced = SlicedCall(
    call: call, body: body, workspaces: workspaces, slices: slices)
  withUnsafeMutablePointer(to: &sliced) { context in
    ThreadPool.shared.run(tasks: slices, limit: threads, context: context) { context, slice in
      let sliced = context.assumingMemoryBound(to: SlicedCall.self)
      let workspace = sliced.pointee.workspaces.borrow()
      sliced.pointee.body.run(
        sliced.pointee.call, slice: slice, of: sliced.pointee.slices, workspace: workspace)
      sliced.pointee.workspaces.giveBack(workspace)
    }
  }
}
