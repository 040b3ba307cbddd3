// The plain twins, for the table: of this target alone, though the others compile them too.

import CSIMD

/// Every plain kernel.
package func referenceRows(_ add: @escaping (lcn_kernel_row) -> Void) {
  let rows = KernelRows(add: add)
  stripRows(rows)
  byteRows(rows)
  pairRows(rows)
  fewColumnRows(rows)
}

/// Strips of packed weights, their panels, gradients on a pattern, planes.
private func stripRows(_ rows: KernelRows) {
  let (one, two, four) = (mostVectors(strip: 1), mostVectors(strip: 2), mostVectors(strip: 4))
  rows("spmm", "f32", variant: "1x1", most: one) { spmmReferenceF32(arguments($0)) }
  rows("spmm", "f64", variant: "1x1", most: one) { spmmReferenceF64(arguments($0)) }
  rows("spmm", "bf16f32", variant: "1x1", most: one) { spmmReferenceBF16(arguments($0)) }
  rows("spmm", "f16f32", variant: "1x1", most: one) { spmmReferenceF16(arguments($0)) }
  rows("spmm", "f32", variant: "2x1", most: two) { spmmReferenceF32(arguments($0)) }
  rows("spmm", "f64", variant: "2x1", most: two) { spmmReferenceF64(arguments($0)) }
  rows("spmm", "bf16f32", variant: "2x1", most: two) { spmmReferenceBF16(arguments($0)) }
  rows("spmm", "f16f32", variant: "2x1", most: two) { spmmReferenceF16(arguments($0)) }
  rows("spmm", "f32", variant: "4x1", most: four) { spmmReferenceF32(arguments($0)) }
  rows("spmm", "f64", variant: "4x1", most: four) { spmmReferenceF64(arguments($0)) }
  rows("spmm", "bf16f32", variant: "4x1", most: four) { spmmReferenceBF16(arguments($0)) }
  rows("spmm", "f16f32", variant: "4x1", most: four) { spmmReferenceF16(arguments($0)) }
  rows("packRows", "f32") { packRowsReferenceF32(arguments($0)) }
  rows("packRows", "f64") { packRowsReferenceF64(arguments($0)) }
  rows("packTransposed", "f32") { packTransposedReferenceF32(arguments($0)) }
  rows("packTransposed", "f64") { packTransposedReferenceF64(arguments($0)) }
  rows("sddmm", "f32", most: 4) { sddmmReferenceF32(arguments($0)) }
  rows("sddmm", "f64", most: 4) { sddmmReferenceF64(arguments($0)) }
  rows("depthwise", "f32") { depthwiseReferenceF32(arguments($0)) }
  rows("depthwise", "f64") { depthwiseReferenceF64(arguments($0)) }
  rows("depthwiseChannels", "f32") { depthwiseChannelsReferenceF32(arguments($0)) }
  rows("depthwiseChannels", "f64") { depthwiseChannelsReferenceF64(arguments($0)) }
}

/// Products of bytes.
private func byteRows(_ rows: KernelRows) {
  let (one, two) = (mostQuadVectors(strip: 1), mostQuadVectors(strip: 2))
  let four = mostQuadVectors(strip: 4)
  rows("spmm", "i8u8", variant: "1x4", most: one) { spmmReferenceI8(arguments($0)) }
  rows("spmm", "i8u8", variant: "2x4", most: two) { spmmReferenceI8(arguments($0)) }
  rows("spmm", "i8u8", variant: "4x4", most: four) { spmmReferenceI8(arguments($0)) }
  rows("gaps", "i8u8") { multiplyGapsReference(arguments($0)) }
  rows("bitmask", "i8u8") { multiplyBitmaskReference(arguments($0)) }
  rows("byteWindow", "i8u8") { multiplyByteWindowsReference(arguments($0)) }
  rows("depthwiseBytes", "i8u8") { depthwiseBytesReferenceF32(arguments($0)) }
  rows("depthwiseBytes", "i8u8u8") { depthwiseBytesReferenceU8(arguments($0)) }
  rows("depthwiseByteChannels", "i8u8") { depthwiseByteChannelsReferenceF32(arguments($0)) }
  rows("depthwiseByteChannels", "i8u8u8") { depthwiseByteChannelsReferenceU8(arguments($0)) }
}

/// Products of pairs of bf16.
private func pairRows(_ rows: KernelRows) {
  let (one, two, four) = (mostVectors(strip: 1), mostVectors(strip: 2), mostVectors(strip: 4))
  rows("spmm", "bf16bf16", variant: "1x2", most: one) { spmmReferencePairs(arguments($0)) }
  rows("spmm", "bf16bf16", variant: "2x2", most: two) { spmmReferencePairs(arguments($0)) }
  rows("spmm", "bf16bf16", variant: "4x2", most: four) { spmmReferencePairs(arguments($0)) }
  rows("packPairs", "bf16bf16", variant: "columns") { packPairColumnsReference(arguments($0)) }
  rows("packPairs", "bf16bf16", variant: "rows") { packPairRowsReference(arguments($0)) }
  rows("packPairs", "bf16bf16", variant: "line") { packPairLineReference(arguments($0)) }
  rows("pairWindow", "bf16bf16") { multiplyPairWindowsReference(arguments($0)) }
}

/// Few columns of X: a plain kernel has no registers to run out of.
private func fewColumnRows(_ rows: KernelRows) {
  rows("window", "f32", variant: "16x32", bytes: 64, most: 8) {
    window16x32ReferenceF32(arguments($0))
  }
  rows("window", "bf16f32", variant: "16x32", bytes: 64, most: 8) {
    window16x32ReferenceBF16(arguments($0))
  }
  rows("window", "f16f32", variant: "16x32", bytes: 64, most: 8) {
    window16x32ReferenceF16(arguments($0))
  }
  rows("window", "f32", variant: "16x32c", bytes: 64, most: 8) {
    window16x32CompressedReferenceF32(arguments($0))
  }
  rows("window", "bf16f32", variant: "16x32c", bytes: 64, most: 8) {
    window16x32CompressedReferenceBF16(arguments($0))
  }
  rows("window", "f16f32", variant: "16x32c", bytes: 64, most: 8) {
    window16x32CompressedReferenceF16(arguments($0))
  }
  rows("window", "f32", variant: "16x16", bytes: 64, most: 8) {
    window16x16ReferenceF32(arguments($0))
  }
  rows("window", "bf16f32", variant: "16x16", bytes: 64, most: 8) {
    window16x16ReferenceBF16(arguments($0))
  }
  rows("window", "f16f32", variant: "16x16", bytes: 64, most: 8) {
    window16x16ReferenceF16(arguments($0))
  }
  rows("window", "f32", variant: "8x16", bytes: 32, most: 8) {
    window8x16ReferenceF32(arguments($0))
  }
  rows("window", "bf16f32", variant: "8x16", bytes: 32, most: 8) {
    window8x16ReferenceBF16(arguments($0))
  }
  rows("window", "f16f32", variant: "8x16", bytes: 32, most: 8) {
    window8x16ReferenceF16(arguments($0))
  }
  rows("window", "f64", variant: "8x16", bytes: 64, most: 8) {
    window8x16ReferenceF64(arguments($0))
  }
  rows("blockVector", "f32", bytes: 64, most: 6) { blocksReferenceF32(arguments($0)) }
  rows("blockVector", "bf16f32", bytes: 64, most: 6) { blocksReferenceBF16(arguments($0)) }
  rows("blockVector", "f16f32", bytes: 64, most: 6) { blocksReferenceF16(arguments($0)) }
}
