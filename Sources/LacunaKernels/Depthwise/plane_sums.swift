// Planes of results by any taps: blocks of up to eight registers that stay in place while the taps go by.

/// One plane of results on one band. Steps in bytes.
struct PlaneSums {
  let weights: UnsafeRawPointer
  let offsets: UnsafePointer<Int64>
  let taps: Int
  let x: UnsafeRawPointer
  let rowStep: Int
  let y: UnsafeMutableRawPointer
  let yStep: Int
  let rows: Int, columns: Int
  /// Whether it has all taps of a kernel of 3×3 at stride 1, and rows enough for ``sumThree``.
  let isThree: Bool
}

/// R rows of T registers from `row` and register `first` on; of the last register `tail` lanes are results.
@inline(__always)
func sumBlock<V: PlaneVector, let R: Int, let T: Int, let RT: Int>(
  _ p: PlaneSums, _ shape: InlineArray<R, Void>.Type, _ columns: InlineArray<T, Void>.Type,
  _ start: InlineArray<RT, V>, row: Int, first: Int, tail: Int, _ lower: V, _ upper: V
) {
  var sums = start
  let size = MemoryLayout<V>.size
  let x = p.x + (row &* p.rowStep &+ first &* size)
  let weights = p.weights.assumingMemoryBound(to: V.Scalar.self)
  for k in 0..<p.taps {
    let w = V(repeating: weights[k])
    let from = x + Int(p.offsets[k])
    for r in 0..<R {
      for t in 0..<T {
        sums[r &* T &+ t] = sums[r &* T &+ t].adding(w, times: V.load(from + r &* p.rowStep, t))
      }
    }
  }
  let y = p.y + (row &* p.yStep &+ first &* size)
  for r in 0..<R {
    let y = y + r &* p.yStep
    for t in 0..<(T &- 1) { sums[r &* T &+ t].bounded(lower, upper).store(y, t) }
    let last = sums[r &* T &+ T &- 1].bounded(lower, upper)
    if tail == V.count {
      last.store(y, T &- 1)
    } else {
      last.storeFirst(tail, y + (T &- 1) &* size)
    }
  }
}

/// All rows of T registers from `first` on, R at a time; at least R of them.
@inline(__always)
func sumRows<V: PlaneVector, let R: Int, let T: Int, let RT: Int>(
  _ p: PlaneSums, _ shape: InlineArray<R, Void>.Type, _ columns: InlineArray<T, Void>.Type,
  _ start: InlineArray<RT, V>, first: Int, tail: Int, _ lower: V, _ upper: V
) {
  var row = 0
  while row < p.rows {
    sumBlock(
      p, shape, columns, start, row: min(row, p.rows &- R), first: first, tail: tail, lower, upper)
    row &+= R
  }
}

/// A plane whose rows are one register or less.
@inline(__always)
func sumNarrow<V: PlaneVector>(_ p: PlaneSums, _ bias: V, _ lower: V, _ upper: V) {
  let one = InlineArray<1, Void>.self
  let tail = p.columns
  if p.rows >= 8 && p.rows % 7 != 0 {
    sumRows(
      p, InlineArray<8, Void>.self, one, InlineArray<8, V>(repeating: bias), first: 0, tail: tail,
      lower, upper)
  } else if p.rows >= 7 {
    sumRows(
      p, InlineArray<7, Void>.self, one, InlineArray<7, V>(repeating: bias), first: 0, tail: tail,
      lower, upper)
  } else if p.rows >= 4 {
    sumRows(
      p, InlineArray<4, Void>.self, one, InlineArray<4, V>(repeating: bias), first: 0, tail: tail,
      lower, upper)
  } else {
    sumRows(
      p, one, one, InlineArray<1, V>(repeating: bias), first: 0, tail: tail, lower, upper)
  }
}

/// T registers of each row, two rows at a time where there are two.
@inline(__always)
func sumPairs<V: PlaneVector, let T: Int, let TT: Int>(
  _ p: PlaneSums, _ columns: InlineArray<T, Void>.Type, _ single: InlineArray<T, V>,
  _ pair: InlineArray<TT, V>, first: Int, tail: Int, _ lower: V, _ upper: V
) {
  if p.rows >= 2 {
    sumRows(
      p, InlineArray<2, Void>.self, columns, pair, first: first, tail: tail, lower, upper)
  } else {
    sumRows(
      p, InlineArray<1, Void>.self, columns, single, first: first, tail: tail, lower, upper)
  }
}

/// A plane of any width: up to four registers of its rows at a time.
@inline(__always)
func sumWide<V: PlaneVector>(_ p: PlaneSums, _ bias: V, _ lower: V, _ upper: V) {
  let vectors = (p.columns &+ V.count &- 1) / V.count
  var first = 0
  while first < vectors {
    let count = min(4, vectors &- first)
    let tail = first &+ count == vectors ? p.columns &- (vectors &- 1) &* V.count : V.count
    switch count {
    case 1:
      sumPairs(
        p, InlineArray<1, Void>.self, InlineArray<1, V>(repeating: bias),
        InlineArray<2, V>(repeating: bias), first: first, tail: tail, lower, upper)
    case 2:
      if p.rows >= 4 {
        sumRows(
          p, InlineArray<4, Void>.self, InlineArray<2, Void>.self,
          InlineArray<8, V>(repeating: bias), first: first, tail: tail, lower, upper)
      } else {
        sumPairs(
          p, InlineArray<2, Void>.self, InlineArray<2, V>(repeating: bias),
          InlineArray<4, V>(repeating: bias), first: first, tail: tail, lower, upper)
      }
    case 3:
      sumPairs(
        p, InlineArray<3, Void>.self, InlineArray<3, V>(repeating: bias),
        InlineArray<6, V>(repeating: bias), first: first, tail: tail, lower, upper)
    default:
      sumPairs(
        p, InlineArray<4, Void>.self, InlineArray<4, V>(repeating: bias),
        InlineArray<8, V>(repeating: bias), first: first, tail: tail, lower, upper)
    }
    first &+= count
  }
}
