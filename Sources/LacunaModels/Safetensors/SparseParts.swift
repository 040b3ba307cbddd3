// A sparse weight in several arrays of a safetensors file: torch's CSR and BSR, compressed-tensors' bit masks.

import LacunaFormats
import LacunaIO

/// How a sparse weight is spread over arrays of a safetensors file.
public enum SparsePartsForm: String, Sendable, CaseIterable, Codable {
  /// `W.crow_indices`, `W.col_indices`, `W.values`: torch's CSR tensors, and BSR where values are blocks.
  case torchCSR = "torch-csr"
  /// `W.compressed`, `W.bitmask`, `W.row_offsets`, `W.shape` of compressed-tensors up to 0.14.
  case sparseBitmask = "sparse-bitmask"
  /// The same without row offsets, two values of every four: its `sparse-24-bitmask`.
  case sparse24Bitmask = "sparse-24-bitmask"
}

/// The arrays of one weight, found by their names.
///
///     sparse-bitmask     W.shape i64[2]     W.compressed [nnz]             W.bitmask u8[rows, ⌈columns/8⌉]
///                        W.row_offsets i64[rows]
///     sparse-24-bitmask  V.shape i64[2, 1]  V.compressed [rows, columns/2] V.bitmask; W is V.weight
///     torch-csr          W.crow_indices i64[rows + 1]  W.col_indices i64[nnz]  W.values [nnz] or [nnz, R, C]
///
/// torch's triple does not say how many columns there are: `W.shape` does where it is, else the last column
/// that is used.
struct SparseParts {
  let name: String
  let form: SparsePartsForm
  let rows: Int
  let columns: Int
  let block: BlockSize
  /// The arrays' places in the file by their suffix.
  let arrays: [String: Int]

  /// All weights that lie in parts, and are well formed as far as their shapes go.
  static func all(of arrays: [StoredArray]) -> [SparseParts] {
    var places: [TensorName: Int] = [:]
    for (place, array) in arrays.enumerated() { places[array.name] = place }
    return arrays.compactMap { array in
      guard let text = array.name.text else { return nil }
      func named(_ suffix: String, _ others: [String]) -> (String, [String: Int])? {
        guard text.hasSuffix(suffix), text.count > suffix.count else { return nil }
        let name = String(text.dropLast(suffix.count))
        var parts: [String: Int] = [:]
        for suffix in others + [suffix] {
          guard let place = places[TensorName(name + suffix)] else { return nil }
          parts[suffix] = place
        }
        if let place = places[TensorName(name + ".shape")] { parts[".shape"] = place }
        return (name, parts)
      }
      if let (name, parts) = named(".crow_indices", [".col_indices", ".values"]) {
        return SparseParts(torch: name, parts, arrays)
      }
      if let (name, parts) = named(".bitmask", [".compressed", ".shape", ".row_offsets"]) {
        return SparseParts(bitmask: name, .sparseBitmask, parts, arrays)
      }
      if let (name, parts) = named(".bitmask", [".compressed", ".shape"]) {
        return SparseParts(bitmask: name + ".weight", .sparse24Bitmask, parts, arrays)
      }
      return nil
    }
  }

  private init?(torch name: String, _ parts: [String: Int], _ arrays: [StoredArray]) {
    let values = arrays[parts[".values"]!]
    guard values.shape.count == 1 || values.shape.count == 3,
      arrays[parts[".crow_indices"]!].shape.count == 1
    else { return nil }
    var block = BlockSize.element
    if values.shape.count == 3 {
      guard let size = try? BlockSize(values.shape[1], values.shape[2]) else { return nil }
      block = size
    }
    let blockRows = arrays[parts[".crow_indices"]!].count - 1
    if blockRows < 0 || values.count == 0 && parts[".shape"] == nil { return nil }
    let (rows, overflow) = blockRows.multipliedReportingOverflow(by: block.rows)
    if overflow { return nil }
    if let place = parts[".shape"] {
      guard let shape = Self.shape(arrays[place]),
        shape.rows == rows, shape.columns % block.columns == 0
      else { return nil }
      (self.rows, columns) = shape
    } else {
      // The last column that is used: nothing else says how many there are.
      guard let last = try? arrays[parts[".col_indices"]!].read().integers().max(), last >= 0,
        last < 1 << 32
      else { return nil }
      let (columns, overflow) = (last + 1).multipliedReportingOverflow(by: block.columns)
      if overflow || (try? elementCount(of: [rows, columns], name)) == nil { return nil }
      (self.rows, self.columns) = (rows, columns)
    }
    (self.name, form, self.block, self.arrays) = (name, .torchCSR, block, parts)
  }

