// How a band of one plane of bytes lies where the kernel reads it: rows of bytes, and the quads made of them.

/// Bytes of a band of quads: two of them, their bytes and results fit into a first-level cache of 32 kB.
private let bandBytes = 10 << 10

/// Quads of one plane: four neighbouring taps of a kernel's row for each result of a row.
///
/// Rows lie by phases of the stride in y, without gaps. Of a kernel of 3×5 at stride 2, over a plane whose results are
/// three columns:
///
///     part 0, taps 0…3     rows 0, 2, 4, …    then rows 1, 3, 5, …
///     part 1, tap 4        the same
package struct BytePlaneBand: Sendable {
  /// Rows of results that one band is for.
  package let rows: Int
  /// Rows of the image between a kernel's first and its last, both included.
  package let extentY: Int
  /// Rows of quads from one phase to the next.
  package let phaseRows: Int
  /// Quads of a kernel's row.
  package let parts: Int
  /// From a row of bytes to the next.
  package let rowBytes: Int
  /// Of one band of quads and of one of bytes, with what registers read or write behind the last.
  package let quadBytes: Int, imageBytes: Int

  /// - Parameter rows: of results; as many as fit into the cache if there is none.
  package init(_ s: ConvolutionShape, lanes: Int, rows wanted: Int? = nil) {
    func whole(_ count: Int, _ unit: Int) -> Int { (count + unit - 1) / unit * unit }
    let extent = (s.kernelHeight - 1) * s.dilationY + 1
    let parts = (s.kernelWidth + 3) / 4
    let quadRow = 4 * s.outputWidth * parts
    let fitting = (bandBytes / quadRow - extent) / s.strideY + 1
    let rows = min(s.outputHeight, wanted ?? max(8, fitting))
    let imageRows = (rows - 1) * s.strideY + extent
    (self.rows, extentY, self.parts) = (rows, extent, parts)
    phaseRows = (imageRows + s.strideY - 1) / s.strideY
    quadBytes = whole((parts * s.strideY * phaseRows * s.outputWidth + 2 * lanes) * 4, 64)
    rowBytes = s.padLeft + s.width + s.padRight
    let beyond =
      4 * parts * s.dilationX + whole(s.outputWidth, lanes) * s.strideX + 4 * lanes + 4
    imageBytes = whole(imageRows * rowBytes + beyond, 64)
  }

  package var byteCount: Int { 2 * (quadBytes + imageBytes) }

  /// Where a quad, part `quad % parts` of the kernel's row `quad / parts`, reads the band: quads from a result's own place on.
  package func offset(quad: Int, of s: ConvolutionShape) -> Int {
    let (y, part) = quad.quotientAndRemainder(dividingBy: parts)
    let (row, phase) = (y * s.dilationY).quotientAndRemainder(dividingBy: s.strideY)
    return ((part * s.strideY + phase) * phaseRows + row) * s.outputWidth
  }
}
