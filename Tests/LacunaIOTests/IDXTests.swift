// IDX files: every header field is checked, and errors name the file and the numbers.
import LacunaIO
import TestSupport
import Testing

@Suite struct IDXTests {
  let images = IDX(shape: [2, 3, 2], elements: Array(0..<12))
  let labels = IDX(shape: [4], elements: [9, 0, 0, 3])

  /// The error of reading `bytes` as a file.
  func problem(_ bytes: [UInt8], _ read: (String) throws(FileError) -> Void) throws -> DataProblem?
  {
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      try AtomicFile.write(bytes, to: path)
      do throws(FileError) { try read(path) } catch {
        #expect(error.path == path && error.exitCode == 65)
        guard case .malformed(_, let problem) = error else { return nil }
        return problem
      }
      return nil
    }
  }

  func problem(_ bytes: [UInt8]) throws -> DataProblem? {
    try problem(bytes) { (path) throws(FileError) in _ = try IDX(contentsOf: path) }
  }

  @Test(arguments: [false, true]) func roundTrip(gzip: Bool) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(images.encoded(gzip: gzip), to: folder + "/images")
      try AtomicFile.write(labels.encoded(gzip: gzip), to: folder + "/labels")
      let read = try IDX.images(contentsOf: folder + "/images")
      #expect(read.count == 2 && read.rows == 3 && read.columns == 2)
      #expect(read.pixels == Array(0..<12))
      #expect(try IDX.labels(contentsOf: folder + "/labels", classes: 10) == [9, 0, 0, 3])
    }
  }

  @Test func missingFileIsExitCode66() {
    #expect(throws: FileError.unreadable(path: "/nonexistent/x", code: 2)) {
      try IDX(contentsOf: "/nonexistent/x")
    }
    #expect(FileError.unreadable(path: "x", code: 2).exitCode == 66)
    #expect("\(FileError.unreadable(path: "x", code: 2))" == "x: No such file or directory")
  }

  @Test func folderIsNotAFile() throws {
    try withTemporaryFolder { folder in
      #expect(throws: FileError.unreadable(path: folder, code: 21)) { try IDX(contentsOf: folder) }
    }
  }

  @Test(arguments: [0, 1]) func wrongMagic(position: Int) throws {
    var bytes = images.encoded()
    bytes[position] = 1
    guard case .wrongMagic = try problem(bytes) else { throw Missing() }
  }

  @Test func wrongElementType() throws {
    var bytes = images.encoded()
    bytes[2] = 0x0D
    #expect(try problem(bytes) == .unsupported(what: "IDX element type", found: "0xd"))
  }

  @Test func rankZero() throws {
    #expect(
      try problem([0, 0, 8, 0]) == .outOfRange(what: "IDX rank", value: 0, lowest: 1, highest: 255))
  }

  @Test func wrongRank() throws {
    let error = try problem(labels.encoded()) { (path) throws(FileError) in
      _ = try IDX.images(contentsOf: path)
    }
    #expect(error == .mismatch(what: "rank of images", expected: 3, actual: 1))
  }

  @Test func labelOutOfRange() throws {
    let error = try problem(labels.encoded()) { (path) throws(FileError) in
      _ = try IDX.labels(contentsOf: path, classes: 9)
    }
    #expect(error == .outOfRange(what: "label 0", value: 9, lowest: 0, highest: 8))
  }

  @Test func countTooLarge() throws {
    var bytes = labels.encoded()
    bytes[7] = 5
    #expect(
      try problem(bytes) == .truncated(what: "the IDX elements", needed: 5, available: 4))
  }

  @Test func countTooSmall() throws {
    var bytes = labels.encoded()
    bytes[7] = 3
    #expect(try problem(bytes) == .trailingBytes(count: 1))
  }

  @Test func hugeDimensionsDoNotAllocate() throws {
    let header: [UInt8] = [0, 0, 8, 3] + [UInt8](repeating: 0xFF, count: 12)
    #expect(try problem(header) == .overflow(what: "the product of the IDX dimensions"))
    let large: [UInt8] = [0, 0, 8, 2] + [UInt8](repeating: 0x7F, count: 8)
    guard case .truncated = try problem(large) else { throw Missing() }
    guard case .truncated = try problem(Gzip.compress(large)) else { throw Missing() }
  }

  @Test(arguments: [false, true]) func everyTruncationIsAnError(gzip: Bool) throws {
    let bytes = images.encoded(gzip: gzip)
    for length in 0..<bytes.count {
      #expect(try problem(Array(bytes[..<length])) != nil, "truncated to \(length)")
    }
  }

  /// A flip of a gzipped file either is an error or hits a byte without meaning: gzip does not
  /// protect its time and system bytes.
  @Test func everyFlipOfAGzippedFileIsSeen() throws {
    let bytes = images.encoded(gzip: true)
    for position in bytes.indices where !(4..<10).contains(position) {
      var flipped = bytes
      flipped[position] ^= 0xFF
      #expect(try problem(flipped) != nil, "byte \(position)")
    }
  }

  @Test func bytesAfterTheGzipStream() throws {
    let bytes = images.encoded(gzip: true)
    #expect(try problem(bytes + [0, 0]) == nil, "padding")
    guard case .compressedStream(_, let reason) = try problem(bytes + [0, 7]) else {
      throw Missing()
    }
    #expect(reason.hasPrefix("byte \(bytes.count + 1) of \(bytes.count + 2), "))
  }
}

/// A test did not get the error that it waits for.
struct Missing: Error {}
