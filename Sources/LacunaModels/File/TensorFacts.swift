// What a tensor's zeros look like: how many, in which blocks, and what each format would make of them.

import LacunaFormats
import LacunaIO

/// Figures of one tensor for people who choose a format.
public struct TensorFacts: Sendable, Encodable {
  /// The tensor's name.
  public let name: String
  /// Its dimensions, outermost first.
  public let shape: [Int]
  /// The type of its elements, as ``TensorType`` spells it.
  public let dtype: String
  /// What it is for, as ``TensorRole`` spells it.
  public let role: String
  /// The operator that uses it, as the file calls it; nil where the file has none.
  public let operation: String?
  /// `dense`, or how the file stores positions, as in `csr 1×4`.
  public let encoding: String
  /// Number of elements, zeros too.
  public let elements: Int
  /// Elements that are zero; 0 where they cannot be read.
  public let zeros: Int
  /// Zeros over elements.
  public let sparsity: Double
  /// The largest block, R×C of the matrix [out, in], that the nonzeros fill; nil without zeros.
  public let block: String?
  /// The share of the nonzeros that lie in whole blocks of that size; nil without zeros.
  public let blockShare: Double?
  /// `2:4` where each group of four inputs has at most two nonzeros; nil for others.
  public let pattern: String?
  /// Bytes in the file.
  public let bytes: Int
  /// Bytes of the elements in each format, with the element type of the file.
  public let sizes: [String: Int]

  /// Reads the elements of one tensor.
  ///
  /// - Throws: `FileError/malformed(path:_:)`
  public init(_ file: ModelFile, _ index: Int) throws(FileError) {
    let tensor = file.tensors[index]
    (name, shape, dtype) = (tensor.name, tensor.shape, tensor.type.rawValue)
    (role, operation) = (tensor.role.rawValue, tensor.operation)
    elements = tensor.elementCount
    bytes = tensor.byteCount
    encoding = if case .sparse(let text) = tensor.encoding { text } else { "dense" }
    // A sparse matrix may be of any size: it is never unfolded.
    let sparse = try file.sparseMatrix(index)
    let mask = sparse == nil ? try file.denseNonzeros(index) : nil
    let nonzeros = sparse.map { $0.values.count { $0 != 0 } } ?? mask?.keptCount ?? elements
    zeros = elements - nonzeros
    sparsity = elements == 0 ? 0 : Double(zeros) / Double(elements)
    guard zeros > 0, tensor.shape.count >= 2,
      let fit = sparse.map(BlockFit.init) ?? mask.map(BlockFit.init)
    else {
      (block, blockShare, pattern) = (nil, nil, nil)
      sizes = ["dense": tensor.type.byteCount(of: elements) ?? bytes]
      return
    }
    block = "\(fit.rows)×\(fit.columns)"
    blockShare = fit.share
    let isGrouped = sparse?.hasPattern(keep: 2, of: 4) ?? mask?.hasPattern(keep: 2, of: 4)
    pattern = sparsity < 0.75 && isGrouped == true ? "2:4" : nil
    let (rows, columns) = tensor.view.size(of: tensor.shape)
    let size = (tensor.type.bits ?? 8) / 8
    let index = columns <= 1 << 16 ? 2 : 4
    let blockGrid = (rows + fit.rows - 1) / fit.rows
    sizes = [
      "dense": elements * size, "csr": nonzeros * (size + index) + (rows + 1) * 4,
      "bitmask": nonzeros * size + (elements + 7) / 8,
      "bsr": fit.blocks * (fit.rows * fit.columns * size + index) + (blockGrid + 1) * 4,
    ]
  }
}

extension CSRMatrix where Scalar == Float {
  /// Whether each group of `length` consecutive columns of a row has at most `keep` nonzeros.
  fileprivate func hasPattern(keep: Int, of length: Int) -> Bool {
    for row in 0..<rows {
      var (group, count) = (-1, 0)
      for p in pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1] where values[p] != 0 {
        let place = pattern.columnIndices[p] / length
        count = place == group ? count + 1 : 1
        group = place
        if count > keep { return false }
      }
    }
    return true
  }
}

