// The scores that a tensor's cells compete with: its weights where they are, or an array of its own

import LacunaFormats

/// One tensor's cells and their scores.
///
/// A class, because several of them lie side by side while one threshold is looked for, and none of them
/// may move or copy millions of scores.
final class TensorScores<Scalar: RankedScalar> {
  let name: String
  let shape: WeightShape
  let granularity: Granularity
  let layout: CellLayout
  /// One score per cell, in row-major order of the grid.
  let cells: UnsafeBufferPointer<Scalar>
  private let own: AlignedBuffer<Scalar>?
  /// Cells that are kept whatever the sparsity is, as their scores say.
  private(set) var alwaysKept = 0

  /// Scores of the cells made from scores of the weights.
  ///
  /// - Parameter elements: One magnitude-like score per weight, row-major; it must outlive this object, or
  ///   be `source`.
  /// - Throws: ``PruningError/notANumber(tensor:index:)``, ``PruningError/infinite(tensor:index:)``,
  ///   ``PruningError/normOverflow(tensor:cell:)``.
  init(
    name: String, _ elements: UnsafeBufferPointer<Scalar>, shape: WeightShape,
    granularity: Granularity, source: AlignedBuffer<Scalar>? = nil
  ) throws(PruningError) {
    (self.name, self.shape, self.granularity) = (name, shape, granularity)
    layout = CellLayout(granularity, shape)
    if let index = firstNotFinite(elements) {
      if elements[index].isNaN { throw .notANumber(tensor: name, index: index) }
      throw .infinite(tensor: name, index: index)
    }
    if granularity == .element {
      (cells, own) = (elements, source)
      return
    }
    let base = elements.baseAddress!
    if granularity.isGrouped {
      if shape.layout == .outputMajor {
        (cells, own) = (elements, source)
      } else {
        let turned = AlignedBuffer<Scalar>(count: elements.count)
        shape.forEachInput { output, input, index in
          turned.pointer[output * shape.inputs + input] = base[index]
        }
        (cells, own) = (UnsafeBufferPointer(turned.elements), turned)
      }
    } else if layout.block == .element {
      (cells, own) = (elements, source)
    } else {
      let pooled = blockScores(
        base, rows: layout.viewRows, columns: layout.viewColumns, block: layout.block,
        pooling: layout.pooling)
      (cells, own) = (UnsafeBufferPointer(pooled.elements), pooled)
      if let cell = firstNotFinite(cells) { throw .normOverflow(tensor: name, cell: cell) }
    }
  }

  private init(
    name: String, cells: AlignedBuffer<Scalar>, shape: WeightShape, granularity: Granularity,
    layout: CellLayout
  ) {
    (self.name, self.shape, self.granularity, self.layout) = (name, shape, granularity, layout)
    (self.cells, own) = (UnsafeBufferPointer(cells.elements), cells)
  }

  /// The same scores as f64, so that they compete with those of f64 tensors under one threshold.
  func widened() -> TensorScores<Double> {
    let wide = AlignedBuffer<Double>(count: cells.count)
    for (index, score) in cells.enumerated() { wide.pointer[index] = Double(score) }
    let scores = TensorScores<Double>(
      name: name, cells: wide, shape: shape, granularity: granularity, layout: layout)
    scores.alwaysKept = alwaysKept
    return scores
  }

  /// Scores of weights whose diagonals stay.
  convenience init(
    name: String, keepingDiagonalOf elements: UnsafeBufferPointer<Scalar>, shape: WeightShape,
    granularity: Granularity
  ) throws(PruningError) {
    try self.init(
      name: name, owning: KeptDiagonal.raised(elements, shape), shape: shape,
      granularity: granularity)
    alwaysKept = KeptDiagonal.cells(self)
  }

  /// As above, from scores that this object keeps alive.
  convenience init(
    name: String, owning elements: [Scalar], shape: WeightShape, granularity: Granularity
  ) throws(PruningError) {
    let own = AlignedBuffer<Scalar>(count: elements.count)
    _ = own.elements.update(from: elements)
    try self.init(
      name: name, UnsafeBufferPointer(own.elements), shape: shape, granularity: granularity,
      source: own)
  }

