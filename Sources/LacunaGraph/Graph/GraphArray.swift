// An array that goes into a graph, comes out of it, or stands in it as a constant.

import LacunaFormats

/// The elements of a ``GraphArray``.
public enum GraphValues: Equatable, Sendable {
  /// Single precision.
  case f32([Float])
  /// Integers.
  case i64([Int])
  /// Truth values.
  case bool([Bool])

  /// Number of elements.
  public var count: Int {
    switch self {
    case .f32(let values): values.count
    case .i64(let values): values.count
    case .bool(let values): values.count
    }
  }

  /// Their type.
  public var element: GraphElement {
    switch self {
    case .f32: .f32
    case .i64: .i64
    case .bool: .bool
    }
  }
}

/// An array of any rank, row-major.
public struct GraphArray: Equatable, Sendable {
  /// The dimensions; empty for a single number.
  public let shape: [Int]
  /// As many elements as the product of ``shape``.
  public let values: GraphValues

  /// Joins shape and elements.
  ///
  /// - Throws: ``GraphProblem`` for a shape that cannot be, or another number of elements.
  public init(shape: [Int], values: GraphValues) throws(GraphProblem) {
    let type = try GraphType(values.element, shape)
    if type.count != values.count {
      throw .count(what: "elements", expected: type.count, actual: values.count)
    }
    (self.shape, self.values) = (shape, values)
  }

  /// An array of numbers.
  ///
  /// - Throws: as ``init(shape:values:)``.
  public init(_ shape: [Int], _ values: [Float]) throws(GraphProblem) {
    try self.init(shape: shape, values: .f32(values))
  }

  /// A vector of integers, such as a shape.
  public init(_ integers: [Int]) {
    (shape, values) = ([integers.count], .i64(integers))
  }

  /// A single integer.
  public init(_ integer: Int) { (shape, values) = ([], .i64([integer])) }

  /// A single number.
  public init(_ number: Float) { (shape, values) = ([], .f32([number])) }

  /// Not checked: that the counts agree.
  init(unchecked shape: [Int], _ values: GraphValues) {
    (self.shape, self.values) = (shape, values)
  }

  /// Element type and shape.
  public var type: GraphType { GraphType(unchecked: values.element, shape) }

  /// The numbers; nil for other types.
  public var floats: [Float]? {
    if case .f32(let values) = values { values } else { nil }
  }

  /// The integers; nil for other types.
  public var integers: [Int]? {
    if case .i64(let values) = values { values } else { nil }
  }

  /// The same elements in another shape of as many.
  func reshaped(_ shape: [Int]) -> GraphArray { GraphArray(unchecked: shape, values) }

  /// Calls `body` with the memory of the elements.
  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    switch values {
    case .f32(let values): values.withUnsafeBytes(body)
    case .i64(let values): values.withUnsafeBytes(body)
    case .bool(let values): values.withUnsafeBytes(body)
    }
  }

  /// An array whose memory `body` writes, all of it.
  static func filled(
    _ type: GraphType, _ body: (UnsafeMutableRawPointer) -> Void
  ) -> GraphArray {
    func array<T: BitwiseCopyable>(of _: T.Type) -> [T] {
      [T](unsafeUninitializedCapacity: max(type.count, 1)) { target, filled in
        body(UnsafeMutableRawPointer(target.baseAddress!))
        filled = type.count
      }
    }
    return switch type.element {
    case .f32: GraphArray(unchecked: type.shape, .f32(array(of: Float.self)))
    case .i64: GraphArray(unchecked: type.shape, .i64(array(of: Int.self)))
    case .bool: GraphArray(unchecked: type.shape, .bool(array(of: Bool.self)))
    }
  }
}

/// A value that a graph brings along.
public enum GraphConstant: Sendable {
  /// Every element, of any type.
  case array(GraphArray)
  /// Weights, as the matrix of the shape's first dimension by all others. Of a shape that begins with 1 the matrix may
  /// leave that out: the weights of one direction of a recurrent network. They count as f32, whatever type stores them.
  case weights(SparseTensor)

  /// Element type and shape.
  public var type: GraphType {
    switch self {
    case .array(let array): array.type
    case .weights(let tensor): GraphType(unchecked: .f32, tensor.shape)
    }
  }

  /// Every element, zeros too.
  var array: GraphArray {
    switch self {
    case .array(let array): array
    case .weights(let tensor):
      GraphArray(unchecked: tensor.shape, .f32(tensor.matrix(of: Float.self).dense().values))
    }
  }

  /// - Throws: ``GraphProblem`` when the matrix is not that of the shape.
  func validate() throws(GraphProblem) {
    guard case .weights(let tensor) = self else { return }
    var shape = tensor.shape
    if shape.count > 1 && shape[0] == 1 && tensor.rows != 1 { shape.removeFirst() }
    let type = try GraphType(.f32, shape)
    let rows = shape.first ?? 1
    if tensor.rows != rows {
      throw .count(what: "rows of the sparse constant", expected: rows, actual: tensor.rows)
    }
    let columns = rows == 0 ? tensor.columns : type.count / rows
    if tensor.columns != columns {
      throw .count(
        what: "columns of the sparse constant", expected: columns, actual: tensor.columns)
    }
  }
}
