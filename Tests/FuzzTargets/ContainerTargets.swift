// .lacuna, safetensors: directories of tensors, also behind checksums that are right.

import Lacuna
import LacunaIO

let containerTargets = [
  FuzzTarget("safetensors", memory: (1 << 18, 2048)) { bytes in
    let file = try Safetensors(bytes: bytes)
    let written = try certainly("written") { try file.encoded() }
    let again = try certainly("read again") { try Safetensors(bytes: written) }
    try hold(try again.encoded() == written, "other tensors were read back")
    for name in file.sparseBitmaskNames {
      if let matrix = try? file.sparseBitmask(name, as: Float.self) { try checkMatrix(matrix) }
    }
  },
  // Also with the checksums made right, without which no change gets further than the header.
  FuzzTarget("lacuna", memory: (1 << 20, 4096)) { bytes in
    if let file = try? LacunaFile(bytes: bytes) { try survives(file) }
    try survives(try LacunaFile(bytes: repairedContainer(bytes)))
  },
  // One tensor whose sections the bytes are: the decoders behind the directory. Written again, an empty
  // matrix of 65535 columns takes the encoder's statistics of every column.
  FuzzTarget("lacuna-sections", memory: (1 << 23, 4096)) { bytes in
    var cursor = InputCursor(bytes)
    try survives(try LacunaFile(bytes: ContainerCase(&cursor).file))
  },
]

/// Written and read again the tensors are the same, bit for bit; every matrix obeys its rules.
func survives(_ file: LacunaFile) throws {
  for named in file.tensors {
    switch named.tensor {
    case .weights(let tensor):
      try hold(
        tensor.shape.reduce(1, *) == tensor.rows * tensor.columns,
        "\(tensor.rows)×\(tensor.columns) of \(tensor.shape)")
      let matrix = tensor.matrix(of: Float.self)
      if let pattern = matrix.storedPattern { try checkPattern(pattern) }
      if !matrix.isDense && matrix.stored <= 4096 { try checkMatrix(matrix.csr) }
    case .bitMask(let mask):
      try hold(CSRPattern(mask).nnz == mask.keptCount, "a mask's count is wrong")
    case .bytes: break
    }
  }
  let written = try certainly("written") { try file.encoded() }
  let again = try certainly("read again") { try LacunaFile(bytes: written) }
  try hold(again.metadata == file.metadata, "other metadata was read back")
  try hold(try again.encoded() == written, "other tensors were read back")
}

