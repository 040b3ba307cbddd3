// What a file is, by its first bytes: names and suffixes play no part.

/// A file format that Lacuna reads.
public enum FileKind: String, Sendable, CaseIterable {
  /// One NumPy array: `\x93NUMPY`.
  case npy
  /// A zip archive of NumPy arrays, those of a `scipy.sparse` matrix among them: `PK`.
  case npz
  /// `%%MatrixMarket`.
  case matrixMarket
  /// A pattern of the Deep Learning Matrix Collection: three numbers in the first line.
  case smtx
  /// A length, then `{`.
  case safetensors
  /// Lacuna's own container, of models and checkpoints.
  case lacuna
  /// The format of MNIST: 0, 0, a type, a rank.
  case idx

  /// What the format is called in messages.
  public var name: String {
    switch self {
    case .npy: "a .npy array"
    case .npz: "an .npz archive"
    case .matrixMarket: "a Matrix Market file"
    case .smtx: "an .smtx pattern"
    case .safetensors: "a safetensors file"
    case .lacuna: "a .lacuna file"
    case .idx: "an IDX file"
    }
  }

  /// The most bytes that ``init(head:)`` looks at.
  static let headLength = 512

  /// The format of a file that starts with `head`; nil when it is none of them.
  ///
  /// Some bytes may be missing: what is there is enough when it is `headLength` bytes or all of the file.
  init?(head: [UInt8]) {
    if head.starts(with: NPY.magic) {
      self = .npy
    } else if head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x50, 0x4B, 5, 6]) {
      self = .npz
    } else if head.starts(with: ContainerLayout.magic) {
      self = .lacuna
    } else if MatrixMarket.isBanner(head) {
      self = .matrixMarket
    } else if head.count > 8, head[8] == 0x7B, head[5..<8].allSatisfy({ $0 == 0 }) {
      self = .safetensors
    } else if head.count >= 4, head[0] == 0, head[1] == 0, (8...14).contains(head[2]), head[3] > 0 {
      self = .idx
    } else if SMTX.isStart(head) {
      self = .smtx
    } else {
      return nil
    }
  }

  /// The format of `bytes`, looking into one layer of gzip.
  init(_ bytes: ByteSlice) throws(DataProblem) {
    let head: [UInt8]
    if Gzip.isGzip(bytes) {
      head = try InflateStream(bytes, .gzip, "gzip data").read(upTo: Self.headLength)
      if Gzip.isGzip(ByteSlice(head)) {
        throw .unsupported(what: "gzip data", found: "inside gzip data")
      }
    } else {
      head = bytes.withUnsafeBytes { Array($0.prefix(Self.headLength)) }
    }
    guard let kind = FileKind(head: head) else {
      throw .wrongMagic(
        format:
          "a file that Lacuna reads (npy, npz, Matrix Market, smtx, safetensors, lacuna, IDX)",
        found: head.isEmpty
          ? "nothing: it is empty"
          : "bytes " + head.prefix(8).map { hex($0) }.joined(separator: " "))
    }
    self = kind
  }

  /// The format of the file at `path`, plain or gzipped.
  ///
  /// - Throws: ``FileError``: the file cannot be read, or is of none of the formats.
  public init(contentsOf path: String) throws(FileError) {
    let bytes = ByteSlice(try ByteStorage(reading: path, atMost: 1 << 16))
    do throws(DataProblem) { try self.init(bytes) } catch {
      throw .malformed(path: path, error)
    }
  }
}

/// Two digits.
private func hex(_ byte: UInt8) -> String {
  (byte < 16 ? "0" : "") + String(byte, radix: 16)
}

extension ByteSlice {
  /// The bytes, unpacked when they are gzipped.
  ///
  /// - Throws: ``DataProblem`` when the stream is damaged or too long, or holds another one.
  func unpacked() throws(DataProblem) -> ByteSlice {
    if !Gzip.isGzip(self) { return self }
    let inner = ByteSlice(try Gzip.unpacked(self))
    if Gzip.isGzip(inner) { throw .unsupported(what: "gzip data", found: "inside gzip data") }
    return inner
  }
}