extension ModelFile {
  /// The nonzeros of the matrix [out, in] of tensor `index`, every element looked at; nil when there is no
  /// zero, or the type is carried only.
  func denseNonzeros(_ index: Int) throws(FileError) -> BitMask? {
    let tensor = tensors[index]
    guard let width = tensor.type.bits.map({ $0 / 8 }), width > 0, tensor.elementCount > 0 else {
      return nil
    }
    let content = try content(index)
    let (rows, columns) = tensor.view.size(of: tensor.shape)
    if tensor.view.isIdentity && tensor.type.isFloatingPoint && (width == 4 || width == 2) {
      let words = content.withUnsafeBytes { bytes in
        width == 4
          ? Self.nonzeroWords(bytes, rows, columns, without: 0x8000_0000 as UInt32)
          : Self.nonzeroWords(bytes, rows, columns, without: 0x8000 as UInt16)
      }
      if words.reduce(0, { $0 + $1.nonzeroBitCount }) == tensor.elementCount { return nil }
      do throws(FormatError) {
        return try BitMask(rows: rows, columns: columns, words: words)
      } catch { throw .malformed(path: path, .matrix(error)) }
    }
    let zero = tensor.zeroByte
    // Of −0 the sign is left out.
    let signless: [UInt8] = [UInt8](repeating: 0xFF, count: width - 1) + [0x7F]
    let isFloat = tensor.type.isFloatingPoint
    func isZero(_ place: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
      switch width {
      case 4 where isFloat:
        return bytes.loadUnaligned(fromByteOffset: place * 4, as: UInt32.self) & 0x7FFF_FFFF == 0
      case 2 where isFloat:
        return bytes.loadUnaligned(fromByteOffset: place * 2, as: UInt16.self) & 0x7FFF == 0
      case 1: return bytes[place] == (zero?(place) ?? 0)
      default:
        for byte in 0..<width {
          let value = bytes[place * width + byte]
          if (isFloat ? value & signless[byte] : value) != 0 { return false }
        }
        return true
      }
    }
    let isDense = content.withUnsafeBytes { bytes in
      !(0..<tensor.elementCount).contains { isZero($0, bytes) }
    }
    if isDense { return nil }
    let perRow = (columns + 63) / 64
    var words = [UInt64](repeating: 0, count: rows * perRow)
    content.withUnsafeBytes { bytes in
      var (row, column) = (0, 0)
      tensor.view.forEachRun(of: tensor.shape) { offset, step, count in
        var place = offset
        for _ in 0..<count {
          if !isZero(place, bytes) { words[row * perRow + column >> 6] |= 1 << UInt64(column & 63) }
          place += step
          column += 1
          if column == columns { (row, column) = (row + 1, 0) }
        }
      }
    }
    do throws(FormatError) {
      return try BitMask(rows: rows, columns: columns, words: words)
    } catch { throw .malformed(path: path, .matrix(error)) }
  }

  /// A bit for each element of a row-major matrix that is not zero, of −0 the sign left out, in the words of a
  /// `BitMask`.
  private static func nonzeroWords<Bits: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, _ rows: Int, _ columns: Int, without sign: Bits
  ) -> [UInt64] {
    let (perRow, size) = ((columns + 63) / 64, MemoryLayout<Bits>.size)
    return [UInt64](unsafeUninitializedCapacity: rows * perRow) { words, count in
      for row in 0..<rows {
        for word in 0..<perRow {
          let first = row * columns + word * 64
          var bits: UInt64 = 0
          for place in 0..<min(64, columns - word * 64) {
            let element = bytes.loadUnaligned(
              fromByteOffset: (first &+ place) &* size, as: Bits.self)
            bits |= (element & ~sign == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: place)
          }
          words[row * perRow + word] = bits
        }
      }
      count = rows * perRow
    }
  }
}
