// The Python dict at the start of a .npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }

/// Element type, memory order and shape of a `.npy` file.
struct NPYHeader {
  /// NumPy's type code with the byte order before it, for example `<f4`.
  private(set) var descriptor = ""
  private(set) var isFortranOrder = false
  private(set) var shape: [Int] = []

  /// Reads the dict: its three keys in any order, each once.
  init(parsing text: String) throws(DataProblem) {
    var scanner = TextScanner(Array(text.utf8))
    func expected(_ what: String) -> DataProblem {
      .unsupported(what: ".npy header", found: "without \(what) at character \(scanner.position)")
    }
    var seen: Set<String> = []
    scanner.skipBlanks()
    if !scanner.skip("{") { throw expected("{") }
    while true {
      scanner.skipBlanks()
      if scanner.skip("}") { break }
      guard let key = scanner.quoted() else { throw expected("a key") }
      if !seen.insert(key).inserted { throw .duplicateName(key) }
      scanner.skipBlanks()
      if !scanner.skip(":") { throw expected(":") }
      scanner.skipBlanks()
      switch key {
      case "descr":
        guard let value = scanner.quoted() else { throw expected("a simple element type") }
        descriptor = value
      case "fortran_order":
        if scanner.skip("True") {
          isFortranOrder = true
        } else if !scanner.skip("False") {
          throw expected("True or False")
        }
      case "shape":
        if !scanner.skip("(") { throw expected("(") }
        while true {
          scanner.skipBlanks()
          if scanner.skip(")") { break }
          guard let size = scanner.integer(), size >= 0 else { throw expected("a dimension") }
          // Python 2 wrote long integers with an L.
          _ = scanner.skip("L")
          shape.append(size)
          scanner.skipBlanks()
          if !scanner.skip(",") && !scanner.sees(")") { throw expected(", or )") }
        }
      default: throw .unsupported(what: ".npy header key", found: key)
      }
      scanner.skipBlanks()
      if !scanner.skip(",") && !scanner.sees("}") { throw expected(", or }") }
    }
    scanner.skipBlanks()
    if !scanner.isAtEnd { throw expected("an end") }
    for key in ["descr", "fortran_order", "shape"] where !seen.contains(key) {
      throw .absent(what: ".npy header key \(key)")
    }
    if shape.count > 64 {
      throw .outOfRange(what: ".npy rank", value: shape.count, lowest: 0, highest: 64)
    }
  }

  /// The elements, which have to be all of `data`.
  func values(count: Int, _ data: ByteSlice) throws(DataProblem) -> NumericValues {
    guard let order = descriptor.first, "<>=|".contains(order) else {
      throw .unsupported(what: ".npy element type", found: descriptor)
    }
    let code = descriptor.dropFirst()
    if let type = ElementType(rawValue: String(code)), type != .bf16 {
      return try NumericValues(
        type, count: count, bytes: data, bigEndian: order == ">", "the elements")
    }
    guard let letter = code.first, letter == "S" || letter == "U",
      let width = Int(code.dropFirst()),
      (1...1 << 20).contains(width)
    else { throw .unsupported(what: ".npy element type", found: descriptor) }
    let size = letter == "S" ? width : width * 4
    let (needed, overflow) = count.multipliedReportingOverflow(by: size)
    if overflow { throw .overflow(what: "the elements") }
    if data.count < needed {
      throw .truncated(what: "the elements", needed: needed, available: data.count)
    }
    if data.count > needed { throw .trailingBytes(count: data.count - needed) }
    var reader = ByteReader(data)
    var strings: [String] = []
    for _ in 0..<count {
      if letter == "S" {
        let bytes = try reader.slice(size, "a text").array
        strings.append(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
      } else {
        var text = String.UnicodeScalarView()
        for _ in 0..<width {
          let little = try reader.integer(UInt32.self, "a text")
          let value = order == ">" ? little.byteSwapped : little
          guard let scalar = Unicode.Scalar(value) else {
            throw .unsupported(what: "character", found: "\(value)")
          }
          if value != 0 { text.append(scalar) }
        }
        strings.append(String(text))
      }
    }
    return .text(strings)
  }
}
