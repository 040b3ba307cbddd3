// What strips of a convolution are packed from: weights of planes, one channel or four of them in each.

/// How many rows there are, and what they store.
struct StripRows {
  let rows: Int
  /// Stored elements of rows before one.
  let storedBefore: (Int) -> Int
}

/// Weights of a convolution over *planes*: the channels of an image, or groups of four whose bytes share 32 bits.
protocol StripConvolutionWeights {
  /// The convolution with planes for channels.
  var planes: ConvolutionShape { get }
  /// Filters that a strip is high.
  var blockRows: Int { get }
  /// Channels of a plane: 1, or 4 for bytes.
  var inputs: Int { get }
  /// Share of the weights that are stored.
  var density: Double { get }
  /// What the strip kernels multiply.
  var kernelTypes: ProductTypes { get }

  /// The weights of some groups as strips: weight (filter, plane, tap) in row `filter`, column
  /// `plane · channelStride + tapOffsets[tap]`, both counted from the first group's.
  ///
  /// - Parameter cut: where rows and columns are cut.
  func packed(
    groups: Range<Int>, channelStride: Int, tapOffsets: [Int], cut: (StripRows) -> PackingShape
  ) throws(OperationError) -> PackedWeights
}
