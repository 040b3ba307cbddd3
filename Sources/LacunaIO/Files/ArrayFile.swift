// Arrays by name in a .npy, .npz or safetensors file, and the same file with some of them replaced.

/// A file of arrays that can be written again with new elements in some of them, and all else byte for
/// byte as it was: other arrays of whatever type, members that are no arrays, headers, names.
///
/// What the file is, its first bytes say. Elements are read one array at a time.
public struct ArrayFile: Sendable {
  /// What errors call the file.
  public let path: String
  /// ``FileKind/npy``, ``FileKind/npz`` or ``FileKind/safetensors``.
  public let kind: FileKind
  /// The arrays in the order of the file, with names that differ.
  public let arrays: [StoredArray]
  /// Names of an archive's members that are no arrays.
  public let others: [TensorName]

  let bytes: ByteSlice
  private let archive: ZipArchive?

  /// Opens the file at `path`; it may be gzipped.
  ///
  /// - Parameter mapped: do not read the file now, but each page when it is touched (never for pipes and
  ///   gzipped files); the file must not be shortened in the meantime.
  /// - Throws: ``FileError``: the file cannot be read, holds no arrays, or is damaged. Damage inside an
  ///   array's elements is found when it is read.
  public init(contentsOf path: String, mapped: Bool = false) throws(FileError) {
    let bytes = ByteSlice(
      mapped ? try ByteStorage(mapping: path) : try ByteStorage(reading: path))
    do throws(DataProblem) { try self.init(bytes, path: path) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Opens a file that is in memory; errors call it `path`.
  public init(bytes: [UInt8], path: String = "the file") throws(DataProblem) {
    try self.init(ByteSlice(bytes), path: path)
  }

  init(_ file: ByteSlice, path: String) throws(DataProblem) {
    let kind = try FileKind(file)
    let bytes = try file.unpacked()
    (self.path, self.kind, self.bytes) = (path, kind, bytes)
    switch kind {
    case .npy:
      let header = try NPYHeader(bytes)
      let name = path.split(separator: "/").last.map(String.init) ?? path
      let title = name.hasSuffix(".npy") ? String(name.dropLast(4)) : name
      arrays = [
        try StoredArray(
          TensorName(title), header, .npy(header, bytes), fileCount: bytes.count, start: 0)
      ]
      (others, archive) = ([], nil)
    case .npz:
      let archive = try ZipArchive(bytes)
      (arrays, others) = try Self.members(of: archive, in: bytes)
      self.archive = archive
    case .safetensors:
      arrays = try SafetensorsHeader.arrays(of: bytes).arrays
      (others, archive) = ([], nil)
    case .matrixMarket, .smtx, .lacuna, .idx:
      throw .unsupported(
        what: "a file of arrays (.npy, .npz or safetensors)", found: "that is \(kind.name)")
    }
  }

  private static func members(
    of archive: ZipArchive, in bytes: ByteSlice
  ) throws(DataProblem) -> (arrays: [StoredArray], others: [TensorName]) {
    var (arrays, others): ([StoredArray], [TensorName]) = ([], [])
    let names = Set(archive.members.map(\.name))
    for member in archive.members {
      // NumPy leaves out the suffix; two members must not become one.
      let short = TensorName(bytes: member.name.bytes.dropLast(4).map { $0 })
      let isShort = member.name.bytes.suffix(4) == Array(".npy".utf8)[...] && !names.contains(short)
      let name = isShort ? short : member.name
      do throws(DataProblem) {
        guard let header = try header(of: member, in: archive) else {
          others.append(member.name)
          continue
        }
        let isStored = member.method == ZipArchive.Member.stored
        let start = isStored ? try archive.packed(member).range.lowerBound : nil
        arrays.append(
          try StoredArray(
            name, header, .member(header, archive, member), fileCount: member.length,
            start: start.map { $0 - bytes.range.lowerBound }))
      } catch { throw .inside("\(name)", error) }
    }
    return (arrays, others)
  }

  /// The header of a member that is a `.npy` file; nil when it is another.
  private static func header(
    of member: ZipArchive.Member, in archive: ZipArchive
  ) throws(DataProblem) -> NPYHeader? {
    let start = try archive.head(member, upTo: NPYHeader.longestStart)
    if !start.withUnsafeBytes({ $0.starts(with: NPY.magic) }) { return nil }
    var reader = ByteReader(start)
    let length = try NPYHeader.start(&reader).length
    return try NPYHeader(archive.head(member, upTo: reader.offset + length))
  }

  /// The array of that name.
  ///
  /// - Throws: ``DataProblem/absent(what:)`` with the names that there are.
  public func array(_ name: TensorName) throws(DataProblem) -> StoredArray {
    if let array = arrays.first(where: { $0.name == name }) { return array }
    let names = arrays.prefix(20).map { "\($0.name)" }.joined(separator: ", ")
    throw .absent(what: "array \(name) (there are: \(names.isEmpty ? "none" : names))")
  }

  /// The elements of the array at `place` in ``arrays``, row-major.
  ///
  /// - Throws: ``FileError``
  public func read(_ place: Int) throws(FileError) -> NumericArray {
    do throws(DataProblem) { return try arrays[place].read() } catch {
      throw .malformed(path: path, error)
    }
  }

  /// The file with the elements of some arrays replaced, by their place in ``arrays``, in the type, order
  /// and shape that they have.
  public func encoded(
    replacing elements: [Int: [UInt8]] = [:]
  ) throws(DataProblem) -> [UInt8] {
    for (place, data) in elements where data.count != arrays[place].byteCount {
      throw .mismatch(
        what: "bytes of \(arrays[place].name)", expected: arrays[place].byteCount,
        actual: data.count)
    }
    guard archive != nil else {
      // One run of bytes for each array: replaced in place.
      var file = bytes.array
      for (place, data) in elements {
        file.replaceSubrange(arrays[place].byteRange!, with: data)
      }
      return file
    }
    var file: [UInt8] = []
    let next = archiveParts { elements[$0] }
    while let parts = try next() { file.append(parts) }
    return file
  }

  /// The archive with the elements of some arrays replaced: a function that gives the bytes of its next member, in
  /// the end those of the directory, and then nil.
  ///
  /// - Parameter elements: The new elements of the array at a place in ``arrays``, asked for when its turn comes;
  ///   nil for those that stay. Not checked: there are as many as before.
  package func archiveParts(
    replacing elements: @escaping (_ place: Int) throws(DataProblem) -> [UInt8]?
  ) -> () throws(DataProblem) -> [ByteSlice]? {
    guard let archive else { preconditionFailure("\(kind.name) is no archive") }
    var places: [TensorName: Int] = [:]
    for (place, array) in arrays.enumerated() {
      if case .member(_, _, let member) = array.source { places[member.name] = place }
    }
    var (writer, rest) = (ZipWriter(), archive.members[...])
    return { () throws(DataProblem) in
      guard let member = rest.popFirst() else { return writer.finish() }
      if let place = places[member.name], let data = try elements(place),
        case .member(let header, _, _) = arrays[place].source
      {
        let head = try archive.head(member, upTo: header.length).array
        return try writer.append(
          member.name, head + data, deflate: member.method == ZipArchive.Member.deflated)
      }
      return try writer.append(member, archive.packed(member))
    }
  }
}

extension StoredArray {
  /// An array in the form of a `.npy` file of `fileCount` bytes, which starts at `start` of the whole
  /// file unless it is compressed.
  fileprivate convenience init(
    _ name: TensorName, _ header: NPYHeader, _ source: Source, fileCount: Int, start: Int?
  ) throws(DataProblem) {
    _ = try header.count()
    let byteCount = fileCount - header.length
    try header.check(byteCount: byteCount)
    self.init(
      name: name, type: header.storedType, shape: header.shape,
      isFortranOrder: header.isFortranOrder, byteCount: byteCount,
      byteRange: start.map { $0 + header.length..<$0 + fileCount }, source: source)
  }
}

extension [UInt8] {
  /// Appends the bytes of `parts`.
  mutating func append(_ parts: [ByteSlice]) {
    for part in parts { part.withUnsafeBytes { append(contentsOf: $0) } }
  }
}
