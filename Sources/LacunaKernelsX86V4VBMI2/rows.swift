// The kernels of this target, for the table.

import CSIMD

/// Every kernel of this target.
package func kernelRows(_ add: @escaping (lcn_kernel_row) -> Void) {
  let rows = KernelRows(add: add)
  rows("bitmask", "i8u8") { multiplyBitmask(arguments($0)) }
  rows("byteWindow", "i8u8") { multiplyByteWindows(arguments($0)) }
}
