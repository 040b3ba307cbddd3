// Pixels → the bytes of a PNG file and its data: address. Stored, not deflated: pictures stay small.

/// An image of at most 16 colours, row-major, one palette index per pixel.
struct PalettePNG {
  /// Red, green, blue, opacity.
  typealias Colour = (red: UInt8, green: UInt8, blue: UInt8, alpha: UInt8)

  let width: Int, height: Int
  let palette: [Colour]
  let pixels: [UInt8]

  /// The file: signature, IHDR, PLTE, tRNS, IDAT, IEND.
  func bytes() -> [UInt8] {
    precondition(pixels.count == width * height && palette.count <= 16)
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    // 4 bits per pixel, palette colours, the only compression and filter methods, no interlace.
    Self.append(
      "IHDR", Self.bigEndian(width) + Self.bigEndian(height) + [4, 3, 0, 0, 0], to: &file)
    Self.append("PLTE", palette.flatMap { [$0.red, $0.green, $0.blue] }, to: &file)
    Self.append("tRNS", palette.map(\.alpha), to: &file)
    Self.append("IDAT", Self.stored(scanlines()), to: &file)
    Self.append("IEND", [], to: &file)
    return file
  }

  /// The file as an address that an `<image>` can hold.
  func dataAddress() -> String { "data:image/png;base64,\(Self.base64(bytes()))" }

  /// Rows of two pixels per byte, each after the filter byte "none".
  private func scanlines() -> [UInt8] {
    var lines: [UInt8] = []
    lines.reserveCapacity(height * (1 + (width + 1) / 2))
    for row in 0..<height {
      lines.append(0)
      for column in stride(from: 0, to: width, by: 2) {
        let high = pixels[row * width + column] & 15
        let low = column + 1 < width ? pixels[row * width + column + 1] & 15 : 0
        lines.append(high << 4 | low)
      }
    }
    return lines
  }

  /// A zlib stream of stored blocks.
  private static func stored(_ data: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let count = min(65_535, data.count - start)
      let isLast: UInt8 = start + count == data.count ? 1 : 0
      let low = UInt8(count & 255), high = UInt8(count >> 8)
      stream += [isLast, low, high, ~low, ~high]
      stream += data[start..<start + count]
      start += count
    } while start < data.count
    var a: UInt32 = 1, b: UInt32 = 0
    for byte in data {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return stream + bigEndian(Int(b << 16 | a))
  }

  private static func append(_ kind: String, _ data: [UInt8], to file: inout [UInt8]) {
    let body = Array(kind.utf8) + data
    file += bigEndian(data.count) + body + bigEndian(Int(crc(body)))
  }

  private static func bigEndian(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static let crcTable: [UInt32] = (0..<256).map { start in
    (0..<8).reduce(UInt32(start)) { value, _ in
      value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
    }
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crcTable[Int(($0 ^ UInt32($1)) & 255)] ^ $0 >> 8 }
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var value = group.reduce(0) { $0 << 8 | Int($1) }
      value <<= 8 * (3 - group.count)
      for digit in 0..<4 {
        text.append(
          digit <= group.count ? alphabet[value >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
