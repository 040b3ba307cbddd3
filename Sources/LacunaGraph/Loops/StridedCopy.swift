// target[Σ iₖ·tₖ] ← source[Σ iₖ·sₖ] for every index: transposing, slicing, repeating, joining and padding are this.

import LacunaOperations

/// Copies a box of elements between two arrays that are walked with strides of their own.
struct StridedCopy: Sendable {
  /// Sizes of the box, outermost first, and the strides in elements.
  private var sizes: [Int]
  private var from: [Int], to: [Int]
  private let sourceOffset: Int, targetOffset: Int
  private let elementSize: Int
  /// Rows that are copied: the product of all sizes but the last, or but the last two if these are transposed.
  private var rows = 1
  /// Transposes the last two dimensions, if elements are neighbours in the source along the last one and in the target
  /// along the other.
  private var transposing: Transposition?

  /// - Parameters:
  ///   - source: elements from one index to the next, for each dimension; negative ones go backwards, 0 repeats.
  ///   - offset: of the first element.
  ///   - isa: of the kernel that transposes, for copies that may be transpositions.
  init(
    sizes: [Int], source: [Int], sourceOffset: Int = 0, target: [Int], targetOffset: Int = 0,
    elementSize: Int, isa: ISA? = nil
  ) {
    (self.sizes, from, to) = ([], [], [])
    (self.sourceOffset, self.targetOffset) = (sourceOffset, targetOffset)
    self.elementSize = elementSize
    for (size, (s, t)) in zip(sizes, zip(source, target)) where size != 1 {
      // A dimension that goes on where the one before it ends is part of it.
      if let lastFrom = from.last, let lastTo = to.last, lastFrom == s * size, lastTo == t * size {
        let last = self.sizes.count - 1
        self.sizes[last] *= size
        (from[last], to[last]) = (s, t)
      } else {
        self.sizes.append(size)
        from.append(s)
        to.append(t)
      }
    }
    if self.sizes.isEmpty { (self.sizes, from, to) = ([1], [1], [1]) }
    if let isa, elementSize == 4, endsTransposed() {
      transposing = Transposition(isa)
      rows = self.sizes.dropLast(2).reduce(1, *)
      return
    }
    lengthenRows()
    rows = self.sizes.dropLast().reduce(1, *)
  }

  /// Makes a dimension whose elements are neighbours in the target the last but one, and one whose elements are neighbours
  /// in the source the last; false, and nothing happens, if there are none of these that are long enough for tiles.
  private mutating func endsTransposed() -> Bool {
    guard let row = from.firstIndex(of: 1), let column = to.firstIndex(of: 1), row != column,
      min(sizes[row], sizes[column]) >= Self.shortestTile || sizes[row] == 3 && from[column] == 3
    else { return false }
    for axis in [max(row, column), min(row, column)] {
      sizes.append(sizes.remove(at: axis))
      from.append(from.remove(at: axis))
      to.append(to.remove(at: axis))
    }
    if row < column { return true }
    let last = sizes.count - 1
    sizes.swapAt(last, last - 1)
    from.swapAt(last, last - 1)
    to.swapAt(last, last - 1)
    return true
  }

  /// Elements from which transposing by tiles of registers pays.
  private static let shortestTile = 6
  /// Elements of one call of the transposing kernel, at least: parts of the work.
  private static let elementsAtOnce = 1 << 12

  /// Copies of a few elements cost more than they copy: then another dimension whose elements are neighbours on one side
  /// becomes the inner one, such as the columns of an image whose channels become pixels.
  private mutating func lengthenRows() {
    let inner = sizes.count - 1
    guard sizes[inner] < 8,
      let longest = sizes.indices.filter({ from[$0] == 1 || to[$0] == 1 }).max(by: {
        sizes[$0] < sizes[$1]
      }), sizes[longest] > sizes[inner]
    else { return }
    sizes.append(sizes.remove(at: longest))
    from.append(from.remove(at: longest))
    to.append(to.remove(at: longest))
  }

