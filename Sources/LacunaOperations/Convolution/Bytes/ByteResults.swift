// Sums of bytes → results: their scales, and rows of results as bytes in either layout.

import CSIMD
import LacunaFormats

/// How the strip kernels of a convolution of bytes finish their sums, and how results become bytes.
// Sound to share: nothing changes after the initialiser.
final class ByteResults: @unchecked Sendable {
  /// What results become; nil for f32.
  let output: QuantizedOutput?
  private let quantized: QuantizedWeights
  private let context: ConvolutionContext
  private let turn: Kernel, requantize: Kernel
  /// The scale and the zero point of all images, for each column of a panel.
  private let columnScales: AlignedBuffer<Float>, columnZeros: AlignedBuffer<Int32>

  /// - Parameter columns: of the widest panel.
  init(_ quantized: QuantizedWeights, columns: Int, _ context: ConvolutionContext) {
    (self.quantized, self.context, output) = (quantized, context, quantized.output)
    turn = context.table.kernel(.packTransposed, dtype: .f32)!
    requantize = context.table.kernel(.requantize, types: .quantized(.f32, output: .u8))!
    let side = quantized.imageScale
    (columnScales, columnZeros) = (AlignedBuffer(count: columns), AlignedBuffer(count: columns))
    columnScales.elements.update(repeating: side.scale)
    columnZeros.elements.update(repeating: side.zero)
  }

  /// Whether results are turned before they become bytes.
  var turns: Bool { context.layout == .nhwc && output != nil }

  /// What the kernels need of rows from `filter` on.
  @inline(__always)
  func scales(filter: Int) -> lcn_quad_scales {
    lcn_quad_scales(
      scales: columnScales.pointer, zeros: columnZeros.pointer,
      rowScales: quantized.rowScales.pointer + filter, rowSums: quantized.rowSums.pointer + filter,
      uniform: 1)
  }

  /// A run of pixels of some filters as bytes, from a panel of results. Strides in elements.
  ///
  /// - Parameters:
  ///   - rows: filters, `count` pixels of each.
  ///   - turned: memory for as many results.
  func deliver(
    _ source: UnsafeRawPointer, stride: Int, to target: UnsafeMutableRawPointer, rows: Int,
    count: Int, turned: UnsafeMutableRawPointer
  ) {
    guard let output else { return }
    let channelsFirst = context.layout == .nchw
    var (results, resultStride) = (source, stride)
    if !channelsFirst {
      var arguments = lcn_pack_args(
        source: source, sourceStride: Int64(stride), target: turned, targetStride: Int64(rows),
        rows: Int64(count), columns: Int64(rows), paddedColumns: Int64(rows))
      turn.call(&arguments)
      (results, resultStride) = (UnsafeRawPointer(turned), rows)
    }
    var arguments = lcn_requantize_args(
      source: results.assumingMemoryBound(to: Float.self), sourceStride: Int64(resultStride),
      target: target.assumingMemoryBound(to: UInt8.self),
      targetStride: Int64(channelsFirst ? context.shape.pixels : context.shape.filters),
      rows: Int64(channelsFirst ? rows : count), columns: Int64(channelsFirst ? count : rows),
      inverse: output.scale.inverse, zero: output.scale.zero, flip: output.flip)
    requantize.call(&arguments)
  }
}
