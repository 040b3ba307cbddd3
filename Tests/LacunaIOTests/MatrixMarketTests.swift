// Matrix Market text: every field that is written, one rounding, and errors that say what is wrong.
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

@Suite struct MatrixMarketTests {
  private func entries<Scalar: SparseScalar>(
    _ text: String, as scalar: Scalar.Type = Scalar.self
  ) throws -> CSRMatrix<Scalar> {
    try MatrixMarket.decoded(Array(text.utf8), as: Scalar.self).csr
  }

  /// What an error says.
  private func problem(_ text: String) -> String? {
    do throws(DataProblem) {
      _ = try MatrixMarket.decoded(Array(text.utf8), as: Float.self)
    } catch { return "\(error)" }
    return nil
  }

  @Test(arguments: ["real", "double", "integer", "unsigned-integer", "Real"])
  func everyFieldOfNumbersIsRead(field: String) throws {
    let text = "%%MatrixMarket matrix coordinate \(field) general\n%\n2 2 2\n1 2 88\n2 1 11\n"
    #expect(try entries(text, as: Double.self).values == [88, 11])
    #expect(try entries(text.replacing("\n", with: "\r\n"), as: Float.self).values == [88, 11])
  }

  @Test func theLargestUnsignedInteger() throws {
    let text =
      "%%MatrixMarket matrix coordinate unsigned-integer general\n1 1 1\n1 1 18446744073709551615\n"
    #expect(try entries(text, as: Double.self).values == [0x1p64])
  }

