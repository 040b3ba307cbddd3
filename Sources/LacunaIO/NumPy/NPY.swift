// NumPy's .npy: magic, version, a Python dict with element type, order and shape, the raw elements.

import LacunaFormats

/// Reading and writing one array in NumPy's format.
///
///     93 4E 55 4D 50 59  major minor     \x93NUMPY
///     header length                      u16 in version 1, u32 in 2 and 3
///     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     padded with spaces, \n
///     elements                           at a multiple of 64
///
/// Reads all integer, Boolean and floating-point types of up to 8 bytes in both byte orders and both
/// memory orders, and bfloat16, which the ml_dtypes package saves as `<V2`. Text, complex numbers, dates
/// and raw bytes become ``OpaqueValues``. Records and Python objects are refused here; ``ArrayFile``
/// carries them along.
public enum NPY {
  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

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
    let header = try NPYHeader(bytes)
    return try header.array(bytes.dropping(header.length))
  }

  /// The bytes of a `.npy` file, version 1, row-major, little-endian.
  ///
  /// bfloat16, which NumPy does not have, is written as `<V2`, as the ml_dtypes package does:
  /// `numpy.load(…).view(ml_dtypes.bfloat16)`.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` for a type that only another format has.
  public static func encoded(_ array: NumericArray) throws(DataProblem) -> [UInt8] {
    let descriptor: String
    switch array.values {
    case .opaque(let values):
      if values.format != .npy {
        throw .unsupported(what: "an element type of .npy", found: values.type)
      }
      descriptor = values.type
    case .bf16: descriptor = "<V2"
    default:
      let type = array.values.type!
      descriptor = (type.size == 1 ? "|" : "<") + type.rawValue
    }
    let shape = array.shape
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var header = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(sizes)), }"
    // A rank that makes the header longer than 64 KiB does not exist.
    header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
    var writer = ByteWriter()
    writer.append(magic)
    writer.append([1, 0])
    writer.integer(UInt16(header.utf8.count))
    writer.append(header.utf8)
    array.values.append(to: &writer)
    return writer.bytes
  }

  /// Writes `array` to `path` in one step.
  ///
  /// - Throws: ``FileError``
  public static func write(_ array: NumericArray, to path: String) throws(FileError) {
    let bytes: [UInt8]
    do throws(DataProblem) { bytes = try encoded(array) } catch {
      throw .malformed(path: path, error)
    }
    try AtomicFile.write(bytes, to: path)
  }
}
