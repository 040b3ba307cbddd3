// B[j, i] = A[i, j], in tiles, so that both sides stay in cache.

extension DenseMatrix {
  /// The transpose, without row padding.
  ///
  /// - Complexity: O(rows · columns)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public func transposed() -> DenseMatrix {
    // 16 elements of f32 are one cache line; a tile is 16 lines on each side.
    let tile = 16
    let result = DenseMatrix(unchecked: columns, rows)
    let (rows, columns, stride) = (rows, columns, rowStride)
    let source = storage.pointer
    let target = result.storage.pointer
    for i0 in Swift.stride(from: 0, to: rows, by: tile) {
      let i1 = min(i0 + tile, rows)
      for j0 in Swift.stride(from: 0, to: columns, by: tile) {
        for j in j0..<min(j0 + tile, columns) {
          for i in i0..<i1 { target[j * rows + i] = source[i * stride + j] }
        }
      }
    }
    return result
  }
}
