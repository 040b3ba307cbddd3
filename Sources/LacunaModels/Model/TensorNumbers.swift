// Elements as they lie in files to f32 and f64.

import LacunaIO

/// Numbers out of the bytes of a tensor.
package enum TensorNumbers {
  /// The elements as f64; integers of more than 53 bits are rounded.
  ///
  /// - Throws: `DataProblem/unsupported(what:found:)` for a type that is carried only.
  package static func doubles(
    _ bytes: ByteSlice, _ type: TensorType, _ what: @autoclosure () -> String
  ) throws(DataProblem) -> [Double] {
    try array(bytes, type, what()).doubles()
  }

  /// The elements as f32, rounded where they have more digits.
  ///
  /// - Throws: `DataProblem/unsupported(what:found:)` for a type that is carried only.
  package static func floats(
    _ bytes: ByteSlice, _ type: TensorType, _ what: @autoclosure () -> String
  ) throws(DataProblem) -> [Float] {
    try array(bytes, type, what()).floats()
  }

  /// The elements in one dimension, in their own type.
  static func array(
    _ bytes: ByteSlice, _ type: TensorType, _ what: @autoclosure () -> String
  ) throws(DataProblem) -> NumericArray {
    let values: NumericValues
    switch type {
    case .bool: values = .bool(elements(bytes, of: UInt8.self).map { $0 != 0 })
    case .i8: values = .i8(elements(bytes))
    case .u8: values = .u8(elements(bytes))
    case .i16: values = .i16(elements(bytes))
    case .u16: values = .u16(elements(bytes))
    case .i32: values = .i32(elements(bytes))
    case .u32: values = .u32(elements(bytes))
    case .i64: values = .i64(elements(bytes))
    case .u64: values = .u64(elements(bytes))
    case .f16: values = .f16(elements(bytes))
    case .bf16: values = .bf16(elements(bytes))
    case .f32: values = .f32(elements(bytes))
    case .f64: values = .f64(elements(bytes))
    case .i2, .u2, .i4, .u4, .f4e2m1, .f8e4m3, .f8e4m3fnuz, .f8e5m2, .f8e5m2fnuz, .f8e8m0, .c64,
      .c128, .text:
      throw .unsupported(what: "reading numbers of \(what()) of type", found: type.rawValue)
    }
    return try NumericArray(shape: [values.count], values: values)
  }

  /// The memory as an array; a rest that is no whole element is left out.
  static func elements<T: BitwiseCopyable>(_ bytes: ByteSlice, of type: T.Type = T.self) -> [T] {
    let count = bytes.count / MemoryLayout<T>.size
    return bytes.withUnsafeBytes { source in
      [T](unsafeUninitializedCapacity: count) { target, filled in
        UnsafeMutableRawBufferPointer(target).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[..<(count * MemoryLayout<T>.size)]))
        filled = count
      }
    }
  }
}
