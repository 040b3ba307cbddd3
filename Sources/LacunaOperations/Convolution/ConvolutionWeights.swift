// Kernel weights [filters, channels · taps] → the same weights over the columns that strips read: offsets into a
// tile, or rows of a patch panel.

import LacunaFormats

/// Weights of a run of groups as one block-diagonal matrix for the strip kernels.
///
/// Groups are structure, not a case: filters of a group store nothing at the channels of others.
struct ConvolutionWeights<Scalar: SparseScalar>: StripConvolutionWeights {
  let source: StoredMatrix<Scalar>
  let shape: ConvolutionShape
  let order: KernelOrder

  /// The same pattern with numbers in the place of weights.
  var numbered: ConvolutionWeights<Double> {
    ConvolutionWeights<Double>(source: source.numbered(), shape: shape, order: order)
  }

  /// Rows of the blocks that ``matrix(groups:channelStride:tapOffsets:)`` makes: strips never straddle groups.
  var blockRows: Int {
    func fits(_ rows: Int) -> Bool { shape.groups == 1 || shape.groupFilters % rows == 0 }
    switch source {
    case .csr: return 1
    case .bsr(let w): return fits(w.block.rows) ? w.block.rows : 1
    case .dense: return [4, 2].first { fits($0) && shape.groupFilters >= $0 } ?? 1
    }
  }

  var planes: ConvolutionShape { shape }
  var inputs: Int { 1 }
  var density: Double { Double(source.stored) / Double(shape.filters * shape.patch) }
  var kernelTypes: ProductTypes { ProductTypes(Scalar.dtype) }

  func packed(
    groups: Range<Int>, channelStride: Int, tapOffsets: [Int], cut: (StripRows) -> PackingShape
  ) throws(OperationError) -> PackedWeights {
    let matrix = try matrix(groups: groups, channelStride: channelStride, tapOffsets: tapOffsets)
    return matrix.packed(
      cut(StripRows(rows: matrix.rows, storedBefore: matrix.storedBefore)))
  }

  /// Weight (filter, channel, tap) of these groups at row `filter`, column
  /// `channel · channelStride + tapOffsets[tap]`, both counted from the first group's.
  ///
  /// - Complexity: O(stored · log)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func matrix(
    groups: Range<Int>, channelStride: Int, tapOffsets: [Int]
  ) throws(OperationError) -> StoredMatrix<Scalar> {
    let r = blockRows
    let places = shape.columnPlaces(order).map { $0.channel * channelStride + tapOffsets[$0.tap] }
    let groupStride = shape.groupChannels * channelStride
    let rows = groups.count * shape.groupFilters
    let columns = groups.count * groupStride
    var (offsets, indices, values): ([Int], [Int], [Scalar]) = ([0], [], [])
    let gridRows = (rows + r - 1) / r
    offsets.reserveCapacity(gridRows + 1)
    let entries = BlockEntries(source, blockRows: r)
    for i in 0..<gridRows {
      let firstRow = groups.lowerBound * shape.groupFilters + i * r
      let base = (firstRow / shape.groupFilters - groups.lowerBound) * groupStride
      var row = entries.row(firstRow / r)
      for e in row.indices { row[e].column = base + places[row[e].column] }
      if zip(row, row.dropFirst()).contains(where: { $0.column > $1.column }) {
        row.sort { $0.column < $1.column }
      }
      for entry in row {
        indices.append(entry.column)
        for j in 0..<r { values.append(entries.value(entry.number, row: j, of: firstRow / r)) }
      }
      offsets.append(indices.count)
    }
    do {
      let pattern = try CSRPattern(
        rows: gridRows, columns: columns, rowOffsets: offsets, columnIndices: indices)
      if r == 1 { return .csr(try CSRMatrix(pattern: pattern, values: values)) }
      return .bsr(
        try BSRMatrix(
          rows: rows, columns: columns, block: try BlockSize(r, 1), blockPattern: pattern,
          values: values))
    } catch { throw .format(error) }
  }
}

/// The entries of a matrix as columns of `blockRows` values, whatever it is stored in.
private struct BlockEntries<Scalar: SparseScalar> {
  struct Entry {
    var column: Int
    /// What ``value(_:row:of:)`` finds it by.
    var number: Int
  }

  private let source: StoredMatrix<Scalar>
  private let blockRows: Int

  /// Blocks of another height than `blockRows` are taken apart.
  init(_ source: StoredMatrix<Scalar>, blockRows: Int) {
    self.blockRows = blockRows
    if case .bsr(let w) = source, w.block.rows != blockRows {
      self.source = .csr(CSRMatrix(w))
    } else {
      self.source = source
    }
  }

  /// The entries of one row of blocks, columns rising.
  func row(_ i: Int) -> [Entry] {
    switch source {
    case .csr(let w):
      return (w.pattern.rowOffsets[i]..<w.pattern.rowOffsets[i + 1]).map {
        Entry(column: w.pattern.columnIndices[$0], number: $0)
      }
    case .bsr(let w):
      let c = w.block.columns
      return (w.blockPattern.rowOffsets[i]..<w.blockPattern.rowOffsets[i + 1]).flatMap { b in
        let first = w.blockPattern.columnIndices[b] * c
        return (0..<min(c, w.columns - first)).map { Entry(column: first + $0, number: b * c + $0) }
      }
    case .dense(let w):
      return (0..<w.columns).map { Entry(column: $0, number: $0) }
    }
  }

  /// Value `row` of the entry, in row `i` of blocks; 0 below the last row.
  @inline(__always)
  func value(_ number: Int, row: Int, of i: Int) -> Scalar {
    switch source {
    case .csr(let w): return w.values[number]
    case .bsr(let w):
      let (b, j) = number.quotientAndRemainder(dividingBy: w.block.columns)
      return w.values[(b * w.block.rows + row) * w.block.columns + j]
    case .dense(let w):
      let filter = i * blockRows + row
      return filter < w.rows ? w[filter, number] : 0
    }
  }
}
