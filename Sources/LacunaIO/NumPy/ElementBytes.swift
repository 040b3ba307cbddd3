// Elements to little-endian bytes and back, for every number type.

/// The types of numbers that arrays in files have, by NumPy's code without the byte order.
public enum ElementType: String, CaseIterable, Sendable {
  /// Truth values: bytes that are 0 or 1.
  case bool = "b1"
  /// Signed 8-bit integers.
  case i8 = "i1"
  /// Unsigned 8-bit integers.
  case u8 = "u1"
  /// Signed 16-bit integers.
  case i16 = "i2"
  /// Unsigned 16-bit integers.
  case u16 = "u2"
  /// Signed 32-bit integers.
  case i32 = "i4"
  /// Unsigned 32-bit integers.
  case u32 = "u4"
  /// Signed 64-bit integers.
  case i64 = "i8"
  /// Unsigned 64-bit integers.
  case u64 = "u8"
  /// IEEE 754 half precision.
  case f16 = "f2"
  /// IEEE 754 single precision.
  case f32 = "f4"
  /// IEEE 754 double precision.
  case f64 = "f8"
  /// NumPy has none: the code is that of the ml_dtypes package.
  case bf16 = "bfloat16"

  /// Bytes of an element.
  public var size: Int {
    switch self {
    case .bool, .i8, .u8: 1
    case .i16, .u16, .f16, .bf16: 2
    case .i32, .u32, .f32: 4
    case .i64, .u64, .f64: 8
    }
  }
}

extension NumericValues {
  /// Reads `count` elements, which have to be all of `bytes`.
  init(
    _ type: ElementType, count: Int, bytes: ByteSlice, bigEndian: Bool, _ what: String
  ) throws(DataProblem) {
    // The product cannot overflow: shapes are checked to fit as f64.
    let needed = count * type.size
    if bytes.count < needed {
      throw .truncated(what: what, needed: needed, available: bytes.count)
    }
    if bytes.count > needed { throw .trailingBytes(count: bytes.count - needed) }
    func integers<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> [T] {
      bytes.withUnsafeBytes { source in
        let values = [T](unsafeUninitializedCapacity: count) { target, filled in
          UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
          filled = count
        }
        return bigEndian ? values.map(\.byteSwapped) : values
      }
    }
    switch type {
    case .bool:
      let bits = integers(UInt8.self)
      if let position = bits.firstIndex(where: { $0 > 1 }) {
        throw .outOfRange(
          what: "Boolean \(position) of \(what)", value: Int(bits[position]), lowest: 0, highest: 1)
      }
      self = .bool(bits.map { $0 == 1 })
    case .i8: self = .i8(integers(Int8.self))
    case .u8: self = .u8(integers(UInt8.self))
    case .i16: self = .i16(integers(Int16.self))
    case .u16: self = .u16(integers(UInt16.self))
    case .i32: self = .i32(integers(Int32.self))
    case .u32: self = .u32(integers(UInt32.self))
    case .i64: self = .i64(integers(Int64.self))
    case .u64: self = .u64(integers(UInt64.self))
    case .f16: self = .f16(integers(UInt16.self))
    case .bf16: self = .bf16(integers(UInt16.self))
    case .f32: self = .f32(integers(UInt32.self).map { Float(bitPattern: $0) })
    case .f64: self = .f64(integers(UInt64.self).map { Double(bitPattern: $0) })
    }
  }

  /// The element type; nil for what is carried only.
  var type: ElementType? {
    switch self {
    case .bool: .bool
    case .i8: .i8
    case .u8: .u8
    case .i16: .i16
    case .u16: .u16
    case .i32: .i32
    case .u32: .u32
    case .i64: .i64
    case .u64: .u64
    case .f16: .f16
    case .bf16: .bf16
    case .f32: .f32
    case .f64: .f64
    case .opaque: nil
    }
  }

  /// Appends the elements, numbers little-endian.
  func append(to writer: inout ByteWriter) {
    switch self {
    case .bool(let v): writer.append(v.map { $0 ? 1 : 0 })
    case .i8(let v): writer.append(memoryOf: v)
    case .u8(let v): writer.append(v)
    case .i16(let v): writer.append(memoryOf: v)
    case .u16(let v), .f16(let v), .bf16(let v): writer.append(memoryOf: v)
    case .i32(let v): writer.append(memoryOf: v)
    case .u32(let v): writer.append(memoryOf: v)
    case .i64(let v): writer.append(memoryOf: v)
    case .u64(let v): writer.append(memoryOf: v)
    case .f32(let v): writer.append(memoryOf: v)
    case .f64(let v): writer.append(memoryOf: v)
    case .opaque(let v): writer.append(v.bytes)
    }
  }

  /// The elements of a column-major array put in row-major order.
  func rowMajor(shape: [Int]) -> NumericValues {
    func moved<T>(_ v: [T]) -> [T] {
      if v.isEmpty || shape.count < 2 { return v }
      // Strides of the column-major source, in elements.
      var strides = [1]
      for size in shape.dropLast() { strides.append(strides.last! * size) }
      var index = [Int](repeating: 0, count: shape.count)
      var (source, result): (Int, [T]) = (0, [])
      result.reserveCapacity(v.count)
      while true {
        result.append(v[source])
        var axis = shape.count - 1
        while axis >= 0 {
          index[axis] += 1
          source += strides[axis]
          if index[axis] < shape[axis] { break }
          source -= strides[axis] * shape[axis]
          index[axis] = 0
          axis -= 1
        }
        if axis < 0 { return result }
      }
    }
    switch self {
    case .bool(let v): return .bool(moved(v))
    case .i8(let v): return .i8(moved(v))
    case .u8(let v): return .u8(moved(v))
    case .i16(let v): return .i16(moved(v))
    case .u16(let v): return .u16(moved(v))
    case .i32(let v): return .i32(moved(v))
    case .u32(let v): return .u32(moved(v))
    case .i64(let v): return .i64(moved(v))
    case .u64(let v): return .u64(moved(v))
    case .f16(let v): return .f16(moved(v))
    case .bf16(let v): return .bf16(moved(v))
    case .f32(let v): return .f32(moved(v))
    case .f64(let v): return .f64(moved(v))
    case .opaque(let v):
      // Elements of any size move as a last dimension that stays together.
      let size = v.count == 0 ? 0 : v.bytes.count / v.count
      let order = moved(Array(0..<v.count))
      return .opaque(
        OpaqueValues(
          format: v.format, type: v.type, count: v.count,
          bytes: order.flatMap { v.bytes[$0 * size..<($0 + 1) * size] }))
    }
  }

  /// The elements of a row-major array put in column-major order.
  func columnMajor(shape: [Int]) -> NumericValues { rowMajor(shape: shape.reversed()) }
}
