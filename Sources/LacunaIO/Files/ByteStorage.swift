// The bytes of a file in memory, read or mapped, and slices of them.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Immutable bytes: memory of its own, or a read-only mapping of a file.
// Sound to share between threads: nothing writes to the memory after the initialiser.
package final class ByteStorage: @unchecked Sendable {
  package let memory: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// A copy of `bytes`.
  package init(_ bytes: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    copy.copyBytes(from: bytes)
    (memory, isMapped) = (UnsafeRawBufferPointer(copy), false)
  }

  /// The content of a regular file, or what a pipe delivers until its end; the first `most` bytes of
  /// it when it is longer.
  ///
  /// - Throws: ``FileError/unreadable(path:code:)`` when it cannot be opened, and
  ///   ``FileError/system(path:operation:code:)`` when reading fails, and
  ///   ``FileError/malformed(path:_:)`` when it does not fit in memory.
  package init(reading path: String, atMost most: Int = .max) throws(FileError) {
    let (descriptor, size) = try Self.open(path)
    defer { close(descriptor) }
    try Self.check(min(size ?? 0, most), path)
    var buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min((size ?? 1 << 16) + 1, most), alignment: 64)
    var filled = 0
    while filled < most {
      // One byte more than the size is asked for, so that the end of the file is seen.
      if filled == buffer.count {
        do throws(FileError) { try Self.check(buffer.count * 2, path) } catch {
          buffer.deallocate()
          throw error
        }
        let larger = UnsafeMutableRawBufferPointer.allocate(
          byteCount: buffer.count * 2, alignment: 64)
        larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
        buffer.deallocate()
        buffer = larger
      }
      let room = min(buffer.count, most) - filled
      let count = read(descriptor, buffer.baseAddress! + filled, room)
      if count < 0 && errno == EINTR { continue }
      if count < 0 {
        let code = errno
        buffer.deallocate()
        throw .system(path: path, operation: "read", code: code)
      }
      if count == 0 { break }
      filled += count
    }
    memory = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<filled])
    isMapped = false
  }

  /// A read-only mapping of a regular file: pages are read when they are touched.
  ///
  /// Replacing the file by ``AtomicFile`` leaves the mapping intact. A program that shortens the
  /// file in place would make a later access fault, as with every mapping.
  package init(mapping path: String) throws(FileError) {
    let (descriptor, size) = try Self.open(path)
    defer { close(descriptor) }
    guard let size else { throw .system(path: path, operation: "map", code: ENODEV) }
    if size == 0 {
      memory = UnsafeRawBufferPointer(
        UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64))
      isMapped = false
      return
    }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0),
      address != UnsafeMutableRawPointer(bitPattern: -1)
    else { throw .system(path: path, operation: "map", code: errno) }
    memory = UnsafeRawBufferPointer(start: address, count: size)
    isMapped = true
  }

  deinit {
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress!), memory.count)
    } else {
      memory.deallocate()
    }
  }

  /// - Throws: ``FileError`` unless a file of `size` bytes fits in memory.
  private static func check(_ size: Int, _ path: String) throws(FileError) {
    do throws(DataProblem) { try ReadingMemory.check(size, "the file") } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Opens `path` for reading; the size is nil unless it is a regular file.
  private static func open(_ path: String) throws(FileError) -> (descriptor: Int32, size: Int?) {
    #if canImport(Darwin)
      let descriptor = PathText.withCString(path) { Darwin.open($0, O_RDONLY | O_CLOEXEC) }
    #else
      let descriptor = PathText.withCString(path) { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    #endif
    if descriptor < 0 { throw .unreadable(path: path, code: errno) }
    var status = stat()
    if fstat(descriptor, &status) != 0 {
      let code = errno
      close(descriptor)
      throw .unreadable(path: path, code: code)
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      close(descriptor)
      throw .unreadable(path: path, code: EISDIR)
    }
    return (descriptor, status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil)
  }
}

/// Some consecutive bytes of a storage, which they keep alive.
package struct ByteSlice: Sendable {
  package let storage: ByteStorage
  /// Positions in the storage.
  package let range: Range<Int>

  package init(_ storage: ByteStorage) {
    (self.storage, range) = (storage, 0..<storage.memory.count)
  }

  /// A copy of `bytes`.
  package init(_ bytes: [UInt8]) { self.init(ByteStorage(bytes)) }

  /// Not checked: `range` lies in the storage. Only ``ByteReader`` makes one, after its check.
  init(storage: ByteStorage, range: Range<Int>) { (self.storage, self.range) = (storage, range) }

  package var count: Int { range.count }

  /// Calls `body` with the bytes.
  package func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try body(UnsafeRawBufferPointer(rebasing: storage.memory[range]))
  }

  /// A copy of the bytes.
  package var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}
