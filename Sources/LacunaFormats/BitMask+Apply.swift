// w[i, j] ← mask[i, j] ? w[i, j] : 0, by bits: a NaN under a 0 becomes exactly 0 too.

extension BitMask {
  /// Writes zeros into a dense matrix where the mask is 0.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)``
  /// - Complexity: O(rows · columns)
  public func apply<Scalar: StoredScalar>(
    to matrix: inout DenseMatrix<Scalar>
  ) throws(FormatError) {
    if matrix.rows != rows || matrix.columns != columns {
      throw .shapeMismatch(
        expectedRows: rows, expectedColumns: columns, rows: matrix.rows, columns: matrix.columns)
    }
    let stride = matrix.rowStride
    matrix.withUnsafeMutableElements { apply(unchecked: $0.baseAddress!, rowStride: stride) }
  }

  /// Writes zeros into a strided buffer where the mask is 0.
  ///
  /// - Throws: ``FormatError`` when the stride or the buffer is too small.
  /// - Complexity: O(rows · columns)
  public func apply<Scalar: StoredScalar>(
    to elements: UnsafeMutableBufferPointer<Scalar>, rowStride: Int
  ) throws(FormatError) {
    if rowStride < columns { throw .strideTooSmall(stride: rowStride, columns: columns) }
    if rows == 0 || columns == 0 { return }
    _ = try checkedProduct(rows, rowStride)
    let needed = (rows - 1) * rowStride + columns
    if elements.count < needed {
      throw .wrongCount(name: "elements", expected: needed, actual: elements.count)
    }
    apply(unchecked: elements.baseAddress!, rowStride: rowStride)
  }

  /// Writes zeros into an array of `rows · columns` elements where the mask is 0.
  ///
  /// - Throws: ``FormatError/wrongCount(name:expected:actual:)``
  /// - Complexity: O(rows · columns)
  public func apply<Scalar: StoredScalar>(to elements: inout [Scalar]) throws(FormatError) {
    var span = elements.mutableSpan
    try apply(to: &span)
  }

  /// Writes zeros into a span of `rows · columns` elements where the mask is 0.
  ///
  /// - Throws: ``FormatError/wrongCount(name:expected:actual:)``
  /// - Complexity: O(rows · columns)
  public func apply<Scalar: StoredScalar>(
    to elements: inout MutableSpan<Scalar>
  ) throws(FormatError) {
    if elements.count != rows * columns {
      throw .wrongCount(name: "elements", expected: rows * columns, actual: elements.count)
    }
    elements.withUnsafeMutableBufferPointer {
      if let base = $0.baseAddress { apply(unchecked: base, rowStride: columns) }
    }
  }

  /// Not checked: that `elements` holds `rows` rows of `columns` elements, `rowStride` apart.
  package func apply<Scalar: StoredScalar>(
    unchecked elements: UnsafeMutablePointer<Scalar>, rowStride: Int
  ) {
    let raw = UnsafeMutableRawPointer(elements)
    // +0 is all zeros in every type.
    switch MemoryLayout<Scalar>.size {
    case 2: clear(raw.assumingMemoryBound(to: UInt16.self), rowStride)
    case 4: clear(raw.assumingMemoryBound(to: UInt32.self), rowStride)
    default: clear(raw.assumingMemoryBound(to: UInt64.self), rowStride)
    }
  }

  /// Clears words of memory the width of the elements.
  @specialized(where Bits == UInt16)
  @specialized(where Bits == UInt32)
  @specialized(where Bits == UInt64)
  private func clear<Bits: FixedWidthInteger & SIMDScalar>(
    _ elements: UnsafeMutablePointer<Bits>, _ rowStride: Int
  ) where Bits.SIMDMaskScalar: FixedWidthInteger & SignedInteger {
    let lanes = SIMD4<Bits>(1, 2, 4, 8)
    for i in 0..<rows {
      let row = elements + i * rowStride
      for w in 0..<wordsPerRow {
        let bits = words[i * wordsPerRow + w]
        let count = min(64, columns - w * 64)
        if bits == (count == 64 ? .max : lastWordBits) { continue }
        let start = row + w * 64
        let whole = count & ~3
        var j = 0
        while j < whole {
          let raw = UnsafeMutableRawPointer(start + j)
          let nibble = SIMD4<Bits>(repeating: Bits(truncatingIfNeeded: bits >> UInt64(j)))
          let old = raw.loadUnaligned(as: SIMD4<Bits>.self)
          let new = old.replacing(with: 0, where: nibble & lanes .== 0)
          // Lane by lane: a SIMD store would ask for 16-byte alignment.
          for lane in 0..<4 { start[j + lane] = new[lane] }
          j += 4
        }
        while j < count {
          if bits >> UInt64(j) & 1 == 0 { start[j] = 0 }
          j += 1
        }
      }
    }
  }
}
