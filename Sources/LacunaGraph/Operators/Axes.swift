// Axes counted from the end, and lists of them.

/// The axis as it is counted from the front.
///
/// - Throws: ``GraphProblem/outOfRange(what:value:lowest:highest:)``
func axis(_ axis: Int, rank: Int, _ what: String = "the axis") throws(GraphProblem) -> Int {
  if axis < -rank || axis >= rank {
    throw .outOfRange(what: what, value: axis, lowest: -rank, highest: rank - 1)
  }
  return axis < 0 ? axis + rank : axis
}

/// Axes counted from the front, rising; none may occur twice.
func axes(_ list: [Int], rank: Int) throws(GraphProblem) -> [Int] {
  if list.count > GraphType.mostDimensions {
    throw .outOfRange(
      what: "the number of axes", value: list.count, lowest: 0, highest: GraphType.mostDimensions)
  }
  var result: [Int] = []
  for entry in list {
    let own = try axis(entry, rank: rank)
    if result.contains(own) { throw .unsupported(what: "the same axis twice in", found: "\(list)") }
    result.append(own)
  }
  return result.sorted()
}
