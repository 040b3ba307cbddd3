// Weights that are floats, whatever type stores them: what the formats of such products pack.

import LacunaFormats

/// A ``StoredMatrix`` without its element type.
///
/// Packing moves elements and looks at none of them, so it is written for words of 2, 4 and 8 bytes and knows
/// nothing of the types either.
protocol FloatWeights: StoredWeights {
  var types: ProductTypes { get }
  /// Stored weights of rows `0..<row`, for balancing.
  func storedBefore(row: Int) -> Int
  /// The pattern of weights in CSR.
  var pattern: CSRPattern? { get }
  /// The block, and which blocks are stored, of weights in BSR.
  var blocks: (block: BlockSize, pattern: CSRPattern)? { get }
  /// Calls `body` with the stored elements of weights in CSR or BSR, in the order of their pattern.
  func withUnsafeValues(_ body: (UnsafeRawBufferPointer) -> Void)
  /// The weights packed for the strip kernels. Not checked: `.dense` packs nothing.
  func packed(_ shape: PackingShape) -> PackedWeights
  /// The weights as pairs of bf16, or how many blocks of them there would be; nil for weights of another type.
  func pairs(height: Int, isFull: Bool) -> GroupBlocks?
  func pairBlocks(height: Int) -> Int?
  /// The weights in windows of bf16; nil for weights of another type.
  func pairWindows() -> PairWindowWeights?
  /// The weights in the window format, nil for dense weights, for too many columns, and for a geometry
  /// without idle lanes when the pattern has some.
  func windowWeights(_ geometry: WindowGeometry) -> WindowWeights?
  /// Writes the weights, in the type of the products' sums, to zeroed memory of `rows · columns` elements.
  func writeDense(to memory: UnsafeMutableRawPointer)
}

extension StoredMatrix: FloatWeights {
  var types: ProductTypes { ProductTypes(floats: Scalar.numberType) }

  var pattern: CSRPattern? { if case .csr(let w) = self { w.pattern } else { nil } }

  var blocks: (block: BlockSize, pattern: CSRPattern)? {
    if case .bsr(let w) = self { (w.block, w.blockPattern) } else { nil }
  }

  func withUnsafeValues(_ body: (UnsafeRawBufferPointer) -> Void) {
    switch self {
    case .csr(let w): w.values.withUnsafeBytes(body)
    case .bsr(let w): w.values.withUnsafeBytes(body)
    case .dense(let w):
      preconditionFailure("dense \(w.rows)×\(w.columns) weights have no list of values")
    }
  }

  func packed(_ shape: PackingShape) -> PackedWeights {
    switch MemoryLayout<Scalar>.size {
    case 2: pack(self, shape, as: UInt16.self)
    case 4: pack(self, shape, as: Int32.self)
    default: pack(self, shape, as: Int64.self)
    }
  }

  func windowWeights(_ geometry: WindowGeometry) -> WindowWeights? {
    switch MemoryLayout<Scalar>.size {
    case 2: window(self, geometry, as: UInt16.self)
    case 4: window(self, geometry, as: Int32.self)
    default: window(self, geometry, as: Int64.self)
    }
  }

  func writeDense(to memory: UnsafeMutableRawPointer) {
    switch types.float {
    case .f32: write(self, memory.assumingMemoryBound(to: Float.self))
    case .f64: write(self, memory.assumingMemoryBound(to: Double.self))
    }
  }
}

extension StoredMatrix where Scalar: SparseScalar {
  /// The same weights, each times `factor`.
  func scaled(by factor: Scalar) -> StoredMatrix {
    switch self {
    case .csr(var w):
      w.withUnsafeMutableValues { for p in $0.indices { $0[p] *= factor } }
      return .csr(w)
    case .bsr(var w):
      w.withUnsafeMutableValues { for p in $0.indices { $0[p] *= factor } }
      return .bsr(w)
    case .dense(var w):
      w.withUnsafeMutableElements { for p in $0.indices { $0[p] *= factor } }
      return .dense(w)
    }
  }
}

