// The plain twins of the window kernels: one lane, one step, one column at a time.

import CSIMD

@inline(__always)
private func walk(
  _ arguments: UnsafePointer<lcn_window_args>, lanes: Int, bits: Int, scalarBytes: Int,
  compressed: Bool, zeroPlace: Bool,
  add: (_ lane: Int, _ column: Int, _ value: Int, _ x: Int) -> Void,
  finish: (_ rows: UnsafePointer<UInt32>, _ column: Int) -> Void, clear: (_ column: Int) -> Void
) {
  let a = arguments.pointee
  let stepsPerBundle = 32 / bits
  let columns = Int(a.columns)
  for column in 0..<columns {
    var (step, bundle, next) = (0, 0, 0)
    for g in 0..<Int(a.groups) {
      clear(column)
      for _ in 0..<Int(a.bundles[g]) {
        for q in 0..<stepsPerBundle {
          for lane in 0..<lanes {
            let word = a.places[bundle &* lanes &+ lane]
            let place = Int((word &>> UInt32(q &* bits)) & UInt32((1 << bits) - 1))
            var value = step &* lanes &+ lane
            if compressed {
              if a.masks[step] &>> UInt16(lane) & 1 == 0 { continue }
              value = next
              next &+= 1
            }
            if zeroPlace && place == 2 &* lanes &- 1 { continue }
            let block = Int(a.bases[step]) &+ place / lanes
            add(lane, column, value, (block &* columns &+ column) &* lanes &+ place % lanes)
          }
          step &+= 1
        }
        bundle &+= 1
      }
      finish(a.rows + g &* lanes, column)
    }
  }
}

@inline(__always)
private func multiply<W: SingleWeight>(
  _ a: UnsafePointer<lcn_window_args>, _: W.Type, lanes: Int, bits: Int, compressed: Bool,
  zeroPlace: Bool
) where W.Value == Float {
  let sums = a.pointee.scratch.assumingMemoryBound(to: Float.self)
  let x = a.pointee.x.assumingMemoryBound(to: Float.self)
  let values = a.pointee.values.assumingMemoryBound(to: W.Stored.self)
  walk(
    a, lanes: lanes, bits: bits, scalarBytes: 4, compressed: compressed, zeroPlace: zeroPlace,
    add: { lane, _, value, input in sums[lane] += W.value(values[value]) * x[input] },
    finish: { rows, column in scatterF32(a.pointee, rows: rows, lanes: lanes, column: column) },
    clear: { _ in for l in 0..<lanes { sums[l] = 0 } })
}

@inline(__always)
private func multiplyF64(_ a: UnsafePointer<lcn_window_args>, lanes: Int, bits: Int) {
  let sums = a.pointee.scratch.assumingMemoryBound(to: Double.self)
  let x = a.pointee.x.assumingMemoryBound(to: Double.self)
  let values = a.pointee.values.assumingMemoryBound(to: Double.self)
  walk(
    a, lanes: lanes, bits: bits, scalarBytes: 8, compressed: false, zeroPlace: true,
    add: { lane, _, value, input in sums[lane] += values[value] * x[input] },
    finish: { rows, column in scatterF64(a.pointee, rows: rows, lanes: lanes, column: column) },
    clear: { _ in for l in 0..<lanes { sums[l] = 0 } })
}

func window16x32ReferenceF32(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, SingleF32.self, lanes: 16, bits: 5, compressed: false, zeroPlace: true)
}
func window16x32CompressedReferenceF32(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, SingleF32.self, lanes: 16, bits: 5, compressed: true, zeroPlace: true)
}
func window16x16ReferenceF32(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, SingleF32.self, lanes: 16, bits: 4, compressed: false, zeroPlace: false)
}
func window8x16ReferenceF32(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, SingleF32.self, lanes: 8, bits: 4, compressed: false, zeroPlace: true)
}
func window16x32ReferenceBF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightBF16.self, lanes: 16, bits: 5, compressed: false, zeroPlace: true)
}
func window16x32CompressedReferenceBF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightBF16.self, lanes: 16, bits: 5, compressed: true, zeroPlace: true)
}
func window16x16ReferenceBF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightBF16.self, lanes: 16, bits: 4, compressed: false, zeroPlace: false)
}
func window8x16ReferenceBF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightBF16.self, lanes: 8, bits: 4, compressed: false, zeroPlace: true)
}
func window16x32ReferenceF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightF16.self, lanes: 16, bits: 5, compressed: false, zeroPlace: true)
}
func window16x32CompressedReferenceF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightF16.self, lanes: 16, bits: 5, compressed: true, zeroPlace: true)
}
func window16x16ReferenceF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightF16.self, lanes: 16, bits: 4, compressed: false, zeroPlace: false)
}
func window8x16ReferenceF16(_ a: UnsafePointer<lcn_window_args>) {
  multiply(a, WeightF16.self, lanes: 8, bits: 4, compressed: false, zeroPlace: true)
}
func window8x16ReferenceF64(_ a: UnsafePointer<lcn_window_args>) {
  multiplyF64(a, lanes: 8, bits: 4)
}
