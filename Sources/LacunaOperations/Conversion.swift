// Dense → mask, CSR and BSR by the instruction set's own kernels: compare, count, compress.

import CSIMD
import LacunaFormats

/// Conversions from dense matrices of f32 and f64 at about the speed at which memory is read.
///
/// They give exactly what `BitMask(nonzerosOf:)`, `CSRMatrix(dense:)` and
/// `CSRMatrix(dense:mask:)` of LacunaFormats give, which have no kernels to call.
public enum Conversion {
  /// Ones at the nonzeros of a dense matrix. NaN is a nonzero; -0 is not.
  ///
  /// - Complexity: O(rows · columns)
  public static func nonzeros<Scalar: StoredScalar>(
    of dense: DenseMatrix<Scalar>, isa: ISA = .selected
  ) -> BitMask {
    guard let kernel = kernel(.nonzeros, Scalar.self, isa) else {
      return BitMask(nonzerosOf: dense)
    }
    let (rows, columns) = (dense.rows, dense.columns)
    let count = rows * ((columns + 63) / 64)
    let words = [UInt64](unsafeUninitializedCapacity: count) { words, initialized in
      initialized = count
      guard count > 0 else { return }
      dense.withUnsafeElements { elements in
        var arguments = lcn_nonzeros_args(
          x: elements.baseAddress!, stride: Int64(dense.rowStride * MemoryLayout<Scalar>.size),
          rows: Int64(rows), columns: Int64(columns), words: words.baseAddress!)
        withUnsafePointer(to: &arguments) { kernel.call($0) }
      }
    }
    return BitMask(unchecked: rows, columns, words: words)
  }

  /// The nonzeros of a dense matrix.
  ///
  /// - Complexity: O(rows · columns)
  public static func csr<Scalar: StoredScalar>(
    _ dense: DenseMatrix<Scalar>, isa: ISA = .selected
  ) -> CSRMatrix<Scalar> {
    if kernel(.compress, Scalar.self, isa) == nil { return CSRMatrix(dense: dense) }
    if let result = streamed(dense, isa) { return result }
    return compressed(dense, nonzeros(of: dense, isa: isa), isa)
  }

  /// The values of a dense matrix where a mask is 1, zeros included.
  ///
  /// - Throws: ``OperationError/format(_:)`` when the shapes differ.
  /// - Complexity: O(rows · columns / 64 + nnz)
  public static func csr<Scalar: StoredScalar>(
    _ dense: DenseMatrix<Scalar>, mask: BitMask, isa: ISA = .selected
  ) throws(OperationError) -> CSRMatrix<Scalar> {
    if mask.rows != dense.rows || mask.columns != dense.columns {
      throw .format(
        .shapeMismatch(
          expectedRows: mask.rows, expectedColumns: mask.columns, rows: dense.rows,
          columns: dense.columns))
    }
    if kernel(.compress, Scalar.self, isa) == nil {
      return try! CSRMatrix(dense: dense, mask: mask)
    }
    return compressed(dense, mask, isa)
  }

  private static func compressed<Scalar: StoredScalar>(
    _ dense: DenseMatrix<Scalar>, _ mask: BitMask, _ isa: ISA
  ) -> CSRMatrix<Scalar> {
    var offsets = [Int](repeating: 0, count: mask.rows + 1)
    let perRow = mask.wordsPerRow
    mask.words.withUnsafeBufferPointer { words in
      for i in 0..<mask.rows {
        var count = 0
        for w in i * perRow..<(i + 1) * perRow { count &+= words[w].nonzeroBitCount }
        offsets[i + 1] = offsets[i] &+ count
      }
    }
    let nnz = offsets[mask.rows]
    let (values, indices): ([Scalar], IndexVector)
    if IndexVector.fitsIn16Bits(limit: mask.columns) {
      let packed = packed(dense, mask, nnz, isa, UInt16.self)
      (values, indices) = (packed.0, .u16(packed.1))
    } else {
      let packed = packed(dense, mask, nnz, isa, UInt32.self)
      (values, indices) = (packed.0, .u32(packed.1))
    }
    let pattern = CSRPattern(unchecked: mask.rows, mask.columns, offsets, indices)
    return CSRMatrix(uncheckedPattern: pattern, values: values)
  }

  /// The kernel for elements of one type; there is none for those of 16 bits.
  static func kernel<Scalar: StoredScalar>(
    _ operation: KernelOperation, _: Scalar.Type, _ isa: ISA
  ) -> Kernel? {
    let type = Scalar.numberType
    return KernelTable.of(isa).kernel(
      operation,
      types: ProductTypes(weights: type, activations: type, accumulator: type, output: type))
  }

  /// What a kernel may write behind the last value and index.
  static let slack = 16

  private static func packed<Scalar: StoredScalar, Index: BitwiseCopyable>(
    _ dense: DenseMatrix<Scalar>, _ mask: BitMask, _ nnz: Int, _ isa: ISA, _: Index.Type
  ) -> ([Scalar], [Index]) {
    if nnz == 0 { return ([], []) }
    let kernel = kernel(.compress, Scalar.self, isa)!
    var indices: [Index] = []
    let values: [Scalar] = uninitialized(nnz, slack: slack) { values in
      indices = uninitialized(nnz, slack: slack) { indices in
        dense.withUnsafeElements { elements in
          mask.words.withUnsafeBufferPointer { words in
            var arguments = lcn_compress_args(
              x: elements.baseAddress!, stride: Int64(dense.rowStride * MemoryLayout<Scalar>.size),
              rows: Int64(mask.rows), columns: Int64(mask.columns), words: words.baseAddress!,
              values: values, indices: indices, wide: MemoryLayout<Index>.size == 4 ? 1 : 0)
            withUnsafePointer(to: &arguments) { kernel.call($0) }
          }
        }
        return nnz
      }
      return nnz
    }
    return (values, indices)
  }

  /// The blocks of a dense matrix that hold a nonzero.
  ///
  /// - Complexity: O(rows · columns)
  public static func bsr<Scalar: StoredScalar>(
    _ dense: DenseMatrix<Scalar>, block: BlockSize, isa: ISA = .selected
  ) -> BSRMatrix<Scalar> {
    let kept = CSRPattern(nonzeros(of: dense, isa: isa).blockUnion(block))
    // The union has the shape of the block grid, so this cannot fail.
    return try! BSRMatrix(dense: dense, block: block, blockPattern: kept)
  }
}
