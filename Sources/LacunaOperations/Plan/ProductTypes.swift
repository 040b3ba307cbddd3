// The four types of a product: weights · activations → accumulator → output.

import LacunaFormats

/// What a product multiplies, adds up in and writes: the key of its kernels and of its plan's decision.
public struct ProductTypes: Hashable, Sendable, CustomStringConvertible {
  /// Types of the two operands.
  public let weights: NumberType, activations: NumberType
  /// The type that products are added up in, and that of the result.
  public let accumulator: NumberType, output: NumberType

  /// Any four types; there are kernels for those of ``init(_:)``, ``widening(_:)``, ``pairs`` and
  /// ``quantized(_:output:)``.
  public init(
    weights: NumberType, activations: NumberType, accumulator: NumberType, output: NumberType
  ) {
    (self.weights, self.activations) = (weights, activations)
    (self.accumulator, self.output) = (accumulator, output)
  }

  /// One type for all four.
  public init(_ dtype: DType) {
    let type = NumberType(dtype)
    self.init(weights: type, activations: type, accumulator: type, output: type)
  }

  /// Weights of 16 bits that are widened to f32 where they multiply.
  public static func widening(_ weights: NumberType) -> ProductTypes {
    ProductTypes(weights: weights, activations: .f32, accumulator: .f32, output: .f32)
  }

  /// Weights and activations of bf16, sums and results in f32.
  public static let pairs = ProductTypes(
    weights: .bf16, activations: .bf16, accumulator: .f32, output: .f32)

  /// What weights of that type multiply. Not checked: that they are floats.
  package init(floats weights: NumberType) {
    switch weights {
    case .f32: self.init(.f32)
    case .f64: self.init(.f64)
    case .bf16, .f16, .i32, .i8, .u8: self = .widening(weights)
    }
  }

  /// The type of X, the sums and Y of a product of floats.
  package var float: DType { accumulator == .f64 ? .f64 : .f32 }

  /// 8-bit weights and activations of the given type, exact sums of 32 bits.
  public static func quantized(
    _ activations: NumberType, output: NumberType = .f32
  ) -> ProductTypes {
    ProductTypes(weights: .i8, activations: activations, accumulator: .i32, output: output)
  }

  /// Such as "f32", "bf16f32", "i8u8" or "i8u8i8": weights and activations, and an output that is none of f32.
  public var name: String {
    if weights == activations && weights == output { return weights.rawValue }
    let operands = weights.rawValue + activations.rawValue
    return output == .f32 ? operands : operands + output.rawValue
  }

  /// Those that products and kernels have.
  private static let known: [ProductTypes] = {
    let bytes = [NumberType.f32, .u8, .i8]
    return DType.allCases.map { ProductTypes($0) }
      + [.bf16, .f16].map { ProductTypes.widening($0) } + [.pairs]
      + bytes.flatMap { x in bytes.map { ProductTypes.quantized(x, output: $0) } }
  }()

  /// The types of that ``name``; nil for one that no kernel has.
  init?(name: String) {
    guard let found = Self.known.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// Such as "f32" or "i8·u8→i32→f32".
  public var description: String {
    weights == activations && weights == output
      ? weights.rawValue
      : "\(weights.rawValue)·\(activations.rawValue)→\(accumulator.rawValue)→\(output.rawValue)"
  }
}

/// As its description: what decisions were saved as when all four were one.
extension ProductTypes: Codable {
  /// Decodes a ``description``; a text that is the description of no kernel's types is refused.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let found = Self.known.first(where: { $0.description == text }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(text) names no types of a product")
    }
    self = found
  }

  /// Encodes the ``description``.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
