// lcn_plan_run, lcn_plan_run_slice: the operands checked, then the kernel. Nothing is allocated.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations

@c @implementation
public func lcn_plan_run(
  _ plan: OpaquePointer?, _ x: UnsafeRawPointer?, _ x_stride: Int64,
  _ y: UnsafeMutableRawPointer?, _ y_stride: Int64, _ width: Int64,
  _ workspace: UnsafeMutableRawPointer?, _ workspace_bytes: Int
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
      guard let operands = try Operands(object, x, x_stride, y, y_stride, width) else { return }
      let workspace = try checkedWorkspace(
        workspace, workspace_bytes, wanted: object.workspaceBytes, "plan")
      if let workspace, object.threads == 1 {
        object.core.body.run(operands.call, slice: 0, of: 1, workspace: workspace)
      } else {
        object.core.run(operands.call)
      }
    }
  }
}

@c @implementation
public func lcn_plan_run_slice(
  _ plan: OpaquePointer?, _ slice: Int64, _ slices: Int64, _ x: UnsafeRawPointer?,
  _ x_stride: Int64, _ y: UnsafeMutableRawPointer?, _ y_stride: Int64, _ width: Int64,
  _ workspace: UnsafeMutableRawPointer?, _ workspace_bytes: Int
) -> lcn_status {
  call { () throws(Failure) in
    try checkSlice(slice, slices)
    try HandleTable.use(plan, .plan, as: PlanObject.self) { (object) throws(Failure) in
      guard let operands = try Operands(object, x, x_stride, y, y_stride, width) else { return }
      let workspace = try checkedWorkspace(
        workspace, workspace_bytes, wanted: object.workspaceBytes, "plan")
      if let workspace {
        object.core.body.run(
          operands.call, slice: Int(slice), of: Int(slices), workspace: workspace)
      } else {
        object.core.run(operands.call, slice: Int(slice), of: Int(slices))
      }
    }
  }
}

/// Refuses slices that are no share of anything.
func checkSlice(_ slice: Int64, _ slices: Int64) throws(Failure) {
  if slices < 1 || slices > Int64(mostSlices) {
    throw Failure(.invalidArgument, "slices is \(slices), must be in 1...\(mostSlices)")
  }
  if slice < 0 || slice >= slices {
    throw Failure(.invalidArgument, "slice is \(slice), must be in 0..<\(slices)")
  }
}

/// Scratch memory of the caller; nil when there is none: then the plan lends its own.
func checkedWorkspace(
  _ workspace: UnsafeMutableRawPointer?, _ bytes: Int, wanted: Int, _ name: StaticString
) throws(Failure) -> UnsafeMutableRawPointer? {
  guard let workspace else {
    if bytes != 0 { throw Failure(.nullPointer, "workspace is NULL, but \(bytes) bytes large") }
    return nil
  }
  if bytes >= 0 && bytes < wanted {
    throw Failure(
      .bufferTooSmall, "the workspace has \(bytes) bytes, the \(name) wants \(wanted)")
  }
  if Int(bitPattern: workspace) & 63 != 0 {
    throw Failure(.misaligned, "the workspace is not aligned to 64 bytes")
  }
  return workspace
}

/// X and Y of one run, checked.
private struct Operands {
  let call: ProductCall

  /// Nil when there is nothing to do.
  @inline(__always)
  init?(
    _ plan: PlanObject, _ x: UnsafeRawPointer?, _ xStride: Int64, _ y: UnsafeMutableRawPointer?,
    _ yStride: Int64, _ width: Int64
  ) throws(Failure) {
    let width = try dimension(width, "width")
    let xStride = try dimension(xStride, "x_stride")
    let yStride = try dimension(yStride, "y_stride")
    let columns = plan.layout == .columns
    let (xRows, xColumns) = columns ? (plan.columns, width) : (width, plan.columns)
    let (yRows, yColumns) = columns ? (plan.rows, width) : (width, plan.rows)
    if xStride < xColumns {
      throw Failure(.invalidStride, "x_stride is \(xStride), rows of X have \(xColumns) elements")
    }
    if yStride < yColumns {
      throw Failure(.invalidStride, "y_stride is \(yStride), rows of Y have \(yColumns) elements")
    }
    if yRows == 0 || yColumns == 0 { return nil }
    // Dimensions and strides are below 2³¹, so these sums stay below 2⁶³; bytes may not.
    let xCount = xRows == 0 ? 0 : (xRows - 1) * xStride + xColumns
    let yCount = (yRows - 1) * yStride + yColumns
    if xCount > Int.max / 16 || yCount > Int.max / 16 {
      throw Failure(.sizeOverflow, "X or Y does not fit the address space")
    }
    let (xSize, ySize) = (plan.xSize, plan.ySize)
    let from = try array(x, count: xCount, size: xSize, "x")
    let into = try mutableArray(y, count: yCount, size: ySize, "y")
    // Wrapping: a pointer from C can be any number.
    let distance = Int(bitPattern: into) &- Int(bitPattern: from)
    if overlap(from, xCount * xSize, UnsafeRawPointer(into), yCount * ySize),
      xStride * xSize != yStride * ySize
        || !interleave(distance, stride: xStride * xSize, xColumns * xSize, yColumns * ySize)
    {
      throw Failure(.invalidArgument, "X and Y overlap")
    }
    call = ProductCall(x: from, xStride: xStride, y: into, yStride: yStride, width: width)
  }
}

/// Whether rows of two arrays of one stride, whose starts are `distance` bytes apart, lie side by side.
private func interleave(_ distance: Int, stride: Int, _ xBytes: Int, _ yBytes: Int) -> Bool {
  let remainder = distance % stride
  let offset = remainder < 0 ? remainder + stride : remainder
  return offset >= xBytes && stride - offset >= yBytes
}
