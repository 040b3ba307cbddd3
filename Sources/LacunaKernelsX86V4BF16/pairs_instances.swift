// The instances of the strip kernels for pairs of bf16: strip heights 1, 2 and 4 by panels of 1…8 registers.
// Made by Scripts/instances: do not edit.

import CSIMD

func strip1x1Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<1, VectorPairs>(repeating: .zero),
    InlineArray<1, VectorPairs>(repeating: .zero))
}
func strip1x2Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<2, VectorPairs>(repeating: .zero),
    InlineArray<2, VectorPairs>(repeating: .zero))
}
func strip1x3Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<3, VectorPairs>(repeating: .zero),
    InlineArray<3, VectorPairs>(repeating: .zero))
}
func strip1x4Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<4, VectorPairs>(repeating: .zero),
    InlineArray<4, VectorPairs>(repeating: .zero))
}
func strip1x5Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<5, VectorPairs>(repeating: .zero),
    InlineArray<5, VectorPairs>(repeating: .zero))
}
func strip1x6Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<6, VectorPairs>(repeating: .zero),
    InlineArray<6, VectorPairs>(repeating: .zero))
}
func strip1x7Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<7, VectorPairs>(repeating: .zero),
    InlineArray<7, VectorPairs>(repeating: .zero))
}
func strip1x8Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<1, Void>.self, InlineArray<8, VectorPairs>(repeating: .zero),
    InlineArray<8, VectorPairs>(repeating: .zero))
}

/// Strips of 1 rows.
func spmm1x2Pairs(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip1x1Pairs(a)
  case 2: strip1x2Pairs(a)
  case 3: strip1x3Pairs(a)
  case 4: strip1x4Pairs(a)
  case 5: strip1x5Pairs(a)
  case 6: strip1x6Pairs(a)
  case 7: strip1x7Pairs(a)
  default: strip1x8Pairs(a)
  }
}

func strip2x1Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<1, VectorPairs>(repeating: .zero),
    InlineArray<2, VectorPairs>(repeating: .zero))
}
func strip2x2Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<2, VectorPairs>(repeating: .zero),
    InlineArray<4, VectorPairs>(repeating: .zero))
}
func strip2x3Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<3, VectorPairs>(repeating: .zero),
    InlineArray<6, VectorPairs>(repeating: .zero))
}
func strip2x4Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<4, VectorPairs>(repeating: .zero),
    InlineArray<8, VectorPairs>(repeating: .zero))
}
func strip2x5Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<5, VectorPairs>(repeating: .zero),
    InlineArray<10, VectorPairs>(repeating: .zero))
}
func strip2x6Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<6, VectorPairs>(repeating: .zero),
    InlineArray<12, VectorPairs>(repeating: .zero))
}
func strip2x7Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<7, VectorPairs>(repeating: .zero),
    InlineArray<14, VectorPairs>(repeating: .zero))
}
func strip2x8Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<2, Void>.self, InlineArray<8, VectorPairs>(repeating: .zero),
    InlineArray<16, VectorPairs>(repeating: .zero))
}

/// Strips of 2 rows.
func spmm2x2Pairs(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip2x1Pairs(a)
  case 2: strip2x2Pairs(a)
  case 3: strip2x3Pairs(a)
  case 4: strip2x4Pairs(a)
  case 5: strip2x5Pairs(a)
  case 6: strip2x6Pairs(a)
  case 7: strip2x7Pairs(a)
  default: strip2x8Pairs(a)
  }
}

func strip4x1Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<4, Void>.self, InlineArray<1, VectorPairs>(repeating: .zero),
    InlineArray<4, VectorPairs>(repeating: .zero))
}
func strip4x2Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<4, Void>.self, InlineArray<2, VectorPairs>(repeating: .zero),
    InlineArray<8, VectorPairs>(repeating: .zero))
}
func strip4x3Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<4, Void>.self, InlineArray<3, VectorPairs>(repeating: .zero),
    InlineArray<12, VectorPairs>(repeating: .zero))
}
func strip4x4Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<4, Void>.self, InlineArray<4, VectorPairs>(repeating: .zero),
    InlineArray<16, VectorPairs>(repeating: .zero))
}
func strip4x5Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<4, Void>.self, InlineArray<5, VectorPairs>(repeating: .zero),
    InlineArray<20, VectorPairs>(repeating: .zero))
}
func strip4x6Pairs(_ a: Arguments) {
  multiplyRegion(
    a, VectorPairs.self, InlineArray<4, Void>.self, InlineArray<6, VectorPairs>(repeating: .zero),
    InlineArray<24, VectorPairs>(repeating: .zero))
}

/// Strips of 4 rows.
func spmm4x2Pairs(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip4x1Pairs(a)
  case 2: strip4x2Pairs(a)
  case 3: strip4x3Pairs(a)
  case 4: strip4x4Pairs(a)
  case 5: strip4x5Pairs(a)
  default: strip4x6Pairs(a)
  }
}

/// Most registers per panel row that the kernels for strips of `rows` rows have an instance for; 0
/// when this copy has no such kernel.
func mostPairVectors(strip rows: Int) -> Int {
  switch rows {
  case 1: 8
  case 2: 8
  case 4: 6
  default: 0
  }
}
