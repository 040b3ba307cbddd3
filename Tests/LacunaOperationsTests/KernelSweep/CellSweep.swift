// The element-wise part of recurrent cells, and its functions, against the same in double precision.

import CSIMD
import Foundation
import LacunaOperations
import TestSupport
import Testing

/// Half an ulp of numbers just below 1.
private let unit = 0x1p-24

/// 3 ulp of a result.
private func ulps3(_ value: Double) -> Double { 3 * Double(Float(value).ulp) }

/// 1 / (1 + e⁻ˣ) in double precision.
func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

func sweepPointwise(_ row: KernelRow) {
  let isTanh = row.kernel.variant == "tanh"
  func expected(_ x: Float) -> Expected {
    let value = isTanh ? tanh(Double(x)) : logistic(Double(x))
    if x.isNaN { return Expected(exactly: Float.nan) }
    if !isTanh && x < -87 { return Expected(0, within: 0) }
    return Expected(value, within: ulps3(value))
  }
  var generator = SeededGenerator(seed: 1200)
  // Every exponent of both signs, with the least, the greatest and random mantissas.
  var all: [Float] = []
  for exponent in UInt32(0)...255 {
    for sign in [UInt32(0), 1] {
      let mantissas = [0, 1, 0x7f_ffff] + (0..<29).map { _ in UInt32(generator.next() >> 41) }
      all += mantissas.map { Float(bitPattern: sign << 31 | exponent << 23 | $0) }
    }
  }
  // Where they saturate, and where the reduction's n changes.
  all += (0..<2000).map { Float($0) / 100 * ($0 % 2 == 0 ? 1 : -1) }
  all += [86.999, 87, 87.001, 88.8, 104, -86.999, -87, -87.001, -88.8, -104, 9.01, 9.02, 10, 10.1]
  let edges = [0, 1, row.lanes - 1, row.lanes, row.lanes + 1, 3 * row.lanes + 1]
  for x in [all] + edges.map({ Array(all.shuffled(using: &generator).prefix($0)) }) {
    for side in GuardedMemory.Side.allCases {
      GuardedMemory.with(side) { memory in
        let from = memory.copy(x)
        row.conform(
          to: x.map(expected), from: [Float](repeating: Float(untouched), count: x.count), side,
          "\(x.count) elements"
        ) { kernel, y in
          var arguments = lcn_pointwise_args(x: from, y: y, count: Int64(x.count))
          kernel.call(&arguments)
        }
        // In place.
        row.conform(to: x.map(expected), from: x, side, "\(x.count) elements in place") {
          kernel, y in
          var arguments = lcn_pointwise_args(x: y, y: y, count: Int64(x.count))
          kernel.call(&arguments)
        }
      }
    }
  }
}

func sweepCells(_ row: KernelRow) {
  var seed: UInt64 = 1300
  for units in [1, row.lanes - 1, row.lanes, row.lanes + 1, 2 * row.lanes + 3] {
    for sequences in [0, 1, 3] {
      for side in GuardedMemory.Side.allCases {
        seed += 1
        CellCase(row, units: units, sequences: sequences, seed: seed).check(row, side)
      }
    }
  }
}

/// A number and how far from it a result may be.
private struct Near {
  var value: Double, error: Double

  init(_ value: Double, _ error: Double = 0) { (self.value, self.error) = (value, error) }

  /// x + y, rounded once.
  static func sum(_ x: Float, _ y: Float) -> Near {
    let sum = Double(x) + Double(y)
    return Near(sum, sum.isFinite ? abs(sum) * unit : 0)
  }

  var logistic: Near {
    // Exactly 0 there, so that its product with an infinity is NaN.
    let value = self.value < -87 ? 0 : LacunaOperationsTests.logistic(self.value)
    return Near(value, error / 4 + 3 * unit)
  }

  var tangent: Near { Near(tanh(value), error + 3 * unit) }
}

/// One step of some sequences, and what comes out of it.
private struct CellCase {
  let variant: String, units: Int, sequences: Int, seed: UInt64
  let gates: [Int], stride: Int
  let input: [Float], recurrent: [Float], state: [Float], cell: [Float]
  /// h and c afterwards, h once more (or r·h), and the sums by R (where z may be kept).
  var expected: [Expected] = []
  private let outputStride: Int

