// The strips of bytes, for the table.

/// Strips of one row, of two and of four.
func quadStripRows(_ rows: KernelRows) {
  let (one, two, four) = (
    mostQuadVectors(strip: 1), mostQuadVectors(strip: 2), mostQuadVectors(strip: 4)
  )
  rows("spmm", "i8u8", variant: "1x4", most: one) { spmm1x4I8(arguments($0)) }
  rows("spmm", "i8u8", variant: "2x4", most: two) { spmm2x4I8(arguments($0)) }
  rows("spmm", "i8u8", variant: "4x4", most: four) { spmm4x4I8(arguments($0)) }
}
