// NumPy's .npz: a zip archive of .npy arrays.

/// An array and its name.
public struct NamedArray: Equatable, Sendable {
  public var name: String
  public var array: NumericArray

  public init(name: String, array: NumericArray) { (self.name, self.array) = (name, array) }
}

/// Named arrays in one file, as `numpy.savez` writes them.
public struct NPZ: Equatable, Sendable {
  /// The arrays in the order of the file, with unique names.
  public var arrays: [NamedArray]

  public init(_ arrays: [NamedArray] = []) { self.arrays = arrays }

  /// Reads the file at `path`, stored or deflated.
  ///
  /// - Throws: ``FileError``; a damaged member names itself.
  public init(contentsOf path: String) throws(FileError) {
    let bytes = ByteSlice(try ByteStorage(reading: path))
    do throws(DataProblem) { try self.init(bytes) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a file that is in memory.
  public init(bytes: [UInt8]) throws(DataProblem) { try self.init(ByteSlice(bytes)) }

  private init(_ bytes: ByteSlice) throws(DataProblem) {
    let archive = try ZipArchive(bytes)
    arrays = []
    for member in archive.members {
      let name = member.name.hasSuffix(".npy") ? String(member.name.dropLast(4)) : member.name
      arrays.append(
        NamedArray(name: name, array: try NPY.decoded(try archive.contents(member))))
    }
  }

  /// The array of that name.
  public subscript(name: String) -> NumericArray? { arrays.first { $0.name == name }?.array }

  /// The bytes of the file.
  ///
  /// - Parameter deflated: compress, as `numpy.savez_compressed` does.
  /// - Throws: ``DataProblem`` when a name occurs twice or the file exceeds 4 GiB.
  public func encoded(deflated: Bool = true) throws(DataProblem) -> [UInt8] {
    var seen: Set<String> = []
    for named in arrays where !seen.insert(named.name).inserted {
      throw .duplicateName(named.name)
    }
    return try ZipArchive.encoded(
      arrays.map { ($0.name + ".npy", NPY.encoded($0.array)) }, deflate: deflated)
  }

  /// Writes the file to `path` in one step.
  ///
  /// - Throws: ``FileError``
  public func write(to path: String, deflated: Bool = true) throws(FileError) {
    let bytes: [UInt8]
    do throws(DataProblem) { bytes = try encoded(deflated: deflated) } catch {
      throw .malformed(path: path, error)
    }
    try AtomicFile.write(bytes, to: path)
  }
}
