// Deflate streams through zlib: gzip files, the raw deflate of zip archives, and CRC-32.

import CZlib

/// The wrapper around a deflate stream.
package enum DeflateWrapper {
  case gzip, raw

  var windowBits: Int32 { self == .gzip ? 15 + 16 : -15 }
}

/// Decompresses a stream piece by piece, so that a reader can look at a header before it decides
/// how much to expect.
package final class InflateStream {
  private let input: ByteSlice
  private let what: String
  // zlib keeps a pointer to its stream: it must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private var isAtEnd = false

  /// - Parameter what: what an error calls the stream.
  package init(
    _ input: ByteSlice, _ wrapper: DeflateWrapper, _ what: String
  ) throws(DataProblem) {
    if input.count > Int(UInt32.max) {
      throw .unsupported(what: what, found: "of more than 4 GiB")
    }
    (self.input, self.what) = (input, what)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    stream.pointee.next_in = input.withUnsafeBytes {
      UnsafeMutablePointer(mutating: $0.bindMemory(to: UInt8.self).baseAddress)
    }
    stream.pointee.avail_in = UInt32(input.count)
    let status = inflateInit2_(
      stream, wrapper.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    if status != Z_OK { throw .compressedStream(what: what, reason: "zlib status \(status)") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The next bytes, at most `count`; fewer at the end of the stream.
  package func read(upTo count: Int) throws(DataProblem) -> [UInt8] {
    // Deflate cannot expand more than 1032 times, so that a false count does not allocate much.
    let bound = (Int(stream.pointee.avail_in) + 64) * 1032 + (1 << 16)
    let capacity = min(count, bound, Int(UInt32.max))
    var problem: DataProblem?
    let result = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
      stream.pointee.next_out = buffer.baseAddress
      stream.pointee.avail_out = UInt32(capacity)
      while stream.pointee.avail_out > 0 && !isAtEnd {
        let status = inflate(stream, Z_NO_FLUSH)
        if status == Z_STREAM_END {
          isAtEnd = true
        } else if status != Z_OK {
          let reason = stream.pointee.msg.map { String(cString: $0) }
          problem = .compressedStream(
            what: what,
            reason: reason
              ?? (status == Z_BUF_ERROR ? "the stream is truncated" : "zlib status \(status)"))
          break
        }
      }
      filled = capacity - Int(stream.pointee.avail_out)
    }
    if let problem { throw problem }
    return result
  }

  /// Checks that the stream ends here, its checksum is right, and nothing follows it.
  package func end() throws(DataProblem) {
    let extra = try read(upTo: 1)
    if !extra.isEmpty { throw .trailingBytes(count: extra.count) }
    if stream.pointee.avail_in > 0 { throw .trailingBytes(count: Int(stream.pointee.avail_in)) }
  }
}

/// Whole gzip files in memory.
public enum Gzip {
  /// Whether `bytes` start like a gzip file.
  package static func isGzip(_ bytes: ByteSlice) -> Bool {
    bytes.withUnsafeBytes { $0.count >= 2 && $0[0] == 0x1F && $0[1] == 0x8B }
  }

  /// The gzip file of `bytes`, without name and time, so that equal input gives equal output.
  ///
  /// - Parameter level: 1 (fast) to 9 (small), as in `gzip -9`.
  public static func compress(_ bytes: [UInt8], level: Int = 9) -> [UInt8] {
    deflated(bytes, .gzip, level: level)
  }

  /// The content of one gzip file.
  ///
  /// - Parameter limit: more bytes than this are refused.
  /// - Throws: ``DataProblem`` when the stream is damaged, longer than `limit`, or followed by more.
  public static func decompress(
    _ bytes: [UInt8], limit: Int = 1 << 31
  ) throws(DataProblem) -> [UInt8] {
    let stream = try InflateStream(ByteSlice(bytes), .gzip, "gzip data")
    var result: [UInt8] = []
    while true {
      let part = try stream.read(upTo: min(1 << 20, limit - result.count))
      if part.isEmpty { break }
      result += part
    }
    try stream.end()
    return result
  }
}

/// `bytes` as one deflate stream.
package func deflated(_ bytes: [UInt8], _ wrapper: DeflateWrapper, level: Int) -> [UInt8] {
  precondition((0...9).contains(level), "compression level \(level) is not in 0...9")
  var stream = z_stream()
  let status = deflateInit2_(
    &stream, Int32(level), Z_DEFLATED, wrapper.windowBits, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  precondition(status == Z_OK, "zlib cannot start: status \(status)")
  defer { deflateEnd(&stream) }
  let bound = Int(deflateBound(&stream, UInt(bytes.count)))
  return bytes.withUnsafeBufferPointer { input in
    [UInt8](unsafeUninitializedCapacity: bound) { output, filled in
      // zlib counts in 32 bits: larger data goes in pieces.
      let piece = 1 << 30
      var (read, last) = (0, Z_OK)
      while last != Z_STREAM_END {
        if stream.avail_in == 0 && read < input.count {
          let count = min(piece, input.count - read)
          stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress! + read)
          stream.avail_in = UInt32(count)
          read += count
        }
        let room = min(piece, bound - filled)
        stream.next_out = output.baseAddress! + filled
        stream.avail_out = UInt32(room)
        last = deflate(&stream, read == input.count ? Z_FINISH : Z_NO_FLUSH)
        precondition(last == Z_OK || last == Z_STREAM_END, "zlib cannot compress: status \(last)")
        filled += room - Int(stream.avail_out)
      }
    }
  }
}

/// The CRC-32 of `bytes` (the one of gzip, zip and PNG): every change of up to 32 neighbouring bits
/// is seen.
package func crc32(_ bytes: UnsafeRawBufferPointer, continuing: UInt32 = 0) -> UInt32 {
  var value = UInt(continuing)
  var start = 0
  while start < bytes.count {
    let count = min(1 << 30, bytes.count - start)
    value = CZlib.crc32(
      value, (bytes.baseAddress! + start).assumingMemoryBound(to: UInt8.self), UInt32(count))
    start += count
  }
  return UInt32(value)
}
