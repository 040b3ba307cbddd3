// Dense → CSR in one pass over memory: some rows at a time are counted, then compressed from the cache.

import CSIMD
import LacunaFormats

/// Rows whose nonzeros are counted to guess how many there are: one in so many.
private let sampleStep = 32

extension Conversion {
  /// The nonzeros of a dense matrix that does not fit in the second-level cache; nil for one that fits,
  /// and for one whose nonzeros are more than a sample of its rows says.
  static func streamed<Scalar: StoredScalar>(
    _ dense: DenseMatrix<Scalar>, _ isa: ISA
  ) -> CSRMatrix<Scalar>? {
    let (rows, rowBytes) = (dense.rows, max(dense.columns, 1) * MemoryLayout<Scalar>.size)
    let height = max(1, CPUInfo.current.level2Bytes / 2 / rowBytes)
    if rows < 2 * height || rows < 2 * sampleStep { return nil }
    let pass = StreamedPass(dense, height: height, isa)
    return IndexVector.fitsIn16Bits(limit: dense.columns)
      ? pass.matrix { .u16($0) } : pass.matrix { (indices: [UInt32]) in .u32(indices) }
  }
}

/// One conversion on its way.
private struct StreamedPass<Scalar: StoredScalar> {
  let dense: DenseMatrix<Scalar>
  /// Rows at a time.
  let height: Int
  let wordsPerRow: Int
  let count: Kernel, compress: Kernel

  init(_ dense: DenseMatrix<Scalar>, height: Int, _ isa: ISA) {
    (self.dense, self.height) = (dense, height)
    wordsPerRow = (dense.columns + 63) / 64
    count = Conversion.kernel(.nonzeros, Scalar.self, isa)!
    compress = Conversion.kernel(.compress, Scalar.self, isa)!
  }

  /// The CSR matrix, nil when there is more than the guessed room.
  func matrix<Index: BitwiseCopyable>(_ vector: ([Index]) -> IndexVector) -> CSRMatrix<Scalar>? {
    let words = UnsafeMutablePointer<UInt64>.allocate(capacity: max(height * wordsPerRow, 1))
    defer { words.deallocate() }
    return dense.withUnsafeElements { elements in
      let start = UnsafeRawPointer(elements.baseAddress!)
      let room = guessedRoom(start, words)
      var offsets = [Int](repeating: 0, count: dense.rows + 1)
      var fits = true
      var indices: [Index] = []
      let values: [Scalar] = uninitialized(room, slack: Conversion.slack) { values in
        indices = uninitialized(room, slack: Conversion.slack) { indices in
          for first in stride(from: 0, to: dense.rows, by: height) {
            let rows = first..<min(first + height, dense.rows)
            findNonzeros(start, rows, words)
            for i in rows {
              offsets[i + 1] = offsets[i] &+ ones(words + (i &- first) &* wordsPerRow)
            }
            if offsets[rows.upperBound] > room {
              fits = false
              return 0
            }
            var arguments = lcn_compress_args(
              x: start + first * rowBytes, stride: Int64(rowBytes), rows: Int64(rows.count),
              columns: Int64(dense.columns), words: words, values: values + offsets[first],
              indices: indices + offsets[first], wide: MemoryLayout<Index>.size == 4 ? 1 : 0)
            compress.call(&arguments)
          }
          return offsets[dense.rows]
        }
        return indices.count
      }
      if !fits { return nil }
      let pattern = CSRPattern(unchecked: dense.rows, dense.columns, offsets, vector(indices))
      return CSRMatrix(uncheckedPattern: pattern, values: values)
    }
  }

  private var rowBytes: Int { dense.rowStride * MemoryLayout<Scalar>.size }

  private func findNonzeros(
    _ start: UnsafeRawPointer, _ rows: Range<Int>, _ words: UnsafeMutablePointer<UInt64>
  ) {
    var arguments = lcn_nonzeros_args(
      x: start + rows.lowerBound * rowBytes, stride: Int64(rowBytes), rows: Int64(rows.count),
      columns: Int64(dense.columns), words: words)
    count.call(&arguments)
  }

  /// Ones of a row.
  private func ones(_ words: UnsafePointer<UInt64>) -> Int {
    var count = 0
    for w in 0..<wordsPerRow { count &+= words[w].nonzeroBitCount }
    return count
  }

  /// What a sample of rows says, and an eighth and a row more.
  private func guessedRoom(
    _ start: UnsafeRawPointer, _ words: UnsafeMutablePointer<UInt64>
  ) -> Int {
    var (found, sampled) = (0, 0)
    for i in stride(from: 0, to: dense.rows, by: sampleStep) {
      findNonzeros(start, i..<i + 1, words)
      found += ones(words)
      sampled += 1
    }
    let guess = Int(Double(found) * Double(dense.rows) / Double(sampled) * 1.125)
    return min(guess + dense.columns, dense.rows * dense.columns)
  }
}
