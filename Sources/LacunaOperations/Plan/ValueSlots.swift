// values[slot] ← w[number of slot]: new weights under a pattern that is packed already.

import LacunaFormats

/// Where a product body keeps its weights, and which weight stands in each slot.
///
/// A body's format orders the weights by strips, windows or lanes and pads them with zeros. The order is
/// found by packing numbers in the place of weights: what lies in a slot then is the number of the
/// weight that belongs there. So no packer has to know about it.
package struct ValueSlots: @unchecked Sendable {
  // Sound to share: the memory is the body's, and written only by `fill`, whose callers answer for it.
  private let memory: UnsafeMutableRawPointer
  /// What the memory holds.
  private let type: NumberType
  /// Number of the weight in each slot, from 1 in the order of the source; 0 for padding.
  private let numbers: [UInt32]

  /// - Parameter packed: `count` numbers in the order of the slots in `memory`.
  init(
    memory: UnsafeMutableRawPointer, _ type: NumberType, packed: UnsafeRawPointer, count: Int
  ) {
    let packed = packed.assumingMemoryBound(to: Double.self)
    self.init(memory: memory, type, numbers: (0..<count).map { UInt32(packed[$0]) })
  }

  init(memory: UnsafeMutableRawPointer, _ type: NumberType, numbers: [UInt32]) {
    (self.memory, self.type, self.numbers) = (memory, type, numbers)
  }

  /// Bytes that are kept for it.
  var byteCount: Int { numbers.count * 4 }

  /// Writes each slot: its weight, 0 where the format pads.
  ///
  /// - Complexity: O(slots)
  func fill<Scalar: StoredScalar>(_ values: UnsafePointer<Scalar>) {
    switch type {
    case .f32: write(values, to: memory.assumingMemoryBound(to: Float.self), numbers)
    case .f64: write(values, to: memory.assumingMemoryBound(to: Double.self), numbers)
    case .bf16: write(values, to: memory.assumingMemoryBound(to: BFloat16.self), numbers)
    case .f16: write(values, to: memory.assumingMemoryBound(to: Float16.self), numbers)
    case .i32, .i8, .u8: preconditionFailure("values of \(type) stay")
    }
  }

  /// The `count` weights that the slots hold; a weight without a slot, in a cell outside the matrix, is 0.
  func values<Scalar: StoredScalar>(_ count: Int) -> [Scalar] {
    switch type {
    case .f32: read(memory.assumingMemoryBound(to: Float.self), numbers, count)
    case .f64: read(memory.assumingMemoryBound(to: Double.self), numbers, count)
    case .bf16: read(memory.assumingMemoryBound(to: BFloat16.self), numbers, count)
    case .f16: read(memory.assumingMemoryBound(to: Float16.self), numbers, count)
    case .i32, .i8, .u8: preconditionFailure("values of \(type) stay")
    }
  }
}

@specialized(where Scalar == Float, Stored == Float)
@specialized(where Scalar == Double, Stored == Double)
@specialized(where Scalar == BFloat16, Stored == BFloat16)
@specialized(where Scalar == Float16, Stored == Float16)
private func write<Scalar: StoredScalar, Stored: StoredScalar>(
  _ values: UnsafePointer<Scalar>, to target: UnsafeMutablePointer<Stored>, _ numbers: [UInt32]
) {
  numbers.withUnsafeBufferPointer { numbers in
    for slot in 0..<numbers.count {
      let number = Int(numbers[slot])
      target[slot] = number == 0 ? .zero : values[number &- 1].rounded(to: Stored.self)
    }
  }
}

private func read<Scalar: StoredScalar, Stored: StoredScalar>(
  _ source: UnsafePointer<Stored>, _ numbers: [UInt32], _ count: Int
) -> [Scalar] {
  var values = [Scalar](repeating: .zero, count: count)
  for (slot, number) in numbers.enumerated() where number != 0 {
    values[Int(number) - 1] = source[slot].rounded(to: Scalar.self)
  }
  return values
}

extension StoredMatrix {
  /// The pattern of these weights with numbers from 1 in the place of values; cells of blocks outside
  /// the matrix are 0.
  func numbered() -> StoredMatrix<Double> {
    switch self {
    case .csr(let w):
      return .csr(
        CSRMatrix(uncheckedPattern: w.pattern, values: (0..<w.nnz).map { Double($0 + 1) }))
    case .bsr(let w):
      var numbers = BSRMatrix<Double>(
        unchecked: w.rows, w.columns, block: w.block, blockPattern: w.blockPattern,
        values: (0..<w.values.count).map { Double($0 + 1) })
      numbers.withUnsafeMutableValues { _ in }
      return .bsr(numbers)
    case .dense(let w):
      var numbers = DenseMatrix<Double>(unchecked: w.rows, w.columns)
      numbers.withUnsafeMutableElements { cells in
        for i in cells.indices { cells[i] = Double(i + 1) }
      }
      return .dense(numbers)
    }
  }
}
