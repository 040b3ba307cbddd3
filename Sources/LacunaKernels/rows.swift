// The kernels of this target, for the table.

import CSIMD

/// Every kernel of this target, the plain ones left out.
package func kernelRows(_ add: @escaping (lcn_kernel_row) -> Void) {
  let rows = KernelRows(add: add)
  stripRows(rows)
  quadStripRows(rows)
  quadPanelRows(rows)
  fewColumnRows(rows)
  patternRows(rows)
  pointwiseRows(rows)
  bytePlaneRows(rows)
}

/// Strips of packed weights, and the panels that they read.
private func stripRows(_ rows: KernelRows) {
  let (one, two, four) = (mostVectors(strip: 1), mostVectors(strip: 2), mostVectors(strip: 4))
  rows("spmm", "f32", variant: "1x1", most: one) { spmm1x1F32(arguments($0)) }
  rows("spmm", "f64", variant: "1x1", most: one) { spmm1x1F64(arguments($0)) }
  rows("spmm", "bf16f32", variant: "1x1", most: one) { spmm1x1BF16(arguments($0)) }
  rows("spmm", "f16f32", variant: "1x1", most: one) { spmm1x1F16(arguments($0)) }
  rows("spmm", "f32", variant: "2x1", most: two) { spmm2x1F32(arguments($0)) }
  rows("spmm", "f64", variant: "2x1", most: two) { spmm2x1F64(arguments($0)) }
  rows("spmm", "bf16f32", variant: "2x1", most: two) { spmm2x1BF16(arguments($0)) }
  rows("spmm", "f16f32", variant: "2x1", most: two) { spmm2x1F16(arguments($0)) }
  rows("spmm", "f32", variant: "4x1", most: four) { spmm4x1F32(arguments($0)) }
  rows("spmm", "f64", variant: "4x1", most: four) { spmm4x1F64(arguments($0)) }
  rows("spmm", "bf16f32", variant: "4x1", most: four) { spmm4x1BF16(arguments($0)) }
  rows("spmm", "f16f32", variant: "4x1", most: four) { spmm4x1F16(arguments($0)) }
  rows("packRows", "f32") { packRowsF32(arguments($0)) }
  rows("packRows", "f64") { packRowsF64(arguments($0)) }
  rows("packTransposed", "f32") { packTransposedF32(arguments($0)) }
  rows("packTransposed", "f64") { packTransposedF64(arguments($0)) }
  rows("multiplyAddPeak", "f32") { multiplyAddPeakF32(arguments($0)) }
  rows("multiplyAddPeak", "f64") { multiplyAddPeakF64(arguments($0)) }
}

/// The panels of bytes, their ranges, and results made bytes.
private func quadPanelRows(_ rows: KernelRows) {
  rows("packQuads", "i8u8", variant: "columns") { packQuadColumnsU8(arguments($0)) }
  rows("packQuads", "i8u8", variant: "rows") { packQuadRowsU8(arguments($0)) }
  rows("packQuads", "i8f32", variant: "columns") { packQuadColumnsF32(arguments($0)) }
  rows("packQuads", "i8f32", variant: "rows") { packQuadRowsF32(arguments($0)) }
  rows("range", "f32", variant: "columns") { rangeColumnsF32(arguments($0)) }
  rows("range", "f32", variant: "rows") { rangeRowsF32(arguments($0)) }
  rows("requantize", "i8f32u8") { requantizeU8(arguments($0)) }
}

