// Aᵀ of a CSR matrix by counting sort: count per column, scan, scatter.

extension CSRPattern {
  /// The pattern of the transpose.
  ///
  /// - Complexity: O(rows + columns + nnz)
  public func transposed() -> CSRPattern { transposedWithSources().pattern }

  /// The pattern of the transpose, and where each of its entries is in this one: entry `p` of the
  /// result is entry `sources[p]` here. Keep the sources to transpose new values under the same
  /// pattern with one gather.
  ///
  /// - Complexity: O(rows + columns + nnz)
  public func transposedWithSources() -> (pattern: CSRPattern, sources: [Int]) {
    switch (columnIndices, IndexVector.fitsIn16Bits(limit: rows)) {
    case (.u16(let c), true): transposed(c, to: UInt16.self)
    case (.u16(let c), false): transposed(c, to: UInt32.self)
    case (.u32(let c), true): transposed(c, to: UInt16.self)
    case (.u32(let c), false): transposed(c, to: UInt32.self)
    }
  }

  private func transposed<Index: NarrowIndex, Target: NarrowIndex>(
    _ indices: [Index], to: Target.Type
  ) -> (pattern: CSRPattern, sources: [Int]) {
    // next[j] is where the next entry of column j goes; after the scatter it is where column j ends,
    // which is where column j + 1 starts.
    var next = [Int](repeating: 0, count: columns + 1)
    var sources: [Int] = []
    let targets: [Target] = next.withUnsafeMutableBufferPointer { next in
      indices.withUnsafeBufferPointer { c in
        for index in c { next[Int(index)] &+= 1 }
        var sum = 0
        for j in 0..<next.count { (next[j], sum) = (sum, sum &+ next[j]) }
        return uninitialized(c.count) { target in
          sources = uninitialized(c.count) { source in
            for i in 0..<rows {
              for p in rowOffsets[i]..<rowOffsets[i + 1] {
                let j = Int(c[p])
                let q = next[j]
                target[q] = Target(truncatingIfNeeded: i)
                source[q] = p
                next[j] = q &+ 1
              }
            }
          }
        }
      }
    }
    var offsets = next
    for j in stride(from: columns, to: 0, by: -1) { offsets[j] = offsets[j - 1] }
    offsets[0] = 0
    return (CSRPattern(unchecked: columns, rows, offsets, Target.vector(targets)), sources)
  }
}

extension CSRMatrix {
  /// The transpose.
  ///
  /// - Complexity: O(rows + columns + nnz)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public func transposed() -> CSRMatrix {
    let (pattern, sources) = self.pattern.transposedWithSources()
    let moved: [Scalar] = uninitialized(nnz) { target in
      values.withUnsafeBufferPointer { v in
        sources.withUnsafeBufferPointer { s in
          for p in 0..<s.count { target[p] = v[s[p]] }
        }
      }
    }
    return CSRMatrix(uncheckedPattern: pattern, values: moved)
  }
}
