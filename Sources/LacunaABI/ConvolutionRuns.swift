// lcn_conv_run, lcn_conv_run_slice: the operands checked, then the kernel. Nothing is allocated.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations

@c @implementation
public func lcn_conv_run(
  _ conv: OpaquePointer?, _ x: UnsafeRawPointer?, _ residual: UnsafeRawPointer?,
  _ y: UnsafeMutableRawPointer?, _ images: Int64, _ workspace: UnsafeMutableRawPointer?,
  _ workspace_bytes: Int
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(conv, .convolution, as: ConvolutionCore.self) { (core) throws(Failure) in
      let workspace = try checkedWorkspace(
        workspace, workspace_bytes, wanted: core.workspaceBytes, "convolution")
      guard let images = try Images(core, x, residual, y, images) else { return }
      if let workspace, core.threads == 1 {
        core.run(images.call, slice: 0, of: 1, workspace: workspace)
      } else {
        core.run(images.call)
      }
    }
  }
}

@c @implementation
public func lcn_conv_run_slice(
  _ conv: OpaquePointer?, _ slice: Int64, _ slices: Int64, _ x: UnsafeRawPointer?,
  _ residual: UnsafeRawPointer?, _ y: UnsafeMutableRawPointer?, _ images: Int64,
  _ workspace: UnsafeMutableRawPointer?, _ workspace_bytes: Int
) -> lcn_status {
  call { () throws(Failure) in
    try checkSlice(slice, slices)
    try HandleTable.use(conv, .convolution, as: ConvolutionCore.self) { (core) throws(Failure) in
      let workspace = try checkedWorkspace(
        workspace, workspace_bytes, wanted: core.workspaceBytes, "convolution")
      guard let images = try Images(core, x, residual, y, images) else { return }
      core.run(images.call, slice: Int(slice), of: Int(slices), workspace: workspace)
    }
  }
}

/// X, residual and Y of one run, checked.
private struct Images {
  let call: ConvolutionCall

  /// Nil when there is nothing to do.
  @inline(__always)
  init?(
    _ core: ConvolutionCore, _ x: UnsafeRawPointer?, _ residual: UnsafeRawPointer?,
    _ y: UnsafeMutableRawPointer?, _ images: Int64
  ) throws(Failure) {
    let count = try dimension(images, "images")
    if (residual != nil) != core.addsResidual && (residual != nil || count > 0) {
      throw residual == nil
        ? Failure(.nullPointer, "residual is NULL, but the convolution adds one")
        : Failure(.shapeMismatch, "residual is given, but the convolution adds none")
    }
    if count == 0 { return nil }
    let (xSize, ySize) = (core.types.activations.size, core.types.output.size)
    let xCount = try product(count, core.shape.inputCount, "x")
    let yCount = try product(count, core.shape.outputCount, "y")
    let from = try array(x, count: xCount, size: xSize, "x")
    let into = try mutableArray(y, count: yCount, size: ySize, "y")
    let added = try residual.map { (r) throws(Failure) in
      try array(r, count: yCount, size: ySize, "residual")
    }
    if overlap(from, xCount * xSize, UnsafeRawPointer(into), yCount * ySize) {
      throw Failure(.invalidArgument, "x and y overlap")
    }
    if let added, overlap(added, yCount * ySize, UnsafeRawPointer(into), yCount * ySize) {
      throw Failure(.invalidArgument, "residual and y overlap")
    }
    call = ConvolutionCall(x: from, y: into, residual: added, images: count)
  }
}
