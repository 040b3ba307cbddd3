// A recurrent layer in double precision, and how far single precision, or bytes, may be from it.

import Lacuna

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A number, and how far a result may be from it.
struct Bounded {
  var value = 0.0, error = 0.0

  static let unit = 0x1p-24

  static func + (a: Bounded, b: Bounded) -> Bounded {
    let (value, error) = (a.value + b.value, a.error + b.error)
    return Bounded(value: value, error: error + unit * (abs(value) + error))
  }

  static func * (a: Bounded, b: Bounded) -> Bounded {
    let error = abs(a.value) * b.error + abs(b.value) * a.error + a.error * b.error
    let value = a.value * b.value
    return Bounded(value: value, error: error + unit * (abs(value) + error))
  }

  /// The kernels' functions are within 3 ulp; their slopes are at most 1/4 and 1, and so are they themselves and what
  /// they may be off: without that a bound grows with the steps until it is no number any more.
  var logistic: Bounded {
    Bounded(value: 1 / (1 + exp(-value)), error: min(error / 4 + 3 * Self.unit, 1))
  }
  var tangent: Bounded {
    Bounded(value: tanh(value), error: min(error + 3 * Self.unit, 2))
  }
}

/// The expected results of whole sequences, with rounding carried along; PyTorch's gate orders, no biases.
struct RecurrentReference {
  let word: RecurrentWord
  let w: DenseMatrix<Float>, r: DenseMatrix<Float>
  /// Whether products are those of bytes: each right-hand side is rounded to one of 255 steps.
  let isQuantized: Bool

  private func factors(_ x: [Bounded]) -> [Bounded] {
    if !isQuantized { return x }
    let low = x.map { $0.value - $0.error }.min()!, high = x.map { $0.value + $0.error }.max()!
    let step = (max(high, 0) - min(low, 0)) / 255
    return x.map { Bounded(value: $0.value, error: $0.error + 1.01 * step) }
  }

  private func product(_ matrix: DenseMatrix<Float>, _ x: [Bounded]) -> [Bounded] {
    let (columns, x) = (matrix.columns, factors(x))
    return matrix.withUnsafeElements { elements in
      (0..<matrix.rows).map { row in
        var (sum, size, terms) = (Bounded(), 0.0, 4.0)
        for j in 0..<columns where elements[row * columns + j] != 0 {
          let weight = Double(elements[row * columns + j])
          sum.value += weight * x[j].value
          sum.error += abs(weight) * x[j].error
          size += abs(weight) * (abs(x[j].value) + x[j].error)
          terms += 1
        }
        sum.error += terms * Bounded.unit / (1 - terms * Bounded.unit) * size
        return sum
      }
    }
  }

  /// Results [steps, batch, hidden] for x [steps, batch, inputs].
  private func expected(_ x: [Float]) -> [Bounded] {
    let (units, inputs) = (word.shape.hidden, word.shape.inputs)
    var y = [Bounded](repeating: Bounded(), count: word.steps * word.batch * units)
    for b in 0..<word.batch {
      var h = [Bounded](repeating: Bounded(), count: units)
      var c = h
      for t in 0..<word.steps {
        let start = (t * word.batch + b) * inputs
        let sx = product(w, x[start..<start + inputs].map { Bounded(value: Double($0)) })
        let sh = product(r, h)
        func sum(_ gate: Int, _ u: Int) -> Bounded {
          sx[gate * units + u] + sh[gate * units + u]
        }
        func mix(_ u: Int, _ n: Bounded) -> Bounded {
          let z = sum(1, u).logistic
          let difference = h[u] + Bounded(value: -n.value, error: n.error)
          return difference * z + n
        }
        var after = h
        switch word.shape.cell {
        case .lstm:
          for u in 0..<units {
            c[u] = sum(1, u).logistic * c[u] + sum(0, u).logistic * sum(2, u).tangent
            after[u] = sum(3, u).logistic * c[u].tangent
          }
        case .gru(resetsAfter: true):
          for u in 0..<units {
            let gated = sum(0, u).logistic * sh[2 * units + u]
            after[u] = mix(u, (sx[2 * units + u] + gated).tangent)
          }
        case .gru(resetsAfter: false):
          let gated = product(r, (0..<units).map { sum(0, $0).logistic * h[$0] })
          for u in 0..<units {
            after[u] = mix(u, (sx[2 * units + u] + gated[2 * units + u]).tangent)
          }
        }
        h = after
        y.replaceSubrange(
          (t * word.batch + b) * units..<(t * word.batch + b + 1) * units, with: h)
      }
    }
    return y
  }

  /// Checks every result.
  ///
  /// - Throws: ``Failure`` naming the first wrong one.
  func check(_ y: [Float], x: [Float], _ what: String) throws -> ErrorCheck {
    var worst = ErrorCheck(maxError: 0, bound: 0)
    for (i, want) in expected(x).enumerated() {
      let error = abs(Double(y[i]) - want.value)
      // Written so that NaN fails.
      if !(error <= want.error) {
        throw Failure(
          .software,
          "\(what): wrong result, [\(i)] is \(y[i]), expected \(want.value) ± \(want.error)")
      }
      if error >= worst.maxError { worst = ErrorCheck(maxError: error, bound: want.error) }
    }
    return worst
  }
}
