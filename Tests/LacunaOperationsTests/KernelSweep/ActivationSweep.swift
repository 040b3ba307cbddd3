// Activations of rectangles: hard-swish exactly as it is written, SiLU against double (extended) precision.

import CSIMD
import Foundation
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// ulps that SiLU may be off, and where it becomes −0.
let siLUBound = (ulps: 4.0, f32: -87.0, f64: -708.0)

/// What an activation makes of a number.
func expectedActivation<Scalar: SweepScalar>(_ variant: String, _ x: Scalar) -> Expected {
  if x.isNaN || x == -.infinity { return Expected(exactly: Scalar.nan) }
  if variant == "hard-swish" {
    let gate = x * (1 / 6 as Scalar) + 0.5
    return Expected(exactly: x * (gate < 0 ? 0 : gate > 1 ? 1 : gate))
  }
  if Double(x) < (Scalar.dtype == .f32 ? siLUBound.f32 : siLUBound.f64) {
    return Expected(0, within: 0)
  }
  if x == .infinity { return Expected(exactly: x) }
  // Extended precision where there is one: f64 has no better oracle elsewhere, and a looser bound.
  #if arch(x86_64)
    let exact = Double(Float80(x) / (1 + Foundation.exp(-Float80(x))))
  #else
    let exact = Double(x) / (1 + Foundation.exp(-Double(x)))
  #endif
  let unit = max(Scalar(exact).ulp, Scalar.leastNormalMagnitude.ulp)
  return Expected(exact, within: siLUBound.ulps * Double(unit))
}

/// Numbers of every exponent and both signs, and those around which the functions change.
func activationArguments<Scalar: SweepScalar>(_: Scalar.Type, seed: UInt64) -> [Scalar] {
  var generator = SeededGenerator(seed: seed)
  var all: [Scalar] = [0, -0.0, .infinity, -.infinity, .nan, 3, -3, 6, -6, .leastNormalMagnitude]
  let exponents =
    Int(Scalar.leastNormalMagnitude.exponent)...Int(Scalar.greatestFiniteMagnitude.exponent)
  for exponent in exponents {
    for _ in 0..<(Scalar.dtype == .f32 ? 16 : 4) {
      let significand = Scalar(Double.random(in: 1..<2, using: &generator))
      let x = Scalar(sign: .plus, exponent: Scalar.Exponent(exponent), significand: significand)
      all += [x, -x]
    }
  }
  for edge in [3, 6, 87, 88.5, 103, 708, 709.5, 745] as [Scalar] {
    all += [edge, edge.nextUp, edge.nextDown].flatMap { [$0, -$0] }
  }
  all += (0..<3000).map { _ in Scalar(Double.random(in: -95...20, using: &generator)) }
  return all.shuffled(using: &generator)
}

func sweepActivations<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  let all = activationArguments(Scalar.self, seed: 1400)
  let widths = [0, 1, row.lanes - 1, row.lanes, row.lanes + 1, 3 * row.lanes + 1, 257]
  var shapes = [(columns: all.count, rows: 1, gap: 0)]
  for columns in widths { shapes += [(columns, 1, 0), (columns, 3, 0), (columns, 3, 5)] }
  for (columns, rows, gap) in shapes {
    let stride = columns + gap
    let count = max(0, rows * stride - gap)
    let x = (0..<count).map { all[$0 % all.count] }
    let inside = (0..<count).map { $0 % stride < columns }
    for side in GuardedMemory.Side.allCases {
      let name = "\(rows)×\(columns), \(stride) apart"
      // In place: what lies between the rows stays.
      let after = zip(x, inside).map {
        $1 ? expectedActivation(row.kernel.variant, $0) : Expected(exactly: $0)
      }
      row.conform(to: after, from: x, side, name + " in place") { kernel, y in
        call(kernel, y, y, rows, columns, stride)
      }
      let untouched = [Scalar](repeating: 77, count: count)
      let written = zip(after, inside).map { $1 ? $0 : Expected(exactly: Scalar(77)) }
      GuardedMemory.with(side) { memory in
        let from = memory.copy(x)
        row.conform(to: written, from: untouched, side, name) { kernel, y in
          call(kernel, from, y, rows, columns, stride)
        }
      }
    }
  }
}

private func call(
  _ kernel: Kernel, _ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ rows: Int,
  _ columns: Int, _ stride: Int
) {
  var arguments = lcn_activation_args(
    x: x, y: y, rows: Int64(rows), columns: Int64(columns), stride: Int64(stride))
  kernel.call(&arguments)
}
