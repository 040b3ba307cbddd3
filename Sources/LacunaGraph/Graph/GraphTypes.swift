// What the values of a graph are: an element type and a shape, known or still open.

/// The type of a value's elements.
public enum GraphElement: String, Sendable, Hashable, Codable, CaseIterable {
  /// Single precision: activations and weights.
  case f32
  /// 64-bit integers: shapes, positions, and whatever narrower integers a file has.
  case i64
  /// Truth values.
  case bool

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .f32: 4
    case .i64: 8
    case .bool: 1
    }
  }
}

/// Element type and shape of a value, row-major and without gaps.
public struct GraphType: Hashable, Sendable {
  /// What the elements are.
  public let element: GraphElement
  /// The dimensions, outermost first; empty for a single number.
  public let shape: [Int]

  /// Most elements of a value: their numbers and byte counts are far from overflow.
  static let mostElements = 1 << 40

  /// Most dimensions.
  static let mostDimensions = 64

  /// - Throws: ``GraphProblem`` when a dimension is negative, and for more than 64 dimensions or 2⁴⁰ elements.
  public init(_ element: GraphElement, _ shape: [Int]) throws(GraphProblem) {
    if shape.count > Self.mostDimensions {
      throw .outOfRange(
        what: "the number of dimensions", value: shape.count, lowest: 0,
        highest: Self.mostDimensions)
    }
    var count = 1
    for size in shape {
      if size < 0 { throw .negativeDimension(shape) }
      let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
      if overflow || product > Self.mostElements { throw .tooManyElements(shape) }
      count = product
    }
    (self.element, self.shape) = (element, shape)
  }

  /// Not checked: the shape.
  init(unchecked element: GraphElement, _ shape: [Int]) {
    (self.element, self.shape) = (element, shape)
  }

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// Bytes of all elements.
  public var byteCount: Int { count * element.size }
  /// Number of dimensions.
  public var rank: Int { shape.count }
}

extension GraphType: CustomStringConvertible {
  /// Such as "f32 1×3×224×224".
  public var description: String { "\(element.rawValue) \(shapeText(shape))" }
}

/// A dimension of a graph's input.
public enum GraphDimension: Hashable, Sendable {
  /// Always this size.
  case size(Int)
  /// The same size wherever the name occurs, given when a plan is made.
  case symbol(String)
  /// Any size, given when a plan is made.
  case any
}

extension GraphDimension: CustomStringConvertible {
  /// The size, the name, or a question mark.
  public var description: String {
    switch self {
    case .size(let size): "\(size)"
    case .symbol(let name): name
    case .any: "?"
    }
  }
}

/// Sizes with a cross between them; "scalar" when there are none.
func shapeText(_ shape: [Int]) -> String {
  shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "×")
}
