// An array in a file: what it is called, what it holds and where; elements are read when asked for.

/// An array in a file whose elements have not been read.
public final class StoredArray: Sendable {
  // A class, so that a look-up returns a pointer: what a function with a typed throw returns to another
  // module as a struct of this size comes out as an error with Swift 6.3.1 (optimized, x86-64).

  /// The name in the file; that of a `.npy` is the name of the file.
  public let name: TensorName
  /// What the elements are.
  public let type: StoredType
  /// The dimensions; empty for a single number.
  public let shape: [Int]
  /// Whether the first dimension runs fastest in the file. What is read is row-major in any case.
  public let isFortranOrder: Bool
  /// Bytes of the elements in the file, unpacked.
  public let byteCount: Int
  /// Where the elements are in the file; nil when they are compressed.
  public let byteRange: Range<Int>?

  enum Source: Sendable {
    /// A tensor of a safetensors file.
    case safetensors(SafetensorsHeader.Tensor, ByteSlice)
    /// A whole `.npy` file.
    case npy(NPYHeader, ByteSlice)
    /// A member of an archive that is a `.npy` file.
    case member(NPYHeader, ZipArchive, ZipArchive.Member)
  }

  let source: Source

  init(
    name: TensorName, type: StoredType, shape: [Int], isFortranOrder: Bool, byteCount: Int,
    byteRange: Range<Int>?, source: Source
  ) {
    (self.name, self.type, self.shape) = (name, type, shape)
    (self.isFortranOrder, self.byteCount) = (isFortranOrder, byteCount)
    (self.byteRange, self.source) = (byteRange, source)
  }

  /// Number of elements, which fits in an `Int`.
  public var count: Int { shape.contains(0) ? 0 : shape.reduce(1, *) }

  /// The bytes of the elements, as the file has them.
  func data() throws(DataProblem) -> ByteSlice {
    switch source {
    case .safetensors(_, let data): data
    case .npy(let header, let file): file.dropping(header.length)
    case .member(let header, let archive, let member):
      try archive.contents(member).dropping(header.length)
    }
  }

  /// The elements in their own type, row-major.
  ///
  /// - Throws: ``DataProblem`` when they are damaged, or records or Python objects.
  public func read() throws(DataProblem) -> NumericArray {
    do throws(DataProblem) {
      switch source {
      case .safetensors(let tensor, let data): return try tensor.array(data)
      case .npy(let header, _), .member(let header, _, _): return try header.array(data())
      }
    } catch { throw .inside("\(name)", error) }
  }

  /// The bytes of the elements, as the file has them.
  public func bytes() throws(DataProblem) -> [UInt8] {
    do throws(DataProblem) { return try data().array } catch { throw .inside("\(name)", error) }
  }

  /// The bytes of the elements with those dropped that `keep` has a 0 for, in row-major order: their
  /// bytes become 0, which is +0 in every number type. All others stay as they are.
  ///
  /// - Throws: ``DataProblem``; also when `keep` has another count than ``count``, or the elements are no
  ///   numbers.
  public func bytes(keeping keep: [UInt8]) throws(DataProblem) -> [UInt8] {
    guard case .number(let element) = type else {
      throw .inside("\(name)", .unsupported(what: "an element type with zeros", found: "\(type)"))
    }
    if keep.count != count {
      throw .mismatch(what: "size of the mask of \(name)", expected: count, actual: keep.count)
    }
    var bytes = try bytes()
    // Which element of the mask is the k-th of the file.
    var order = keep
    if isFortranOrder, case .u8(let moved) = NumericValues.u8(keep).columnMajor(shape: shape) {
      order = moved
    }
    for (k, isKept) in order.enumerated() where isKept == 0 {
      for byte in k * element.size..<(k + 1) * element.size { bytes[byte] = 0 }
    }
    return bytes
  }

  /// Whether the elements in the file have their highest byte first.
  var isBigEndian: Bool {
    switch source {
    case .safetensors: false
    case .npy(let header, _), .member(let header, _, _): header.type?.isBigEndian ?? false
    }
  }
}

extension ByteSlice {
  /// The first `count` bytes, or all.
  func prefix(_ count: Int) -> ByteSlice {
    ByteSlice(
      storage: storage, range: range.lowerBound..<range.lowerBound + min(count, self.count))
  }

  /// All but the first `count` bytes, or none.
  func dropping(_ count: Int) -> ByteSlice {
    ByteSlice(
      storage: storage, range: range.lowerBound + min(count, self.count)..<range.upperBound)
  }
}
