// Where a scanner's bytes come from: memory, or a gzip stream that is unpacked as it is read.

/// Text from untrusted bytes, plain or gzipped.
///
/// A gzipped text is never in memory as a whole: it passes through a buffer of 256 KiB, so that a
/// bomb is refused at its first byte that is no text.
final class TextSource {
  private let text: ByteSlice?
  private let stream: InflateStream?
  private let buffer: UnsafeMutableRawBufferPointer
  /// Bytes of the buffer that hold text.
  private var filled = 0
  /// Whether all of the text is in memory.
  private(set) var isComplete: Bool

  private static let bufferSize = 1 << 18

  init(_ bytes: ByteSlice) throws(DataProblem) {
    if Gzip.isGzip(bytes) {
      (text, stream) = (nil, try InflateStream(bytes, .gzip, "gzip data"))
      buffer = .allocate(byteCount: Self.bufferSize, alignment: 64)
    } else {
      (text, stream) = (bytes, nil)
      buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
    isComplete = text != nil
    try refill(keeping: 0)
  }

  deinit { buffer.deallocate() }

  /// The text in memory.
  var memory: UnsafeRawBufferPointer {
    if let text { return UnsafeRawBufferPointer(rebasing: text.storage.memory[text.range]) }
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<filled])
  }

  /// Drops all but the last `kept` bytes in memory and unpacks more behind them.
  func refill(keeping kept: Int) throws(DataProblem) {
    guard let stream else { return }
    let whole = UnsafeRawBufferPointer(buffer)
    UnsafeMutableRawBufferPointer(rebasing: buffer[..<kept]).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: whole[filled - kept..<filled]))
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[kept...])
    let count = try stream.read(into: room)
    filled = kept + count
    isComplete = count < room.count
  }
}
