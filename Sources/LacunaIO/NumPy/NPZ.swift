// NumPy's .npz: a zip archive of .npy arrays.

/// An array and its name.
public struct NamedArray: Equatable, Sendable {
  /// The name; of a member of an archive without its `.npy`.
  public var name: TensorName
  /// The array.
  public var array: NumericArray

  /// Joins name and array.
  public init(name: TensorName, array: NumericArray) { (self.name, self.array) = (name, array) }

  /// Joins array and name, the UTF-8 of a text.
  public init(name: String, array: NumericArray) {
    self.init(name: TensorName(name), array: array)
  }
}

/// Named arrays in one file, as `numpy.savez` writes them, all in memory.
///
/// Members that are no arrays, and arrays of records or Python objects, are left out: ``ArrayFile`` carries
/// them along when it rewrites a file.
public struct NPZ: Equatable, Sendable {
  /// The arrays in the order of the file, with unique names.
  public var arrays: [NamedArray]

  /// A file of these arrays; ``encoded(deflated:)`` checks their names.
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
    let file = try ArrayFile(bytes, path: "the file")
    if file.kind != .npz {
      throw .wrongMagic(format: "an .npz archive", found: "what is \(file.kind.name)")
    }
    try self.init(file) { _ in true }
  }

  /// The arrays of `file` that can be read and whose names are `wanted`.
  init(_ file: ArrayFile, where wanted: (TensorName) -> Bool) throws(DataProblem) {
    arrays = []
    for array in file.arrays where wanted(array.name) && array.isReadable {
      arrays.append(NamedArray(name: array.name, array: try array.read()))
    }
  }

  /// The array of that name.
  public subscript(name: TensorName) -> NumericArray? {
    arrays.first { $0.name == name }?.array
  }

  /// The array of that name.
  public subscript(name: String) -> NumericArray? { self[TensorName(name)] }

  /// The bytes of the file.
  ///
  /// - Parameter deflated: compress, as `numpy.savez_compressed` does.
  /// - Throws: ``DataProblem`` when a name occurs twice, or an array is of a type that NumPy does not have.
  public func encoded(deflated: Bool = true) throws(DataProblem) -> [UInt8] {
    var seen: Set<TensorName> = []
    var (writer, bytes) = (ZipWriter(), [UInt8]())
    for named in arrays {
      if !seen.insert(named.name).inserted { throw .duplicateName("\(named.name)") }
      bytes.append(
        try writer.append(array: NPY.encoded(named.array), named.name, deflate: deflated))
    }
    bytes.append(writer.finish() ?? [])
    return bytes
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

extension StoredArray {
  /// Whether ``read()`` gives the elements: not those of records and Python objects.
  public var isReadable: Bool {
    switch source {
    case .safetensors: true
    case .npy(let header, _), .member(let header, _, _): header.type?.size != nil
    }
  }
}
