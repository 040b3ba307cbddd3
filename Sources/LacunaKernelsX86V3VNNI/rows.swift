// The kernels of this target, for the table.

import CSIMD

/// Every kernel of this target.
package func kernelRows(_ add: @escaping (lcn_kernel_row) -> Void) {
  let rows = KernelRows(add: add)
  quadStripRows(rows)
  bytePlaneRows(rows)
}
