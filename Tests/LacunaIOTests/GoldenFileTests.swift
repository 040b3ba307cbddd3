// Files that NumPy and SciPy wrote: Tests/Golden/io, made by the make.py beside them.
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

/// The path of a file in Tests/Golden.
func golden(_ name: String, here: String = #filePath) -> String {
  here.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
    + "/Golden/" + name
}

/// The matrix in most of the golden files.
let goldenMatrix: [[Double]] = [
  [0, 1, 0, 0, 2, 0], [0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, -4.5], [0, 0, 0, 5, 0, 0],
]

func rows<Scalar>(_ matrix: LoadedMatrix<Scalar>) -> [[Double]] {
  let dense = matrix.csr.dense()
  return (0..<dense.rows).map { i in (0..<dense.columns).map { j in Double(dense[i, j]) } }
}

@Suite struct GoldenFileTests {
  @Test(arguments: ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "b1"])
  func numberTypes(code: String) throws {
    for order in code.hasSuffix("1") ? ["little"] : ["little", "big"] {
      let array = try NPY.read(contentsOf: golden("io/\(order)-\(code).npy"))
      #expect(array.shape == [2, 3])
      let expected: [Double] = code == "b1" ? [0, 1, 0, 1, 0, 1] : [0, 1, 2, 3, 4, 5]
      #expect(try array.doubles() == expected, "\(order) \(code)")
      #expect(try NPY.decoded(NPY.encoded(array)) == array, "\(order) \(code)")
    }
  }

  @Test func arraysOfEveryShape() throws {
    let fortran = try NPY.read(contentsOf: golden("io/fortran.npy"))
    #expect(fortran.shape == [2, 3, 4])
    #expect(try fortran.floats() == (0..<24).map { (k: Int) in Float(k) })
    let scalar = try NPY.read(contentsOf: golden("io/scalar.npy"))
    #expect(scalar.shape == [] && scalar.values == .f64([2.5]))
    let empty = try NPY.read(contentsOf: golden("io/empty.npy"))
    #expect(empty.shape == [3, 0] && empty.count == 0)
    #expect(try NPY.read(contentsOf: golden("io/text.npy")).texts() == ["csr", "bsr"])
  }

  @Test(arguments: [2, 3]) func headerVersions(version: Int) throws {
    let array = try NPY.read(contentsOf: golden("io/version\(version).npy"))
    #expect(try array.floats() == [0, 1, 2, 3, 4, 5])
  }

  /// NumPy pads the header to 64 bytes and so do we: the same array gives the same bytes.
  @Test func bytesAreThoseOfNumPy() throws {
    for name in ["little-f4", "little-i8", "little-b1", "scalar"] {
      let path = golden("io/\(name).npy")
      #expect(try NPY.encoded(NPY.read(contentsOf: path)) == fileBytes(path), "\(name)")
    }
  }

  @Test func halfPrecision() throws {
    let array = try NPY.read(contentsOf: golden("io/half.npy"))
    let third = Float(sign: .plus, exponent: -2, significand: 1365.0 / 1024)
    #expect(
      try array.floats() == [0, -0.0, 0x1p-24, 0x1p-14, third, 65504, .infinity, -.infinity])
    #expect(try array.rounded16() == array)
  }

  @Test func structuredArraysAreRefused() {
    #expect(throws: FileError.self) { try NPY.read(contentsOf: golden("io/structured.npy")) }
  }

  @Test(arguments: ["stored", "deflated"]) func archives(name: String) throws {
    let file = try NPZ(contentsOf: golden("io/\(name).npz"))
    #expect(file.arrays.map(\.name) == ["a", "b"])
    #expect(file["a"]?.shape == [2, 3] && file["a"]?.values == .f32([0, 1, 2, 3, 4, 5]))
    #expect(file["b"]?.values == .i64([0, 1, 2]))
    for deflated in [false, true] {
      #expect(try NPZ(bytes: file.encoded(deflated: deflated)) == file)
    }
  }

  @Test(arguments: ["csr", "csc", "coo", "bsr"]) func sciPyFormats(name: String) throws {
    let matrix = try MatrixFile.read(contentsOf: golden("io/\(name).npz"), as: Float.self)
    #expect(rows(matrix) == goldenMatrix)
    if name == "bsr" {
      guard case .matrix(.bsr(let blocks)) = matrix else { throw Missing() }
      #expect(blocks.block == (try BlockSize(2, 3)) && blocks.blocks == 4)
      #expect(try SciPySparse.matrix(SciPySparse.arrays(of: blocks)) == matrix)
    } else {
      #expect(try SciPySparse.matrix(SciPySparse.arrays(of: matrix.csr)) == matrix)
    }
  }

  @Test func unsortedEntriesAreSortedAndDuplicatesAddUp() throws {
    let matrix = try MatrixFile.read(contentsOf: golden("io/unsorted.npz"), as: Double.self)
    #expect(rows(matrix) == goldenMatrix)
  }

  @Test(arguments: ["general.mtx", "general.mtx.gz", "array.mtx"])
  func matrixMarket(name: String) throws {
    let matrix = try MatrixFile.read(contentsOf: golden("io/\(name)"), as: Double.self)
    #expect(rows(matrix) == goldenMatrix)
    #expect(
      rows(try MatrixMarket.decoded(MatrixMarket.encoded(matrix.csr), as: Double.self))
        == goldenMatrix)
    #expect(
      rows(try MatrixMarket.decoded(MatrixMarket.encoded(matrix.csr.dense()), as: Double.self))
        == goldenMatrix)
  }

  @Test func matrixMarketSymmetries() throws {
    let symmetric: [[Double]] = [[2, 0, 1.5], [0, 0, -3], [1.5, -3, 4]]
    for name in ["symmetric", "symmetric-array"] {
      let matrix = try MatrixMarket.read(contentsOf: golden("io/\(name).mtx"), as: Double.self)
      #expect(rows(matrix) == symmetric, "\(name)")
    }
    let skew = try MatrixMarket.read(contentsOf: golden("io/skew.mtx"), as: Float.self)
    #expect(rows(skew) == [[0, 0, -1.5], [0, 0, 3], [1.5, -3, 0]])
  }

  @Test(arguments: ["pattern.mtx", "pattern.smtx"]) func patterns(name: String) throws {
    let matrix = try MatrixFile.read(contentsOf: golden("io/\(name)"), as: Float.self)
    #expect(rows(matrix) == goldenMatrix.map { $0.map { $0 == 0 ? 0 : 1 } })
    #expect(try SMTX.decoded(SMTX.encoded(matrix.csr.pattern)) == matrix.csr.pattern)
  }

  @Test func safetensors() throws {
    let file = try Safetensors(contentsOf: golden("io/plain.safetensors"))
    #expect(file.metadata == ["format": "pt"])
    #expect(file["w"]?.values == .f32([0, 1, 2, 3, 4, 5]))
    #expect(try file["h"]?.floats() == [0.5, -2] && file["b"]?.floats() == [0.5, -2])
    #expect(try Safetensors(bytes: file.encoded()) == file)
  }

  @Test func sparseBitmask() throws {
    let file = try Safetensors(contentsOf: golden("io/bitmask.safetensors"))
    #expect(file.sparseBitmaskNames == ["w"])
    let matrix = try file.sparseBitmask("w", as: Float.self)
    #expect(rows(.matrix(.csr(matrix))) == goldenMatrix)
    var written = Safetensors()
    try written.appendSparseBitmask("w", matrix)
    #expect(written == file)
  }

  @Test func aRealMatrix() throws {
    let loaded = try MatrixFile.read(
      contentsOf: golden("wavernn_gru_95_4x4.npz"), as: Float.self)
    guard case .matrix(.csr(let matrix)) = loaded else { throw Missing() }
    #expect(matrix.rows == 3072 && matrix.columns == 1024 && matrix.nnz == 155_552)
    #expect(BSRMatrix(matrix, block: try BlockSize(4, 4)).blocks * 16 == matrix.nnz)
  }

  @Test func missingNameListsWhatThereIs() {
    let path = golden("io/stored.npz")
    #expect(
      throws: FileError.malformed(path: path, .absent(what: "array x (there are: a, b)"))
    ) { try MatrixFile.read(contentsOf: path, name: "x", as: Float.self) }
  }
}

/// The bytes of a file.
func fileBytes(_ path: String) throws -> [UInt8] { ByteSlice(try ByteStorage(reading: path)).array }