  /// Elements that are copied.
  var count: Int { sizes.reduce(1, *) }

  func run(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ split: WorkSplit) {
    if let transposing { return transpose(source, target, split, transposing) }
    switch elementSize {
    case 1: run(source, target, split, of: UInt8.self)
    case 4: run(source, target, split, of: UInt32.self)
    default: run(source, target, split, of: UInt64.self)
    }
  }

  private func transpose(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ split: WorkSplit,
    _ transposed: Transposition
  ) {
    let (column, row) = (sizes.count - 2, sizes.count - 1)
    let columns = sizes[column]
    // Whole tiles, of which a register has sixteen columns at most.
    let most = (Self.elementsAtOnce / sizes[row] + 15) / 16 * 16 + 16
    let blocks = (columns + most - 1) / most
    split(rows * blocks, weight: most * sizes[row]) { range, _ in
      for number in range {
        var (left, block) = number.quotientAndRemainder(dividingBy: blocks)
        let first = block * most
        var (a, b) = (sourceOffset + first * from[column], targetOffset + first)
        for axis in (0..<column).reversed() {
          (left, block) = left.quotientAndRemainder(dividingBy: sizes[axis])
          a += block * from[axis]
          b += block * to[axis]
        }
        let count = min(most, columns - first)
        transposed(
          source + a * 4, stride: from[column], to: target + b * 4, stride: to[row],
          rows: sizes[row], columns: count)
      }
    }
  }

  private func run<T: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ split: WorkSplit, of _: T.Type
  ) {
    let x = source.assumingMemoryBound(to: T.self) + sourceOffset
    let y = target.assumingMemoryBound(to: T.self) + targetOffset
    let inner = sizes.count - 1
    let (count, s, t) = (sizes[inner], from[inner], to[inner])
    if rows == 1 {
      split(count) { range, _ in
        copy(x + range.lowerBound * s, s, y + range.lowerBound * t, t, range.count)
      }
      return
    }
    split(rows, weight: count) { range, _ in
      // Where the range begins in each dimension; from there on they count up.
      withUnsafeTemporaryAllocation(of: Int.self, capacity: inner) { index in
        var (left, a, b) = (range.lowerBound, 0, 0)
        for axis in (0..<inner).reversed() {
          let (next, place) = left.quotientAndRemainder(dividingBy: sizes[axis])
          index[axis] = place
          a += place * from[axis]
          b += place * to[axis]
          left = next
        }
        for _ in range {
          copy(x + a, s, y + b, t, count)
          var axis = inner - 1
          while axis >= 0 {
            index[axis] += 1
            a += from[axis]
            b += to[axis]
            if index[axis] < sizes[axis] { break }
            a -= sizes[axis] * from[axis]
            b -= sizes[axis] * to[axis]
            index[axis] = 0
            axis -= 1
          }
        }
      }
    }
  }

  @inline(__always)
  private func copy<T: BitwiseCopyable>(
    _ x: UnsafePointer<T>, _ s: Int, _ y: UnsafeMutablePointer<T>, _ t: Int, _ count: Int
  ) {
    if s == 1 && t == 1 {
      UnsafeMutableRawPointer(y).copyMemory(from: x, byteCount: count * MemoryLayout<T>.size)
    } else if s == 0 && t == 1 {
      y.update(repeating: x[0], count: count)
    } else {
      for i in 0..<count { y[i &* t] = x[i &* s] }
    }
  }
}

/// Elements from one index to the next of a row-major array.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() {
    strides[axis] = strides[axis + 1] * shape[axis + 1]
  }
  return strides
}

/// One or several copies of a step, each of one input.
struct CopyBody: GraphBody {
  struct Part: Sendable {
    var input: Int
    var output = 0
    var copy: StridedCopy
  }

  let kernel: String
  let parts: [Part]
  let split: WorkSplit

  func run(_ call: StepCall) {
    for part in parts where part.copy.count > 0 && call.places[call.inputCount + part.output] >= 0 {
      part.copy.run(call.input(part.input), call.output(part.output), split)
    }
  }
}
