// The weights of some groups, packed, and where their channels and filters begin.

/// Consecutive groups whose weights are packed together, and the kernels for them.
final class ConvolutionPart: Sendable {
  let firstChannel: Int, channels: Int, firstFilter: Int
  let weights: PackedWeights
  /// Channels of a column block.
  let channelBlock: Int
  let kernels: [Kernel]

  init(
    firstChannel: Int, channels: Int, firstFilter: Int, weights: PackedWeights, channelBlock: Int,
    kernels: [Kernel]
  ) {
    (self.firstChannel, self.channels, self.firstFilter) = (firstChannel, channels, firstFilter)
    (self.weights, self.channelBlock, self.kernels) = (weights, channelBlock, kernels)
  }
}
