// Deflate streams through zlib, piece by piece: gzip files of any number of members, and the raw
// streams of zip archives.

import CZlib

/// The wrapper around a deflate stream.
package enum DeflateWrapper {
  case gzip, raw

  var windowBits: Int32 { self == .gzip ? 15 + 16 : -15 }
}

/// How much a compressed stream may grow.
///
/// Deflate turns one byte into 1032 at most. Arrays of zeros come near that, and so do bombs: what is
/// small is let through, what is large has to look like data.
package enum Expansion {
  /// Up to this many bytes every ratio is accepted: 1 GiB.
  package static let freeBytes = 1 << 30
  /// Above ``freeBytes``, at most this many bytes for each compressed one.
  package static let mostRatio = 256

  /// The most bytes that `compressed` bytes may become.
  package static func limit(_ compressed: Int) -> Int {
    let (bytes, overflow) = compressed.multipliedReportingOverflow(by: mostRatio)
    return max(freeBytes, overflow ? .max : bytes)
  }
}

/// Decompresses a stream piece by piece, so that a reader can look at a header before it decides
/// how much to expect, and text need never be in memory as a whole.
///
/// A gzip stream may consist of several members (`cat a.gz b.gz`, or blocks as `bgzip` writes them);
/// zeros that pad the file to a block size may follow the last one. Anything else that follows is an
/// error with its position.
package final class InflateStream {
  private let input: ByteSlice
  private let wrapper: DeflateWrapper
  private let what: String
  private let limit: Int
  // zlib keeps a pointer to its stream: it must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  /// Bytes given to zlib, which counts in 32 bits.
  private var fed = 0
  /// Bytes that came out.
  private var produced = 0
  private var isAtEnd = false

  /// - Parameters:
  ///   - what: what an error calls the stream.
  ///   - limit: the most bytes that may come out, besides ``Expansion/limit(_:)``.
  package init(
    _ input: ByteSlice, _ wrapper: DeflateWrapper, _ what: String, limit: Int = .max
  ) throws(DataProblem) {
    (self.input, self.wrapper, self.what) = (input, wrapper, what)
    self.limit = min(limit, Expansion.limit(input.count))
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit2_(
      stream, wrapper.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    if status != Z_OK { throw .compressedStream(what: what, reason: "zlib status \(status)") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Bytes of the input that have been used.
  private var position: Int { fed - Int(stream.pointee.avail_in) }

  /// Fills `target`, or as much of it as there is until the end of the stream.
  ///
  /// - Returns: the number of bytes.
  package func read(
    into target: UnsafeMutableRawBufferPointer
  ) throws(DataProblem) -> Int {
    var filled = 0
    while filled < target.count && !isAtEnd {
      feed()
      let room = min(target.count - filled, 1 << 30)
      stream.pointee.next_out = target.baseAddress!.assumingMemoryBound(to: UInt8.self) + filled
      stream.pointee.avail_out = UInt32(room)
      let status = inflate(stream, Z_NO_FLUSH)
      let count = room - Int(stream.pointee.avail_out)
      filled += count
      produced += count
      if produced > limit {
        throw .outOfRange(
          what: "the size of \(what), unpacked,", value: produced, lowest: 0, highest: limit)
      }
      if status == Z_STREAM_END {
        try nextMember()
      } else if status != Z_OK {
        let isStarved = status == Z_BUF_ERROR && position == input.count
        if status == Z_BUF_ERROR && !isStarved { continue }
        let reason = stream.pointee.msg.map { String(cString: $0) }
        throw .compressedStream(
          what: what,
          reason: isStarved ? "the stream is truncated" : reason ?? "zlib status \(status)")
      }
    }
    return filled
  }

  /// Gives zlib more input when it has none.
  private func feed() {
    if stream.pointee.avail_in > 0 || fed == input.count { return }
    let count = min(input.count - fed, 1 << 30)
    stream.pointee.next_in = input.withUnsafeBytes {
      UnsafeMutablePointer(mutating: $0.bindMemory(to: UInt8.self).baseAddress! + fed)
    }
    stream.pointee.avail_in = UInt32(count)
    fed += count
  }

  /// At the end of a member: goes on to the next one, or finds that only padding follows.
  private func nextMember() throws(DataProblem) {
    if wrapper == .raw {
      isAtEnd = true
      return
    }
    let rest = position
    let next: (isMember: Bool, garbage: Int?) = input.withUnsafeBytes { bytes in
      if rest + 1 < bytes.count && bytes[rest] == 0x1F && bytes[rest + 1] == 0x8B {
        return (true, nil)
      }
      return (false, bytes[rest...].firstIndex { $0 != 0 })
    }
    if next.isMember {
      inflateReset(stream)
    } else if let garbage = next.garbage {
      throw .compressedStream(
        what: what,
        reason: "byte \(garbage) of \(input.count), after the end of the last member, belongs to "
          + "neither another member nor a padding of zeros")
    } else {
      isAtEnd = true
    }
  }

  /// The next bytes, at most `count`; fewer at the end of the stream.
  ///
  /// Memory grows with what comes out, not with what a false `count` asks for.
  package func read(upTo count: Int) throws(DataProblem) -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      let size = min(count - result.count, max(1 << 16, 8 * input.count, result.count))
      try ReadingMemory.check(result.count + size, what)
      let part = try piece(size)
      if result.isEmpty { result = part } else { result += part }
      if part.count < size { break }
    }
    return result
  }

  /// The next `count` bytes in memory of their own, or fewer at the end.
  private func piece(_ count: Int) throws(DataProblem) -> [UInt8] {
    var problem: DataProblem?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(DataProblem) {
        filled = try read(into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        problem = error
      }
    }
    if let problem { throw problem }
    return bytes
  }

  /// Checks that the stream ends here, its checksum is right, and nothing follows it.
  package func end() throws(DataProblem) {
    let extra = try read(upTo: 1)
    if !extra.isEmpty { throw .trailingBytes(count: extra.count) }
    if wrapper == .raw && position < input.count {
      throw .trailingBytes(count: input.count - position)
    }
  }
}