  private init?(
    bitmask name: String, _ form: SparsePartsForm, _ parts: [String: Int],
    _ arrays: [StoredArray]
  ) {
    guard let shape = Self.shape(arrays[parts[".shape"]!]) else { return nil }
    if form == .sparse24Bitmask
      && arrays[parts[".compressed"]!].shape != [shape.rows, shape.columns / 2]
    {
      return nil
    }
    let mask = arrays[parts[".bitmask"]!]
    guard case .number(.u8) = mask.type,
      mask.shape == [shape.rows, shape.columns / 8 + (shape.columns % 8 == 0 ? 0 : 1)]
    else { return nil }
    (self.name, self.form, block, self.arrays) = (name, form, .element, parts)
    (rows, columns) = shape
  }

  /// Rows and columns as an array of two integers says; nil when it says something else.
  private static func shape(_ array: StoredArray) -> (rows: Int, columns: Int)? {
    guard array.count == 2, let shape = try? array.read().integers(),
      shape.allSatisfy({ $0 >= 0 && $0 < 1 << 32 }),
      (try? elementCount(of: shape, "it")) != nil
    else { return nil }
    return (shape[0], shape[1])
  }

  /// The array that holds the values.
  var values: Int { arrays[form == .torchCSR ? ".values" : ".compressed"]! }

  /// Which entries are stored, of BSR which blocks.
  ///
  /// - Throws: `DataProblem` when the arrays disagree.
  func pattern(_ stored: [StoredArray]) throws(DataProblem) -> CSRPattern {
    let count = stored[values].count
    var (offsets, places): ([Int], [Int]) = ([0], [])
    var width = columns
    if form == .torchCSR {
      offsets = try stored[arrays[".crow_indices"]!].read().integers()
      places = try stored[arrays[".col_indices"]!].read().integers()
      width = block.grid(rows: rows, columns: columns).columns
    } else {
      guard case .u8(let bytes) = try stored[arrays[".bitmask"]!].read().values else {
        throw .unsupported(what: "bitmask of \(name)", found: "other than U8")
      }
      let perRow = (columns + 7) / 8
      try ReadingMemory.check(rows, times: 8, "the rows of \(name)")
      for row in 0..<rows {
        for b in row * perRow..<(row + 1) * perRow {
          var byte = bytes[b]
          while byte != 0 {
            places.append((b - row * perRow) * 8 + byte.trailingZeroBitCount)
            byte &= byte - 1
          }
        }
        offsets.append(places.count)
      }
      if let place = arrays[".row_offsets"] {
        let starts = try stored[place].read().integers()
        if starts != Array(offsets.dropLast()) {
          throw .unsupported(
            what: "row_offsets of \(name)", found: "other than those of its bitmask,")
        }
      }
    }
    let cells = try elementCount(of: [places.count, block.rows, block.columns], name)
    if cells != count {
      throw .mismatch(what: "number of values of \(name)", expected: cells, actual: count)
    }
    do throws(FormatError) {
      return try CSRPattern(
        rows: offsets.count - 1, columns: width, rowOffsets: offsets, columnIndices: places)
    } catch { throw .matrix(error) }
  }

  /// All elements with their zeros.
  ///
  /// - Throws: `DataProblem`
  func content(_ stored: [StoredArray]) throws(DataProblem) -> [UInt8] {
    let pattern = try pattern(stored)
    let bytes = try stored[values].plainBytes()
    let count = stored[values].count
    let size = count == 0 ? 1 : bytes.count / count
    if size * count != bytes.count || size == 0 {
      throw .unsupported(what: "values of \(name)", found: "of parts of bytes")
    }
    let total = try elementCount(of: [rows, columns], name) * size
    try checkExpansion(name, stored: bytes.count, unfolded: total)
    var dense = [UInt8](repeating: 0, count: total)
    for blockRow in 0..<pattern.rows {
      for p in pattern.rowOffsets[blockRow]..<pattern.rowOffsets[blockRow + 1] {
        let left = pattern.columnIndices[p] * block.columns
        for i in 0..<min(block.rows, rows - blockRow * block.rows) {
          let width = min(block.columns, columns - left) * size
          let from = (p * block.rows + i) * block.columns * size
          let to = ((blockRow * block.rows + i) * columns + left) * size
          for byte in 0..<width { dense[to + byte] = bytes[from + byte] }
        }
      }
    }
    return dense
  }

  /// The nonzeros as f32.
  ///
  /// - Throws: `DataProblem`
  func matrix(_ stored: [StoredArray]) throws(DataProblem) -> CSRMatrix<Float> {
    let pattern = try pattern(stored)
    let values = try stored[values].read().floats()
    if block == .element { return CSRMatrix(uncheckedPattern: pattern, values: values) }
    return CSRMatrix(
      BSRMatrix(
        unchecked: rows, columns, block: block, blockPattern: pattern, values: values))
  }
}

