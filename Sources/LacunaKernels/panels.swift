// target[j, 0..<p] ← source[j, 0..<n] padded with zeros; or source transposed; or back.

import CSIMD

/// Rows that are asked for ahead of the copy: their distance defeats the hardware's prefetcher.
private let prefetchDistance = 12

@inline(__always)
private func copyRows<V: KernelVector>(_ a: UnsafePointer<lcn_pack_args>, _: V.Type) {
  let size = MemoryLayout<V.Scalar>.size
  let columns = Int(a.pointee.columns)
  let (full, tail) = (columns / V.count, columns % V.count)
  let used = full &+ (tail > 0 ? 1 : 0)
  let vectors = max(Int(a.pointee.paddedColumns) / V.count, used)
  let (sourceStep, targetStep) = (
    Int(a.pointee.sourceStride) &* size, Int(a.pointee.targetStride) &* size
  )
  var source = a.pointee.source
  var target = a.pointee.target
  for _ in 0..<Int(a.pointee.rows) {
    let later = source + prefetchDistance &* sourceStep
    var t = 0
    while t &+ 4 <= full {
      lcn_prefetch(later + t &* V.count &* size)
      lcn_prefetch(later + (t &+ 1) &* V.count &* size)
      lcn_prefetch(later + (t &+ 2) &* V.count &* size)
      lcn_prefetch(later + (t &+ 3) &* V.count &* size)
      let (v0, v1) = (V.load(source, t), V.load(source, t &+ 1))
      let (v2, v3) = (V.load(source, t &+ 2), V.load(source, t &+ 3))
      v0.store(target, t)
      v1.store(target, t &+ 1)
      v2.store(target, t &+ 2)
      v3.store(target, t &+ 3)
      t &+= 4
    }
    while t < full {
      V.load(source, t).store(target, t)
      t &+= 1
    }
    if tail > 0 { V.loadFirst(tail, source + full &* V.count &* size).store(target, full) }
    t = used
    while t < vectors {
      V.zero.store(target, t)
      t &+= 1
    }
    source += sourceStep
    target += targetStep
  }
}

/// Rows of a compact source that are transposed before the next target rows are begun: runs of sixteen lines.
private let rowsPerVisit = 256

/// target[j, c] ← source[c, j]: `source` has `columns` rows of `rows` elements. Tiles are transposed in
/// registers.
///
/// The side whose rows lie further apart decides the order: its lines are visited along its rows, because
/// rows a power of two apart share few sets of the cache (36 → 16 ns a tile for rows of 8 KB).
@inline(__always)
private func transposeRows<V: KernelVector>(_ a: UnsafePointer<lcn_pack_args>, _: V.Type) {
  let (rows, columns) = (Int(a.pointee.rows), Int(a.pointee.columns))
  let padded = Int(a.pointee.paddedColumns)
  let source = a.pointee.source.assumingMemoryBound(to: V.Scalar.self)
  let target = a.pointee.target.assumingMemoryBound(to: V.Scalar.self)
  let (sourceStride, targetStride) = (Int(a.pointee.sourceStride), Int(a.pointee.targetStride))
  if rows == 3 && sourceStride == 3 {
    separateThirds(source, target, stride: targetStride, columns, padded, V.self)
    return
  }
  if targetStride &* MemoryLayout<V.Scalar>.size % collidingStride == 0 {
    transposeBands(a, V.self)
    return
  }
  let visit = sourceStride > targetStride ? V.count : rowsPerVisit
  var first = 0
  while first < padded {
    let end = min(first &+ visit, padded)
    var j = 0
    while j < rows {
      var c = first
      while c < end {
        V.transposeTile(
          source + c &* sourceStride + j, sourceStride, target + j &* targetStride + c,
          targetStride, rows: max(0, min(V.count, columns &- c)),
          columns: min(V.count, rows &- j), lanes: min(V.count, padded &- c))
        c &+= V.count
      }
      j &+= V.count
    }
    first = end
  }
}

/// Three rows from elements that lie together, such as the colours of pixels: a tile of three columns would be as much work as
/// a whole one.
@inline(__always)
private func separateThirds<V: KernelVector>(
  _ source: UnsafePointer<V.Scalar>, _ target: UnsafeMutablePointer<V.Scalar>, stride: Int,
  _ columns: Int, _ padded: Int, _: V.Type
) {
  var c = 0
  while c &+ V.count <= columns {
    V.separateThirds(
      source + 3 &* c, target + c, target + stride + c, target + 2 &* stride + c)
    c &+= V.count
  }
  for j in 0..<3 {
    let row = target + j &* stride
    var i = c
    while i < columns {
      row[i] = source[3 &* i &+ j]
      i &+= 1
    }
    while i < padded {
      V.zero.storeFirst(min(V.count, padded &- i), row + i)
      i &+= V.count
    }
  }
}

/// Rows as far apart share one set of a cache of 64 sets.
private let collidingStride = 4096

/// The same where the target's rows share one set of the cache: a tile's lines would drive each other out before they
/// are whole (36 to 62 ns a tile; 15 where they do not meet, 22 through the band's buffer).
@inline(__always)
private func transposeBands<V: KernelVector>(_ a: UnsafePointer<lcn_pack_args>, _: V.Type) {
  let (rows, columns) = (Int(a.pointee.rows), Int(a.pointee.columns))
  let padded = Int(a.pointee.paddedColumns)
  let source = a.pointee.source.assumingMemoryBound(to: V.Scalar.self)
  let target = a.pointee.target.assumingMemoryBound(to: V.Scalar.self)
  let (sourceStride, targetStride) = (Int(a.pointee.sourceStride), Int(a.pointee.targetStride))
  let band = Int(LCN_BAND_TILES) &* V.count
  var j = 0
  while j < rows {
    var c = 0
    while c < padded {
      V.transposeBand(
        source + c &* sourceStride + j, sourceStride, target + j &* targetStride + c, targetStride,
        rows: max(0, columns &- c), columns: min(V.count, rows &- j), lanes: min(band, padded &- c))
      c &+= band
    }
    j &+= V.count
  }
}

func packRowsF32(_ a: UnsafePointer<lcn_pack_args>) { copyRows(a, VectorF32.self) }
func packRowsF64(_ a: UnsafePointer<lcn_pack_args>) { copyRows(a, VectorF64.self) }
func packTransposedF32(_ a: UnsafePointer<lcn_pack_args>) {
  transposeRows(a, VectorF32.self)
}
func packTransposedF64(_ a: UnsafePointer<lcn_pack_args>) {
  transposeRows(a, VectorF64.self)
}
