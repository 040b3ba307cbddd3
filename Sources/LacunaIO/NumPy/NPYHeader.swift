// The Python dict at the start of a .npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }

/// Element type, memory order and shape of a `.npy` file.
struct NPYHeader {
  /// NumPy's type as Python source: `'<f4'`, `[('a', '<f4')]`.
  private(set) var descriptor = ""
  private(set) var isFortranOrder = false
  private(set) var shape: [Int] = []
  /// Bytes of the file before the elements.
  private(set) var length = 0

  /// Magic, version and length of the dict.
  static let longestStart = 12
  /// The longest dict that is read: 1 MiB, where NumPy itself stops at 10 kB unless told otherwise.
  private static let longest = 1 << 20

  /// Reads what stands before the elements.
  ///
  /// - Throws: ``DataProblem``; also when `bytes` end before the header does.
  init(_ bytes: ByteSlice) throws(DataProblem) {
    var reader = ByteReader(bytes)
    let (length, isUTF8) = try Self.start(&reader)
    let text = try reader.slice(length, "the header").array
    // Before version 3 the dict is Latin-1.
    self = try NPYHeader(
      parsing: isUTF8
        ? String(decoding: text, as: UTF8.self)
        : String(String.UnicodeScalarView(text.map { Unicode.Scalar($0) })))
    self.length = reader.offset
  }

  /// The length of the dict, and whether it is UTF-8.
  static func start(_ reader: inout ByteReader) throws(DataProblem) -> (length: Int, isUTF8: Bool) {
    let found = try reader.slice(6, "the magic number").array
    if found != NPY.magic {
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
    if length > longest {
      throw .outOfRange(what: "header length", value: length, lowest: 0, highest: longest)
    }
    return (length, major == 3)
  }

  /// Reads the dict: its three keys in any order, each once.
  private init(parsing text: String) throws(DataProblem) {
    var scanner = try TextScanner(ByteSlice(Array(text.utf8)))
    func expected(_ what: String, _ position: Int) -> DataProblem {
      .unsupported(what: ".npy header", found: "without \(what) at character \(position)")
    }
    var seen: Set<String> = []
    try scanner.skipBlanks()
    if !scanner.skip("{") { throw expected("{", scanner.position) }
    while true {
      try scanner.skipBlanks()
      if scanner.skip("}") { break }
      guard let key = scanner.quoted() else { throw expected("a key", scanner.position) }
      if !seen.insert(key).inserted { throw .duplicateName(key) }
      try scanner.skipBlanks()
      if !scanner.skip(":") { throw expected(":", scanner.position) }
      try scanner.skipBlanks()
      switch key {
      case "descr":
        guard let value = scanner.pythonLiteral() else {
          throw expected("an element type", scanner.position)
        }
        descriptor = value
      case "fortran_order":
        if scanner.skip("True") {
          isFortranOrder = true
        } else if !scanner.skip("False") {
          throw expected("True or False", scanner.position)
        }
      case "shape":
        if !scanner.skip("(") { throw expected("(", scanner.position) }
        while true {
          try scanner.skipBlanks()
          if scanner.skip(")") { break }
          guard let size = scanner.integer(), size >= 0 else {
            throw expected("a dimension", scanner.position)
          }
          // Python 2 wrote long integers with an L.
          _ = scanner.skip("L")
          shape.append(size)
          try scanner.skipBlanks()
          if !scanner.skip(",") && !scanner.sees(")") { throw expected(", or )", scanner.position) }
        }
      default: throw .unsupported(what: ".npy header key", found: Printable.escaped(key))
      }
      try scanner.skipBlanks()
      if !scanner.skip(",") && !scanner.sees("}") { throw expected(", or }", scanner.position) }
    }
    try scanner.skipBlanks()
    if !scanner.isAtEnd { throw expected("an end", scanner.position) }
    for key in ["descr", "fortran_order", "shape"] where !seen.contains(key) {
      throw .absent(what: ".npy header key \(key)")
    }
    if shape.count > 64 {
      throw .outOfRange(what: ".npy rank", value: shape.count, lowest: 0, highest: 64)
    }
  }

  /// The type, when it is a simple one: no record, no Python object.
  var type: NPYType? {
    guard descriptor.count >= 2, let quote = descriptor.first, quote == "'" || quote == "\"" else {
      return nil
    }
    return NPYType(String(descriptor.dropFirst().dropLast()))
  }

  /// The type for people and for choosing.
  var storedType: StoredType {
    guard let type else { return .opaque(descriptor) }
    return type.element.map { .number($0) } ?? .opaque(type.descriptor)
  }

  /// Number of elements.
  func count() throws(DataProblem) -> Int { try elementCount(of: shape, "the array") }

  /// Checks that `byteCount` bytes are those of the elements, as far as their size is known.
  func check(byteCount: Int) throws(DataProblem) {
    guard let size = type?.size else { return }
    let (needed, overflow) = try count().multipliedReportingOverflow(by: size)
    if overflow { throw .overflow(what: "the elements") }
    if byteCount < needed {
      throw .truncated(what: "the elements", needed: needed, available: byteCount)
    }
    if byteCount > needed { throw .trailingBytes(count: byteCount - needed) }
  }

  /// The array whose elements are `data`.
  func array(_ data: ByteSlice) throws(DataProblem) -> NumericArray {
    guard let type, type.size != nil else {
      throw .unsupported(what: ".npy element type", found: Printable.escaped(descriptor))
    }
    try check(byteCount: data.count)
    let count = try count()
    try ReadingMemory.check(data.count, "the elements")
    let values: NumericValues =
      if let element = type.element {
        try NumericValues(
          element, count: count, bytes: data, bigEndian: type.isBigEndian, "the elements")
      } else {
        .opaque(
          OpaqueValues(format: .npy, type: type.descriptor, count: count, bytes: data.array))
      }
    return try NumericArray(
      shape: shape, values: isFortranOrder ? values.rowMajor(shape: shape) : values)
  }
}