  /// The mask over weights that keeps `kept` cells, or what the groups allow.
  func mask(kept: Int, sparsity: Double, ties: TiePolicy) throws(PruningError) -> MaskOutcome {
    let base = cells.baseAddress!
    switch granularity {
    case .pattern(let keep, let length):
      let mask = try grouped { (rows, columns, inner) throws(PruningError) in
        try patternMask(
          base, rows: rows, columns: columns, keep: keep, of: length, segment: inner, kept: kept)
      }
      return outcome(mask)
    case .window(let keep, let length):
      let balanced = max(keep, keptCount(of: length, sparsity: sparsity))
      let mask = try grouped { (rows, columns, inner) throws(PruningError) in
        try masking { () throws(FormatError) in
          try groupMask(
            base, rows: rows, columns: columns, keep: balanced, of: length, segment: inner)
        }
      }
      return outcome(mask)
    case .element, .block, .rows, .columns, .channels:
      let place = try topCells([cells], kept: kept, ties: ties) { _ in name }
      var left = place.ties
      return try mask(over: place.threshold, ties: &left)
    }
  }

  /// The mask over weights that keeps the cells over a threshold, and the first `ties` of those equal to
  /// it.
  func mask(over threshold: Scalar, ties: inout Int) throws(PruningError) -> MaskOutcome {
    let grid = layout.grid
    let cellMask = try masking { () throws(FormatError) in
      try BitMask(
        cells.baseAddress!, rows: grid.rows, columns: grid.columns, over: threshold, ties: &ties)
    }
    return MaskOutcome(
      mask: try layout.expanded(cellMask), threshold: Double(threshold),
      keptCells: cellMask.keptCount, cells: layout.count)
  }

  private func outcome(_ mask: BitMask) -> MaskOutcome {
    MaskOutcome(mask: mask, threshold: nil, keptCells: mask.keptCount, cells: cells.count)
  }

  /// Runs `body` on the matrix `[out, in]` and turns its mask back where memory is the other way round.
  private func grouped(
    _ body: (_ rows: Int, _ columns: Int, _ segment: Int) throws(PruningError) -> BitMask
  ) throws(PruningError) -> BitMask {
    if shape.layout == .outputMajor { return try body(shape.rows, shape.columns, shape.columns) }
    let turned = try body(shape.columns, shape.inputs, shape.inputs / shape.taps)
    var mask = try masking { () throws(FormatError) in
      try BitMask(rows: shape.rows, columns: shape.columns)
    }
    shape.forEachInput { output, input, index in
      if turned[output, input] { mask.insert(index) }
    }
    return mask
  }
}

extension WeightShape {
  /// Columns of the `[out, in]` matrix of a TensorFlow kernel.
  var inputs: Int { rows }

  /// `body(output, input, index in memory)` for a TensorFlow kernel; inputs run over taps, and over the
  /// channels of each tap.
  func forEachInput(_ body: (Int, Int, Int) -> Void) {
    for input in 0..<rows {
      for output in 0..<columns { body(output, input, input * columns + output) }
    }
  }
}

extension BitMask {
  /// Keeps the element of this row-major index.
  mutating func insert(_ index: Int) {
    let (i, j) = index.quotientAndRemainder(dividingBy: columns)
    words[i * wordsPerRow + j >> 6] |= 1 << UInt64(j & 63)
  }
}

/// The index of the first element that is NaN or infinite.
private func firstNotFinite<Scalar: RankedScalar>(_ values: UnsafeBufferPointer<Scalar>) -> Int? {
  // The sum of x·0 is NaN when some x is NaN or infinite: one vectorised pass for the usual answer.
  var sum = SIMD8<Scalar>.zero
  let base = UnsafeRawPointer(values.baseAddress!)
  let whole = values.count & ~7
  for i in stride(from: 0, to: whole, by: 8) {
    let lanes = (base + i * MemoryLayout<Scalar>.stride).loadUnaligned(as: SIMD8<Scalar>.self)
    sum += lanes * 0
  }
  var total = sum.sum()
  for i in whole..<values.count { total += values[i] * 0 }
  return total == 0 ? nil : values.firstIndex { !$0.isFinite }
}
