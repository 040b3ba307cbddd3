// Tensors of a model → constants of a graph: numbers as f32, integers as i64, sparse ones as matrices.

import LacunaFormats
import LacunaGraph
import LacunaIO

extension GraphElement {
  /// The type that a graph computes with for a type of `TensorProto`; nil for those that it has no numbers for.
  ///
  /// Narrower floating-point numbers are widened, integers of all widths are 64 bits wide.
  init?(_ type: TensorType) {
    switch type {
    case .f32, .f16, .bf16: self = .f32
    case .i8, .u8, .i16, .u16, .i32, .u32, .i64: self = .i64
    case .bool: self = .bool
    default: return nil
    }
  }
}

extension ONNXTensor {
  /// All elements.
  ///
  /// - Throws: `DataProblem` for a type without a counterpart, and for damaged elements.
  func array(in bytes: ByteSlice, _ outside: ONNXExternalData) throws(DataProblem) -> GraphArray {
    let element = try element
    try ReadingMemory.check(elementCount, times: element.size, name.text)
    return try array(from: try content(in: bytes, outside))
  }
}

extension ONNXSparseTensor {
  /// The nonzeros as the matrix of the first dimension by all others; of less than two dimensions, and of integers,
  /// every element.
  func constant(
    in bytes: ByteSlice, _ outside: ONNXExternalData
  ) throws(DataProblem) -> GraphConstant {
    if shape.count < 2 || GraphElement(values.type) != .f32 || shape.contains(0) {
      var whole = values
      whole.shape = shape
      return .array(try whole.array(from: try content(in: bytes, outside)))
    }
    let (numbers, places, _) = try entries(in: bytes, outside)
    let rows = shape[0]
    let columns = shape.dropFirst().reduce(1, *)
    try ReadingMemory.check(rows + 1, times: 8, values.name.text)
    let floats = try TensorNumbers.floats(numbers, values.type, values.name.text)
    var offsets = [Int](repeating: 0, count: rows + 1)
    for place in places { offsets[place / columns + 1] += 1 }
    for row in 0..<rows { offsets[row + 1] += offsets[row] }
    do throws(FormatError) {
      let pattern = try CSRPattern(
        rows: rows, columns: columns, rowOffsets: offsets,
        columnIndices: places.map { $0 % columns })
      return .weights(
        try SparseTensor(try CSRMatrix(pattern: pattern, values: floats)).shaped(shape))
    } catch { throw .matrix(error) }
  }
}

extension ONNXTensor {
  fileprivate var element: GraphElement {
    get throws(DataProblem) {
      guard let element = GraphElement(type) else {
        throw .unsupported(what: "\(name.text) of type", found: type.rawValue)
      }
      return element
    }
  }

  /// The tensor with elements that have been read.
  fileprivate func array(from content: ByteSlice) throws(DataProblem) -> GraphArray {
    let numbers = try TensorNumbers.array(content, type, name.text)
    let values: GraphValues
    switch try element {
    case .f32: values = .f32(try numbers.floats())
    case .i64: values = .i64(try numbers.integers())
    case .bool: values = .bool(try numbers.integers().map { $0 != 0 })
    }
    do throws(GraphProblem) { return try GraphArray(shape: shape, values: values) } catch {
      throw .unsupported(what: "\(name.text)", found: "\(error)")
    }
  }
}
