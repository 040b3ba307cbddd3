// How a kernel target lists its kernels for the table.

import CSIMD

/// Hands rows out one by one: an array would be code of the standard library in this target.
struct KernelRows {
  let add: (lcn_kernel_row) -> Void

  /// A kernel. Names are those that the table prints; `bytes` of a register where it is none of the
  /// instruction set's; `most` registers of a panel row, or columns of X.
  @inline(__always)
  func callAsFunction(
    _ operation: StaticString, _ types: StaticString, variant: StaticString = "",
    bytes: Int = 0, most: Int = 0,
    _ call: @escaping @Sendable @convention(c) (UnsafeRawPointer) -> Void
  ) {
    add(
      lcn_kernel_row(
        operation: characters(operation), variant: characters(variant), types: characters(types),
        vectorBytes: Int32(truncatingIfNeeded: bytes), mostVectors: Int32(truncatingIfNeeded: most),
        call: call))
  }

  @inline(__always)
  private func characters(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }
}

/// The arguments that a call got.
@inline(__always)
func arguments<Arguments>(_ p: UnsafeRawPointer) -> UnsafePointer<Arguments> {
  p.assumingMemoryBound(to: Arguments.self)
}
