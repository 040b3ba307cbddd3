// IDX, gzip, npy, npz: arrays of numbers, plain and compressed.

import Lacuna
import LacunaIO

/// What a reader may hold for a stream that unpacks to 1032 times its size, which deflate allows.
private let unpacked = (base: 1 << 20, each: 4096)

let arrayTargets = [
  FuzzTarget("idx", memory: unpacked) { bytes in
    let array = try IDX(ByteSlice(bytes), path: "input")
    for gzip in [false, true] {
      let again = try certainly("written, then read") {
        try IDX(ByteSlice(array.encoded(gzip: gzip)), path: "again")
      }
      try hold(again == array, "another array was read back")
    }
  },
  // The same content behind a checksum that is right.
  FuzzTarget("idx-gzip", memory: unpacked) { bytes in
    let plain = Result { try IDX(ByteSlice(bytes), path: "input") }
    let packed = Result { try IDX(ByteSlice(storedGzip(bytes)), path: "input") }
    if case .success(let array) = plain {
      let unpacked = try certainly("gzipped") { try packed.get() }
      try hold(unpacked == array, "gzip changed the array")
    }
    _ = try packed.get()
  },
  FuzzTarget("gzip", memory: unpacked) { bytes in
    let content = try Gzip.decompress(bytes)
    let again = try certainly("compressed, then decompressed") {
      try Gzip.decompress(Gzip.compress(content, level: 1))
    }
    try hold(again == content, "other bytes were read back")
  },
  FuzzTarget("npy", memory: (1 << 18, 512)) { bytes in
    try survives(try NPY.decoded(bytes))
  },
  FuzzTarget("npz", memory: unpacked) { bytes in
    try survives(try NPZ(bytes: bytes), deflated: bytes.count % 8 == 0)
  },
  // Members behind checksums that are right, so that their content is reached.
  FuzzTarget("npz-members", memory: unpacked) { bytes in
    try survives(try NPZ(bytes: zipArchive(bytes)), deflated: bytes.count % 8 == 0)
  },
]

/// Written and read again the array is the same, whatever its NaNs.
private func survives(_ array: NumericArray) throws {
  let bytes = try certainly("written") { try NPY.encoded(array) }
  let again = try certainly("written, then read") { try NPY.decoded(bytes) }
  try hold(again.shape == array.shape, "shape \(array.shape) became \(again.shape)")
  try hold(try NPY.encoded(again) == bytes, "other elements were read back")
  if let matrix = try? array.matrix(of: Float.self) {
    try hold(matrix.rows * matrix.columns == array.count, "the matrix has another size")
  }
  _ = try? array.integers()
}

private func survives(_ file: NPZ, deflated: Bool) throws {
  let bytes = try certainly("written") { try file.encoded(deflated: deflated) }
  let again = try certainly("read again") { try NPZ(bytes: bytes) }
  try hold(try again.encoded(deflated: deflated) == bytes, "other arrays were read back")
}

/// A deflate stream of `bytes` as they are: a compressor would take longer than what is searched.
private func storedDeflate(_ bytes: [UInt8]) -> [UInt8] {
  var (stream, rest): ([UInt8], ArraySlice<UInt8>) = ([], bytes[...])
  repeat {
    let block = rest.prefix(0xFFFF)
    rest = rest.dropFirst(block.count)
    let count = UInt16(block.count)
    stream.append(rest.isEmpty ? 1 : 0)
    for value in [count, ~count] { stream += [UInt8(value & 0xFF), UInt8(value >> 8)] }
    stream += block
  } while !rest.isEmpty
  return stream
}

/// A gzip file of `bytes` whose checksum is right.
private func storedGzip(_ bytes: [UInt8]) -> [UInt8] {
  var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + storedDeflate(bytes)
  for value in [bytes.withUnsafeBytes { crc32($0) }, UInt32(bytes.count)] {
    for byte in 0..<4 { file.append(UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte)))) }
  }
  return file
}

/// An archive whose members the bytes give: for each the length of its name, the name, a method,
/// the length of its content, the content.
func zipArchive(_ bytes: [UInt8]) -> [UInt8] {
  var cursor = InputCursor(bytes)
  var (file, directory, count): ([UInt8], [UInt8], Int) = ([], [], 0)
  func append(_ value: Int, _ size: Int, to target: inout [UInt8]) {
    for byte in 0..<size { target.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
  }
  while !cursor.isAtEnd && count < 64 {
    let name = cursor.bytes(cursor.choice(32))
    let isDeflated = cursor.flag()
    let content = cursor.run()
    let packed = isDeflated ? storedDeflate(content) : content
    var common: [UInt8] = []
    append(20, 2, to: &common)
    append(0x800, 2, to: &common)
    append(isDeflated ? 8 : 0, 2, to: &common)
    append(0x21 << 16, 4, to: &common)
    append(Int(content.withUnsafeBytes { crc32($0) }), 4, to: &common)
    append(packed.count, 4, to: &common)
    append(content.count, 4, to: &common)
    append(name.count, 4, to: &common)
    append(0x0201_4B50, 4, to: &directory)
    append(20, 2, to: &directory)
    directory += common
    append(0, 10, to: &directory)
    append(file.count, 4, to: &directory)
    directory += name
    append(0x0403_4B50, 4, to: &file)
    file += common + name + packed
    count += 1
  }
  let start = file.count
  file += directory
  append(0x0605_4B50, 4, to: &file)
  append(0, 4, to: &file)
  append(count | count << 16, 4, to: &file)
  append(directory.count, 4, to: &file)
  append(start, 4, to: &file)
  append(0, 2, to: &file)
  return file
}

/// The case that ``zipArchive(_:)`` turns into an archive of these members.
func zipCase(_ members: [(name: String, content: [UInt8])], deflated: Bool) -> [UInt8] {
  var output = OutputCursor()
  for (name, content) in members {
    output.byte(name.utf8.count)
    output.bytes += name.utf8
    output.byte(deflated ? 1 : 0)
    output.run(content)
  }
  return output.bytes
}
