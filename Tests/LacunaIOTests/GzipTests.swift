// Gzip files of several members, with padding, with rubbish behind them; bombs of every kind.
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

@Suite struct GzipTests {
  let first = Array("%%MatrixMarket matrix coordinate real general\n2 2 2\n".utf8)
  let second = Array("1 1 1\n2 2 5\n".utf8)

  @Test func allMembersAreRead() throws {
    let bytes = Gzip.compress(first) + Gzip.compress([]) + Gzip.compress(second)
    #expect(try Gzip.decompress(bytes) == first + second)
    #expect(try MatrixMarket.decoded(bytes, as: Float.self).csr.values == [1, 5])
  }

  @Test(arguments: [1, 2, 511, 100_000]) func zerosMayFollow(count: Int) throws {
    let bytes = Gzip.compress(first) + [UInt8](repeating: 0, count: count)
    #expect(try Gzip.decompress(bytes) == first)
  }

  @Test func rubbishThatFollowsIsNamedByItsPosition() {
    let bytes = Gzip.compress(first)
    for rubbish in [[7], [0, 0, 7], [0x1F], [0x1F, 0x8C], [0, 0x1F, 0x8B]] as [[UInt8]] {
      let position = bytes.count + rubbish.firstIndex { $0 != 0 }!
      let reason =
        "byte \(position) of \(bytes.count + rubbish.count), after the end of the last member, "
        + "belongs to neither another member nor a padding of zeros"
      #expect(throws: DataProblem.compressedStream(what: "gzip data", reason: reason)) {
        try Gzip.decompress(bytes + rubbish)
      }
    }
  }

  @Test func aTruncatedSecondMemberIsAnError() {
    let bytes = Gzip.compress(first) + Gzip.compress(second)
    for length in Gzip.compress(first).count + 2..<bytes.count {
      #expect(throws: DataProblem.self, "\(length)") {
        try Gzip.decompress(Array(bytes[..<length]))
      }
    }
  }

  @Test func gzipInsideGzipIsRefused() throws {
    var bytes = first + second
    for _ in 0..<3 { bytes = Gzip.compress(bytes) }
    try withTemporaryFolder { folder in
      let path = folder + "/nested.mtx.gz"
      try AtomicFile.write(bytes, to: path)
      let expected = FileError.malformed(
        path: path, .unsupported(what: "gzip data", found: "inside gzip data"))
      #expect(throws: expected) { try MatrixFile.read(contentsOf: path, as: Float.self) }
      #expect(throws: expected) { try FileKind(contentsOf: path) }
    }
  }

  /// 2 GiB of zeros in 2 MB: more than 1 GiB, and more than 256 times the bytes of the file.
  @Test func whatGrowsTooMuchIsRefusedBeforeItIsLarge() throws {
    let piece = Gzip.compress([UInt8](repeating: 0x20, count: 1 << 24))
    let bytes = (0..<128).flatMap { _ in piece }
    #expect(throws: DataProblem.self) {
      try ReadingMemory.limited(to: 1 << 26) { () throws(DataProblem) in
        _ = try Gzip.decompress(bytes)
      }
    }
    // A text passes through a small buffer: blanks to the end of what a stream may give.
    let text = Gzip.compress(Array("%%MatrixMarket matrix coordinate real general\n".utf8)) + bytes
    let problem = #expect(throws: DataProblem.self) {
      try MatrixMarket.decoded(text, as: Float.self)
    }
    guard case .outOfRange(let what, let size, 0, let limit) = problem else { throw Missing() }
    #expect(what.contains("unpacked") && size > limit && limit == 1 << 30)
  }

  @Test func aLimitOfTheCallerHolds() throws {
    let bytes = Gzip.compress([UInt8](repeating: 7, count: 100_000))
    #expect(try Gzip.decompress(bytes, limit: 100_000).count == 100_000)
    #expect(throws: DataProblem.self) { try Gzip.decompress(bytes, limit: 99_999) }
  }
}

@Suite struct FileKindTests {
  /// What a file is, its first bytes say, whatever it is called.
  @Test(arguments: [
    ("io/little-f4.npy", FileKind.npy), ("io/csr.npz", .npz), ("io/general.mtx", .matrixMarket),
    ("io/general.mtx.gz", .matrixMarket), ("io/pattern.smtx", .smtx),
    ("io/plain.safetensors", .safetensors), ("io/mixed.npz", .npz),
  ]) func contentDecides(name: String, kind: FileKind) throws {
    try withTemporaryFolder { folder in
      for wrong in ["data.lacuna", "data.npy", "data.mtx", "data"] {
        let path = folder + "/" + wrong
        try AtomicFile.write(fileBytes(golden(name)), to: path)
        #expect(try FileKind(contentsOf: path) == kind, "\(wrong)")
        let named = ["io/plain.safetensors", "io/mixed.npz"].contains(name) ? "w" : nil
        let matrix = try MatrixFile.read(contentsOf: path, name: named, as: Float.self)
        #expect(
          try matrix == MatrixFile.read(contentsOf: golden(name), name: named), "\(wrong)")
      }
    }
  }

  @Test func ownFilesAndImages() throws {
    try withTemporaryFolder { folder in
      let model = LacunaFile(tensors: [.init(name: "a", tensor: .bytes([1]))])
      try AtomicFile.write(try model.encoded(), to: folder + "/x.npy")
      #expect(try FileKind(contentsOf: folder + "/x.npy") == .lacuna)
      let images = IDX(shape: [2, 1, 1], elements: [1, 2])
      for gzip in [false, true] {
        try AtomicFile.write(images.encoded(gzip: gzip), to: folder + "/x")
        #expect(try FileKind(contentsOf: folder + "/x") == .idx)
      }
    }
  }

  @Test func anythingElseIsRefusedWithItsFirstBytes() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/weights.npy"
      for (bytes, start) in [
        ([], "nothing: it is empty"), (Array("hello".utf8), "bytes 68 65 6c 6c 6f"),
        ([0x89, 0x48, 0x44, 0x46], "bytes 89 48 44 46"),
      ] as [([UInt8], String)] {
        try AtomicFile.write(bytes, to: path)
        let error = #expect(throws: FileError.self) { try FileKind(contentsOf: path) }
        #expect("\(error!)".hasSuffix("it starts with " + start), "\(error!)")
      }
    }
  }
}
