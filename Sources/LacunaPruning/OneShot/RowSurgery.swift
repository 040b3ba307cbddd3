// The order in which rows with a common inverse lose their cells, and what each removal costs

import LacunaFormats
import LacunaOperations

/// OBS on rows that go together, down to the last cell or to what N:M groups must keep.
struct RowSurgery {
  /// One step: which cell went, and Σ w_B·(M_BB)⁻¹·w_Bᵀ over the rows at that moment.
  struct Removal: Equatable {
    let cell: Int
    let cost: Double
  }

  private let n: Int
  /// Inputs per cell.
  private let width: Int
  /// w of each row, and M.
  private let w: AlignedBuffer<Double>, m: AlignedBuffer<Double>
  private let rows: Int
  private let group: (keep: Int, of: Int)?
  private let dead: [Bool]

  init(
    _ layer: OneShotLayer, rows: Range<Int>, cell: Int, inverse: AlignedBuffer<Double>,
    dead: [Bool]
  ) {
    (n, width, self.rows, m) = (layer.columns, cell, rows.count, inverse)
    (group, self.dead) = (layer.structure.group, dead)
    w = AlignedBuffer(uninitialized: rows.count * n)
    for i in 0..<w.count { w.pointer[i] = Double(layer.weights.pointer[rows.lowerBound * n + i]) }
    // A dead input costs nothing, and its weights change no output.
    for i in 0..<rows.count { for j in 0..<n where dead[j] { w.pointer[i * n + j] = 0 } }
  }

  func run() -> [Removal] {
    let cells = (n + width - 1) / width
    var isLeft = [Bool](repeating: true, count: cells)
    // How many each group may still lose; without groups all cells are one.
    let length = group?.of ?? cells
    var spare = stride(from: 0, to: cells, by: length).map { first in
      let size = min(length, cells - first)
      return size - (group.map { min($0.keep, size) } ?? 0)
    }
    var result: [Removal] = []
    for _ in 0..<spare.reduce(0, +) {
      var best: Removal?
      for cell in 0..<cells where isLeft[cell] && spare[cell / length] > 0 {
        let cost = cost(of: cell)
        if best == nil || cost < best!.cost { best = Removal(cell: cell, cost: cost) }
      }
      guard let best else { break }
      remove(best.cell, isLeft)
      isLeft[best.cell] = false
      spare[best.cell / length] -= 1
      result.append(best)
    }
    return result
  }

  private func inputs(of cell: Int) -> Range<Int> { cell * width..<min((cell + 1) * width, n) }

  private func cost(of cell: Int) -> Double {
    let inputs = inputs(of: cell)
    if inputs.count == 1 {
      let j = inputs.lowerBound
      let inverse = m.pointer[j * n + j]
      var sum = 0.0
      for i in 0..<rows { sum += w.pointer[i * n + j] * w.pointer[i * n + j] }
      return sum / inverse
    }
    // L of M_BB; the cost of a row is ‖L⁻¹·w_B‖².
    let k = inputs.count
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: k * k + k) { memory in
      let (l, y) = (memory.baseAddress!, memory.baseAddress! + k * k)
      for a in 0..<k {
        for b in 0...a {
          var sum = m.pointer[(inputs.lowerBound + a) * n + inputs.lowerBound + b]
          for c in 0..<b { sum -= l[a * k + c] * l[b * k + c] }
          l[a * k + b] = a == b ? max(sum, .leastNormalMagnitude).squareRoot() : sum / l[b * k + b]
        }
      }
      var total = 0.0
      for i in 0..<rows {
        for a in 0..<k {
          var sum = w.pointer[i * n + inputs.lowerBound + a]
          for c in 0..<a { sum -= l[a * k + c] * y[c] }
          y[a] = sum / l[a * k + a]
          total += y[a] * y[a]
        }
      }
      return total
    }
  }

  /// Takes a cell's inputs out, one after the other.
  private func remove(_ cell: Int, _ isLeft: [Bool]) {
    for c in inputs(of: cell) {
      let row = m.pointer + c * n
      let pivot = row[c]
      for i in 0..<rows {
        let own = w.pointer + i * n
        let factor = own[c] / pivot
        for j in 0..<n { own[j] -= factor * row[j] }
        own[c] = 0
      }
      for other in 0..<n where other != c && isLeft[other / width] {
        let target = m.pointer + other * n
        let factor = target[c] / pivot
        if factor == 0 { continue }
        for j in 0..<n { target[j] -= factor * row[j] }
        target[c] = 0
      }
      // What is gone takes no part in what follows.
      for j in 0..<n where j != c { row[j] = 0 }
    }
  }
}
