// Slots of a strip convolution's packed weights, for new values under their pattern.

import LacunaFormats

extension StripConvolution {
  /// Where each weight stands, given numbers in the place of the weights that the body was made from; nil where parts
  /// have memory of their own.
  func valueSlots(
    _ numbers: ConvolutionWeights<Double>
  ) throws(OperationError) -> ValueSlots? {
    if parts.count != 1 { return nil }
    let weights = parts[0].weights
    let matrix = try numbers.matrix(
      groups: 0..<context.shape.groups,
      channelStride: reading == .direct ? tiling.planeStride : context.shape.taps,
      tapOffsets: reading == .direct ? tiling.tapOffsets : Array(0..<context.shape.taps))
    let numbered = matrix.packed(
      PackingShape(
        rowCuts: weights.rowCuts, columnBlock: weights.columnBlock, heights: weights.heights))
    return ValueSlots(
      memory: weights.values, NumberType(context.dtype), packed: numbered.values,
      count: numbered.storedWeights)
  }
}
