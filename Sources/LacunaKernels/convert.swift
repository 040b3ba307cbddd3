// bit(i, j) ← x[i, j] ≠ 0, and {x[i, j] : bit(i, j)} packed row by row with their columns j.

import CSIMD

/// Bits of the nonzeros of f32 rows. Not checked: anything.
func nonzerosF32(_ a: UnsafePointer<lcn_nonzeros_args>) {
  let a = a.pointee
  var word = a.words
  for i in 0..<Int(a.rows) {
    let row = (a.x + i &* Int(a.stride)).assumingMemoryBound(to: Float.self)
    var j = 0
    while j < Int(a.columns) {
      word.pointee = lcn_nonzeros_f32(row + j, a.columns &- Int64(j))
      word += 1
      j &+= 64
    }
  }
}

/// The f64 twin of ``nonzerosF32(_:)``.
func nonzerosF64(_ a: UnsafePointer<lcn_nonzeros_args>) {
  let a = a.pointee
  var word = a.words
  for i in 0..<Int(a.rows) {
    let row = (a.x + i &* Int(a.stride)).assumingMemoryBound(to: Double.self)
    var j = 0
    while j < Int(a.columns) {
      word.pointee = lcn_nonzeros_f64(row + j, a.columns &- Int64(j))
      word += 1
      j &+= 64
    }
  }
}

/// f32 elements under a mask, and their columns. Not checked: anything.
func compressF32(_ a: UnsafePointer<lcn_compress_args>) {
  let a = a.pointee
  let indexSize = a.wide != 0 ? 4 : 2
  var word = a.words
  var values = a.values.assumingMemoryBound(to: Float.self)
  var indices = a.indices
  for i in 0..<Int(a.rows) {
    let row = (a.x + i &* Int(a.stride)).assumingMemoryBound(to: Float.self)
    var j = 0
    while j < Int(a.columns) {
      let bits = word.pointee
      if bits != 0 {
        lcn_compress_f32(row + j, bits, UInt32(truncatingIfNeeded: j), values, indices, a.wide)
        let count = bits.nonzeroBitCount
        values += count
        indices += count &* indexSize
      }
      word += 1
      j &+= 64
    }
  }
}

/// The f64 twin of ``compressF32(_:)``.
func compressF64(_ a: UnsafePointer<lcn_compress_args>) {
  let a = a.pointee
  let indexSize = a.wide != 0 ? 4 : 2
  var word = a.words
  var values = a.values.assumingMemoryBound(to: Double.self)
  var indices = a.indices
  for i in 0..<Int(a.rows) {
    let row = (a.x + i &* Int(a.stride)).assumingMemoryBound(to: Double.self)
    var j = 0
    while j < Int(a.columns) {
      let bits = word.pointee
      if bits != 0 {
        lcn_compress_f64(row + j, bits, UInt32(truncatingIfNeeded: j), values, indices, a.wide)
        let count = bits.nonzeroBitCount
        values += count
        indices += count &* indexSize
      }
      word += 1
      j &+= 64
    }
  }
}
