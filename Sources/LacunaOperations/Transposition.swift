// target[j, c] ← source[c, j] for elements of 32 bits, by tiles of registers.

import CSIMD

/// Transposes matrices in memory with the kernel of an instruction set.
package struct Transposition: Sendable {
  private let kernel: Kernel

  package init(_ isa: ISA) { kernel = KernelTable.of(isa).kernel(.packTransposed, dtype: .f32)! }

  /// Not checked: anything. Bits are moved, whatever they stand for.
  ///
  /// - Parameters:
  ///   - rows: of the target, elements of a row of the source.
  ///   - columns: of the target, rows of the source.
  ///   - sourceStride: elements from one row of the source to the next; likewise `targetStride`.
  package func callAsFunction(
    _ source: UnsafeRawPointer, stride sourceStride: Int, to target: UnsafeMutableRawPointer,
    stride targetStride: Int, rows: Int, columns: Int
  ) {
    var arguments = lcn_pack_args(
      source: source, sourceStride: Int64(sourceStride), target: target,
      targetStride: Int64(targetStride), rows: Int64(rows), columns: Int64(columns),
      paddedColumns: Int64(columns))
    kernel.call(&arguments)
  }
}
