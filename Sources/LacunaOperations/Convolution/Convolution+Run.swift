// Running a convolution: checked with arrays, unchecked with pointers, or slice by slice.

import LacunaFormats

extension Convolution {
  /// activation(W ∗ X + bias + residual) as a new array, for as many images as `x` holds.
  ///
  /// - Parameters:
  ///   - x: packed images of the plan's shape and layout.
  ///   - residual: as many results as there are images; nil for a plan that adds none.
  /// - Throws: as ``run(_:residual:into:)``.
  public func callAsFunction(
    _ x: [Scalar], residual: [Scalar]? = nil
  ) throws(OperationError) -> [Scalar] {
    var y = [Scalar](repeating: 0, count: x.count / shape.inputCount * shape.outputCount)
    var into = y.mutableSpan
    if let residual {
      try run(x.span, residual: residual.span, into: &into)
    } else {
      try run(x.span, into: &into)
    }
    return y
  }

  /// Y ← activation(W ∗ X + bias + residual) in the caller's memory, which may be that of any container. Allocates
  /// nothing.
  ///
  /// - Parameters:
  ///   - x: packed images of the plan's shape and layout.
  ///   - residual: as many results as there are images; nil for a plan that adds none.
  ///   - y: the results, overwritten.
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)`` for spans that do not hold whole
  ///   images, or not as many of them, ``ConvolutionError/residual(expected:)``; then nothing was written.
  /// - Complexity: O(stored · pixels) for a sparse kernel.
  public func run(
    _ x: Span<Scalar>, residual: Span<Scalar>? = nil, into y: inout MutableSpan<Scalar>
  ) throws(OperationError) {
    let count = x.count / shape.inputCount
    try expect("X", "elements", count * shape.inputCount, x.count)
    try expect("Y", "elements", count * shape.outputCount, y.count)
    if (residual != nil) != addsResidual { throw .convolution(.residual(expected: addsResidual)) }
    if let residual {
      try expect("the residual", "elements", count * shape.outputCount, residual.count)
    }
    if count == 0 { return }
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        let (from, into) = (x.baseAddress!, y.baseAddress!)
        if let residual {
          residual.withUnsafeBufferPointer {
            run(from, residual: $0.baseAddress!, into: into, images: count)
          }
        } else {
          run(from, into: into, images: count)
        }
      }
    }
  }

  /// The same on raw memory. Allocates nothing. Not checked: anything.
  ///
  /// - Parameters:
  ///   - residual: results to add; must not be `y`, and has to be there exactly when the plan adds one.
  ///   - images: packed images at `x`, as many results at `y`.
  public func run(
    _ x: UnsafePointer<Scalar>, residual: UnsafePointer<Scalar>? = nil,
    into y: UnsafeMutablePointer<Scalar>, images: Int
  ) {
    core.run(call(x, residual, y, images))
  }

  /// Share number `slice` of `slices` of the same work, for callers with threads of their own. All shares together
  /// compute Y, each a part of it that no other touches. Not checked: anything.
  ///
  /// - Parameter workspace: ``workspaceBytes`` bytes, 64-byte aligned, that no other call uses; nil borrows from the
  ///   plan.
  public func run(
    slice: Int, of slices: Int, _ x: UnsafePointer<Scalar>,
    residual: UnsafePointer<Scalar>? = nil, into y: UnsafeMutablePointer<Scalar>, images: Int,
    workspace: UnsafeMutableRawPointer? = nil
  ) {
    core.run(call(x, residual, y, images), slice: slice, of: slices, workspace: workspace)
  }

  private func call(
    _ x: UnsafePointer<Scalar>, _ residual: UnsafePointer<Scalar>?,
    _ y: UnsafeMutablePointer<Scalar>, _ images: Int
  ) -> ConvolutionCall {
    ConvolutionCall(
      x: UnsafeRawPointer(x), y: UnsafeMutableRawPointer(y),
      residual: addsResidual ? residual.map { UnsafeRawPointer($0) } : nil, images: images)
  }
}
