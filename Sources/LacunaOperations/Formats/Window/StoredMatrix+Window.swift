// The weights of a plan → the window format.

import LacunaFormats

/// The weights as elements of as many bytes, which nobody looks at.
func window<Scalar: StoredScalar, Element: PackedElement>(
  _ source: StoredMatrix<Scalar>, _ geometry: WindowGeometry, as element: Element.Type
) -> WindowWeights? {
  if source.columns > geometry.mostInputs { return nil }
  switch source {
  case .dense: return nil
  case .csr(let w):
    return w.values.withUnsafeBytes {
      window(
        rows: w.rows, columns: w.columns, w.pattern.rowOffsets, w.pattern.columnIndices,
        $0.assumingMemoryBound(to: Element.self), source.types, geometry)
    }
  case .bsr(let w):
    return w.values.withUnsafeBytes {
      let (offsets, indices, values) = elements(
        rows: w.rows, columns: w.columns, w.block, w.blockPattern,
        $0.assumingMemoryBound(to: Element.self))
      return values.withUnsafeBufferPointer {
        window(
          rows: w.rows, columns: w.columns, offsets, .u32(indices), $0, source.types, geometry)
      }
    }
  }
}

@specialized(where Element == UInt16)
@specialized(where Element == Int32)
@specialized(where Element == Int64)
private func window<Element: PackedElement>(
  rows: Int, columns: Int, _ offsets: [Int], _ indices: IndexVector,
  _ values: UnsafeBufferPointer<Element>, _ types: ProductTypes, _ geometry: WindowGeometry
) -> WindowWeights? {
  func pack<Index: FixedWidthInteger & UnsignedInteger>(_ indices: [Index]) -> WindowWeights? {
    offsets.withUnsafeBufferPointer { offsets in
      indices.withUnsafeBufferPointer { indices in
        // An empty array has no memory; nothing is read from the stand-in.
        let none = UnsafeRawPointer(offsets.baseAddress!)
        let raw = RawCSR(
          rows: rows, columns: columns, offsets: offsets.baseAddress!,
          indices: indices.baseAddress ?? none.assumingMemoryBound(to: Index.self),
          values: values.baseAddress ?? none.assumingMemoryBound(to: Element.self))
        if geometry.blocks == 1 && !fillsEveryLane(raw, lanes: geometry.lanes) { return nil }
        return packWindows(raw, types, geometry: geometry)
      }
    }
  }
  return switch indices {
  case .u16(let indices): pack(indices)
  case .u32(let indices): pack(indices)
  }
}

/// The stored elements of a block matrix, row by row; cells outside the matrix left out.
@specialized(where Element == UInt16)
@specialized(where Element == Int32)
@specialized(where Element == Int64)
private func elements<Element: PackedElement>(
  rows: Int, columns: Int, _ block: BlockSize, _ pattern: CSRPattern,
  _ source: UnsafeBufferPointer<Element>
) -> (offsets: [Int], indices: [UInt32], values: [Element]) {
  let (r, c) = (block.rows, block.columns)
  var offsets = [0]
  var indices: [UInt32] = []
  var values: [Element] = []
  offsets.reserveCapacity(rows + 1)
  indices.reserveCapacity(source.count)
  values.reserveCapacity(source.count)
  for i in 0..<rows {
    let gridRow = i / r
    for b in pattern.rowOffsets[gridRow]..<pattern.rowOffsets[gridRow + 1] {
      let column = pattern.columnIndices[b] * c
      for j in 0..<min(c, columns - column) {
        indices.append(UInt32(column + j))
        values.append(source[(b * r + i % r) * c + j])
      }
    }
    offsets.append(indices.count)
  }
  return (offsets, indices, values)
}