extension SparsePartsForm {
  /// An array of a weight in parts.
  struct Part {
    var name: String
    var dtype: String
    var shape: [Int]
    var bytes: [UInt8]
  }

  /// The arrays of a weight.
  ///
  /// - Parameters:
  ///   - elements: `size` bytes each, little-endian and row-major.
  ///   - signs: bits of the last byte of an element that are no more than a sign.
  ///   - block: of torch's BSR; single elements for CSR.
  /// - Throws: `DataProblem` when a group of four has more than two nonzeros where two are stored.
  func parts(
    _ name: String, dtype: String, rows: Int, columns: Int, _ elements: [UInt8], size: Int,
    signs: UInt8, block: BlockSize
  ) throws(DataProblem) -> [Part] {
    func isZero(_ place: Int) -> Bool {
      for byte in 0..<size - 1 where elements[place * size + byte] != 0 { return false }
      return elements[(place + 1) * size - 1] & ~signs == 0
    }
    let grid = block.grid(rows: rows, columns: columns)
    var (kept, places, offsets): ([UInt8], [Int64], [Int64]) = ([], [], [0])
    for blockRow in 0..<grid.rows {
      let lines = blockRow * block.rows..<min((blockRow + 1) * block.rows, rows)
      for blockColumn in 0..<grid.columns {
        let cells = blockColumn * block.columns..<min((blockColumn + 1) * block.columns, columns)
        if self == .sparse24Bitmask { break }
        if lines.allSatisfy({ line in cells.allSatisfy { isZero(line * columns + $0) } }) {
          continue
        }
        places.append(Int64(blockColumn))
        for line in lines {
          let start = (line * columns + cells.lowerBound) * size
          kept.append(contentsOf: elements[start..<start + cells.count * size])
          kept += [UInt8](repeating: 0, count: (block.columns - cells.count) * size)
        }
        kept += [UInt8](
          repeating: 0, count: (block.rows - lines.count) * block.columns * size)
      }
      if self == .sparse24Bitmask {
        for group in stride(from: 0, to: columns, by: 4) {
          let cells = group..<group + 4
          var chosen = cells.filter { !isZero(blockRow * columns + $0) }
          if chosen.count > 2 {
            throw .outOfRange(
              what: "nonzeros of row \(blockRow), columns \(group)…\(group + 3) of \(name)",
              value: chosen.count, lowest: 0, highest: 2)
          }
          // Two are stored in any case.
          chosen = (chosen + cells.filter { !chosen.contains($0) }).prefix(2).sorted()
          for column in chosen {
            places.append(Int64(column))
            let start = (blockRow * columns + column) * size
            kept.append(contentsOf: elements[start..<start + size])
          }
        }
      }
      offsets.append(Int64(places.count))
    }
    func integers(_ suffix: String, _ shape: [Int], _ values: [Int64]) -> Part {
      Part(
        name: suffix, dtype: "I64", shape: shape, bytes: values.withUnsafeBytes { [UInt8]($0) })
    }
    let size: [Int64] = [Int64(rows), Int64(columns)]
    if self == .torchCSR {
      let shape =
        block == .element ? [places.count] : [places.count, block.rows, block.columns]
      return [
        integers(name + ".crow_indices", [offsets.count], offsets),
        integers(name + ".col_indices", [places.count], places),
        integers(name + ".shape", [2], size),
        Part(name: name + ".values", dtype: dtype, shape: shape, bytes: kept),
      ]
    }
    let perRow = (columns + 7) / 8
    var mask = [UInt8](repeating: 0, count: rows * perRow)
    for row in 0..<rows {
      for p in Int(offsets[row])..<Int(offsets[row + 1]) {
        mask[row * perRow + Int(places[p]) >> 3] |= 1 << UInt8(places[p] & 7)
      }
    }
    let base =
      self == .sparse24Bitmask && name.hasSuffix(".weight") ? String(name.dropLast(7)) : name
    let bits = Part(name: base + ".bitmask", dtype: "U8", shape: [rows, perRow], bytes: mask)
    if self == .sparse24Bitmask {
      return [
        bits,
        Part(name: base + ".compressed", dtype: dtype, shape: [rows, columns / 2], bytes: kept),
        integers(base + ".shape", [2, 1], size),
      ]
    }
    return [
      bits, Part(name: base + ".compressed", dtype: dtype, shape: [places.count], bytes: kept),
      integers(base + ".row_offsets", [rows], Array(offsets.dropLast())),
      integers(base + ".shape", [2], size),
    ]
  }
}
