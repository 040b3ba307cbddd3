// What the tensors of a .lacuna file cannot take less than: positions at random, values by their frequencies.

import LacunaFormats

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The entropy of stored tensors, in bytes, under the simplest model of them.
///
/// Positions: log₂ of the ways to choose as many entries out of all, as if nothing but the density were known.
/// Values: −log₂ of each value's frequency in its tensor; of f32 values that of each of their four bytes, which
/// are taken for independent. Scales and codebooks count their four bytes. A file may take less where positions are not random.
public struct StoredEntropy: Equatable, Sendable {
  /// Bytes that say which entries are stored.
  public private(set) var positions = 0.0
  /// Bytes of values, scales and codebooks.
  public private(set) var values = 0.0

  /// Bytes of both.
  public var total: Double { positions + values }

  /// The entropy of `tensors`, each by the frequencies of its own values.
  ///
  /// - Complexity: O(stored values)
  public init(_ tensors: [NamedTensor]) {
    for named in tensors {
      switch named.tensor {
      case .weights(let tensor): add(tensor)
      case .bitMask(let mask): addPositions(CSRPattern(mask))
      case .bytes(let bytes): addBytes(bytes)
      }
    }
  }

  private mutating func add(_ tensor: SparseTensor) {
    switch tensor.storage {
    case .f32(let matrix): add(matrix) { $0.bitPattern }
    case .f64(let matrix):
      add(matrix) { UInt32(truncatingIfNeeded: $0.bitPattern >> 32) }
      for shift: UInt64 in [0, 8, 16, 24] {
        addBytes(matrix.values.lazy.map { UInt8(truncatingIfNeeded: $0.bitPattern >> shift) })
      }
    // Of half precision the lowest three bits of the widened fraction lie in a third byte, alone.
    case .bf16(let matrix): add(matrix) { $0.widened.bitPattern }
    case .f16(let matrix): add(matrix) { $0.widened.bitPattern }
    case .i8(let matrix):
      addPositions(matrix.pattern)
      addBytes(matrix.values.lazy.map { UInt8(bitPattern: $0) })
      values += Double(matrix.scales.count * 4)
    case .codebook(let matrix):
      addPositions(matrix.pattern)
      addBytes(matrix.codes)
      values += Double(matrix.codebook.count * 4)
    }
  }

  /// Positions, and the four bytes of each element; bytes that are all the same cost nothing.
  private mutating func add<Scalar>(_ matrix: StoredMatrix<Scalar>, bits: (Scalar) -> UInt32) {
    if let pattern = matrix.storedPattern { addPositions(pattern) }
    let words = matrix.values.map(bits)
    for shift: UInt32 in [0, 8, 16, 24] {
      addBytes(words.lazy.map { UInt8(truncatingIfNeeded: $0 >> shift) })
    }
  }

  /// log₂ of `cells` choose `stored`.
  private mutating func addPositions(_ pattern: CSRPattern) {
    let (cells, stored) = (Double(pattern.rows) * Double(pattern.columns), Double(pattern.nnz))
    let ways = lgamma(cells + 1) - lgamma(stored + 1) - lgamma(cells - stored + 1)
    positions += max(0, ways) / log(2) / 8
  }

  private mutating func addBytes(_ bytes: some Collection<UInt8>) {
    var counts = [Int](repeating: 0, count: 256)
    for byte in bytes { counts[Int(byte)] += 1 }
    let all = Double(bytes.count)
    for count in counts where count > 0 {
      values -= Double(count) * log2(Double(count) / all) / 8
    }
  }
}