/// Few columns of X.
private func fewColumnRows(_ rows: KernelRows) {
  rows("csr", "f32") { csrF32(arguments($0)) }
  rows("csr", "f64") { csrF64(arguments($0)) }
  rows("csr", "bf16f32") { csrBF16(arguments($0)) }
  rows("csr", "f16f32") { csrF16(arguments($0)) }
  rows("gaps", "i8u8") { multiplyGaps(arguments($0)) }
  rows("packWindows", "f32") { packWindowsF32(arguments($0)) }
  rows("packWindows", "f64") { packWindowsF64(arguments($0)) }
  #if LACUNA_V4
    rows("window", "f32", variant: "16x32", bytes: 64, most: 8) { window16x32F32(arguments($0)) }
    rows("window", "bf16f32", variant: "16x32", bytes: 64, most: 8) {
      window16x32BF16(arguments($0))
    }
    rows("window", "f16f32", variant: "16x32", bytes: 64, most: 8) { window16x32F16(arguments($0)) }
    rows("window", "f32", variant: "16x32c", bytes: 64, most: 8) {
      window16x32CompressedF32(arguments($0))
    }
    rows("window", "bf16f32", variant: "16x32c", bytes: 64, most: 8) {
      window16x32CompressedBF16(arguments($0))
    }
    rows("window", "f16f32", variant: "16x32c", bytes: 64, most: 8) {
      window16x32CompressedF16(arguments($0))
    }
    rows("window", "f32", variant: "16x16", bytes: 64, most: 6) { window16x16F32(arguments($0)) }
    rows("window", "bf16f32", variant: "16x16", bytes: 64, most: 6) {
      window16x16BF16(arguments($0))
    }
    rows("window", "f16f32", variant: "16x16", bytes: 64, most: 6) { window16x16F16(arguments($0)) }
    rows("window", "f64", variant: "8x16", bytes: 64, most: 8) { window8x16F64(arguments($0)) }
  #elseif LACUNA_V3
    rows("window", "f32", variant: "8x16", bytes: 32, most: 4) { window8x16F32(arguments($0)) }
    rows("window", "bf16f32", variant: "8x16", bytes: 32, most: 4) { window8x16BF16(arguments($0)) }
    rows("window", "f16f32", variant: "8x16", bytes: 32, most: 4) { window8x16F16(arguments($0)) }
  #endif
  #if LACUNA_V3 || LACUNA_V4
    rows("blockVector", "f32", bytes: 64, most: 6) { blocksF32(arguments($0)) }
    rows("blockVector", "bf16f32", bytes: 64, most: 6) { blocksBF16(arguments($0)) }
    rows("blockVector", "f16f32", bytes: 64, most: 6) { blocksF16(arguments($0)) }
  #endif
}

/// Gradients on a pattern, selection, conversions from dense.
private func patternRows(_ rows: KernelRows) {
  rows("sddmm", "f32", most: 4) { sddmmF32(arguments($0)) }
  rows("sddmm", "f64", most: 4) { sddmmF64(arguments($0)) }
  rows("selectBracket", "f32") { selectBracketF32(UnsafeMutablePointer(mutating: arguments($0))) }
  rows("selectBracket", "f64") { selectBracketF64(UnsafeMutablePointer(mutating: arguments($0))) }
  rows("magnitudeHistogram", "f32") { magnitudeHistogramF32(arguments($0)) }
  rows("magnitudeHistogram", "f64") { magnitudeHistogramF64(arguments($0)) }
  rows("nonzeros", "f32") { nonzerosF32(arguments($0)) }
  rows("nonzeros", "f64") { nonzerosF64(arguments($0)) }
  rows("compress", "f32") { compressF32(arguments($0)) }
  rows("compress", "f64") { compressF64(arguments($0)) }
}

/// Recurrent cells, functions of single elements, rows of images, depthwise convolutions.
private func pointwiseRows(_ rows: KernelRows) {
  rows("recurrentCell", "f32", variant: "lstm") { lstmCellF32(arguments($0)) }
  rows("recurrentCell", "f32", variant: "gru") { gruCellF32(arguments($0)) }
  rows("recurrentCell", "f32", variant: "gru-reset") { gruResetF32(arguments($0)) }
  rows("recurrentCell", "f32", variant: "gru-update") { gruUpdateF32(arguments($0)) }
  rows("pointwise", "f32", variant: "tanh") { tanhF32(arguments($0)) }
  rows("pointwise", "f32", variant: "sigmoid") { sigmoidF32(arguments($0)) }
  rows("activation", "f32", variant: "hard-swish") { hardSwishF32(arguments($0)) }
  rows("activation", "f32", variant: "silu") { siLUF32(arguments($0)) }
  rows("activation", "f64", variant: "hard-swish") { hardSwishF64(arguments($0)) }
  rows("activation", "f64", variant: "silu") { siLUF64(arguments($0)) }
  rows("residual", "f32") { residualF32(arguments($0)) }
  rows("residual", "f64") { residualF64(arguments($0)) }
  rows("packImageRows", "f32") { packImageRowsF32(arguments($0)) }
  rows("packImageRows", "f64") { packImageRowsF64(arguments($0)) }
  rows("unpackImageRows", "f32") { unpackImageRowsF32(arguments($0)) }
  rows("unpackImageRows", "f64") { unpackImageRowsF64(arguments($0)) }
  rows("depthwise", "f32") { depthwiseF32(arguments($0)) }
  rows("depthwise", "f64") { depthwiseF64(arguments($0)) }
  rows("depthwiseChannels", "f32") { depthwiseChannelsF32(arguments($0)) }
  rows("depthwiseChannels", "f64") { depthwiseChannelsF64(arguments($0)) }
}
