// The kernels of this target, for the table.

import CSIMD

/// Every kernel of this target: strips and windows of pairs, and what they read.
package func kernelRows(_ add: @escaping (lcn_kernel_row) -> Void) {
  let rows = KernelRows(add: add)
  let (one, two, four) = (
    mostPairVectors(strip: 1), mostPairVectors(strip: 2), mostPairVectors(strip: 4)
  )
  rows("spmm", "bf16bf16", variant: "1x2", most: one) { spmm1x2Pairs(arguments($0)) }
  rows("spmm", "bf16bf16", variant: "2x2", most: two) { spmm2x2Pairs(arguments($0)) }
  rows("spmm", "bf16bf16", variant: "4x2", most: four) { spmm4x2Pairs(arguments($0)) }
  rows("packPairs", "bf16bf16", variant: "columns") { packPairColumns(arguments($0)) }
  rows("packPairs", "bf16bf16", variant: "rows") { packPairRows(arguments($0)) }
  rows("packPairs", "bf16bf16", variant: "line") { packPairLine(arguments($0)) }
  rows("pairWindow", "bf16bf16") { multiplyPairWindows(arguments($0)) }
}