private func pack<Scalar: StoredScalar, Element: PackedElement>(
  _ source: StoredMatrix<Scalar>, _ shape: PackingShape, as element: Element.Type
) -> PackedWeights {
  switch source {
  case .csr(let w):
    w.values.withUnsafeBytes {
      pack(
        rows: w.rows, columns: w.columns, block: .element, pattern: w.pattern,
        values: $0.assumingMemoryBound(to: Element.self), shape)
    }
  case .bsr(let w):
    w.values.withUnsafeBytes {
      pack(
        rows: w.rows, columns: w.columns, block: w.block, pattern: w.blockPattern,
        values: $0.assumingMemoryBound(to: Element.self), shape)
    }
  case .dense(let w):
    fatalError("dense \(w.rows)×\(w.columns) weights are not packed in strips")
  }
}

@specialized(where Element == UInt16)
@specialized(where Element == Int32)
@specialized(where Element == Int64)
private func pack<Element: PackedElement>(
  rows: Int, columns: Int, block: BlockSize, pattern: CSRPattern,
  values: UnsafeBufferPointer<Element>, _ shape: PackingShape
) -> PackedWeights {
  pattern.rowOffsets.withUnsafeBufferPointer { offsets in
    func source<Index: FixedWidthInteger & SIMDScalar>(
      _ indices: UnsafeBufferPointer<Index>
    ) -> BlockSource<Element, Index> {
      // An empty array has no memory; nothing is read from the stand-in.
      let none = UnsafeRawPointer(offsets.baseAddress!)
      return BlockSource(
        rows: rows, columns: columns, blockRows: block.rows, blockColumns: block.columns,
        gridRows: pattern.rows, offsets: offsets.baseAddress!,
        indices: indices.baseAddress ?? none.assumingMemoryBound(to: Index.self),
        values: values.baseAddress ?? none.assumingMemoryBound(to: Element.self))
    }
    switch pattern.columnIndices {
    case .u16(let indices):
      return indices.withUnsafeBufferPointer { packWeights(source($0), shape: shape) }
    case .u32(let indices):
      return indices.withUnsafeBufferPointer { packWeights(source($0), shape: shape) }
    }
  }
}

@specialized(where Scalar == Float, Target == Float)
@specialized(where Scalar == Double, Target == Double)
@specialized(where Scalar == BFloat16, Target == Float)
@specialized(where Scalar == Float16, Target == Float)
private func write<Scalar: StoredScalar, Target: SparseScalar>(
  _ source: StoredMatrix<Scalar>, _ memory: UnsafeMutablePointer<Target>
) {
  switch source {
  case .csr(let w):
    let pattern = w.pattern
    for i in 0..<w.rows {
      for p in pattern.rowOffsets[i]..<pattern.rowOffsets[i + 1] {
        memory[i * w.columns + pattern.columnIndices[p]] = w.values[p].rounded(to: Target.self)
      }
    }
  case .bsr(let w):
    let (r, c) = (w.block.rows, w.block.columns)
    for i in 0..<w.rows {
      let gridRow = i / r
      for b in w.blockPattern.rowOffsets[gridRow]..<w.blockPattern.rowOffsets[gridRow + 1] {
        let column = w.blockPattern.columnIndices[b] * c
        for j in 0..<min(c, w.columns - column) {
          memory[i * w.columns + column + j] =
            w.values[(b * r + i % r) * c + j].rounded(to: Target.self)
        }
      }
    }
  case .dense(let w):
    let stride = w.rowStride
    w.withUnsafeElements { elements in
      for i in 0..<w.rows {
        for j in 0..<w.columns {
          memory[i * w.columns + j] = elements[i * stride + j].rounded(to: Target.self)
        }
      }
    }
  }
}
