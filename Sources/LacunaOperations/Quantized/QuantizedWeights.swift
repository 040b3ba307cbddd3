// The 8-bit weights of a plan: checked, with the sum of each row.

import LacunaFormats

/// What an 8-bit product is made from.
// Sound to share: nothing changes after the initialiser.
final class QuantizedWeights: @unchecked Sendable {
  let source: QuantizedMatrix
  let activations: QuantizedActivations
  /// What results become; nil for f32.
  let output: QuantizedOutput?
  /// The sum of each row's weights, which a zero point is multiplied by; and the rows' scales.
  let rowSums: AlignedBuffer<Int32>, rowScales: AlignedBuffer<Float>

  /// Magnitudes of a row's weights whose products with bytes always sum to less than 2³¹.
  static let mostMagnitude = Int(Int32.max) / 255

  /// - Throws: ``QuantizedPlanError``.
  init(
    _ source: QuantizedMatrix, activations: QuantizedActivations, output: QuantizedOutput?
  ) throws(QuantizedPlanError) {
    (self.source, self.activations, self.output) = (source, activations, output)
    rowSums = AlignedBuffer(count: max(source.rows, 1))
    rowScales = AlignedBuffer(count: max(source.rows, 1))
    let scales = source.scales
    for row in 0..<source.rows {
      var (sum, magnitude) = (0, 0)
      source.forEach(row: row) { _, weight in
        sum += Int(weight)
        magnitude += Int(weight.magnitude)
      }
      if magnitude > Self.mostMagnitude {
        throw .sumOverflow(row: row, magnitude: magnitude, mostMagnitude: Self.mostMagnitude)
      }
      // A row that stores nothing but zeros has the scale 0.
      let scale = scales[row]
      if !(scale > 0 && scale < .infinity || scale == 0 && magnitude == 0) {
        throw .weightScale(row: row, value: scale)
      }
      rowSums.pointer[row] = Int32(sum)
      rowScales.pointer[row] = scale
    }
  }

  /// - Throws: ``OperationError/quantization(_:)``.
  convenience init(
    _ source: QuantizedMatrix, activations: (type: NumberType, range: ActivationRange),
    output: (type: NumberType, scale: OutputScale?)
  ) throws(OperationError) {
    do throws(QuantizedPlanError) {
      var bytes: QuantizedOutput?
      if let scale = output.scale { bytes = try QuantizedOutput(type: output.type, scale) }
      try self.init(
        source,
        activations: QuantizedActivations(type: activations.type, range: activations.range),
        output: bytes)
    } catch { throw .quantization(error) }
  }

  /// What the bytes of images, or of products whose activations are bytes, stand for.
  var imageScale: ByteScale {
    guard case .fixed(let scale, let zeroPoint) = activations.range else {
      preconditionFailure("bytes have a fixed range")
    }
    return ByteScale(scale: scale, zeroPoint: zeroPoint, of: activations.type)
  }

  var rows: Int { source.rows }
  var columns: Int { source.columns }
  var isDense: Bool { false }

  var stored: Int { source.stored }

  var block: BlockSize { source.block }
}
