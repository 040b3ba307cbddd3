// Matrix Market: a banner line, comments, sizes, then 1-based entries or a column-major array.

import LacunaFormats

/// Reading and writing `.mtx` files (https://math.nist.gov/MatrixMarket/formats.html).
///
///     %%MatrixMarket matrix coordinate real general
///     % comments
///     3 4 2                 rows columns entries
///     1 1 0.5               row column value, in any order; duplicates add up
///     3 2 -1
///
/// `coordinate` gives a CSR matrix, `pattern` ones for values; `array` gives a dense matrix. Values of the fields
/// `real`, `double`, `integer` and `unsigned-integer` are rounded once, from the text to the type asked
/// for. `symmetric` and `skew-symmetric` files hold the lower triangle and are expanded. `complex` values,
/// and with them `hermitian` matrices, are refused. Ends of lines may be LF or CR LF.
public enum MatrixMarket {
  enum Symmetry: String {
    case general, symmetric
    case skew = "skew-symmetric"
  }

  enum Field: String {
    case real, double, integer, pattern
    case unsigned = "unsigned-integer"
  }

  /// Reads the file at `path`, plain or gzipped.
  ///
  /// - Throws: ``FileError``; text errors name the line.
  public static func read<Scalar: SparseScalar>(
    contentsOf path: String, as scalar: Scalar.Type = Scalar.self
  ) throws(FileError) -> LoadedMatrix<Scalar> {
    let bytes = ByteSlice(try ByteStorage(reading: path))
    do throws(DataProblem) { return try decoded(bytes) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a file that is in memory, plain or gzipped.
  public static func decoded<Scalar: SparseScalar>(
    _ bytes: [UInt8], as scalar: Scalar.Type = Scalar.self
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    try decoded(ByteSlice(bytes))
  }

  static func decoded<Scalar: SparseScalar>(
    _ bytes: ByteSlice
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    var scanner = try TextScanner(bytes)
    let banner = try scanner.restOfLine()
    try checkStart(of: banner)
    let words = banner.lowercased().split(whereSeparator: \.isWhitespace)
    if words.count != 5 || words[0] != "%%matrixmarket" || words[1] != "matrix" {
      throw .text(
        line: 1, reason: "the banner must be: %%MatrixMarket matrix FORMAT FIELD SYMMETRY")
    }
    guard let field = Field(rawValue: String(words[3])) else {
      throw .unsupported(what: "Matrix Market field", found: String(words[3]))
    }
    guard let symmetry = Symmetry(rawValue: String(words[4])) else {
      throw .unsupported(what: "Matrix Market symmetry", found: String(words[4]))
    }
    while true {
      try scanner.skipBlanks()
      if !scanner.sees("%") { break }
      try scanner.skipLine()
    }
    switch words[2] {
    case "coordinate":
      return .matrix(.csr(try coordinates(&scanner, isPattern: field == .pattern, symmetry)))
    case "array":
      if field == .pattern {
        throw .unsupported(what: "Matrix Market array", found: "of a pattern")
      }
      return .matrix(.dense(try array(&scanner, symmetry)))
    default: throw .unsupported(what: "Matrix Market format", found: String(words[2]))
    }
  }

  /// Whether a text starts like a Matrix Market file, if only nearly so: the reader then
  /// says what is wrong.
  static func isBanner(_ head: some Collection<UInt8>) -> Bool {
    let text = head.drop { $0 <= 0x20 || [0x25, 0xEF, 0xBB, 0xBF].contains($0) }
    return String(decoding: text.prefix(12), as: UTF8.self).lowercased() == "matrixmarket"
      && head.contains(0x25)
  }

  /// - Throws: ``DataProblem`` that says what stands before the name, or that there is none.
  private static func checkStart(of banner: String) throws(DataProblem) {
    if banner.lowercased().hasPrefix("%%matrixmarket") { return }
    if banner.allSatisfy(\.isWhitespace) {
      throw .text(line: 1, reason: "the line is blank, where the banner has to be")
    }
    if !isBanner(banner.utf8) {
      throw .wrongMagic(format: "a Matrix Market file", found: "\"\(banner.prefix(20))\"")
    }
    let before = banner.prefix { !$0.isLetter }
    let reason =
      if before.first == "\u{FEFF}" {
        "a byte order mark stands before the banner, which has to be the start of the file"
      } else if before.first != "%" {
        "a blank stands before the banner, which has to be the start of the file"
      } else if before.count == 1 {
        "the banner starts with one per cent sign, must be two: %%MatrixMarket"
      } else {
        "the banner starts with \"\(before)\", must be: %%MatrixMarket"
      }
    throw .text(line: 1, reason: reason)
  }
}
