// height × width × channels of one sample, channels innermost (NHWC without the N).

/// The shape of one sample's activations. A vector of features is `1×1×features`.
public struct Shape: Hashable, Codable, Sendable, CustomStringConvertible {
  public let height: Int
  public let width: Int
  public let channels: Int

  public init(height: Int, width: Int, channels: Int) {
    (self.height, self.width, self.channels) = (height, width, channels)
  }

  /// A vector of features.
  public init(features: Int) { self.init(height: 1, width: 1, channels: features) }

  /// Scalars per sample.
  public var count: Int { height * width * channels }
  /// Positions per channel.
  public var pixels: Int { height * width }

  public var description: String {
    height == 1 && width == 1 ? "\(channels)" : "\(height)×\(width)×\(channels)"
  }
}
