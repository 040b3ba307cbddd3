// CSR → window streams: which weight each lane takes in each step, and where the window stands.

import LacunaFormats

/// A CSR matrix as raw memory.
struct RawCSR<Scalar, Index> {
  let rows: Int, columns: Int
  let offsets: UnsafePointer<Int>
  let indices: UnsafePointer<Index>
  let values: UnsafePointer<Scalar>
}

/// Packs by the drifting schedule.
///
/// A step's window starts at the block of the leftmost weight that any lane still has. Every lane whose
/// next weight lies inside takes it; the others wait with a weight of zero at the place that reads as
/// zero. So a lane that has few weights here runs ahead into the window's second block, and short
/// stretches balance out: of the lanes 91 % work at half of the weights, 80 % at a quarter, 62 % at a
/// tenth, where windows fixed to multiples of 32 reach 76, 64 and 49 %.
///
/// - Complexity: O(nnz + steps · lanes)
@inline(__always)
func packWindows<Scalar: SparseScalar, Index: FixedWidthInteger & UnsignedInteger>(
  _ source: RawCSR<Scalar, Index>, scale: Scalar, geometry: WindowGeometry
) -> WindowWeights {
  let lanes = geometry.lanes
  let groups = (source.rows + lanes - 1) / lanes
  let rowMap = windowRows(rows: source.rows, offsets: source.offsets, lanes: lanes)
  let steps = geometry.stepsPerBundle
  let bits = UInt32(geometry.bits)
  let idlePlace = UInt32(geometry.inputs - 1)
  let zeroBlock = UInt16((source.columns + lanes - 1) / lanes)
  let shift = Index.Magnitude(lanes.trailingZeroBitCount)
  var streams = WindowStreams<Scalar>(
    geometry: geometry, expectedSteps: source.offsets[source.rows] / lanes * 5 / 4 + groups * 8)
  var bundles = [UInt32](repeating: 0, count: groups)
  var valueStarts = [Int](repeating: 0, count: groups + 1)
  // Position of each lane's next weight, its row's end, and that weight's column.
  let state = UnsafeMutablePointer<Int>.allocate(capacity: 3 * lanes)
  defer { state.deallocate() }
  let (position, end, column) = (state, state + lanes, state + 2 * lanes)
  for g in 0..<groups {
    valueStarts[g] = streams.valueCount
    for l in 0..<lanes {
      let row = Int(rowMap[g * lanes + l])
      let exists = row != Int(UInt32.max)
      position[l] = exists ? source.offsets[row] : 0
      end[l] = exists ? source.offsets[row + 1] : 0
      column[l] = position[l] < end[l] ? Int(source.indices[position[l]]) : .max
    }
    let first = streams.stepCount
    while true {
      var leftmost = Int.max
      for l in 0..<lanes { leftmost = column[l] < leftmost ? column[l] : leftmost }
      let done = leftmost == .max
      let q = (streams.stepCount - first) % steps
      if done && q == 0 { break }
      streams.reserveStep()
      let base = done ? Int(zeroBlock) : leftmost >> Int(shift)
      let start = base << Int(shift)
      let limit = start + geometry.usable
      let places = streams.places + streams.stepCount / steps * lanes
      let placeShift = UInt32(q) * bits
      streams.bases[streams.stepCount] = UInt16(truncatingIfNeeded: base)
      if geometry.compressed {
        var mask: UInt16 = 0
        for l in 0..<lanes {
          let works = column[l] < limit
          if works {
            mask |= 1 << UInt16(l)
            streams.values[streams.valueCount] = source.values[position[l]] * scale
            streams.valueCount += 1
            places[l] |= UInt32(column[l] - start) << placeShift
            position[l] += 1
            column[l] = position[l] < end[l] ? Int(source.indices[position[l]]) : .max
          } else {
            places[l] |= idlePlace << placeShift
          }
        }
        streams.masks[streams.stepCount] = mask
      } else {
        let values = streams.values + streams.stepCount * lanes
        for l in 0..<lanes {
          let works = column[l] < limit
          let p = position[l]
          values[l] = works ? source.values[p] * scale : 0
          places[l] |= (works ? UInt32(column[l] - start) : idlePlace) << placeShift
          if works {
            position[l] = p + 1
            column[l] = p + 1 < end[l] ? Int(source.indices[p + 1]) : .max
          }
        }
        streams.valueCount += lanes
      }
      streams.stepCount += 1
    }
    bundles[g] = UInt32((streams.stepCount - first) / steps)
  }
  valueStarts[groups] = streams.valueCount
  return WindowWeights(
    geometry: geometry, dtype: Scalar.dtype, rows: source.rows, columns: source.columns,
    values: UnsafeMutableRawPointer(streams.values), places: streams.places, bases: streams.bases,
    masks: streams.masks, bundles: bundles, valueStarts: valueStarts, rowMap: rowMap)
}

