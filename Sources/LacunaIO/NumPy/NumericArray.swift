// An array of any rank and any of the number types that files hold.

import LacunaFormats

/// The elements of an array in a file, in their own type.
public enum NumericValues: Equatable, Sendable {
  /// Truth values.
  case bool([Bool])
  /// Signed 8-bit integers.
  case i8([Int8])
  /// Unsigned 8-bit integers.
  case u8([UInt8])
  /// Signed 16-bit integers.
  case i16([Int16])
  /// Unsigned 16-bit integers.
  case u16([UInt16])
  /// Signed 32-bit integers.
  case i32([Int32])
  /// Unsigned 32-bit integers.
  case u32([UInt32])
  /// Signed 64-bit integers.
  case i64([Int64])
  /// Unsigned 64-bit integers.
  case u64([UInt64])
  /// Bit patterns of IEEE half precision.
  case f16([UInt16])
  /// Bit patterns of bfloat16, the upper half of an f32.
  case bf16([UInt16])
  /// IEEE 754 single precision.
  case f32([Float])
  /// IEEE 754 double precision.
  case f64([Double])
  /// What can be carried but not computed with: text, complex numbers, 8-bit floats.
  case opaque(OpaqueValues)

  /// Number of elements.
  public var count: Int {
    switch self {
    case .bool(let v): v.count
    case .i8(let v): v.count
    case .u8(let v): v.count
    case .i16(let v): v.count
    case .u16(let v), .f16(let v), .bf16(let v): v.count
    case .i32(let v): v.count
    case .u32(let v): v.count
    case .i64(let v): v.count
    case .u64(let v): v.count
    case .f32(let v): v.count
    case .f64(let v): v.count
    case .opaque(let v): v.count
    }
  }
}

/// An array of any rank, row-major (the last dimension runs fastest).
public struct NumericArray: Equatable, Sendable {
  /// The dimensions; empty for a single number.
  public let shape: [Int]
  /// As many elements as the product of ``shape``.
  public let values: NumericValues

  /// Joins shape and values.
  ///
  /// - Throws: ``DataProblem`` when a dimension is negative, the size overflows, or the number of
  ///   values is another.
  public init(shape: [Int], values: NumericValues) throws(DataProblem) {
    let count = try elementCount(of: shape, "an array")
    if values.count != count {
      throw .mismatch(what: "number of values", expected: count, actual: values.count)
    }
    (self.shape, self.values) = (shape, values)
  }

  /// Number of elements.
  public var count: Int { values.count }

  /// The elements as f64; integers of more than 53 bits are rounded.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no numbers.
  public func doubles() throws(DataProblem) -> [Double] {
    switch values {
    case .bool(let v): v.map { $0 ? 1 : 0 }
    case .i8(let v): v.map { Double($0) }
    case .u8(let v): v.map { Double($0) }
    case .i16(let v): v.map { Double($0) }
    case .u16(let v): v.map { Double($0) }
    case .i32(let v): v.map { Double($0) }
    case .u32(let v): v.map { Double($0) }
    case .i64(let v): v.map { Double($0) }
    case .u64(let v): v.map { Double($0) }
    case .f16(let v): v.map { Double(Float16(bitPattern: $0).widened) }
    case .bf16(let v): v.map { Double(BFloat16(bitPattern: $0).widened) }
    case .f32(let v): v.map { Double($0) }
    case .f64(let v): v
    case .opaque(let v):
      throw .unsupported(
        what: "element type \(Printable.escaped(v.type))", found: "where numbers are expected")
    }
  }

  /// The elements as f32, rounded where they have more digits.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no numbers.
  public func floats() throws(DataProblem) -> [Float] {
    switch values {
    case .f32(let v): v
    case .f16(let v): v.map { Float16(bitPattern: $0).widened }
    case .bf16(let v): v.map { BFloat16(bitPattern: $0).widened }
    default: try doubles().map { Float($0) }
    }
  }

  /// The elements as integers.
  ///
  /// - Throws: ``DataProblem`` when the array holds other types, or a number exceeds 63 bits.
  public func integers() throws(DataProblem) -> [Int] {
    switch values {
    case .bool(let v): return v.map { $0 ? 1 : 0 }
    case .i8(let v): return v.map { Int($0) }
    case .u8(let v): return v.map { Int($0) }
    case .i16(let v): return v.map { Int($0) }
    case .u16(let v): return v.map { Int($0) }
    case .i32(let v): return v.map { Int($0) }
    case .u32(let v): return v.map { Int($0) }
    case .i64(let v): return v.map { Int($0) }
    case .u64(let v):
      if v.contains(where: { $0 > Int.max }) { throw .overflow(what: "an integer") }
      return v.map { Int($0) }
    case .f16, .bf16, .f32, .f64, .opaque:
      throw .unsupported(what: "element type", found: "where integers are expected")
    }
  }

  /// Rows and columns of the array seen as a matrix: the first dimension by all others. A vector is
  /// one row, a single number 1×1.
  public var matrixShape: (rows: Int, columns: Int) {
    if shape.count <= 1 { return (1, count) }
    return (shape[0], shape.dropFirst().reduce(1, *))
  }

  /// The array as a matrix of ``matrixShape``.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no numbers.
  public func matrix<Scalar: SparseScalar>(
    of scalar: Scalar.Type = Scalar.self
  ) throws(DataProblem) -> DenseMatrix<Scalar> {
    let (rows, columns) = matrixShape
    if Scalar.self == Float.self {
      return try denseMatrix(rows, columns, floats()) as! DenseMatrix<Scalar>
    }
    return try denseMatrix(rows, columns, doubles()) as! DenseMatrix<Scalar>
  }
}

/// A dense matrix whose problems are those of data.
func denseMatrix<Scalar: SparseScalar>(
  _ rows: Int, _ columns: Int, _ values: [Scalar]
) throws(DataProblem) -> DenseMatrix<Scalar> {
  do throws(FormatError) {
    return try DenseMatrix(rows: rows, columns: columns, values: values)
  } catch { throw .matrix(error) }
}

/// The product of `shape`: 16 bytes for each element have to fit in the address space.
///
/// - Throws: ``DataProblem`` when a dimension is negative or the product is too large.
package func elementCount(
  of shape: [Int], _ what: @autoclosure () -> String
) throws(DataProblem) -> Int {
  // Zero dimensions do not hide an overflow of the others.
  var (product, isEmpty) = (1, false)
  for size in shape {
    if size < 0 {
      throw .outOfRange(what: "a dimension of \(what())", value: size, lowest: 0, highest: .max)
    }
    isEmpty = isEmpty || size == 0
    let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1))
    if overflow || next > .max / 16 { throw .overflow(what: "the shape of \(what())") }
    product = next
  }
  return isEmpty ? 0 : product
}