  @Test func complexAndHermitianAreNamed() {
    #expect(
      problem("%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 2\n")
        == "Matrix Market field complex is not supported")
    #expect(
      problem("%%MatrixMarket matrix coordinate real hermitian\n1 1 1\n1 1 1\n")
        == "Matrix Market symmetry hermitian is not supported")
  }

  /// Long enough that most lines are read at once, and written in ways that are not.
  @Test func linesReadAtOnceAreThoseReadOneByOne() throws {
    var random = SeededGenerator(seed: 3)
    let pattern = try randomPattern(60, 90, density: 0.4, using: &random)
    let matrix = try CSRMatrix(
      pattern: pattern, values: randomValues(pattern.nnz, using: &random))
    let text = String(decoding: MatrixMarket.encoded(matrix), as: UTF8.self)
    #expect(text.utf8.count > 4 * 4096)
    let lines = text.split(separator: "\n").map(String.init)
    let (head, body) = (Array(lines[..<2]), Array(lines[2...]))
    func joined(_ body: [String]) -> String { (head + body + [""]).joined(separator: "\n") }
    let texts: [String] = [
      text, text.replacing("\n", with: "\r\n"),
      joined(body.map { "  " + $0.replacing(" ", with: "  ") }),
      joined(body.indices.map { $0 % 100 == 99 ? body[$0].replacing(" ", with: "\t") : body[$0] }),
      joined(body.map { $0 + "\n" }), joined(body.reversed()),
    ]
    for (number, other) in texts.enumerated() {
      #expect(try entries(other, as: Float.self) == matrix, "text \(number)")
      let packed = Gzip.compress(Array(other.utf8))
      let read = try MatrixMarket.decoded(packed, as: Float.self).csr
      #expect(read == matrix, "text \(number), gzipped")
    }
    // What is wrong is in the line that is named.
    let wrongs: [(Int, String, String)] = [
      (40, "61 1 0.5", "a row is 61, must be in 1...60"),
      (41, "60 91 0.5", "a column is 91, must be in 1...90"),
      (1, "0 1 1", "a row is 0, must be in 1...60"),
      (77, "1 1 x", "expected a value"), (78, "1 1 1 1", "more than one entry"),
      (79, "1.5 1 1", "expected a column"),
      (80, "99999999999 1 1", "a row is 99999999999, must be in 1...60"),
    ]
    for (place, wrong, says) in wrongs {
      var changed = body
      changed[place] = wrong
      #expect(
        problem(joined(changed)) == "line \(place + 3): \(says)")
    }
  }

  @Test func patternsReadAtOnceAreThoseReadOneByOne() throws {
    var random = SeededGenerator(seed: 4)
    let pattern = try randomPattern(70, 200, density: 0.3, using: &random)
    let text = String(decoding: SMTX.encoded(pattern), as: UTF8.self)
    #expect(text.utf8.count > 3 * 4096)
    for other in [
      text, text.replacing(" ", with: "  "), text.replacing(" ", with: ", "),
      text.replacing(" ", with: "\r\n"),
    ] {
      #expect(try SMTX.decoded(Array(other.utf8)) == pattern)
    }
    var market = "%%MatrixMarket matrix coordinate pattern general\n70 200 \(pattern.nnz)\n"
    for row in 0..<70 {
      for p in pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1] {
        market += "\(row + 1) \(pattern.columnIndices[p] + 1)\n"
      }
    }
    #expect(try entries(market, as: Float.self).pattern == pattern)
  }

  /// The f64 nearest to 1.00000017881393432617187499 lies half-way between two f32: rounding it again
  /// would give the wrong one.
  @Test func textIsRoundedOnce() throws {
    let text =
      "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 1.00000017881393432617187499\n"
    #expect(try entries(text, as: Float.self).values == [1.0000001])
    #expect(try entries(text, as: Double.self).values == [1.0000001788139343])
  }

  @Test(arguments: [UInt64(1), 2]) func everyNumberIsTheNearest(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var words = [
      "0", "-0", "0.0", "1e0", "1E+5", ".5", "5.", "+3", "1e-45", "7e-46", "1e38", "3.4028236e38",
      "1e39", "1e400", "-1e-400", "9007199254740993", "9007199254740992.5", "0.1e1", "1e22", "1e23",
      "16777217", "16777219", "33554434.999999", "8388608.5", "8388609.5", "1.17549435e-38",
      "00000000000000000000001.5", "0.000000000000000000000000123456789", "1234567890123456789",
      "12345678901234567890", "1e-27", "1e27", "1e-28", "1e28", "9999999999999999999e27",
    ]
    for _ in 0..<4000 {
      let float = Float(bitPattern: .random(in: 0..<0x7F80_0000, using: &random))
      let double = Double(bitPattern: .random(in: 0..<0x7FF0_0000_0000_0000, using: &random))
      let digits =
        UInt64.random(in: 0...(.max), using: &random)
        >> UInt64.random(in: 0..<64, using: &random)
      words += ["\(float)", "-\(double)", "\(digits)e\(Int.random(in: -40...40, using: &random))"]
      // Just beside, and on, the middle of two neighbouring f32.
      let middle = Double(float.magnitude) / 2 + Double(float.nextUp.magnitude) / 2
      words += ["\(middle)", "\(middle.nextUp)", "\(middle.nextDown)"]
    }
    let lines = words.enumerated().map { "1 \($0 + 1) \($1)\n" }.joined()
    let text =
      "%%MatrixMarket matrix coordinate real general\n1 \(words.count) \(words.count)\n" + lines
    let (floats, doubles) = try (entries(text, as: Float.self), entries(text, as: Double.self))
    for (position, word) in words.enumerated() {
      #expect(
        floats.values[position].bitPattern == Float(word)!.bitPattern, "\(word), seed \(seed)")
      #expect(
        doubles.values[position].bitPattern == Double(word)!.bitPattern, "\(word), seed \(seed)")
    }
  }

  @Test func numbersThatAreNone() {
    for word in ["1.5x", "--1", "1e", "1e+", ".", "e5", "0x", "1,5", "1.2.3", "1_0", "\0", "½"] {
      let text = "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 \(word)\n"
      #expect(problem(text) != nil, "\(word)")
    }
    let notANumber = "%%MatrixMarket matrix coordinate real general\n1 2 2\n1 1 nan\n1 2 -inf\n"
    #expect(throws: Never.self) {
      let values = try entries(notANumber, as: Float.self).values
      #expect(values[0].isNaN && values[1] == -.infinity)
    }
  }

  @Test func bannersSayWhatIsWrongWithThem() {
    let rest = "MatrixMarket matrix coordinate real general\n1 1 1\n1 1 1\n"
    for (start, reason) in [
      (" %%", "line 1: a blank stands before the banner, which has to be the start of the file"),
      ("\t%%", "line 1: a blank stands before the banner, which has to be the start of the file"),
      ("\n%%", "line 1: the line is blank, where the banner has to be"),
      ("%", "line 1: the banner starts with one per cent sign, must be two: %%MatrixMarket"),
      ("%%%", "line 1: the banner starts with \"%%%\", must be: %%MatrixMarket"),
      ("%% ", "line 1: the banner starts with \"%% \", must be: %%MatrixMarket"),
      (
        "\u{FEFF}%%",
        "line 1: a byte order mark stands before the banner, which has to be the start of the file"
      ),
    ] {
      #expect(problem(start + rest) == reason, "\(start)")
    }
    #expect(
      problem("%%MatrixMarket matrix coordinate real\n1 1 1\n")?.hasPrefix("line 1: ") == true)
  }

  @Test func missingAndSurplusEntriesAreCounted() {
    let banner = "%%MatrixMarket matrix coordinate real general\n%\n"
    #expect(
      problem(banner + "1000 2000 50000\n2 3 5.5\n")
        == "line 5: the file is truncated: 1 entries where line 3 announces 50000")
    #expect(
      problem(banner + "10 20 2\n2 3 5.5\n4 ")
        == "line 5: the file is truncated: it ends inside entry 2 of 2")
    #expect(
      problem(banner + "10 20 2\n2 3 5.5\n4 5 ")
        == "line 5: the file is truncated: it ends inside entry 2 of 2")
    #expect(
      problem(banner + "10 20 1\n2 3 5.5\n4 5 6\n\n7 8 9")
        == "line 5: 3 entries where line 3 announces 1")
    #expect(problem(banner + "10 20 1\n2 3 5.5 7\n") == "line 4: more than one entry")
    #expect(problem(banner + "10 20\n2 3 5.5\n") == "line 3: expected the number of entries")
    let array = "%%MatrixMarket matrix array real general\n"
    #expect(
      problem(array + "2 3\n1\n2\n3\n")
        == "line 6: the file is truncated: 3 values where the sizes in line 2 ask for 6")
    #expect(problem(array + "1 1\n1\n2\n") == "line 4: 2 entries where line 2 announces 1")
    // A value that is missing is not taken from the next line.
    #expect(problem(banner + "10 20 2\n2 3\n4 5 6\n") == "line 4: expected a value")
  }

  /// Memory is needed for the offsets of the rows and for what is there, nothing else.
  @Test func manyRowsWithFewEntries() throws {
    let tall = try entries(
      "%%MatrixMarket matrix coordinate real general\n1000000 5 2\n1 1 1\n1000000 5 2\n",
      as: Float.self)
    #expect(tall.rows == 1_000_000 && tall.columns == 5 && tall.values == [1, 2])
    #expect(tall.pattern.rowOffsets[999_999] == 1 && tall.pattern.columnIndices[1] == 4)
    let wide = try entries(
      "%%MatrixMarket matrix coordinate real general\n1 1000000000 1\n1 1000000000 3\n",
      as: Double.self)
    #expect(wide.columns == 1_000_000_000 && wide.pattern.columnIndices[0] == 999_999_999)
  }

  @Test func whatDoesNotFitInMemoryIsAnError() throws {
    let text = Array(
      "%%MatrixMarket matrix coordinate real general\n4000000000 1 1\n7 1 1\n".utf8)
    let problem = #expect(throws: DataProblem.self) {
      try ReadingMemory.limited(to: 1 << 30) { () throws(DataProblem) in
        _ = try MatrixMarket.decoded(text, as: Float.self)
      }
    }
    guard case .memory(_, 32_000_000_008, let most) = problem, most <= 1 << 30 else {
      throw Missing()
    }
    let sparse = LoadedMatrix.matrix(
      .csr(
        try CSRMatrix(
          pattern: CSRPattern(
            rows: 1, columns: 1_000_000_000, rowOffsets: [0, 0], columnIndices: []),
          values: [Float]())))
    #expect(throws: DataProblem.self) {
      try ReadingMemory.limited(to: 1 << 30) { () throws(DataProblem) in _ = try sparse.dense() }
    }
  }

  @Test func gzippedTextIsReadInPieces() throws {
    let count = 60_000
    let text =
      "%%MatrixMarket matrix coordinate real general\n\(count) 3 \(count)\n"
      + (1...count).map { "\($0) \($0 % 3 + 1) \($0).25\n" }.joined()
    #expect(text.utf8.count > 3 << 18)
    let packed = Gzip.compress(Array(text.utf8))
    let matrix = try MatrixMarket.decoded(packed, as: Float.self).csr
    #expect(matrix == (try MatrixMarket.decoded(Array(text.utf8), as: Float.self).csr))
    #expect(matrix.values == (1...count).map { Float($0) + 0.25 })
    for length in [packed.count / 2, packed.count - 9, packed.count - 1] {
      #expect(throws: DataProblem.self) {
        try MatrixMarket.decoded(Array(packed[..<length]), as: Float.self)
      }
    }
  }
}
