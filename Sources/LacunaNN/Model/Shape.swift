// height × width × channels of one sample, channels innermost (NHWC without the N).

/// The shape of one sample's activations. A vector of features is `1×1×features`.
public struct Shape: Hashable, Codable, Sendable, CustomStringConvertible {
  /// Rows of an image.
  public let height: Int
  /// Columns of an image.
  public let width: Int
  /// Channels of a pixel, or features of a vector.
  public let channels: Int

  /// Joins the three. Building a network checks that they are positive.
  public init(height: Int, width: Int, channels: Int) {
    (self.height, self.width, self.channels) = (height, width, channels)
  }

  /// A vector of features.
  public init(features: Int) { self.init(height: 1, width: 1, channels: features) }

  /// Scalars per sample.
  public var count: Int { height * width * channels }
  /// Positions per channel.
  public var pixels: Int { height * width }

  /// As in `28×28×1`; of a vector the number of its features.
  public var description: String {
    height == 1 && width == 1 ? "\(channels)" : "\(height)×\(width)×\(channels)"
  }
}
