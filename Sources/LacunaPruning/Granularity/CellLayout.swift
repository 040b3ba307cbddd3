// A tensor's memory as a matrix of cells, each kept or dropped as one

import LacunaFormats

/// How row-major memory falls into cells: a matrix view of it, and blocks in that view.
///
/// Every ungrouped granularity is a block of the right view. A row is a 1×columns block; an input
/// channel of `[outC, kH, kW, inC]` is a column of the same memory seen as `outC·kH·kW × inC`; and
/// of TensorFlow's `[kH, kW, in, out]` it is a `kH·kW × out` block of `kH·kW × in·out`.
struct CellLayout: Equatable {
  /// Shape of the tensor's own matrix, which is the mask's.
  let rows: Int, columns: Int
  /// Shape of the view; `rows · columns` elements as well.
  let viewRows: Int, viewColumns: Int
  let block: BlockSize
  let pooling: Pooling

  /// Not checked: that the shape is not empty and the granularity not grouped.
  init(_ granularity: Granularity, _ shape: WeightShape) {
    (rows, columns) = (shape.rows, shape.columns)
    var view = (rows: rows, columns: columns)
    var size = (1, 1)
    var pooling = Pooling.max
    switch granularity {
    case .element, .pattern, .window: break
    case .block(let block, let own):
      (size, pooling) = ((block.rows, block.columns), own)
    case .rows(let own):
      (size, pooling) = (shape.layout == .outputMajor ? (1, columns) : (rows, 1), own)
    case .columns(let own):
      (size, pooling) = (shape.layout == .outputMajor ? (rows, 1) : (1, columns), own)
    case .channels(let own):
      pooling = own
      let taps = shape.taps
      switch shape.layout {
      case .outputMajor:
        view = (rows * taps, columns / taps)
        size = (rows * taps, 1)
      case .tensorFlow:
        view = (taps, rows / taps * columns)
        size = (taps, columns)
      }
    }
    (viewRows, viewColumns, self.pooling) = (view.rows, view.columns, pooling)
    // A row or channel may be longer than any block that a kernel takes; it is never longer than the
    // tensor, so nothing overflows.
    block = BlockSize(unchecked: size.0, size.1)
  }

  /// Rows and columns of cells.
  var grid: (rows: Int, columns: Int) { block.grid(rows: viewRows, columns: viewColumns) }
  /// Number of cells.
  var count: Int { grid.rows * grid.columns }

  /// The mask over weights for a mask over cells.
  func expanded(_ cells: BitMask) throws(PruningError) -> BitMask {
    try masking { () throws(FormatError) in
      let view =
        block == .element
        ? cells : try cells.expanded(block, rows: viewRows, columns: viewColumns)
      return viewColumns == columns ? view : try view.reshaped(rows: rows, columns: columns)
    }
  }
}

extension CellLayout {
  /// The mask over cells that a mask over weights is made of: 1 where a cell holds a kept weight.
  func cells(of mask: BitMask) throws(PruningError) -> BitMask {
    try masking { () throws(FormatError) in
      let view =
        viewColumns == columns ? mask : try mask.reshaped(rows: viewRows, columns: viewColumns)
      return block == .element ? view : view.blockUnion(block)
    }
  }
}

/// In which order the dimensions of a weight tensor lie in memory.
public enum WeightLayout: String, Hashable, Sendable, Codable {
  /// `[out, …, in]`: Lacuna's.
  case outputMajor
  /// `[…, in, out]`: TensorFlow's `[in, out]` matrices and HWIO kernels.
  case tensorFlow
}

/// A tensor's dimensions, and the matrix that its memory is.
///
/// In output-major layout the first dimension is the rows; in TensorFlow's the last one is the
/// columns. Rank 0 is 1×1 and rank 1 is one row.
struct WeightShape: Equatable {
  let dimensions: [Int]
  let layout: WeightLayout
  let rows: Int, columns: Int

  init(_ dimensions: [Int], layout: WeightLayout) {
    (self.dimensions, self.layout) = (dimensions, layout)
    let count = dimensions.reduce(1, *)
    switch (dimensions.count, layout) {
    case (0, _), (1, _): (rows, columns) = (1, count)
    case (_, .outputMajor):
      (rows, columns) = (dimensions[0], dimensions[1...].reduce(1, *))
    case (_, .tensorFlow):
      (rows, columns) = (dimensions.dropLast().reduce(1, *), dimensions.last!)
    }
  }

  /// Positions of a convolution kernel: all dimensions but the outermost and the innermost channel.
  var taps: Int {
    if dimensions.count < 3 { return 1 }
    return layout == .outputMajor
      ? dimensions[1..<(dimensions.count - 1)].reduce(1, *)
      : dimensions[..<(dimensions.count - 2)].reduce(1, *)
  }
}

extension BitMask {
  /// The same bits in row-major order in another shape.
  func reshaped(rows: Int, columns: Int) throws(FormatError) -> BitMask {
    var result = try BitMask(rows: rows, columns: columns)
    forEachKept { index in
      let (i, j) = index.quotientAndRemainder(dividingBy: columns)
      result.words[i * result.wordsPerRow + j >> 6] |= 1 << UInt64(j & 63)
    }
    return result
  }
}
