// NumPy's .npy: magic, version, a Python dict with element type, order and shape, the raw elements.

import LacunaFormats

/// Reading and writing one array in NumPy's format.
///
///     93 4E 55 4D 50 59  major minor     \x93NUMPY
///     header length                      u16 in version 1, u32 in 2 and 3
///     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     padded with spaces, \n
///     elements                           at a multiple of 64
///
/// Reads all integer, Boolean and floating-point types of up to 8 bytes in both byte orders, text
/// types, and both memory orders. Structured and object arrays are refused.
public enum NPY {
  private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

  /// Reads the file at `path`.
  ///
  /// - Throws: ``FileError``
  public static func read(contentsOf path: String) throws(FileError) -> NumericArray {
    let bytes = ByteSlice(try ByteStorage(reading: path))
    do throws(DataProblem) { return try decoded(bytes) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a file that is in memory.
  public static func decoded(_ bytes: [UInt8]) throws(DataProblem) -> NumericArray {
    try decoded(ByteSlice(bytes))
  }

  static func decoded(_ bytes: ByteSlice) throws(DataProblem) -> NumericArray {
    var reader = ByteReader(bytes)
    let found = try reader.slice(6, "the magic number").array
    if found != magic {
      throw .wrongMagic(
        format: "a .npy array",
        found: "bytes " + found.map { String($0, radix: 16) }.joined(separator: " "))
    }
    let major = try reader.integer(UInt8.self, "the version")
    let minor = try reader.integer(UInt8.self, "the version")
    if !(1...3).contains(major) || minor != 0 {
      throw .unsupported(what: ".npy version", found: "\(major).\(minor)")
    }
    let length =
      major == 1
      ? Int(try reader.integer(UInt16.self, "the header length"))
      : Int(try reader.integer(UInt32.self, "the header length"))
    let header = try NPYHeader(parsing: try reader.string(length, "the header"))
    let count = try elementCount(of: header.shape, "the array")
    let data = try reader.slice(reader.remaining, "the elements")
    let values = try header.values(count: count, data)
    return try NumericArray(
      shape: header.shape,
      values: header.isFortranOrder ? values.rowMajor(shape: header.shape) : values)
  }

  /// The bytes of a `.npy` file, version 1, row-major, little-endian.
  ///
  /// bfloat16, which NumPy does not have, is written as f32; text as `S`, UTF-8 bytes.
  public static func encoded(_ array: NumericArray) -> [UInt8] {
    if case .bf16(let bits) = array.values {
      let wide = NumericValues.f32(bits.map { float(bfloat16: $0) })
      return encoded(shape: array.shape, wide)
    }
    return encoded(shape: array.shape, array.values)
  }

  private static func encoded(shape: [Int], _ values: NumericValues) -> [UInt8] {
    let descriptor: String
    var textWidth = 0
    if case .text(let strings) = values {
      textWidth = max(1, strings.map(\.utf8.count).max() ?? 1)
      descriptor = "|S\(textWidth)"
    } else {
      let type = values.type!
      descriptor = (type.size == 1 ? "|" : "<") + type.rawValue
    }
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var header = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(sizes)), }"
    // A rank that makes the header longer than 64 KiB does not exist.
    header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
    var writer = ByteWriter()
    writer.append(magic)
    writer.append([1, 0])
    writer.integer(UInt16(header.utf8.count))
    writer.append(header.utf8)
    values.append(to: &writer)
    if case .text(let strings) = values {
      for string in strings {
        writer.append(string.utf8)
        writer.append(repeatElement(0, count: textWidth - string.utf8.count))
      }
    }
    return writer.bytes
  }

  /// Writes `array` to `path` in one step.
  ///
  /// - Throws: ``FileError``
  public static func write(_ array: NumericArray, to path: String) throws(FileError) {
    try AtomicFile.write(encoded(array), to: path)
  }
}
