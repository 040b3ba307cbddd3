// A file about to be written: runs of an old one, new bytes, and bytes made when their turn comes.

import LacunaIO

/// The bytes of a file in order, without holding them.
package struct FileImage: Sendable {
  package enum Piece: Sendable {
    case bytes([UInt8])
    /// Bytes of a file that is open.
    case slice(ByteSlice)
    /// Bytes made while writing, so that no two tensors are in memory at once.
    case made(count: Int, @Sendable () throws(DataProblem) -> [UInt8])
    /// Bytes that a function gives part by part until it gives nil: how many there are is known in the end.
    case series(
      estimate: Int, @Sendable () -> () throws(DataProblem) -> [ByteSlice]?)

    /// Number of bytes, or what it is thought to be.
    package var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .slice(let slice): slice.count
      case .made(let count, _), .series(let count, _): count
      }
    }
  }

  package private(set) var pieces: [Piece] = []
  /// Number of bytes; with a series among the pieces, what it is thought to be.
  package private(set) var byteCount = 0
  /// The file that made bytes come from: what errors name; the file that is written when nil.
  var origin: String?

  package init() {}

  /// A file of these bytes.
  init(_ parts: [ByteSlice]) { for part in parts { append(.slice(part)) } }

  package mutating func append(_ piece: Piece) {
    if case .series = piece {} else if piece.count == 0 { return }
    pieces.append(piece)
    byteCount += piece.count
  }

  /// `source` with some of its ranges replaced.
  ///
  /// - Parameter splices: In the order of their ranges, which do not overlap.
  init(_ source: ByteSlice, replacing splices: [Splice]) {
    var position = 0
    for splice in splices {
      append(.slice(source.part(position..<splice.range.lowerBound)))
      for piece in splice.pieces { append(piece) }
      position = splice.range.upperBound
    }
    append(.slice(source.part(position..<source.count)))
  }

  /// Calls `body` with every run of bytes.
  ///
  /// - Throws: `DataProblem` of bytes that cannot be made, and what `body` throws.
  package func forEach(
    _ body: (UnsafeRawBufferPointer) throws(FileError) -> Void, path: String
  ) throws(FileError) {
    for piece in pieces {
      switch piece {
      case .bytes(let bytes):
        try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
          try body(UnsafeRawBufferPointer(buffer))
        }
      case .slice(let slice):
        try slice.withUnsafeBytes(body)
      case .made(let count, let make):
        let bytes: [UInt8]
        do throws(DataProblem) { bytes = try make() } catch {
          throw .malformed(path: path, error)
        }
        // A wrong count would shift all that follows.
        precondition(bytes.count == count, "\(bytes.count) bytes made where \(count) were promised")
        try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
          try body(UnsafeRawBufferPointer(buffer))
        }
      case .series(_, let start):
        let next = start()
        while true {
          let parts: [ByteSlice]?
          do throws(DataProblem) { parts = try next() } catch {
            throw .malformed(path: path, error)
          }
          guard let parts else { break }
          for part in parts { try part.withUnsafeBytes(body) }
        }
      }
    }
  }

  /// Writes the file in one step, and gives the number of bytes.
  ///
  /// - Parameter progress: Called with the bytes written so far, and all, after every few megabytes.
  /// - Throws: `FileError`
  @discardableResult
  package func write(
    to path: String, progress: ((_ written: Int, _ all: Int) -> Void)? = nil
  ) throws(FileError) -> Int {
    var written = 0
    try AtomicFile.write(to: path) { (writer) throws(FileError) in
      try forEach(
        { (buffer) throws(FileError) in
          for start in stride(from: 0, to: buffer.count, by: Self.stretch) {
            let end = min(start + Self.stretch, buffer.count)
            try writer.write(UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            written += end - start
            progress?(written, max(written, byteCount))
          }
        }, path: origin ?? path)
    }
    return written
  }

  /// Bytes between two words about progress.
  private static let stretch = 8 << 20

  /// All bytes, with zeros for those that are made while writing: enough to see what is where.
  func outline() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    for piece in pieces {
      switch piece {
      case .bytes(let own): bytes += own
      case .slice(let slice): slice.withUnsafeBytes { bytes.append(contentsOf: $0) }
      case .made(let count, _), .series(let count, _):
        bytes += repeatElement(0, count: count)
      }
    }
    return bytes
  }

  /// All bytes in memory.
  package func bytes() throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    try forEach(
      { (buffer) throws(FileError) in bytes.append(contentsOf: buffer) },
      path: origin ?? "memory")
    return bytes
  }
}

/// New bytes in the place of old ones.
struct Splice {
  /// Positions in the old file.
  var range: Range<Int>
  var pieces: [FileImage.Piece]

  /// How much longer the file becomes.
  var growth: Int { pieces.reduce(0) { $0 + $1.count } - range.count }
}

extension ByteSlice {
  /// The bytes of `range`, counted from the start of the slice. Not checked: it lies inside.
  func part(_ range: Range<Int>) -> ByteSlice {
    var reader = ByteReader(self)
    guard (try? reader.slice(range.lowerBound, "")) != nil,
      let part = try? reader.slice(range.count, "")
    else { preconditionFailure("\(range) of \(count) bytes") }
    return part
  }
}
