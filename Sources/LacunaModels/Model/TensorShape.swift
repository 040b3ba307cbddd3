// The number of elements of a shape from a file, which no arithmetic later may overflow.

import LacunaIO

/// The largest number of elements of a tensor: 16 bytes for each fit in the address space.
private let highestElementCount = Int.max / 16

/// The product of `shape`.
///
/// - Throws: ``DataProblem`` when a dimension is negative or the product is too large.
func elementCount(_ shape: [Int], _ what: @autoclosure () -> String) throws(DataProblem) -> Int {
  // Zero dimensions do not hide an overflow of the others.
  var (product, isEmpty) = (1, false)
  for size in shape {
    if size < 0 {
      throw .outOfRange(what: "a dimension of \(what())", value: size, lowest: 0, highest: .max)
    }
    isEmpty = isEmpty || size == 0
    let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1))
    if overflow || next > highestElementCount { throw .overflow(what: "the shape of \(what())") }
    product = next
  }
  return isEmpty ? 0 : product
}

/// Refuses sparse data that would unfold to far more bytes than it takes: a decompression bomb.
///
/// The limit is a factor of 4096 over what is stored, which 99.9 % zeros with 8-byte indices stay
/// ten times below; 16 MB are always allowed.
func checkExpansion(
  _ what: @autoclosure () -> String, stored: Int, unfolded: Int
) throws(DataProblem) {
  let limit = max(16 << 20, stored.multipliedReportingOverflow(by: 4096).partialValue)
  if unfolded > limit {
    throw .outOfRange(
      what: "size of \(what()) without its sparse encoding", value: unfolded, lowest: 0,
      highest: limit)
  }
}
