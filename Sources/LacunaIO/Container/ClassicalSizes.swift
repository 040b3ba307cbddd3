// What the same weights take in the classical recipe: arrays in a row, through gzip -9.

import LacunaFormats

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Bytes of a file's tensors as plain arrays, before and after `gzip -9`.
///
/// The comparison for the `.lacuna` container: 8-bit tensors and those with a codebook count one byte for each weight, 16-bit
/// ones two, all others four, and scales and codebooks are counted with them.
public struct ClassicalSizes: Equatable, Sendable {
  /// All weights with their zeros.
  public let dense: Int
  /// The same through `gzip -9`.
  public let denseGzipped: Int
  /// Stored weights, their columns in 16 or 32 bits, and 32-bit row offsets; dense tensors as they are.
  public let sparse: Int
  /// The same through `gzip -9`.
  public let sparseGzipped: Int

  /// Lays the tensors out in both forms and compresses them.
  ///
  /// - Complexity: O(weights), about a second for each ten million.
  public init(_ file: LacunaFile) {
    var (dense, sparse) = (ByteWriter(), ByteWriter())
    func both(_ values: [Float]) {
      dense.append(memoryOf: values)
      sparse.append(memoryOf: values)
    }
    func structure(_ pattern: CSRPattern) {
      sparse.append(memoryOf: pattern.rowOffsets.map { UInt32(truncatingIfNeeded: $0) })
      switch pattern.columnIndices {
      case .u16(let indices): sparse.append(memoryOf: indices)
      case .u32(let indices): sparse.append(memoryOf: indices)
      }
    }
    /// 8-bit values with zeros, put where `matrix` has its entries.
    func integers(
      _ values: [Int8], _ pattern: CSRPattern, _ block: BlockSize, rows: Int, columns: Int
    ) {
      structure(pattern)
      sparse.append(memoryOf: values)
      var all = [Int8](repeating: 0, count: rows * columns)
      for blockRow in 0..<pattern.rows {
        for b in pattern.rowOffsets[blockRow]..<pattern.rowOffsets[blockRow + 1] {
          for cell in 0..<block.area {
            let row = blockRow * block.rows + cell / block.columns
            let column = pattern.columnIndices[b] * block.columns + cell % block.columns
            if row < rows && column < columns {
              all[row * columns + column] = values[b * block.area + cell]
            }
          }
        }
      }
      dense.append(memoryOf: all)
    }
    /// Elements that are floats, as the bits that `bits` makes of them.
    func floats<Scalar, Bits: BitwiseCopyable>(
      _ matrix: StoredMatrix<Scalar>, _ bits: ([Scalar]) -> [Bits]
    ) {
      dense.append(memoryOf: bits(matrix.dense().values))
      if let pattern = matrix.storedPattern { structure(pattern) }
      sparse.append(memoryOf: bits(matrix.values))
    }
    for named in file.tensors {
      switch named.tensor {
      case .weights(let tensor):
        switch tensor.storage {
        case .f32(let matrix): floats(matrix) { $0 }
        case .f64(let matrix): floats(matrix) { $0 }
        case .bf16(let matrix): floats(matrix) { $0.map(\.bitPattern) }
        case .f16(let matrix): floats(matrix) { $0.map(\.bitPattern) }
        case .i8(let matrix):
          integers(
            matrix.values, matrix.pattern, matrix.block, rows: matrix.rows, columns: matrix.columns)
          both(matrix.scales)
        case .codebook(let matrix):
          // The classical recipe for few values: a byte for each weight, and what the bytes mean.
          integers(
            matrix.codes.map { Int8(bitPattern: $0 &+ 1) }, matrix.pattern, .element,
            rows: matrix.rows, columns: matrix.columns)
          both(matrix.codebook)
        }
      case .bitMask(let mask):
        dense.append(memoryOf: mask.words)
        structure(CSRPattern(mask))
      case .bytes(let bytes):
        dense.append(bytes)
        sparse.append(bytes)
      }
    }
    (self.dense, self.sparse) = (dense.count, sparse.count)
    denseGzipped = Gzip.compress(dense.bytes).count
    sparseGzipped = Gzip.compress(sparse.bytes).count
  }
}

extension TensorRecord {
  /// Places that a stored entry could have: weights, or blocks.
  public var slots: Int {
    let grid = block.grid(rows: rows, columns: columns)
    return grid.rows * grid.columns
  }

  /// Bytes that positions would take if nothing were known but the density: `slots · H(density) / 8`, where
  /// H is the binary entropy. Positions with structure take less, 0.469 bits a slot at 90 % otherwise.
  public var independentPositionBytes: Double {
    let p = slots == 0 ? 0 : Double(entries) / Double(slots)
    if p <= 0 || p >= 1 { return 0 }
    return -Double(slots) * (p * log2(p) + (1 - p) * log2(1 - p)) / 8
  }

  /// Bits in the file for each weight of the tensor, stored or not.
  public var bitsPerWeight: Double {
    elementCount == 0 ? 0 : Double(byteCount) * 8 / Double(elementCount)
  }

  /// Bits in the file that say where one stored entry is.
  public var positionBitsPerEntry: Double {
    entries == 0 ? 0 : Double(byteCount(of: .positions)) * 8 / Double(entries)
  }

  /// Bytes in the file that say what the stored weights are: values, scales and codebook.
  public var valueByteCount: Int {
    byteCount(of: .values) + byteCount(of: .scales) + byteCount(of: .codebook)
  }

  /// Bits in the file for the value of one stored weight, its share of scales or codebook included.
  public var valueBitsPerStoredWeight: Double {
    storedCount == 0 ? 0 : Double(valueByteCount) * 8 / Double(storedCount)
  }
}
