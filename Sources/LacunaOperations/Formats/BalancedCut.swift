// Where to cut a sequence of rows, strips or groups so that the parts cost about the same.

/// The first of `count` items of share `slice` of `slices` of their cost; `count` when `slice == slices`.
///
/// - Parameter before: the cost of the items before one, from 0 to `count`, never falling. An item costs 1 more:
///   its end costs something even when it is empty.
/// - Complexity: O(log(count))
@inline(__always)
func balancedCut(
  _ count: Int, slice: Int, of slices: Int, before: (Int) -> Int
) -> Int {
  let target = (before(count) + count) * slice / slices
  var (low, high) = (0, count)
  while low < high {
    let middle = (low + high) / 2
    if before(middle) + middle < target { low = middle + 1 } else { high = middle }
  }
  return low
}
