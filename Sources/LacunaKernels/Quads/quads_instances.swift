// The instances of the strip kernels for bytes: strip heights 1, 2 and 4 by panels of 1…8 registers.
// Made by Scripts/instances: do not edit.

import CSIMD

func strip1x1I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<1, VectorI8>(repeating: .zero),
    InlineArray<1, VectorI8>(repeating: .zero))
}
func strip1x2I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<2, VectorI8>(repeating: .zero),
    InlineArray<2, VectorI8>(repeating: .zero))
}
func strip1x3I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<3, VectorI8>(repeating: .zero),
    InlineArray<3, VectorI8>(repeating: .zero))
}
func strip1x4I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<4, VectorI8>(repeating: .zero),
    InlineArray<4, VectorI8>(repeating: .zero))
}
func strip1x5I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<5, VectorI8>(repeating: .zero),
    InlineArray<5, VectorI8>(repeating: .zero))
}
func strip1x6I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<6, VectorI8>(repeating: .zero),
    InlineArray<6, VectorI8>(repeating: .zero))
}
func strip1x7I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<7, VectorI8>(repeating: .zero),
    InlineArray<7, VectorI8>(repeating: .zero))
}
func strip1x8I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<1, Void>.self, InlineArray<8, VectorI8>(repeating: .zero),
    InlineArray<8, VectorI8>(repeating: .zero))
}

/// Strips of 1 rows.
func spmm1x4I8(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip1x1I8(a)
  case 2: strip1x2I8(a)
  case 3: strip1x3I8(a)
  case 4: strip1x4I8(a)
  case 5: strip1x5I8(a)
  case 6: strip1x6I8(a)
  case 7: strip1x7I8(a)
  default: strip1x8I8(a)
  }
}

func strip2x1I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<2, Void>.self, InlineArray<1, VectorI8>(repeating: .zero),
    InlineArray<2, VectorI8>(repeating: .zero))
}
func strip2x2I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<2, Void>.self, InlineArray<2, VectorI8>(repeating: .zero),
    InlineArray<4, VectorI8>(repeating: .zero))
}
func strip2x3I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<2, Void>.self, InlineArray<3, VectorI8>(repeating: .zero),
    InlineArray<6, VectorI8>(repeating: .zero))
}
#if LACUNA_V4
  func strip2x4I8(_ a: Arguments) {
    multiplyRegion(
      a, VectorI8.self, InlineArray<2, Void>.self, InlineArray<4, VectorI8>(repeating: .zero),
      InlineArray<8, VectorI8>(repeating: .zero))
  }
  func strip2x5I8(_ a: Arguments) {
    multiplyRegion(
      a, VectorI8.self, InlineArray<2, Void>.self, InlineArray<5, VectorI8>(repeating: .zero),
      InlineArray<10, VectorI8>(repeating: .zero))
  }
  func strip2x6I8(_ a: Arguments) {
    multiplyRegion(
      a, VectorI8.self, InlineArray<2, Void>.self, InlineArray<6, VectorI8>(repeating: .zero),
      InlineArray<12, VectorI8>(repeating: .zero))
  }
#endif

/// Strips of 2 rows.
func spmm2x4I8(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip2x1I8(a)
  case 2: strip2x2I8(a)
  #if LACUNA_V4
    case 3: strip2x3I8(a)
    case 4: strip2x4I8(a)
    case 5: strip2x5I8(a)
    default: strip2x6I8(a)
  #else
    default: strip2x3I8(a)
  #endif
  }
}

func strip4x1I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<4, Void>.self, InlineArray<1, VectorI8>(repeating: .zero),
    InlineArray<4, VectorI8>(repeating: .zero))
}
func strip4x2I8(_ a: Arguments) {
  multiplyRegion(
    a, VectorI8.self, InlineArray<4, Void>.self, InlineArray<2, VectorI8>(repeating: .zero),
    InlineArray<8, VectorI8>(repeating: .zero))
}
#if LACUNA_V4
  func strip4x3I8(_ a: Arguments) {
    multiplyRegion(
      a, VectorI8.self, InlineArray<4, Void>.self, InlineArray<3, VectorI8>(repeating: .zero),
      InlineArray<12, VectorI8>(repeating: .zero))
  }
  func strip4x4I8(_ a: Arguments) {
    multiplyRegion(
      a, VectorI8.self, InlineArray<4, Void>.self, InlineArray<4, VectorI8>(repeating: .zero),
      InlineArray<16, VectorI8>(repeating: .zero))
  }
#endif

/// Strips of 4 rows.
func spmm4x4I8(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip4x1I8(a)
  #if LACUNA_V4
    case 2: strip4x2I8(a)
    case 3: strip4x3I8(a)
    default: strip4x4I8(a)
  #else
    default: strip4x2I8(a)
  #endif
  }
}

/// Most registers per panel row that the kernels for strips of `rows` rows have an instance for; 0
/// when this copy has no such kernel.
func mostQuadVectors(strip rows: Int) -> Int {
  switch rows {
  case 1: 8
  #if LACUNA_V4
    case 2: 6
    case 4: 4
  #else
    case 2: 3
    case 4: 2
  #endif
  default: 0
  }
}
