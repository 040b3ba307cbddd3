// The weights of a plan → the window format.

import LacunaFormats

// Two concrete extensions: the generic packer is specialised for both element types.

extension WeightSource where Scalar == Float {
  /// The weights in the window format, nil for dense weights, for too many columns, and for a geometry
  /// without idle lanes when the pattern has some.
  func windowWeights(_ geometry: WindowGeometry, scale: Float) -> WindowWeights? {
    window(self, geometry, scale)
  }
}

extension WeightSource where Scalar == Double {
  /// As for `Float`.
  func windowWeights(_ geometry: WindowGeometry, scale: Double) -> WindowWeights? {
    window(self, geometry, scale)
  }
}

@inline(__always)
private func window<Scalar: SparseScalar>(
  _ source: WeightSource<Scalar>, _ geometry: WindowGeometry, _ scale: Scalar
) -> WindowWeights? {
  if source.columns > geometry.mostInputs { return nil }
  func pack<Index: FixedWidthInteger & UnsignedInteger>(
    _ offsets: [Int], _ indices: [Index], _ values: [Scalar]
  ) -> WindowWeights? {
    offsets.withUnsafeBufferPointer { offsets in
      indices.withUnsafeBufferPointer { indices in
        values.withUnsafeBufferPointer { values in
          // An empty array has no memory; nothing is read from the stand-in.
          let none = UnsafeRawPointer(offsets.baseAddress!)
          let raw = RawCSR(
            rows: source.rows, columns: source.columns, offsets: offsets.baseAddress!,
            indices: indices.baseAddress ?? none.assumingMemoryBound(to: Index.self),
            values: values.baseAddress ?? none.assumingMemoryBound(to: Scalar.self))
          if geometry.blocks == 1 && !fillsEveryLane(raw, lanes: geometry.lanes) { return nil }
          return packWindows(raw, scale: scale, geometry: geometry)
        }
      }
    }
  }
  switch source {
  case .dense: return nil
  case .csr(let w):
    return switch w.pattern.columnIndices {
    case .u16(let indices): pack(w.pattern.rowOffsets, indices, w.values)
    case .u32(let indices): pack(w.pattern.rowOffsets, indices, w.values)
    }
  case .bsr(let w):
    let (offsets, indices, values) = elements(of: w)
    return pack(offsets, indices, values)
  }
}

/// The stored elements of a block matrix, row by row; cells outside the matrix left out.
@inline(__always)
private func elements<Scalar: SparseScalar>(
  of w: BSRMatrix<Scalar>
) -> (offsets: [Int], indices: [UInt32], values: [Scalar]) {
  let (r, c) = (w.block.rows, w.block.columns)
  var offsets = [0]
  var indices: [UInt32] = []
  var values: [Scalar] = []
  offsets.reserveCapacity(w.rows + 1)
  indices.reserveCapacity(w.blocks * r * c)
  values.reserveCapacity(w.blocks * r * c)
  for i in 0..<w.rows {
    let gridRow = i / r
    for b in w.blockPattern.rowOffsets[gridRow]..<w.blockPattern.rowOffsets[gridRow + 1] {
      let column = w.blockPattern.columnIndices[b] * c
      for j in 0..<min(c, w.columns - column) {
        indices.append(UInt32(column + j))
        values.append(w.values[(b * r + i % r) * c + j])
      }
    }
    offsets.append(indices.count)
  }
  return (offsets, indices, values)
}
