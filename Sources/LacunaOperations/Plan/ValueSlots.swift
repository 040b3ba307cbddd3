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
  /// Number of the weight in each slot, from 1 in the order of the source; 0 for padding.
  private let numbers: [UInt32]

  /// - Parameter packed: `count` numbers in the order of the slots in `memory`.
  init(memory: UnsafeMutableRawPointer, packed: UnsafeRawPointer, count: Int) {
    let packed = packed.assumingMemoryBound(to: Double.self)
    self.init(memory: memory, numbers: (0..<count).map { UInt32(packed[$0]) })
  }

  init(memory: UnsafeMutableRawPointer, numbers: [UInt32]) {
    (self.memory, self.numbers) = (memory, numbers)
  }

  /// Bytes that are kept for it.
  var byteCount: Int { numbers.count * 4 }

  /// Writes each slot: its weight times `scale`, 0 where the format pads.
  ///
  /// - Complexity: O(slots)
  func fill<Scalar: SparseScalar>(_ values: UnsafePointer<Scalar>, scale: Double) {
    let scale = Scalar(scale)
    let target = memory.assumingMemoryBound(to: Scalar.self)
    numbers.withUnsafeBufferPointer { numbers in
      for slot in 0..<numbers.count {
        let number = Int(numbers[slot])
        target[slot] = number == 0 ? 0 : values[number &- 1] * scale
      }
    }
  }

  /// The `count` weights that the slots hold, which were packed or filled with scale 1; a weight without
  /// a slot, in a cell outside the matrix, is 0.
  func values<Scalar: SparseScalar>(_ count: Int) -> [Scalar] {
    let source = memory.assumingMemoryBound(to: Scalar.self)
    var values = [Scalar](repeating: 0, count: count)
    for (slot, number) in numbers.enumerated() where number != 0 {
      values[Int(number) - 1] = source[slot]
    }
    return values
  }
}

extension WeightSource {
  /// The pattern of these weights with numbers from 1 in the place of values; cells of blocks outside
  /// the matrix are 0.
  func numbered() -> WeightSource<Double> {
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
