// target[b, c, l] ← X[b·lanes + l, c], zero behind the last input: X in the order the window kernels walk.

import CSIMD

@inline(__always)
private func packWindows<T: BitwiseCopyable & ExpressibleByIntegerLiteral>(
  _ arguments: UnsafePointer<lcn_window_pack_args>, _: T.Type
) {
  let a = arguments.pointee
  let (lanes, columns, inputs) = (Int(a.lanes), Int(a.columns), Int(a.inputs))
  let source = a.source.assumingMemoryBound(to: T.self)
  let target = a.target.assumingMemoryBound(to: T.self)
  let full = inputs / lanes
  if a.inputStride == 1 {
    for c in 0..<columns {
      let from = source + c &* Int(a.columnStride)
      for b in 0..<full {
        let to = target + (b &* columns &+ c) &* lanes
        for l in 0..<lanes { to[l] = from[b &* lanes &+ l] }
      }
    }
  } else {
    for b in 0..<full {
      for l in 0..<lanes {
        let from = source + (b &* lanes &+ l) &* Int(a.inputStride)
        let to = target + (b &* columns &* lanes &+ l)
        for c in 0..<columns { to[c &* lanes] = from[c &* Int(a.columnStride)] }
      }
    }
  }
  for b in full..<Int(a.blocks) {
    for c in 0..<columns {
      for l in 0..<lanes {
        let j = b &* lanes &+ l
        target[(b &* columns &+ c) &* lanes &+ l] =
          j < inputs ? source[j &* Int(a.inputStride) &+ c &* Int(a.columnStride)] : 0
      }
    }
  }
}

func packWindowsF32(_ a: UnsafePointer<lcn_window_pack_args>) { packWindows(a, Float.self) }
func packWindowsF64(_ a: UnsafePointer<lcn_window_pack_args>) {
  packWindows(a, Double.self)
}
