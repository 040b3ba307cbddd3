// Sparsity pictures: the pixels are the densities, the PNG is one that others can read.

import Foundation
import LacunaReport
import TestSupport
import Testing

/// The palette indices of the one picture in `content`, read back from its PNG.
private func pixels(_ content: String) throws -> (width: Int, height: Int, values: [UInt8]) {
  let start = try #require(content.range(of: "base64,"))
  let end = try #require(content[start.upperBound...].firstIndex(of: "\""))
  let file = [UInt8](try #require(Data(base64Encoded: String(content[start.upperBound..<end]))))
  try #require(Array(file.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
  func number(_ at: Int) -> Int { file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
  let (width, height) = (number(16), number(20))
  try #require(Array(file[24...28]) == [4, 3, 0, 0, 0])
  // Walk the chunks to IDAT, then the stored blocks of its zlib stream.
  var at = 8
  while String(decoding: file[at + 4..<at + 8], as: UTF8.self) != "IDAT" { at += 12 + number(at) }
  var block = at + 8 + 2
  var lines: [UInt8] = []
  var isLast = false
  while !isLast {
    isLast = file[block] == 1
    let count = Int(file[block + 1]) | Int(file[block + 2]) << 8
    try #require(file[block + 3] == ~file[block + 1] && file[block + 4] == ~file[block + 2])
    lines += file[block + 5..<block + 5 + count]
    block += 5 + count
  }
  let bytesPerLine = 1 + (width + 1) / 2
  try #require(lines.count == height * bytesPerLine)
  var values: [UInt8] = []
  for row in 0..<height {
    for column in 0..<width {
      let byte = lines[row * bytesPerLine + 1 + column / 2]
      values.append(column.isMultiple(of: 2) ? byte >> 4 : byte & 15)
    }
  }
  return (width, height, values)
}

@Suite struct WeightPictureTests {
  @Test func `a full cell is solid, an empty one is paper`() throws {
    // Left half dense, right half pruned.
    let rows = 64, columns = 128
    let weights = (0..<rows * columns).map { Float($0 % columns < columns / 2 ? 1 : 0) }
    let picture = weights.withUnsafeBufferPointer {
      WeightPicture.densities($0, rows: rows, columns: columns, title: "half", cells: 512)
    }
    let image = try pixels(picture.content)
    #expect(image.width * image.height <= 512)
    for (index, value) in image.values.enumerated() {
      #expect(value == (index % image.width < image.width / 2 ? 15 : 0), "cell \(index)")
    }
  }

  @Test(arguments: [0, 1, 99])
  func `denser cells are never paler`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let rows = 32, columns = 320
    // Column block b of ten keeps b+1 of 16 weights.
    let weights = (0..<rows * columns).map { index -> Float in
      Int.random(in: 0..<16, using: &generator) <= index % columns / 32 ? 1 : 0
    }
    let picture = weights.withUnsafeBufferPointer {
      WeightPicture.densities($0, rows: rows, columns: columns, title: "steps", cells: 10)
    }
    let image = try pixels(picture.content)
    let first = Array(image.values.prefix(image.width))
    #expect(first == first.sorted(), "seed \(seed): \(first)")
    #expect(first.last! > first.first!, "seed \(seed): \(first)")
  }

  @Test func `a close-up tells signs and pruned weights apart`() throws {
    let weights: [Float] = [1, -1, 0, 0.25, -0.25, .nan]
    let picture = weights.withUnsafeBufferPointer {
      WeightPicture.closeUp($0, rows: 2, columns: 3, title: "signs")
    }
    let image = try pixels(picture.content)
    #expect(image.values == [7, 14, 0, 4, 11, 0])
  }

  @Test(arguments: [(0, 0), (1, 1), (1, 5000), (5000, 1), (3, 7)])
  func `any shape draws, and a short buffer is empty, not a trap`(rows: Int, columns: Int) {
    let weights = [Float](repeating: 1, count: rows * columns)
    weights.withUnsafeBufferPointer { buffer in
      let whole = WeightPicture.densities(buffer, rows: rows, columns: columns, title: "")
      #expect(whole.content.contains("<image") == (rows * columns > 0))
      let short = UnsafeBufferPointer(rebasing: buffer.prefix(max(0, rows * columns - 1)))
      if rows * columns > 0 {
        let picture = WeightPicture.densities(short, rows: rows, columns: columns, title: "")
        #expect(!picture.content.contains("<image"))
      }
      _ = WeightPicture.closeUp(
        buffer, rows: rows, columns: columns, title: "", origin: (rows, columns + 3))
    }
  }
}
