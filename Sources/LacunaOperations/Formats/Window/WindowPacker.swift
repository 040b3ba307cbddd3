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
func packWindows<Element: PackedElement, Index: FixedWidthInteger & UnsignedInteger>(
  _ source: RawCSR<Element, Index>, _ types: ProductTypes, geometry: WindowGeometry
) -> WindowWeights {
  let lanes = geometry.lanes
  let groups = (source.rows + lanes - 1) / lanes
  let rowMap = windowRows(rows: source.rows, offsets: source.offsets, lanes: lanes)
  let steps = geometry.stepsPerBundle
  let bits = UInt32(geometry.bits)
  let zeroBlock = Int32((source.columns + lanes - 1) / lanes)
  let shift = Int32(lanes.trailingZeroBitCount)
  // Half of the lanes at work is few; memory that is not needed is never touched.
  var streams = WindowStreams<Element>(
    geometry: geometry, expectedSteps: source.offsets[source.rows] / lanes * 2 + groups * 8)
  var bundles = [UInt32](repeating: 0, count: groups)
  var valueStarts = [Int](repeating: 0, count: groups + 1)
  // Position of each lane's next weight, and its row's end.
  let state = UnsafeMutablePointer<Int>.allocate(capacity: 2 * lanes)
  defer { state.deallocate() }
  let (position, end) = (state, state + lanes)
  // The columns of those weights. Rows without more weights, and lanes of half a register, wait for ever.
  let columns = UnsafeMutablePointer<SIMD16<Int32>>.allocate(capacity: 1)
  defer { columns.deallocate() }
  let column = UnsafeMutableRawPointer(columns).assumingMemoryBound(to: Int32.self)
  for g in 0..<groups {
    valueStarts[g] = streams.valueCount
    columns.pointee = .init(repeating: .max)
    for l in 0..<lanes {
      let row = Int(rowMap[g * lanes + l])
      let exists = row != Int(UInt32.max)
      position[l] = exists ? source.offsets[row] : 0
      end[l] = exists ? source.offsets[row + 1] : 0
      if position[l] < end[l] { column[l] = Int32(source.indices[position[l]]) }
    }
    let first = streams.stepCount
    while true {
      let next = columns.pointee
      let leftmost = least(next)
      let done = leftmost == .max
      let q = (streams.stepCount - first) % steps
      if done && q == 0 { break }
      streams.reserveStep()
      let base = done ? zeroBlock : leftmost &>> shift
      let start = base &<< shift
      let works = below(next, start &+ Int32(geometry.usable))
      let working = lowBits(works)
      let place =
        (next &- start) & works | Int32(geometry.inputs - 1) & ~works
      streams.setPlaces(place, q: q, shift: UInt32(q) * bits)
      streams.bases[streams.stepCount] = UInt16(truncatingIfNeeded: base)
      if geometry.compressed {
        streams.masks[streams.stepCount] = working
      } else {
        for l in 0..<lanes { streams.values[streams.valueCount + l] = 0 }
      }
      let values = streams.values + streams.valueCount
      let compressed = geometry.compressed
      var (left, taken) = (working, 0)
      while left != 0 {
        let l = left.trailingZeroBitCount
        left &= left &- 1
        let p = position[l]
        values[compressed ? taken : l] = source.values[p]
        taken &+= 1
        position[l] = p &+ 1
        column[l] = p &+ 1 < end[l] ? Int32(truncatingIfNeeded: source.indices[p &+ 1]) : .max
      }
      streams.valueCount += geometry.compressed ? taken : lanes
      streams.stepCount += 1
    }
    bundles[g] = UInt32((streams.stepCount - first) / steps)
  }
  valueStarts[groups] = streams.valueCount
  return WindowWeights(
    geometry: geometry, types: types, rows: source.rows, columns: source.columns,
    values: UnsafeMutableRawPointer(streams.values), places: streams.places, bases: streams.bases,
    masks: streams.masks, bundles: bundles, valueStarts: valueStarts, rowMap: rowMap)
}

// Comparisons of registers compile to a loop over their elements here; differences and their signs do not.

/// -1 where `v` is less than `limit`, 0 elsewhere. Both are at least 0.
@inline(__always)
private func below(_ v: SIMD16<Int32>, _ limit: Int32) -> SIMD16<Int32> {
  (v &- limit) &>> SIMD16(repeating: 31)
}

/// The least of sixteen, none below 0.
@inline(__always)
private func least(_ v: SIMD16<Int32>) -> Int32 {
  let d8 = v.highHalf &- v.lowHalf
  let a = v.lowHalf &+ (d8 & (d8 &>> SIMD8(repeating: 31)))
  let d4 = a.highHalf &- a.lowHalf
  let b = a.lowHalf &+ (d4 & (d4 &>> SIMD4(repeating: 31)))
  let c = b.x < b.y ? b.x : b.y
  let d = b.z < b.w ? b.z : b.w
  return c < d ? c : d
}

/// Bit `l`: lane `l` is -1.
@inline(__always)
private func lowBits(_ mask: SIMD16<Int32>) -> UInt16 {
  let a =
    mask
    & SIMD16<Int32>(
      1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
  let b = a.lowHalf | a.highHalf
  let c = b.lowHalf | b.highHalf
  let d = c.lowHalf | c.highHalf
  return UInt16(truncatingIfNeeded: d.x | d.y)
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
struct WindowStreams<Scalar: PackedElement> {
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

  /// Sets the places of the current step, which is number `q` of its bundle.
  @inline(__always)
  func setPlaces(_ place: SIMD16<Int32>, q: Int, shift: UInt32) {
    let lanes = geometry.lanes
    let target = UnsafeMutableRawPointer(places + stepCount / geometry.stepsPerBundle * lanes)
    let shifted = unsafeBitCast(place, to: SIMD16<UInt32>.self) &<< SIMD16(repeating: shift)
    if lanes == 16 {
      let old = q == 0 ? .zero : target.load(as: SIMD16<UInt32>.self)
      target.storeBytes(of: old | shifted, as: SIMD16<UInt32>.self)
    } else {
      let old = q == 0 ? .zero : target.load(as: SIMD8<UInt32>.self)
      target.storeBytes(of: old | shifted.lowHalf, as: SIMD8<UInt32>.self)
    }
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
    return (values, places, aligned(steps), aligned(geometry.compressed ? steps : 1))
  }
}
