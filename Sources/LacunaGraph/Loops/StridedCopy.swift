// target[Σ iₖ·tₖ] ← source[Σ iₖ·sₖ] for every index: transposing, slicing, repeating, joining and padding are this.

/// Copies a box of elements between two arrays that are walked with strides of their own.
struct StridedCopy: Sendable {
  /// Sizes of the box, outermost first, and the strides in elements.
  private var sizes: [Int]
  private var from: [Int], to: [Int]
  private let sourceOffset: Int, targetOffset: Int
  private let elementSize: Int
  /// Rows that are copied: the product of all sizes but the last.
  private let rows: Int

  /// - Parameters:
  ///   - source: elements from one index to the next, for each dimension; negative ones go backwards, 0 repeats.
  ///   - offset: of the first element.
  init(
    sizes: [Int], source: [Int], sourceOffset: Int = 0, target: [Int], targetOffset: Int = 0,
    elementSize: Int
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
    rows = self.sizes.dropLast().reduce(1, *)
  }

  /// Elements that are copied.
  var count: Int { sizes.reduce(1, *) }

  func run(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ split: WorkSplit) {
    switch elementSize {
    case 1: run(source, target, split, of: UInt8.self)
    case 4: run(source, target, split, of: UInt32.self)
    default: run(source, target, split, of: UInt64.self)
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
      for row in range {
        var (left, a, b) = (row, 0, 0)
        var axis = inner - 1
        while axis >= 0 {
          let (next, index) = left.quotientAndRemainder(dividingBy: sizes[axis])
          a += index * from[axis]
          b += index * to[axis]
          left = next
          axis -= 1
        }
        copy(x + a, s, y + b, t, count)
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
