// How far the tensors of two model files are apart, by name.

import LacunaIO

/// The differences between two files.
public struct ModelDifference: Sendable, Encodable {
  /// One name's tensors.
  public struct Tensor: Sendable, Encodable {
    /// The tensor's name.
    public let name: String
    /// The largest |a − b|; nil where shapes differ or numbers cannot be read.
    public var largest: Float?
    /// The largest |a − b| / max(|a|, |b|).
    public var largestRelative: Float?
    /// Elements that are not equal.
    public var differing: Int?
    /// Zeros over elements in the first file; nil where ``largest`` is.
    public var sparsity: Double?
    /// Zeros over elements in the second file; nil where ``largest`` is.
    public var otherSparsity: Double?
    /// What else is different.
    public var note: String?

    /// Whether both files have the tensor, of one shape and with equal elements.
    public var isEqual: Bool { note == nil && differing == 0 }
  }

  /// One for each name: those of the first file in its order, then those of the second alone.
  public private(set) var tensors: [Tensor] = []

  /// Whether all tensors are equal.
  public var isEmpty: Bool { tensors.allSatisfy(\.isEqual) }

  /// Reads both files, one tensor of each at a time.
  ///
  /// - Throws: `FileError`
  public init(_ first: ModelFile, _ second: ModelFile) throws(FileError) {
    var left: [ByteName: Int] = [:]
    for (index, tensor) in second.tensors.enumerated() { left[ByteName(tensor.name)] = index }
    for (index, tensor) in first.tensors.enumerated() {
      guard let other = left.removeValue(forKey: ByteName(tensor.name)) else {
        tensors.append(Tensor(name: tensor.name, note: "only in \(first.path)"))
        continue
      }
      tensors.append(try Self.compared(first, index, second, other))
    }
    for index in left.values.sorted() {
      tensors.append(Tensor(name: second.tensors[index].name, note: "only in \(second.path)"))
    }
  }

  private static func compared(
    _ first: ModelFile, _ index: Int, _ second: ModelFile, _ other: Int
  ) throws(FileError) -> Tensor {
    let (a, b) = (first.tensors[index], second.tensors[other])
    var result = Tensor(name: a.name)
    if a.shape != b.shape {
      result.note = "\(a.shape) and \(b.shape)"
      return result
    }
    guard a.type.isComparable, b.type.isComparable else {
      let isSame = try first.content(index).array == second.content(other).array
      (result.differing, result.note) = (isSame ? 0 : nil, isSame ? nil : "other bytes")
      return result
    }
    let (x, y) = (try first.numbers(index), try second.numbers(other))
    var (largest, relative, differing): (Float, Float, Int) = (0, 0, 0)
    var zeros = (0, 0)
    for place in x.indices {
      let (p, q) = (x[place], y[place])
      if p == 0 { zeros.0 += 1 }
      if q == 0 { zeros.1 += 1 }
      if p == q || p.isNaN && q.isNaN { continue }
      differing += 1
      let gap = abs(p - q)
      // A number beside NaN is as far away as can be.
      largest = gap.isNaN ? .infinity : max(largest, gap)
      relative = gap.isNaN ? .infinity : max(relative, gap / max(abs(p), abs(q)))
    }
    (result.largest, result.largestRelative, result.differing) = (largest, relative, differing)
    let count = Double(max(x.count, 1))
    (result.sparsity, result.otherSparsity) = (Double(zeros.0) / count, Double(zeros.1) / count)
    return result
  }
}

extension TensorType {
  /// Whether the elements are numbers that can be read.
  var isComparable: Bool {
    switch self {
    case .bool, .i8, .u8, .i16, .u16, .i32, .u32, .i64, .u64, .f16, .bf16, .f32, .f64: true
    case .i2, .u2, .i4, .u4, .f4e2m1, .f8e4m3, .f8e4m3fnuz, .f8e5m2, .f8e5m2fnuz, .f8e8m0, .c64,
      .c128, .text:
      false
    }
  }
}
