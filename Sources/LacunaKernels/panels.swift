// target[j, 0..<p] ← source[j, 0..<n] padded with zeros; or source transposed; or back.

import CSIMD

@inline(__always)
private func copyRows<T: BitwiseCopyable & ExpressibleByIntegerLiteral>(
  _ a: UnsafePointer<lcn_pack_args>, _: T.Type
) {
  let (columns, padded) = (Int(a.pointee.columns), Int(a.pointee.paddedColumns))
  for j in 0..<Int(a.pointee.rows) {
    let source = a.pointee.source.assumingMemoryBound(to: T.self) + j &* Int(a.pointee.sourceStride)
    let target = a.pointee.target.assumingMemoryBound(to: T.self) + j &* Int(a.pointee.targetStride)
    for c in 0..<columns { target[c] = source[c] }
    for c in columns..<padded { target[c] = 0 }
  }
}

/// target[j, c] ← source[c, j]: `source` has `columns` rows of `rows` elements.
@inline(__always)
private func transposeRows<T: BitwiseCopyable & ExpressibleByIntegerLiteral>(
  _ a: UnsafePointer<lcn_pack_args>, _: T.Type
) {
  let (columns, padded) = (Int(a.pointee.columns), Int(a.pointee.paddedColumns))
  let (source, target) = (
    a.pointee.source.assumingMemoryBound(to: T.self),
    a.pointee.target.assumingMemoryBound(to: T.self)
  )
  let (sourceStride, targetStride) = (Int(a.pointee.sourceStride), Int(a.pointee.targetStride))
  for j in 0..<Int(a.pointee.rows) {
    for c in 0..<columns { target[j &* targetStride &+ c] = source[c &* sourceStride &+ j] }
    for c in columns..<padded { target[j &* targetStride &+ c] = 0 }
  }
}

public func packRowsF32(_ a: UnsafePointer<lcn_pack_args>) { copyRows(a, Float.self) }
public func packRowsF64(_ a: UnsafePointer<lcn_pack_args>) { copyRows(a, Double.self) }
public func packTransposedF32(_ a: UnsafePointer<lcn_pack_args>) { transposeRows(a, Float.self) }
public func packTransposedF64(_ a: UnsafePointer<lcn_pack_args>) { transposeRows(a, Double.self) }

public func packRowsReferenceF32(_ a: UnsafePointer<lcn_pack_args>) { copyRows(a, Float.self) }
public func packRowsReferenceF64(_ a: UnsafePointer<lcn_pack_args>) { copyRows(a, Double.self) }
public func packTransposedReferenceF32(_ a: UnsafePointer<lcn_pack_args>) {
  transposeRows(a, Float.self)
}
public func packTransposedReferenceF64(_ a: UnsafePointer<lcn_pack_args>) {
  transposeRows(a, Double.self)
}