/// A `.lacuna` file whose lengths, offsets and checksums agree, as far as its directory goes.
func repairedContainer(_ bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  func number(_ at: Int, _ size: Int) -> Int {
    (0..<size).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
  }
  func put(_ value: Int, _ at: Int, _ size: Int) {
    for byte in 0..<size { bytes[at + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
  }
  func checksum(_ range: Range<Int>) -> Int {
    bytes[range].withUnsafeBytes { Int(crc32($0)) }
  }
  if bytes.count < 96 { return bytes }
  put(bytes.count, 16, 8)
  let directoryLength = number(24, 8)
  if !(32...bytes.count - 64).contains(directoryLength) { return bytes }
  let directoryEnd = 64 + directoryLength
  var (entries, position): ([Int], Int) = ([64], 96)
  for _ in 0..<min(number(32, 4), 64) {
    if position + 2 > directoryEnd { break }
    position += 2 + number(position, 2)
    if position + 2 > directoryEnd { break }
    position += 2 + 8 * Int(bytes[position + 1]) + 32
    if position + 1 > directoryEnd { break }
    let sections = Int(bytes[position])
    position += 1
    for _ in 0..<sections where position + 32 <= directoryEnd {
      entries.append(position)
      position += 32
    }
  }
  var end = directoryEnd
  for (index, entry) in entries.enumerated() {
    let start = bytes[entry + 1] == 0 ? (end + 63) / 64 * 64 : end
    if start > bytes.count { break }
    put(start, entry + 8, 8)
    // What was put in or taken out makes the last section longer or shorter.
    if index == entries.count - 1 { put(bytes.count - start, entry + 16, 8) }
    let length = number(entry + 16, 8)
    if length < 0 || length > bytes.count - start { break }
    put(checksum(start..<start + length), entry + 4, 4)
    end = start + length
  }
  put(checksum(64..<directoryEnd), 36, 4)
  put(checksum(0..<60), 60, 4)
  return bytes
}

/// A container of one tensor, of which everything is chosen but the checksums and the places.
struct ContainerCase {
  var kind = 0
  var shape: [Int] = []
  var rows = 0
  var columns = 0
  var block = (1, 1)
  var entries = 0
  var sections: [(role: Int, codec: Int, count: Int, bytes: [UInt8])] = []

  init(_ cursor: inout InputCursor) {
    kind = cursor.choice(8)
    rows = cursor.size(249)
    columns = cursor.flag() ? cursor.short() : cursor.size(249)
    block = (cursor.choice(9), cursor.choice(9))
    entries = cursor.short()
    switch cursor.choice(4) {
    case 0: shape = [rows, columns]
    case 1: shape = [rows &* columns]
    case 2: shape = [entries]
    default: shape = (0..<cursor.choice(34)).map { _ in cursor.byte() }
    }
    while !cursor.isAtEnd && sections.count < 4 {
      let (role, codec, count) = (cursor.choice(5), cursor.choice(7), cursor.short())
      sections.append((role, codec, count, cursor.run()))
    }
  }

  /// The tensor called `name` of a file.
  init(_ bytes: [UInt8], _ record: TensorRecord) {
    kind = Int(record.kind.rawValue)
    (shape, rows, columns) = (record.shape, record.rows, record.columns)
    block = (record.block.rows, record.block.columns)
    entries = record.entries
    sections = record.sections.map {
      (
        Int($0.role.rawValue), Int($0.codec.rawValue), $0.count,
        Array(bytes[$0.offset..<$0.offset + $0.length])
      )
    }
  }

  /// The bytes from which ``init(_:)`` makes this case.
  var input: [UInt8] {
    var output = OutputCursor()
    output.byte(kind)
    output.byte(rows)
    if columns < 250 {
      output.byte(0)
      output.byte(columns)
    } else {
      output.byte(1)
      output.short(columns)
    }
    output.byte(block.0)
    output.byte(block.1)
    output.short(entries)
    if shape == [rows, columns] {
      output.byte(0)
    } else if shape == [entries] {
      output.byte(2)
    } else {
      output.byte(3)
      output.byte(shape.count)
      for size in shape { output.byte(size) }
    }
    for section in sections {
      output.byte(section.role)
      output.byte(section.codec)
      output.short(section.count)
      output.run(section.bytes)
    }
    return output.bytes
  }

  var file: [UInt8] {
    var (directory, data): ([UInt8], [UInt8]) = ([], [])
    func put(_ value: Int, _ size: Int) {
      for byte in 0..<size {
        directory.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
      }
    }
    let length = 32 + 2 + 1 + 2 + 8 * shape.count + 33 + 32 * sections.count
    func entry(_ role: Int, _ codec: Int, _ count: Int, _ bytes: [UInt8]) {
      let start = 64 + length + data.count
      if codec == 0 { data += [UInt8](repeating: 0, count: (64 - start % 64) % 64) }
      put(role | codec << 8, 4)
      put(0, 4)
      put(64 + length + data.count, 8)
      put(bytes.count, 8)
      put(count, 8)
      data += bytes
    }
    entry(0, 1, 0, [3, 0])
    put(1, 2)
    put(0x74, 1)
    put(kind, 1)
    put(shape.count, 1)
    for size in shape { put(size, 8) }
    put(rows, 8)
    put(columns, 8)
    put(block.0, 4)
    put(block.1, 4)
    put(entries, 8)
    put(sections.count, 1)
    for section in sections { entry(section.role, section.codec, section.count, section.bytes) }
    var header: [UInt8] = [0x89, 0x4C, 0x43, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A]
    header += [kind == 7 || sections.contains { $0.codec == 6 } ? 2 : 1, 0, 0, 0]
    header += [UInt8](repeating: 0, count: 52)
    header[24] = UInt8(truncatingIfNeeded: length)
    header[25] = UInt8(truncatingIfNeeded: length >> 8)
    header[32] = 1
    return repairedContainer(header + directory + data)
  }
}
