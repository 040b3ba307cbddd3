// One step of a cell in double precision, the errors of single precision carried along.

import Foundation
import LacunaOperations

/// Half an ulp of numbers just below 1.
private let unit = 0x1p-24

/// A cell with its state. A sum of n products errs by γ(n + 2)·Σ|terms| (Higham, 2002, section 3.1) and by what its
/// factors err; tanh and the logistic function by 3 ulp, and their slopes are at most 1 and 1/4.
struct OracleCell {
  private let test: RecurrentCase
  private let weights: DirectionWeights
  private let gates: [Int]
  private(set) var hidden: [Bounded], cell: [Bounded]

  init(_ test: RecurrentCase, _ weights: DirectionWeights, hidden: [Bounded], cell: [Bounded]) {
    (self.test, self.weights, self.hidden, self.cell) = (test, weights, hidden, cell)
    gates =
      switch (test.shape.cell, test.order) {
      case (.lstm, .onnx): [0, 2, 3, 1]
      case (.lstm, .keras), (.lstm, .torch): [0, 1, 2, 3]
      case (.gru, .onnx), (.gru, .keras): [0, 1, 2]
      case (.gru, .torch): [1, 0, 2]
      }
  }

  /// A right-hand side as it is multiplied: that of a product of bytes is rounded to one of 255 steps.
  private func factors(_ x: [Bounded]) -> [Bounded] {
    if !test.format.isQuantized { return x }
    let low = x.map { $0.value - $0.error }.min()!, high = x.map { $0.value + $0.error }.max()!
    let step = (max(high, 0) - min(low, 0)) / 255
    // Half a step, and once more a half where the zero point is rounded at the range's end.
    return x.map { Bounded(value: $0.value, error: $0.error + 1.01 * step) }
  }

  /// w·x + bias of row `row`.
  private func sum(_ row: Int, _ w: [Float], _ x: [Bounded], _ bias: [Float]?) -> Bounded {
    var result = Bounded(value: Double(bias?[row] ?? 0))
    var (size, terms) = (abs(result.value), 4.0)
    for (j, x) in x.enumerated() {
      let weight = Double(w[row * columns(w) + j])
      if weight == 0 { continue }
      result.value += weight * x.value
      result.error += abs(weight) * x.error
      size += abs(weight) * (abs(x.value) + x.error)
      terms += 1
    }
    result.error += terms * unit / (1 - terms * unit) * size
    return result
  }

  /// Columns of a matrix.
  private func columns(_ w: [Float]) -> Int {
    w.count / (test.shape.cell.gates * test.shape.hidden)
  }

  private func add(_ a: Bounded, _ b: Bounded) -> Bounded {
    let value = a.value + b.value
    let error = a.error + b.error
    return Bounded(value: value, error: error + unit * (abs(value) + error))
  }

  private func multiply(_ a: Bounded, _ b: Bounded) -> Bounded {
    let value = a.value * b.value
    let error = abs(a.value) * b.error + abs(b.value) * a.error + a.error * b.error
    return Bounded(value: value, error: error + unit * (abs(value) + error))
  }

  private func sigmoid(_ a: Bounded) -> Bounded {
    Bounded(value: logistic(a.value), error: a.error / 4 + 3 * unit)
  }

  private func tangent(_ a: Bounded) -> Bounded {
    Bounded(value: tanh(a.value), error: a.error + 3 * unit)
  }

  /// (1 − z)·n + z·h.
  private func mix(_ z: Bounded, _ n: Bounded, _ h: Bounded) -> Bounded {
    let difference = add(h, Bounded(value: -n.value, error: n.error))
    // n stands in both terms: its error counts twice, which is more than it can do.
    var result = add(multiply(difference, z), n)
    result.value = (1 - z.value) * n.value + z.value * h.value
    return result
  }

  mutating func step(_ input: [Bounded]) {
    let (units, x, h) = (test.shape.hidden, factors(input), factors(hidden))
    func inputs(_ gate: Int, _ u: Int) -> Bounded {
      sum(gates[gate] * units + u, weights.w, x, weights.wb)
    }
    func recurrent(_ gate: Int, _ u: Int, _ h: [Bounded]) -> Bounded {
      sum(gates[gate] * units + u, weights.r, h, weights.rb)
    }
    func both(_ gate: Int, _ u: Int) -> Bounded { add(inputs(gate, u), recurrent(gate, u, h)) }
    var next = hidden
    switch test.shape.cell {
    case .lstm:
      for u in 0..<units {
        let forget = multiply(sigmoid(both(1, u)), cell[u])
        cell[u] = add(forget, multiply(sigmoid(both(0, u)), tangent(both(2, u))))
        next[u] = multiply(sigmoid(both(3, u)), tangent(cell[u]))
      }
    case .gru(resetsAfter: true):
      for u in 0..<units {
        let gated = multiply(sigmoid(both(1, u)), recurrent(2, u, h))
        next[u] = mix(sigmoid(both(0, u)), tangent(add(inputs(2, u), gated)), hidden[u])
      }
    case .gru(resetsAfter: false):
      let gated = factors((0..<units).map { multiply(sigmoid(both(1, $0)), hidden[$0]) })
      for u in 0..<units {
        let candidate = tangent(add(inputs(2, u), recurrent(2, u, gated)))
        next[u] = mix(sigmoid(both(0, u)), candidate, hidden[u])
      }
    }
    hidden = next
  }
}
