// w = codebook[code]: values that are a few numbers, on a CSR pattern.

/// A CSR matrix whose values are taken from a short list, the same for all rows.
///
/// ```text
///   codebook   −0.5  0.25  0.5
///
///   0.25   0     0.5       codes 1 2
///   0     −0.5   0               0
///   0.5    0     0.25            2 1
/// ```
public struct CodebookCSR: Equatable, Sendable {
  /// Values that a codebook may have: with zero, as many as a byte tells apart.
  public static let mostCodes = 255

  /// Which entries are stored.
  public let pattern: CSRPattern
  /// `pattern.nnz` numbers of values in ``codebook``.
  public let codes: [UInt8]
  /// At most ``mostCodes`` values.
  public let codebook: [Float]

  /// Joins the three parts.
  ///
  /// - Throws: ``FormatError`` when lengths disagree, or a code is not the number of a value.
  public init(pattern: CSRPattern, codes: [UInt8], codebook: [Float]) throws(FormatError) {
    if codes.count != pattern.nnz {
      throw .wrongCount(name: "codes", expected: pattern.nnz, actual: codes.count)
    }
    if codebook.count > Self.mostCodes {
      throw .wrongCount(name: "codebook", expected: Self.mostCodes, actual: codebook.count)
    }
    if let place = codes.firstIndex(where: { Int($0) >= codebook.count }) {
      throw .indexOutOfRange(
        name: "codes", position: place, value: Int(codes[place]), limit: codebook.count)
    }
    (self.pattern, self.codes, self.codebook) = (pattern, codes, codebook)
  }

  /// The same matrix, exactly; nil when it holds more than `most` different values. Stored zeros are
  /// left out, and values are told apart by their bits.
  ///
  /// - Complexity: O(nnz · log `most`)
  public init?(exactly matrix: CSRMatrix<Float>, most: Int = mostCodes) {
    precondition((1...Self.mostCodes).contains(most), "\(most) codes, must be in 1...255")
    var seen: [UInt32: Int] = [:]
    for value in matrix.values where value != 0 {
      if seen.updateValue(0, forKey: value.bitPattern) == nil && seen.count > most { return nil }
    }
    // By sign and magnitude, which orders NaN too.
    let book = seen.keys.sorted {
      let (a, b) = (Int($0 & 0x7FFF_FFFF), Int($1 & 0x7FFF_FFFF))
      return ($0 >> 31 == 1 ? -a : a) < ($1 >> 31 == 1 ? -b : b)
    }
    for (code, bits) in book.enumerated() { seen[bits] = code }
    self.init(matrix, codebook: book.map { Float(bitPattern: $0) }) {
      $0 == 0 ? nil : UInt8(seen[$0.bitPattern]!)
    }
  }

  /// The matrix with each value replaced by the one of its code, or left out where `code` gives nil.
  ///
  /// - Precondition: codes are numbers of values in `codebook`.
  /// - Complexity: O(rows + nnz)
  package init(_ matrix: CSRMatrix<Float>, codebook: [Float], code: (Float) -> UInt8?) {
    var (offsets, columns, codes): ([Int], [Int], [UInt8]) = ([0], [], [])
    offsets.reserveCapacity(matrix.rows + 1)
    columns.reserveCapacity(matrix.nnz)
    codes.reserveCapacity(matrix.nnz)
    for row in 0..<matrix.rows {
      for place in matrix.pattern.rowOffsets[row]..<matrix.pattern.rowOffsets[row + 1] {
        guard let code = code(matrix.values[place]) else { continue }
        columns.append(matrix.pattern.columnIndices[place])
        codes.append(code)
      }
      offsets.append(codes.count)
    }
    pattern = CSRPattern(
      unchecked: matrix.rows, matrix.columns, offsets,
      IndexVector(packing: columns, limit: matrix.columns))
    (self.codes, self.codebook) = (codes, codebook)
  }

  /// The matrix with the values themselves.
  public func values() -> CSRMatrix<Float> {
    CSRMatrix(uncheckedPattern: pattern, values: codes.map { codebook[Int($0)] })
  }

  /// Number of rows.
  public var rows: Int { pattern.rows }
  /// Number of columns.
  public var columns: Int { pattern.columns }
  /// Number of stored entries.
  public var nnz: Int { pattern.nnz }
}