/// The output row of each lane: rows in their order, or sorted by their number of weights when that
/// shortens the walk by more than 5 %. Rows rise inside each group.
private func windowRows(rows: Int, offsets: UnsafePointer<Int>, lanes: Int) -> [UInt32] {
  let groups = (rows + lanes - 1) / lanes
  var map = [UInt32](repeating: .max, count: groups * lanes)
  for i in 0..<rows { map[i] = UInt32(i) }
  func count(_ row: UInt32) -> Int { offsets[Int(row) + 1] - offsets[Int(row)] }
  // A group takes at least as many steps as its longest row.
  func length(_ order: [UInt32]) -> Int {
    var total = 0
    for g in 0..<groups {
      var longest = 0
      for l in (g * lanes)..<min((g + 1) * lanes, rows) { longest = max(longest, count(order[l])) }
      total += longest
    }
    return total
  }
  if (1..<max(rows, 1)).allSatisfy({ count(UInt32($0)) == count(0) }) { return map }
  var sorted = Array(map[..<rows]).sorted {
    let (a, b) = (count($0), count($1))
    return a != b ? a > b : $0 < $1
  }
  if length(sorted) * 20 >= length(map) * 19 { return map }
  for g in 0..<groups { sorted[(g * lanes)..<min((g + 1) * lanes, rows)].sort() }
  map.replaceSubrange(0..<rows, with: sorted)
  return map
}

/// Whether each row of a group has equally many weights in each whole block of `lanes` inputs, so that
/// one block is window enough and no lane ever waits.
///
/// - Complexity: O(nnz), and as a rule a handful of weights when the answer is no.
@inline(__always)
func fillsEveryLane<Scalar, Index: FixedWidthInteger & UnsignedInteger>(
  _ source: RawCSR<Scalar, Index>, lanes: Int
) -> Bool {
  if source.offsets[source.rows] == 0 { return false }
  let whole = source.columns / lanes
  for g in stride(from: 0, to: source.rows, by: lanes) {
    let (position, end) = (source.offsets[g], source.offsets[g + 1])
    for i in (g + 1)..<max(min(g + lanes, source.rows), g + 1) {
      let (start, stop) = (source.offsets[i], source.offsets[i + 1])
      // Block by block: entry number p of both rows must lie in the same block.
      if stop - start != end - position { return false }
      for p in 0..<(end - position) {
        let a = Int(source.indices[position + p]) / lanes
        if a < whole && Int(source.indices[start + p]) / lanes != a { return false }
      }
    }
  }
  return true
}

/// Growing memory for the streams.
struct WindowStreams<Scalar: SparseScalar> {
  let geometry: WindowGeometry
  private(set) var capacity: Int
  private(set) var values: UnsafeMutablePointer<Scalar>
  private(set) var places: UnsafeMutablePointer<UInt32>
  private(set) var bases: UnsafeMutablePointer<UInt16>
  private(set) var masks: UnsafeMutablePointer<UInt16>
  var stepCount = 0
  var valueCount = 0

  init(geometry: WindowGeometry, expectedSteps: Int) {
    self.geometry = geometry
    capacity = 0
    (values, places, bases, masks) = Self.memory(geometry, steps: 0)
    grow(to: max(expectedSteps, 64))
  }

  /// Makes room for one more step.
  @inline(__always)
  mutating func reserveStep() {
    if stepCount == capacity { grow(to: capacity * 3 / 2) }
  }

  private mutating func grow(to steps: Int) {
    let more = steps + geometry.stepsPerBundle - steps % geometry.stepsPerBundle
    let new = Self.memory(geometry, steps: more)
    new.values.update(from: values, count: valueCount)
    let words = (stepCount + geometry.stepsPerBundle - 1) / geometry.stepsPerBundle
    new.places.update(from: places, count: words * geometry.lanes)
    new.bases.update(from: bases, count: stepCount)
    if geometry.compressed { new.masks.update(from: masks, count: stepCount) }
    values.deallocate()
    places.deallocate()
    bases.deallocate()
    masks.deallocate()
    (values, places, bases, masks) = new
    capacity = more
  }

  private static func memory(
    _ geometry: WindowGeometry, steps: Int
  ) -> (
    values: UnsafeMutablePointer<Scalar>, places: UnsafeMutablePointer<UInt32>,
    bases: UnsafeMutablePointer<UInt16>, masks: UnsafeMutablePointer<UInt16>
  ) {
    func aligned<T: ExpressibleByIntegerLiteral>(_ count: Int) -> UnsafeMutablePointer<T> {
      allocateStream(byteCount: count * MemoryLayout<T>.stride)
        .bindMemory(to: T.self, capacity: count)
    }
    // One register more: expanding weights reads a whole register at the last of them.
    let values: UnsafeMutablePointer<Scalar> = aligned((steps + 1) * geometry.lanes)
    let words = (steps / geometry.stepsPerBundle + 1) * geometry.lanes
    let places: UnsafeMutablePointer<UInt32> = aligned(words)
    places.initialize(repeating: 0, count: words)
    return (values, places, aligned(steps), aligned(geometry.compressed ? steps : 1))
  }
}
