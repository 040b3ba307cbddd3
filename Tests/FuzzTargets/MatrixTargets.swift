// Matrix Market, smtx, scipy: sparse matrices as text and as arrays.

import Lacuna

/// A line of text can name any number of rows, whose offsets a reader makes wherever there is memory for
/// them. Here there are 4 MiB for each array; some five of them are held at a time.
private let text = (base: 1 << 25, each: 4096)
private let mostBytesOfAnArray = 1 << 22

let matrixTargets = [
  FuzzTarget("mtx", memory: text) { bytes in
    try ReadingMemory.limited(to: mostBytesOfAnArray) {
      let matrix = try MatrixMarket.decoded(bytes, as: Double.self)
      try survives(matrix)
      let narrow = try certainly("as f32") { try MatrixMarket.decoded(bytes, as: Float.self) }
      try hold(
        narrow.rows == matrix.rows && narrow.columns == matrix.columns, "another shape as f32")
      try survives(narrow)
    }
  },
  FuzzTarget("smtx", memory: text) { bytes in
    let pattern = try SMTX.decoded(bytes)
    try checkPattern(pattern)
    let again = try certainly("written, then read") { try SMTX.decoded(SMTX.encoded(pattern)) }
    try hold(again == pattern, "another pattern was read back")
  },
  FuzzTarget("scipy", memory: text) { bytes in
    var cursor = InputCursor(bytes)
    let file = scipyArrays(&cursor)
    let matrix = try SciPySparse.matrix(file, as: Double.self)
    try checkSum(of: file, matrix)
    switch matrix {
    case .matrix(.csr(let csr)):
      try checkMatrix(csr)
      let again = try certainly("written, then read") {
        try SciPySparse.matrix(SciPySparse.arrays(of: csr), as: Double.self)
      }
      guard case .matrix(.csr(let other)) = again else {
        throw Violation("CSR became another format")
      }
      try hold(isSame(csr, other), "another matrix was read back")
    case .matrix(.bsr(let bsr)): try checkMatrix(CSRMatrix(bsr))
    case .matrix(.dense), .pattern: throw Violation("a sparse file gave no sparse matrix")
    }
  },
]

/// Written as text and read again, the matrix is the same.
private func survives<Scalar: SparseScalar>(_ matrix: LoadedMatrix<Scalar>) throws {
  let bytes: [UInt8]
  switch matrix {
  case .matrix(.csr(let csr)):
    try checkMatrix(csr)
    bytes = MatrixMarket.encoded(csr)
  case .matrix(.dense(let dense)):
    // A dense matrix without elements takes no text for each column.
    if dense.rows * dense.columns == 0 { return }
    bytes = MatrixMarket.encoded(dense)
  case .matrix(.bsr), .pattern: throw Violation("Matrix Market has no such matrix")
  }
  let again = try certainly("written, then read") {
    try MatrixMarket.decoded(bytes, as: Scalar.self)
  }
  switch again {
  case .matrix(.csr(let csr)):
    try hold(MatrixMarket.encoded(csr) == bytes, "other entries came back")
  case .matrix(.dense(let dense)):
    try hold(MatrixMarket.encoded(dense) == bytes, "other values came back")
  case .matrix(.bsr), .pattern: throw Violation("Matrix Market has no such matrix")
  }
}

private let formats = ["csr", "csc", "coo", "bsr", "dia", ""]
private let scipyNames = ["format", "shape", "data", "indices", "indptr", "row", "col", "other"]

/// The arrays of a matrix, or of something that is nearly one.
private func scipyArrays(_ cursor: inout InputCursor) -> NPZ {
  var file = NPZ()
  let format = cursor.element(of: formats)
  func add(_ name: String, _ shape: [Int], _ values: NumericValues) {
    guard let array = try? NumericArray(shape: shape, values: values) else { return }
    file.arrays.append(NamedArray(name: name, array: array))
  }
  add("format", [], .text([format]))
  let shape = [cursor.size(24), cursor.size(24)].map { Int64($0) }
  add("shape", [2], .i64(shape))
  while !cursor.isAtEnd {
    let name = cursor.element(of: scipyNames)
    let count = cursor.choice(65)
    let kind = cursor.choice(8)
    switch kind {
    case 0, 1, 2: add(name, [count], .i32((0..<count).map { _ in Int32(cursor.byte()) }))
    case 3: add(name, [count], .i64((0..<count).map { _ in Int64(cursor.size(24)) }))
    case 4: add(name, [count], .f64((0..<count).map { _ in cursor.value() }))
    case 5: add(name, [count], .f32((0..<count).map { _ in Float(cursor.value()) }))
    case 6:
      let (rows, columns) = (cursor.choice(5), cursor.choice(5))
      let total = count * rows * columns
      if total > 1024 { return file }
      add(name, [count, rows, columns], .f64((0..<total).map { _ in cursor.value() }))
    default: add(name, [count], .u64((0..<count).map { _ in UInt64(cursor.byte()) }))
    }
  }
  return file
}

/// Every stored value arrives once: the sum of all of them is the sum of the data.
private func checkSum(of file: NPZ, _ matrix: LoadedMatrix<Double>) throws {
  guard let data = try file["data"]?.doubles(), data.allSatisfy(\.isFinite) else { return }
  let expected = data.reduce(0, +)
  let found = matrix.csr.values.reduce(0, +)
  try hold(expected == found, "the values add up to \(found), those of the file to \(expected)")
}

func scipySeeds() -> [[UInt8]] {
  var seeds: [[UInt8]] = []
  func named(_ name: String) -> Int { scipyNames.firstIndex(of: name)! }
  func seed(_ format: Int, _ arrays: [(String, Int, [Int])]) {
    var output = OutputCursor()
    for value in [format, 3, 4] { output.byte(value) }
    for (name, kind, values) in arrays {
      for value in [named(name), kind == 6 ? values.count / 4 : values.count, kind] {
        output.byte(value)
      }
      if kind == 6 { for _ in 0..<2 { output.byte(2) } }
      for value in values { output.byte(value) }
    }
    seeds.append(output.bytes)
  }
  seed(0, [("data", 4, [1, 2, 3]), ("indices", 0, [1, 0, 3]), ("indptr", 0, [0, 1, 1, 3])])
  seed(1, [("data", 5, [1, 2, 3]), ("indices", 0, [1, 0, 2]), ("indptr", 3, [0, 1, 1, 2, 3])])
  seed(2, [("data", 4, [1, 2, 3]), ("row", 0, [2, 0, 2]), ("col", 3, [1, 1, 1])])
  var output = OutputCursor()
  for value in [3, 4, 4] { output.byte(value) }
  for value in [named("data"), 2, 6, 2, 2, 1, 2, 3, 4, 5, 6, 7, 8] { output.byte(value) }
  for value in [named("indices"), 2, 0, 1, 0] { output.byte(value) }
  for value in [named("indptr"), 3, 0, 0, 1, 2] { output.byte(value) }
  seeds.append(output.bytes)
  return seeds
}
