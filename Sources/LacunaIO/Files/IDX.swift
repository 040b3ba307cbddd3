// The IDX files of MNIST and its relatives: big-endian header, then the elements in row-major order.

/// An array of unsigned bytes from an IDX file, plain or gzipped.
///
///     0  0  type  rank     type 8: unsigned bytes
///     dimension 0          u32, big-endian
///     …
///     elements             the last dimension runs fastest; nothing may follow
///
/// Images have rank 3 (count, rows, columns) and labels rank 1.
public struct IDX: Equatable, Sendable {
  /// The dimensions, slowest first.
  public let shape: [Int]
  /// As many elements as the product of ``shape``.
  public let elements: [UInt8]

  /// An array for writing.
  ///
  /// - Precondition: the shape holds 1 to 255 dimensions, each fits in 32 bits, and their product is
  ///   the number of elements.
  public init(shape: [Int], elements: [UInt8]) {
    precondition((1...255).contains(shape.count), "rank \(shape.count) is not in 1...255")
    precondition(shape.allSatisfy { UInt32(exactly: $0) != nil }, "shape \(shape) exceeds 32 bits")
    let count = shape.reduce(1, *)
    precondition(count == elements.count, "shape \(shape), \(elements.count) elements")
    (self.shape, self.elements) = (shape, elements)
  }

  /// Reads the file at `path`.
  ///
  /// - Throws: ``FileError``: it cannot be read, is no IDX file of unsigned bytes, is truncated, or
  ///   goes on after the last element.
  public init(contentsOf path: String) throws(FileError) {
    try self.init(ByteSlice(ByteStorage(reading: path)), path: path)
  }

  /// Reads a file that is in memory; errors call it `path`.
  package init(_ bytes: ByteSlice, path: String) throws(FileError) {
    do throws(DataProblem) {
      if Gzip.isGzip(bytes) {
        let stream = try InflateStream(bytes, .gzip, "the gzip stream")
        self = try Self.read { (count) throws(DataProblem) in try stream.read(upTo: count) }
        try stream.end()
      } else {
        var reader = ByteReader(bytes)
        self = try Self.read { (count) throws(DataProblem) in
          try reader.slice(min(count, reader.remaining), "the file").array
        }
        try reader.end()
      }
    } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads header and elements from `next`, which gives as many bytes as asked, fewer at the end.
  private static func read(
    _ next: (Int) throws(DataProblem) -> [UInt8]
  ) throws(DataProblem) -> IDX {
    func exactly(_ count: Int, _ what: String) throws(DataProblem) -> [UInt8] {
      let bytes = try next(count)
      if bytes.count < count {
        throw .truncated(what: what, needed: count, available: bytes.count)
      }
      return bytes
    }
    let magic = try exactly(4, "the IDX magic number")
    if magic[0] != 0 || magic[1] != 0 {
      let found = magic.map { String($0, radix: 16) }.joined(separator: " ")
      throw .wrongMagic(format: "an IDX file", found: "bytes \(found)")
    }
    if magic[2] != 8 {
      throw .unsupported(what: "IDX element type", found: "0x" + String(magic[2], radix: 16))
    }
    if magic[3] == 0 { throw .outOfRange(what: "IDX rank", value: 0, lowest: 1, highest: 255) }
    var header = ByteReader(try exactly(4 * Int(magic[3]), "the IDX dimensions"))
    var shape: [Int] = []
    var count = 1
    for _ in 0..<magic[3] {
      let size = Int(try header.bigEndian(UInt32.self, "an IDX dimension"))
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow { throw .overflow(what: "the product of the IDX dimensions") }
      shape.append(size)
      count = product
    }
    return IDX(shape: shape, elements: try exactly(count, "the IDX elements"))
  }

  /// Reads images.
  ///
  /// - Returns: `pixels` holds `count · rows · columns` bytes, image by image, row by row.
  /// - Throws: ``FileError``; in addition to what ``init(contentsOf:)`` checks, the rank has to be 3,
  ///   and no dimension 0.
  public static func images(
    contentsOf path: String
  ) throws(FileError) -> (count: Int, rows: Int, columns: Int, pixels: [UInt8]) {
    let array = try IDX(contentsOf: path)
    try array.checkRank(3, "images", path)
    for (name, size) in zip(["image count", "image rows", "image columns"], array.shape)
    where size == 0 {
      throw .malformed(
        path: path, .outOfRange(what: name, value: 0, lowest: 1, highest: Int(UInt32.max)))
    }
    return (array.shape[0], array.shape[1], array.shape[2], array.elements)
  }

  /// Reads labels, each of which has to be in `0..<classes`.
  ///
  /// - Throws: ``FileError``; in addition to what ``init(contentsOf:)`` checks, the rank has to be 1,
  ///   and every label in range.
  public static func labels(
    contentsOf path: String, classes: Int
  ) throws(FileError) -> [UInt8] {
    let array = try IDX(contentsOf: path)
    try array.checkRank(1, "labels", path)
    if let position = array.elements.firstIndex(where: { Int($0) >= classes }) {
      throw .malformed(
        path: path,
        .outOfRange(
          what: "label \(position)", value: Int(array.elements[position]), lowest: 0,
          highest: classes - 1))
    }
    return array.elements
  }

  private func checkRank(_ rank: Int, _ what: String, _ path: String) throws(FileError) {
    if shape.count != rank {
      throw .malformed(
        path: path, .mismatch(what: "rank of \(what)", expected: rank, actual: shape.count))
    }
  }

  /// The file's bytes, gzipped when asked.
  public func encoded(gzip: Bool = false) -> [UInt8] {
    var writer = ByteWriter()
    writer.append([0, 0, 8, UInt8(shape.count)])
    for size in shape { writer.bigEndian(UInt32(size)) }
    writer.append(elements)
    return gzip ? Gzip.compress(writer.bytes) : writer.bytes
  }
}