  init(_ row: KernelRow, units: Int, sequences: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    (variant, self.units, self.sequences, self.seed) = (row.kernel.variant, units, sequences, seed)
    gates = (0..<4).shuffled(using: &generator).map { $0 * units }
    (stride, outputStride) = (4 * units + 3, units + 2)
    let special = hasNaN(seed)
    func numbers(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        switch Int.random(in: 0..<40, using: &generator) {
        case 0: .infinity
        case 1: -200
        case 2: special ? .nan : 0
        default: Float.random(in: -4...4, using: &generator)
        }
      }
    }
    input = numbers(sequences * stride)
    recurrent = numbers(sequences * stride)
    state = (0..<sequences * units).map { _ in Float.random(in: -1...1, using: &generator) }
    cell = (0..<sequences * units).map { _ in Float.random(in: -3...3, using: &generator) }
    var after =
      (state + cell + [Float](repeating: Float(untouched), count: sequences * outputStride)
      + recurrent).map { Expected(exactly: $0) }
    let places = (
      c: state.count, y: state.count + cell.count,
      r: state.count + cell.count + sequences * outputStride
    )
    for b in 0..<sequences {
      for u in 0..<units {
        func sum(_ gate: Int) -> Near {
          let place = b * stride + gates[gate] + u
          return .sum(input[place], recurrent[place])
        }
        let h = Double(state[b * units + u])
        let place = b * outputStride + u
        func finish(_ update: Near, _ candidate: Near) {
          let value = (h - candidate.value) * update.value + candidate.value
          let hidden = Expected(
            value, within: 2 * candidate.error + 2 * update.error + 5 * unit)
          (after[b * units + u], after[places.y + place]) = (hidden, hidden)
        }
        switch variant {
        case "lstm":
          let (i, f, g, o) = (
            sum(0).logistic, sum(1).logistic, sum(2).tangent, sum(3).logistic
          )
          let old = Double(cell[b * units + u])
          let c = Near(
            f.value * old + i.value * g.value,
            abs(old) * (f.error + 2 * unit) + i.error + g.error + 3 * unit)
          let hidden = o.value * c.tangent.value
          let near = Expected(hidden, within: o.error + c.tangent.error + unit)
          after[places.c + b * units + u] = Expected(c.value, within: c.error)
          (after[b * units + u], after[places.y + place]) = (near, near)
        case "gru":
          let (z, r) = (sum(0).logistic, sum(1).logistic)
          let at = b * stride + gates[2] + u
          let product = Double(recurrent[at])
          let s = Double(input[at]) + r.value * product
          let error = s.isFinite ? abs(product) * (r.error + unit) + abs(s) * unit : 0
          finish(z, Near(s, error).tangent)
        case "gru-reset":
          let (z, r) = (sum(0).logistic, sum(1).logistic)
          after[places.r + b * stride + gates[0] + u] = Expected(z.value, within: z.error)
          after[places.y + place] = Expected(r.value * h, within: r.error + unit)
        default:
          let z = Double(recurrent[b * stride + gates[0] + u])
          let candidate = sum(2).tangent
          let value = (h - candidate.value) * z + candidate.value
          let error = (abs(z) + 1) * (candidate.error + 3 * unit)
          let hidden = Expected(value, within: error)
          (after[b * units + u], after[places.y + place]) = (hidden, hidden)
        }
      }
    }
    expected = after
  }

  func check(_ row: KernelRow, _ side: GuardedMemory.Side) {
    let initial =
      state + cell + [Float](repeating: Float(untouched), count: sequences * outputStride)
      + recurrent
    GuardedMemory.with(side) { memory in
      let input = memory.copy(self.input)
      row.conform(
        to: expected, from: initial, side, "\(units) units, \(sequences) sequences, seed \(seed)"
      ) { kernel, output in
        let cell = output + state.count
        let y = cell + self.cell.count
        let places = gates.map { Int64($0) }
        var arguments = lcn_cell_args(
          input: input, inputStride: Int64(stride), recurrent: y + sequences * outputStride,
          recurrentStride: Int64(stride), gates: (places[0], places[1], places[2], places[3]),
          hidden: output, cell: cell, stateStride: Int64(units), output: y,
          outputStride: Int64(outputStride), sequences: Int64(sequences), units: Int64(units))
        kernel.call(&arguments)
      }
    }
  }
}
