// The weights a plan is made from, and their conversions to what the bodies hold.

import LacunaFormats

/// Weights in one of the formats a plan accepts.
package enum WeightSource<Scalar: SparseScalar> {
  case csr(CSRMatrix<Scalar>)
  case bsr(BSRMatrix<Scalar>)
  case dense(DenseMatrix<Scalar>)

  var rows: Int {
    switch self {
    case .csr(let w): w.rows
    case .bsr(let w): w.rows
    case .dense(let w): w.rows
    }
  }

  var columns: Int {
    switch self {
    case .csr(let w): w.columns
    case .bsr(let w): w.columns
    case .dense(let w): w.columns
    }
  }

  /// Stored weights, padding of blocks included.
  var stored: Int {
    switch self {
    case .csr(let w): w.nnz
    case .bsr(let w): w.blocks * w.block.area
    case .dense(let w): w.rows * w.columns
    }
  }

  var block: BlockSize {
    switch self {
    case .csr, .dense: .element
    case .bsr(let w): w.block
    }
  }

  /// Stored weights of rows `0..<row`, for balancing.
  func storedBefore(row: Int) -> Int {
    switch self {
    case .csr(let w): w.pattern.rowOffsets[row]
    case .bsr(let w):
      w.blockPattern.rowOffsets[min(row / w.block.rows, w.blockPattern.rows)] * w.block.area
    case .dense(let w): row * w.columns
    }
  }

  /// Whether they were given dense: then their zeros are stored.
  var isDense: Bool {
    switch self {
    case .csr, .bsr: false
    case .dense: true
    }
  }
}

// Two concrete extensions: the generic code below is specialised for both element types.

extension WeightSource where Scalar == Float {
  /// The weights packed for the strip kernels, each times `scale`. Not checked: `.dense` packs nothing.
  func packed(_ shape: PackingShape, scale: Double) -> PackedWeights { pack(self, shape, scale) }

  /// Writes the weights, each times `scale`, to zeroed memory of `rows · columns` elements.
  func writeDense(to memory: UnsafeMutableRawPointer, scale: Double) {
    write(self, memory.assumingMemoryBound(to: Float.self), scale)
  }
}

extension WeightSource where Scalar == Double {
  /// As for `Float`.
  func packed(_ shape: PackingShape, scale: Double) -> PackedWeights { pack(self, shape, scale) }

  /// As for `Float`.
  func writeDense(to memory: UnsafeMutableRawPointer, scale: Double) {
    write(self, memory.assumingMemoryBound(to: Double.self), scale)
  }
}

@inline(__always)
private func pack<Scalar: SparseScalar & PackedElement>(
  _ source: WeightSource<Scalar>, _ shape: PackingShape, _ scale: Double
) -> PackedWeights {
  switch source {
  case .csr(let w):
    pack(
      rows: w.rows, columns: w.columns, block: .element, pattern: w.pattern, values: w.values,
      shape, scale)
  case .bsr(let w):
    pack(
      rows: w.rows, columns: w.columns, block: w.block, pattern: w.blockPattern, values: w.values,
      shape, scale)
  case .dense(let w):
    fatalError("dense \(w.rows)×\(w.columns) weights are not packed in strips")
  }
}

@inline(__always)
private func pack<Scalar: SparseScalar & PackedElement>(
  rows: Int, columns: Int, block: BlockSize, pattern: CSRPattern, values: [Scalar],
  _ shape: PackingShape, _ scale: Double
) -> PackedWeights {
  let scaled = scale == 1 ? values : values.map { $0 * Scalar(scale) }
  return scaled.withUnsafeBufferPointer { values in
    pattern.rowOffsets.withUnsafeBufferPointer { offsets in
      func source<Index: FixedWidthInteger & SIMDScalar>(
        _ indices: UnsafeBufferPointer<Index>
      ) -> BlockSource<Scalar, Index> {
        // An empty array has no memory; nothing is read from the stand-in.
        let none = UnsafeRawPointer(offsets.baseAddress!)
        return BlockSource(
          rows: rows, columns: columns, blockRows: block.rows, blockColumns: block.columns,
          gridRows: pattern.rows, offsets: offsets.baseAddress!,
          indices: indices.baseAddress ?? none.assumingMemoryBound(to: Index.self),
          values: values.baseAddress ?? none.assumingMemoryBound(to: Scalar.self))
      }
      switch pattern.columnIndices {
      case .u16(let indices):
        return indices.withUnsafeBufferPointer { packWeights(source($0), shape: shape) }
      case .u32(let indices):
        return indices.withUnsafeBufferPointer { packWeights(source($0), shape: shape) }
      }
    }
  }
}

@inline(__always)
private func write<Scalar: SparseScalar>(
  _ source: WeightSource<Scalar>, _ memory: UnsafeMutablePointer<Scalar>, _ scale: Double
) {
  let scale = Scalar(scale)
  switch source {
  case .csr(let w):
    let pattern = w.pattern
    for i in 0..<w.rows {
      for p in pattern.rowOffsets[i]..<pattern.rowOffsets[i + 1] {
        memory[i * w.columns + pattern.columnIndices[p]] = w.values[p] * scale
      }
    }
  case .bsr(let w):
    let (r, c) = (w.block.rows, w.block.columns)
    for i in 0..<w.rows {
      let gridRow = i / r
      for b in w.blockPattern.rowOffsets[gridRow]..<w.blockPattern.rowOffsets[gridRow + 1] {
        let column = w.blockPattern.columnIndices[b] * c
        for j in 0..<min(c, w.columns - column) {
          memory[i * w.columns + column + j] = w.values[(b * r + i % r) * c + j] * scale
        }
      }
    }
  case .dense(let w):
    let stride = w.rowStride
    w.withUnsafeElements { elements in
      for i in 0..<w.rows {
        for j in 0..<w.columns { memory[i * w.columns + j] = elements[i * stride + j] * scale }
      }
    }
  }
}
