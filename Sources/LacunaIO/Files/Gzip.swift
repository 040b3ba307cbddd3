// Whole gzip files in memory, compression of whole arrays, and CRC-32: zlib does the work.

import CZlib

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

  /// The content of a gzip file: all its members, one after the other.
  ///
  /// - Parameter limit: more bytes than this are refused. Above 1 GiB, more than 256 times the bytes of
  ///   the file are refused in any case.
  /// - Throws: ``DataProblem`` when the stream is damaged, too long, or followed by anything but more
  ///   members and a padding of zeros.
  public static func decompress(
    _ bytes: [UInt8], limit: Int = .max
  ) throws(DataProblem) -> [UInt8] {
    try unpacked(ByteSlice(bytes), limit: limit)
  }

  static func unpacked(_ bytes: ByteSlice, limit: Int = .max) throws(DataProblem) -> [UInt8] {
    try InflateStream(bytes, .gzip, "gzip data", limit: limit).read(upTo: .max)
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
