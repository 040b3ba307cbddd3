// The bytes of a plan's blob: written at rising positions, read with every bound checked, summed.

import CLacuna

/// Writes at rising positions, or only counts when there is no memory.
struct BlobWriter {
  let memory: UnsafeMutableRawPointer?
  var position = 0

  mutating func put<T: BitwiseCopyable>(_ value: T) {
    memory?.storeBytes(of: value, toByteOffset: position, as: T.self)
    position += MemoryLayout<T>.size
  }

  mutating func put<T: BitwiseCopyable>(_ values: [T]) {
    values.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress {
        if let memory { (memory + position).copyMemory(from: base, byteCount: bytes.count) }
      }
    }
    position += values.count * MemoryLayout<T>.stride
    align()
  }

  /// Zeros up to the next multiple of 64.
  mutating func align() {
    let end = (position + 63) / 64 * 64
    if let memory {
      (memory + position).initializeMemory(as: UInt8.self, repeating: 0, count: end - position)
    }
    position = end
  }
}

/// Reads at rising positions; fails at the end.
struct BlobReader {
  let bytes: UnsafeRawBufferPointer
  var position = 0

  mutating func take<T: BitwiseCopyable>(_: T.Type) throws(Failure) -> T {
    try need(1, MemoryLayout<T>.size)
    let value = bytes.loadUnaligned(fromByteOffset: position, as: T.self)
    position += MemoryLayout<T>.size
    return value
  }

  mutating func take<T: BitwiseCopyable>(_ count: Int, _: T.Type) throws(Failure) -> [T] {
    let size = try need(count, MemoryLayout<T>.stride)
    defer { position = (position + size + 63) / 64 * 64 }
    // An array that is made of no elements this way writes into storage that all empty ones share: a race, if of equal values.
    if count == 0 { return [] }
    return [T](unsafeUninitializedCapacity: count) { buffer, written in
      UnsafeMutableRawPointer(buffer.baseAddress.unsafelyUnwrapped).copyMemory(
        from: bytes.baseAddress.unsafelyUnwrapped + position, byteCount: size)
      written = count
    }
  }

  @discardableResult
  private func need(_ count: Int, _ size: Int) throws(Failure) -> Int {
    let (total, overflow) = count.multipliedReportingOverflow(by: size)
    if overflow || count < 0 || total > bytes.count - min(position, bytes.count) {
      throw damaged("it ends inside \(count) elements of \(size) bytes at \(position)")
    }
    return total
  }
}

func damaged(_ what: String) -> Failure {
  Failure(.badData, "this is not the blob of a plan: \(what)")
}

/// FNV-1a over 64-bit words, the tail byte by byte: finds accidents, not attacks.
func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  let words = bytes.count / 8
  for i in 0..<words {
    hash = (hash ^ bytes.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self)) &* 0x100_0000_01b3
  }
  for i in words * 8..<bytes.count { hash = (hash ^ UInt64(bytes[i])) &* 0x100_0000_01b3 }
  return hash
}
